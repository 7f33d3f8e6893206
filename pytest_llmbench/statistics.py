"""Formulas for small packs, each with its source."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

Z95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution: two-sided 95 %."""

EXACT_ITEMS = 200
"""Items that differ up to which whole numbers are counted; of more these grow to thousands of digits."""

_NOTHING = 1e-25
"""A chance that is left out of a sum of thousands."""

Chances = tuple[int, list[float]]
"""The chances of a count, from the number that comes first on."""


def wilson_interval(passed: int, counted: int, z: float = Z95) -> tuple[float, float] | None:
    """Return the Wilson score interval of a proportion as (low, high), or None for ``counted == 0``.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    JASA 22:209-212. Raises ValueError unless ``0 <= passed <= counted``.
    """
    if not 0 <= passed <= counted:
        raise ValueError(f"not a proportion: {passed} of {counted}")
    return _score_interval(passed / counted, counted, z) if counted else None


def _score_interval(rate: float, size: float, z: float) -> tuple[float, float]:
    spread = 1 + z * z / size
    centre = (rate + z * z / (2 * size)) / spread
    half = z * math.sqrt(rate * (1 - rate) / size + z * z / (4 * size * size)) / spread
    # at the ends the formula gives exactly 0 and 1; rounding must not make them anything else
    return (max(0.0, centre - half) if rate > 0 else 0.0), (min(1.0, centre + half) if rate < 1 else 1.0)


@functools.lru_cache(maxsize=4096)
def pass_at_k(attempts: int, passed: int, k: int) -> float:
    """Return the chance that at least one of `k` attempts passes, estimated without bias from more of them.

    One minus the share of the draws of `k` from all `attempts`, without replacement, that hold no passed
    one. Chen et al. (2021), "Evaluating large language models trained on code", arXiv:2107.03374, section
    2.1; ``estimate_pass_at_k`` in human_eval/evaluation.py of openai/human-eval@6d43fb9 gives the same
    as a product of floats. Raises ValueError unless ``0 <= passed <= attempts`` and ``1 <= k <= attempts``.
    """
    _check_draws(attempts, passed, k)
    draws = math.comb(attempts, k)
    return (draws - math.comb(attempts - passed, k)) / draws


@functools.lru_cache(maxsize=4096)
def pass_hat_k(attempts: int, passed: int, k: int) -> float:
    """Return the chance that all of `k` attempts pass (pass^k), estimated without bias from more of them.

    The share of the draws of `k` from all `attempts`, without replacement, in which every one passed.
    Yao et al. (2024), "tau-bench", arXiv:2406.12045. Raises ValueError as `pass_at_k` does.
    """
    _check_draws(attempts, passed, k)
    return math.comb(passed, k) / math.comb(attempts, k)


def _check_draws(attempts: int, passed: int, k: int) -> None:
    if not 0 <= passed <= attempts:
        raise ValueError(f"not a proportion: {passed} of {attempts}")
    if not 1 <= k <= attempts:
        raise ValueError(f"{k} of {attempts} attempts cannot be drawn")


def clustered_interval(means: Sequence[float], attempts: int, z: float = Z95) -> tuple[float, float] | None:
    """Return an interval of the mean of `means`, one for each task and each from 0 to 1; None without tasks.

    The attempts of one task are one cluster: they share its difficulty, so only the spread of the task
    means tells how far another set of tasks would have scored (Miller 2024, "Adding error bars to evals",
    arXiv:2411.00640). A normal interval around the mean would be far too narrow for the 15 to 164
    tasks of a pack, leave [0, 1] and have no width where all tasks agree, so this is Wilson's interval for
    as many independent trials as the spread is worth: tasks * m(1 - m) / variance (the effective sample
    size of Kish 1965; Korn and Graubard 1998, Survey Methodology 24:193-201), at most the `attempts` judged.

    Spread and m in that ratio are taken with ``z*z / 2`` imaginary tasks that always pass and as many that
    always fail (the adjustment of Agresti and Coull 1998, The American Statistician 52:119-126), lest a
    few tasks that happen to agree look certain. So: one attempt for each task gives `wilson_interval`
    exactly, and so do attempts that always agree with each other, however many; attempts that differ within
    their tasks narrow it, down to that of as many independent tasks; it lies in [0, 1] and is never a point.
    """
    count = len(means)
    if not count:
        return None
    mean = math.fsum(means) / count
    padded = count + z * z
    centre = (math.fsum(means) + z * z / 2) / padded
    spread = math.fsum((value - centre) ** 2 for value in means)
    variance = (spread + z * z / 2 * (centre**2 + (1 - centre) ** 2)) / padded
    # where every value is 0 or 1 the ratio is 1; rounding must not move the interval off Wilson's
    worth = max(1.0, centre * (1 - centre) / variance)
    return _score_interval(min(1.0, max(0.0, mean)), min(count * worth, max(count, attempts)), z)


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the `share` quantile (0 to 1) of `values` by linear interpolation, None where empty.

    Definition 7 of Hyndman and Fan (1996), "Sample quantiles in statistical packages",
    The American Statistician 50:361-365; the default of numpy.
    """
    if not values:
        return None
    ordered = sorted(values)
    position = (len(ordered) - 1) * share
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def clopper_pearson(passed: int, counted: int, alpha: float = 0.05) -> tuple[float, float] | None:
    """Return the exact interval of a proportion as (low, high), or None for ``counted == 0``.

    Wider than Wilson's: it never covers less than ``1 - alpha``. Clopper and Pearson (1934), "The use of
    confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26:404-413. Raises
    ValueError unless ``0 <= passed <= counted``.
    """
    if not 0 <= passed <= counted:
        raise ValueError(f"not a proportion: {passed} of {counted}")
    if not counted:
        return None
    return _lower_end(passed, counted, alpha / 2), 1 - _lower_end(counted - passed, counted, alpha / 2)


def _lower_end(passed: int, counted: int, tail: float) -> float:
    """Return the rate at which `passed` or more of `counted` come with the chance `tail`."""
    if not passed:
        return 0.0
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        at_least = math.fsum(binomial(counted, hits, middle) for hits in range(passed, counted + 1))
        low, high = (middle, high) if at_least < tail else (low, middle)
    return (low + high) / 2


def binomial(size: int, hits: int, rate: float) -> float:
    """Return the chance of exactly `hits` in `size` independent draws of chance `rate`; by logarithms, for any size."""
    if not 0 < rate < 1:
        return float(hits == (size if rate >= 1 else 0))
    ways = math.lgamma(size + 1) - math.lgamma(hits + 1) - math.lgamma(size - hits + 1)
    return math.exp(ways + hits * math.log(rate) + (size - hits) * math.log1p(-rate))


def mcnemar(regressions: int, fixes: int, *, two_sided: bool = False) -> float:
    """Return the exact p value of "got worse" for two runs of the same items, one attempt each.

    Items on which the runs agree do not enter; 1.0 where they agree on all. McNemar (1947), "Note on the
    sampling error of the difference between correlated proportions or percentages", Psychometrika 12:153-157,
    with the binomial in place of the normal distribution.
    """
    total = regressions + fixes
    least = max(regressions, fixes) if two_sided else regressions
    tail = Fraction(sum(math.comb(total, hits) for hits in range(least, total + 1)), 2**total)
    return float(min(Fraction(1), 2 * tail if two_sided else tail))


Stratum = tuple[int, int, int, int]
"""Of one item: passed and judged attempts before, passed and judged attempts now."""


def stratified_p(items: Iterable[Stratum]) -> float:
    """Return the exact one-sided p value of "got worse" for items with any number of attempts before and now.

    With nothing changed all attempts of one item are alike, so how many of its passes fall on the newer ones is
    hypergeometric; the sum over all items is compared with what was seen. The exact conditional test for
    stratified 2 x 2 tables (Birch 1964, "The detection of partial association, I", JRSS B 26:313-324; Gart 1970,
    Biometrika 57:471-475): McNemar's for one attempt each, Fisher's for one item. Of more than `EXACT_ITEMS` that
    differ the chances are added as floating point numbers. Raises ValueError for what are no proportions.
    """
    kinds: Counter[tuple[int, int, int]] = Counter()
    seen = 0
    for passed, judged, passed_now, judged_now in items:
        if not (0 <= passed <= judged and 0 <= passed_now <= judged_now):
            raise ValueError(f"not proportions: {passed} of {judged} and {passed_now} of {judged_now}")
        if 0 < passed + passed_now < judged + judged_now:
            kinds[judged, judged_now, passed + passed_now] += 1
            seen += passed_now
    every = tuple(sorted(kinds.items()))
    if kinds.total() > EXACT_ITEMS:
        return _cumulated(every, seen)
    ways = _ways_together(every)
    return float(Fraction(sum(ways[: seen + 1]), sum(ways)))


def _cumulated(kinds: Iterable[tuple[tuple[int, int, int], int]], seen: int) -> float:
    """Return the chance of at most `seen` passes by adding floating point numbers: off by less than 1e-9."""
    all_together: Chances = (0, [1.0])
    for kind, count in kinds:
        all_together = _joined(all_together, _chances(kind, count))
    first, chances = all_together
    return min(1.0, math.fsum(chances[: max(0, seen - first + 1)]))


def _chances(kind: tuple[int, int, int], count: int) -> Chances:
    """Return the chances of `count` items of (judged before, judged now, passes in all)."""
    before, now, passes = kind
    if count == 1:
        least = max(0, passes - before)
        ways = [math.comb(now, hits) * math.comb(before, passes - hits) for hits in range(least, min(now, passes) + 1)]
        return least, [one / sum(ways) for one in ways]
    half = _chances(kind, count // 2)
    both = _joined(half, half)
    return _joined(both, _chances(kind, 1)) if count % 2 else both


def _joined(left: Chances, right: Chances) -> Chances:
    """Return the chances of the sum, without the ends that weigh nothing."""
    found = [0.0] * (len(left[1]) + len(right[1]) - 1)
    for place, factor in enumerate(left[1]):
        for other, chance in enumerate(right[1], place):
            found[other] += factor * chance
    weighty = [place for place, chance in enumerate(found) if chance > _NOTHING]
    return left[0] + right[0] + weighty[0], found[weighty[0] : weighty[-1] + 1]


@functools.lru_cache(maxsize=4096)
def _ways_together(kinds: tuple[tuple[tuple[int, int, int], int], ...]) -> list[int]:
    """Return in how many ways the newer attempts get 0, 1, 2, ... of the passes, over all items."""
    ways = [1]
    for kind, count in kinds:
        ways = _product(ways, _ways(kind, count))
    return ways


@functools.lru_cache(maxsize=4096)
def _ways(kind: tuple[int, int, int], count: int) -> list[int]:
    """Return the same of `count` items of (judged before, judged now, passes in all)."""
    before, now, passes = kind
    one = [math.comb(now, hits) * math.comb(before, passes - hits) for hits in range(min(now, passes) + 1)]
    if count == 1:
        return one
    half = _ways(kind, count // 2)
    return _product(_product(half, half), one) if count % 2 else _product(half, half)


def _product(left: Sequence[int], right: Sequence[int]) -> list[int]:
    """Multiply polynomials."""
    found = [0] * (len(left) + len(right) - 1)
    for place, factor in enumerate(left):
        for other, value in enumerate(right):
            found[place + other] += factor * value
    return found


def sign_flip(differences: Iterable[Fraction | int], *, two_sided: bool = False) -> float:
    """Return the exact p value of "got worse" for the differences (now - before) of items' rates.

    The share of the patterns of signs whose sum is as low as what was seen; with `two_sided` as far from zero.
    Zeros drop out. Fisher (1935), "The design of experiments", section 21. Only for as many attempts of each item
    before as now: where that differs, a difference and its negative are not alike, and `stratified_p` is the test.
    """
    exact = [Fraction(value) for value in differences if value]
    scale = math.lcm(*(value.denominator for value in exact))
    steps = [int(value * scale) for value in exact]
    sums: Counter[int] = Counter({0: 1})
    for step in steps:
        moved: Counter[int] = Counter()
        for total, ways in sums.items():
            moved[total + step] += ways
            moved[total - step] += ways
        sums = moved
    seen = sum(steps)
    extreme = (ways for total, ways in sums.items() if (abs(total) >= abs(seen) if two_sided else total <= seen))
    return float(Fraction(sum(extreme), 2 ** len(steps)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p values adjusted for being several: those up to alpha hold together with an error of at most alpha.

    Holm (1979), "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6:65-70.
    """
    adjusted, highest = dict.fromkeys(range(len(p_values)), 0.0), 0.0
    for rank, place in enumerate(sorted(adjusted, key=lambda at: p_values[at])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return tuple(adjusted.values())
