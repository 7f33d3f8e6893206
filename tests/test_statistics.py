"""The formulas against published and independently computed values."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.statistics import (
    Z95,
    Stratum,
    binomial,
    clopper_pearson,
    clustered_interval,
    holm,
    mcnemar,
    pass_at_k,
    pass_hat_k,
    quantile,
    sign_flip,
    stratified_p,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("passed", "counted", "low", "high"),
    [
        (0, 15, 0.0000, 0.2039),
        (8, 15, 0.3012, 0.7519),
        (9, 15, 0.3575, 0.8018),
        (12, 15, 0.5481, 0.9295),
        (14, 15, 0.7018, 0.9881),
        (15, 15, 0.7961, 1.0000),
        (65, 75, 0.7717, 0.9259),
        (102, 150, 0.6017, 0.7494),
        (134, 164, 0.7509, 0.8688),
    ],
)
def test_wilson_equals_the_known_values(passed: int, counted: int, low: float, high: float) -> None:
    """The interval agrees with tabled values to four digits."""
    assert wilson_interval(passed, counted) == pytest.approx((low, high), abs=5e-5)


def test_z_is_the_normal_quantile() -> None:
    """The constant is the 97.5 % quantile of the standard normal distribution."""
    assert pytest.approx(statistics.NormalDist().inv_cdf(0.975), abs=1e-12) == Z95


def test_wilson_of_nothing_is_none() -> None:
    """Without a verdict there is no interval."""
    assert wilson_interval(0, 0) is None


@pytest.mark.parametrize(("passed", "counted"), [(-1, 5), (6, 5), (1, 0)])
def test_wilson_refuses_what_is_no_proportion(passed: int, counted: int) -> None:
    """More passes than trials is a fault of the caller."""
    with pytest.raises(ValueError, match="not a proportion"):
        wilson_interval(passed, counted)


@given(st.integers(1, 500).flatmap(lambda counted: st.tuples(st.integers(0, counted), st.just(counted))))
def test_wilson_holds_the_score_and_mirrors(pair: tuple[int, int]) -> None:
    """The interval lies in [0, 1], holds the score, and swapping passes and failures mirrors it."""
    passed, counted = pair
    interval, mirror = wilson_interval(passed, counted), wilson_interval(counted - passed, counted)
    assert interval is not None
    assert mirror is not None
    assert 0 <= interval[0] <= passed / counted + 1e-12
    assert passed / counted - 1e-12 <= interval[1] <= 1
    assert interval == pytest.approx((1 - mirror[1], 1 - mirror[0]))


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([7.0], 0.95, 7.0), ([4.0, 1.0], 0.5, 2.5), ([1.0, 2.0, 3.0, 4.0], 0.95, 3.85)],
)
def test_quantile_interpolates(values: list[float], share: float, expected: float | None) -> None:
    """Between two values the quantile lies in proportion."""
    assert quantile(values, share) == (None if expected is None else pytest.approx(expected))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60))
def test_quantile_agrees_with_the_standard_library(values: list[float]) -> None:
    """Percentiles are those of statistics.quantiles with its inclusive method."""
    percentiles = statistics.quantiles(values, n=20, method="inclusive")
    assert quantile(values, 0.5) == pytest.approx(percentiles[9], abs=1e-6)
    assert quantile(values, 0.95) == pytest.approx(percentiles[18], abs=1e-6)


def drawn(attempts: int, passed: int, k: int) -> tuple[float, float]:
    """Return the shares of all draws of `k` attempts with a passed one and with nothing but, by trying each."""
    draws = list(itertools.combinations([True] * passed + [False] * (attempts - passed), k))
    return sum(map(any, draws)) / len(draws), sum(map(all, draws)) / len(draws)


def test_pass_at_k_and_pass_hat_k_are_what_trying_every_draw_gives() -> None:
    """For all n up to 8, all c and all k the two formulas count the same draws."""
    cases = [(n, c, k) for n in range(1, 9) for c in range(n + 1) for k in range(1, n + 1)]
    found = [(pass_at_k(*case), pass_hat_k(*case)) for case in cases]
    assert found == [pytest.approx(drawn(*case), abs=1e-15) for case in cases]


@pytest.mark.parametrize(
    ("attempts", "passed", "k", "some", "every"),
    [
        (5, 2, 1, 0.4, 0.4),
        (5, 2, 2, 0.7, 0.1),
        (5, 2, 3, 0.9, 0.0),
        (5, 2, 4, 1.0, 0.0),
        (10, 3, 5, 0.916667, 0.0),
        (10, 7, 3, 0.991667, 0.291667),
        (200, 1, 100, 0.5, 0.0),
        (1000, 999, 1000, 1.0, 0.0),
        (1000, 1000, 1000, 1.0, 1.0),
    ],
)
def test_pass_at_k_equals_known_values(attempts: int, passed: int, k: int, some: float, every: float) -> None:
    """The tabled values, and counts whose binomials no float can hold."""
    assert (pass_at_k(attempts, passed, k), pass_hat_k(attempts, passed, k)) == pytest.approx((some, every), abs=5e-7)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_product_of_the_paper(case: tuple[int, int, int]) -> None:
    """Written as the product of n - k factors that others use, it is the same number."""
    attempts, passed, k = case
    product = math.prod(1 - k / i for i in range(attempts - passed + 1, attempts + 1))
    assert pass_at_k(*case) == pytest.approx(1 - product if attempts - passed >= k else 1.0, abs=1e-12)


def test_pass_at_k_is_unbiased() -> None:
    """Over all outcomes of n attempts at a known rate, its mean is the true chance; the plug-in's is not."""
    rate, n, k = 0.3, 6, 3
    weights = [math.comb(n, c) * rate**c * (1 - rate) ** (n - c) for c in range(n + 1)]
    some = sum(weight * pass_at_k(n, c, k) for c, weight in enumerate(weights))
    every = sum(weight * pass_hat_k(n, c, k) for c, weight in enumerate(weights))
    plugged_in = sum(weight * (1 - (1 - c / n) ** k) for c, weight in enumerate(weights))
    assert (some, every) == pytest.approx((1 - (1 - rate) ** k, rate**k))
    assert plugged_in < some - 0.02


@pytest.mark.parametrize("function", [pass_at_k, pass_hat_k])
@pytest.mark.parametrize("case", [(5, 6, 1), (5, -1, 1), (5, 2, 0), (5, 2, 6), (0, 0, 1)])
def test_what_cannot_be_drawn_is_refused(
    function: Callable[[int, int, int], float], case: tuple[int, int, int]
) -> None:
    """One attempt says nothing on three."""
    with pytest.raises(ValueError, match=r"not a proportion|cannot be drawn"):
        function(*case)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.integers(1, 100))
def test_attempts_that_agree_are_worth_their_tasks_alone(pair: tuple[int, int], repeats: int) -> None:
    """One attempt for each task, or many that always agree: Wilson's interval over tasks."""
    passed, tasks = pair
    means = [1.0] * passed + [0.0] * (tasks - passed)
    assert clustered_interval(means, tasks * repeats) == pytest.approx(wilson_interval(passed, tasks), abs=1e-9)


SHARES = st.lists(st.integers(0, 4).map(lambda passed: passed / 4), min_size=1, max_size=60)


@given(SHARES)
def test_the_clustered_interval_is_bounded_and_no_wider_than_its_tasks(means: list[float]) -> None:
    """It lies in [0, 1], holds the mean, has a width, and lies between that of all attempts and that of the tasks."""
    low, high = clustered_interval(means, 4 * len(means)) or (math.nan, math.nan)
    mean = math.fsum(means) / len(means)
    assert 0 <= low <= mean + 1e-12
    assert mean - 1e-12 <= high <= 1
    assert high - low > 0.01
    attempts = wilson_interval(round(4 * math.fsum(means)), 4 * len(means))
    assert attempts is not None
    assert low <= attempts[0] + 1e-9
    assert attempts[1] <= high + 1e-9


@given(SHARES, st.data())
def test_a_lost_attempt_never_raises_the_clustered_interval(means: list[float], data: st.DataObject) -> None:
    """One more failure among the attempts of a task moves neither end up."""
    at = data.draw(st.integers(0, len(means) - 1))
    worse = [max(0.0, value - 0.25) if place == at else value for place, value in enumerate(means)]
    before, after = clustered_interval(means, 4 * len(means)), clustered_interval(worse, 4 * len(means))
    assert before is not None
    assert after is not None
    assert after[0] <= before[0] + 1e-12
    assert after[1] <= before[1] + 1e-12


@given(SHARES)
def test_the_clustered_interval_mirrors(means: list[float]) -> None:
    """Swapping passes and failures mirrors it."""
    interval = clustered_interval(means, 4 * len(means))
    mirror = clustered_interval([1 - value for value in means], 4 * len(means))
    assert interval is not None
    assert mirror is not None
    assert interval == pytest.approx((1 - mirror[1], 1 - mirror[0]))


def test_the_clustered_interval_covers() -> None:
    """Where a normal interval misses the true mean of 15 tasks too often, it holds it nineteen times in twenty."""
    rng, held, normal_held, draws = random.Random(7), 0, 0, 400  # noqa: S311 - no secret
    for _ in range(draws):
        rates = [rng.betavariate(8, 0.5) for _ in range(15)]
        means = [sum(rng.random() < rate for _ in range(4)) / 4 for rate in rates]
        low, high = clustered_interval(means, 60) or (1.0, 0.0)
        mean, half = statistics.fmean(means), Z95 * statistics.stdev(means) / math.sqrt(15)
        held += low <= 8 / 8.5 <= high
        normal_held += mean - half <= 8 / 8.5 <= mean + half
    assert held >= 0.94 * draws
    assert normal_held < 0.9 * draws


def test_no_tasks_have_no_interval() -> None:
    """Without a judged task there is nothing to say."""
    assert clustered_interval([], 0) is None


@pytest.mark.parametrize(
    ("passed", "counted", "low", "high"),
    [
        (0, 15, 0.0000, 0.2180),
        (8, 15, 0.2659, 0.7873),
        (12, 15, 0.5191, 0.9567),
        (14, 15, 0.6805, 0.9983),
        (15, 15, 0.7820, 1.0000),
        (65, 75, 0.7684, 0.9342),
        (102, 150, 0.5990, 0.7537),
        (134, 164, 0.7493, 0.8730),
    ],
)
def test_clopper_pearson_equals_the_known_values(passed: int, counted: int, low: float, high: float) -> None:
    """The exact interval agrees with tabled values to four digits."""
    assert clopper_pearson(passed, counted) == pytest.approx((low, high), abs=5e-5)


def test_clopper_pearson_knows_its_ends() -> None:
    """Nothing counted has no interval, and more passes than trials is a fault of the caller."""
    assert clopper_pearson(0, 0) is None
    with pytest.raises(ValueError, match="not a proportion"):
        clopper_pearson(2, 1)


@pytest.mark.parametrize(
    ("worse", "better", "one_sided", "two_sided"),
    [
        (0, 0, 1, 1),
        (1, 0, 0.5, 1),
        (4, 0, 0.0625, 0.125),
        (5, 0, 0.03125, 0.0625),
        (6, 0, 0.015625, 0.03125),
        (5, 1, 0.109375, 0.21875),
        (7, 1, 0.03515625, 0.0703125),
        (8, 1, 0.01953125, 0.0390625),
        (8, 2, 0.0546875, 0.109375),
        (10, 2, 0.019287, 0.038574),
        (3, 3, 0.65625, 1),
    ],
)
def test_mcnemar_equals_the_known_values(worse: int, better: int, one_sided: float, two_sided: float) -> None:
    """One-sided and two-sided p values agree with enumeration, and with the test for repeats of one attempt each."""
    assert mcnemar(worse, better) == pytest.approx(one_sided, abs=5e-7)
    assert mcnemar(worse, better, two_sided=True) == pytest.approx(two_sided, abs=5e-7)
    strata = [(1, 1, 0, 1)] * worse + [(0, 1, 1, 1)] * better + [(1, 1, 1, 1)] * 3
    assert stratified_p(strata) == mcnemar(worse, better)


@pytest.mark.parametrize(
    ("strata", "expected"),
    [
        ([(1, 1, 0, 1)] * 6, Fraction(1, 64)),
        ([(3, 3, 0, 1)] * 3, Fraction(1, 64)),
        ([(3, 3, 0, 1)] * 2, Fraction(1, 16)),
        ([(3, 3, 0, 1)] * 3 + [(0, 3, 1, 1)], Fraction(31, 256)),
        ([(3, 3, 0, 1)] * 2 + [(2, 3, 0, 1), (1, 3, 1, 1)], Fraction(9, 64)),
        ([(3, 3, 0, 5)], Fraction(1, 56)),
        ([(3, 3, 1, 3)] * 2, Fraction(1, 25)),
        ([(5, 5, 0, 5)], Fraction(1, 252)),
        ([(3, 3, 3, 3), (0, 3, 0, 3), (2, 2, 0, 0)], Fraction(1)),
        ([], Fraction(1)),
    ],
)
def test_the_stratified_test_equals_enumeration(strata: list[Stratum], expected: Fraction) -> None:
    """Repeats, unequal ones too, give the p values that were worked out by hand; what cannot differ does not count."""
    assert stratified_p([*strata, (3, 3, 2, 2)]) == float(expected)


COUNTS = st.integers(1, 4).flatmap(lambda judged: st.tuples(st.integers(0, judged), st.just(judged)))


@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=5))
def test_the_stratified_test_equals_brute_force(items: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    """All ways to deal each item's passes to its attempts, counted one by one, give the same."""
    strata = [(*before, *now) for before, now in items]
    sums = {0: 1}
    for passed, judged, passed_now, judged_now in strata:
        dealt: dict[int, int] = {}
        for total, ways in sums.items():
            for hits in range(judged_now + 1):
                more = ways * math.comb(judged_now, hits) * math.comb(judged, max(0, passed + passed_now - hits))
                dealt[total + hits] = dealt.get(total + hits, 0) + more * (hits <= passed + passed_now)
        sums = dealt
    seen = sum(item[2] for item in strata)
    tail = sum(ways for total, ways in sums.items() if total <= seen)
    assert stratified_p(strata) == pytest.approx(tail / sum(sums.values()))


def test_the_stratified_test_refuses_what_is_no_proportion() -> None:
    """More passes than attempts is a fault of the caller."""
    with pytest.raises(ValueError, match="not proportions: 4 of 3 and 0 of 1"):
        stratified_p([(4, 3, 0, 1)])


THIRD = Fraction(1, 3)


@pytest.mark.parametrize(
    ("differences", "one_sided", "two_sided"),
    [
        ([Fraction(-1), -2 * THIRD, -THIRD, Fraction(0), THIRD, -THIRD], 1 / 8, 1 / 4),
        ([Fraction(-1), -2 * THIRD, -2 * THIRD, -THIRD, -THIRD, -THIRD, THIRD, Fraction(0)], 5 / 128, 5 / 64),
        ([Fraction(-1)] * 6, 1 / 64, 1 / 32),
        ([], 1, 1),
    ],
)
def test_sign_flips_equal_enumeration(differences: list[Fraction], one_sided: float, two_sided: float) -> None:
    """Ties are exact, zeros drop out."""
    assert sign_flip(differences) == one_sided
    assert sign_flip(differences, two_sided=True) == two_sided


@given(st.lists(st.fractions(-1, 1, max_denominator=4), max_size=9))
def test_sign_flips_equal_brute_force(differences: list[Fraction]) -> None:
    """Every pattern of signs, counted one by one, gives the same."""
    patterns = list(itertools.product((1, -1), repeat=len(differences)))
    seen = sum(differences)
    as_low = sum(
        sum(sign * value for sign, value in zip(signs, differences, strict=True)) <= seen for signs in patterns
    )
    assert sign_flip(differences) == pytest.approx(as_low / len(patterns))


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ((0.016, 0.25, 0.03, 0.5, 0.008), (0.064, 0.5, 0.09, 0.5, 0.04)),
        ((0.01, 0.04, 0.03), (0.03, 0.06, 0.06)),
        ((0.015625, 0.0078125, 0.5, 0.03125), (0.046875, 0.03125, 0.5, 0.0625)),
        ((0.7, 0.9), (1.0, 1.0)),
        ((), ()),
    ],
)
def test_holm_equals_the_known_values(p_values: tuple[float, ...], adjusted: tuple[float, ...]) -> None:
    """The adjusted values stand where the plain ones stood."""
    assert holm(p_values) == pytest.approx(adjusted)


@pytest.mark.parametrize(("size", "hits", "rate"), [(5, 0, 0.0), (5, 5, 1.0), (75, 9, 0.13), (3000, 90, 0.03)])
def test_binomial_chances(size: int, hits: int, rate: float) -> None:
    """They are those of exact fractions, at the ends and for sizes whose binomial coefficients no float holds."""
    exact = Fraction(rate)
    expected = math.comb(size, hits) * exact**hits * (1 - exact) ** (size - hits)
    assert binomial(size, hits, rate) == pytest.approx(float(expected), rel=1e-9)
    assert binomial(size, size, 0.0) == 0.0


def test_scipy_agrees() -> None:
    """Clopper-Pearson, McNemar, Fisher and the normal quantile are those of scipy."""
    scipy = pytest.importorskip("scipy.stats")
    for passed, counted in itertools.product(range(8), (7, 40, 300)):
        interval = scipy.binomtest(passed, counted).proportion_ci(method="exact")
        assert clopper_pearson(passed, counted) == pytest.approx((interval.low, interval.high), abs=1e-9)
        wilson = scipy.binomtest(passed, counted).proportion_ci(method="wilson")
        assert wilson_interval(passed, counted) == pytest.approx((wilson.low, wilson.high), abs=1e-9)
    for worse, better in itertools.product(range(1, 9), range(5)):
        assert mcnemar(worse, better) == pytest.approx(
            scipy.binomtest(worse, worse + better, alternative="greater").pvalue
        )
    for passed, passed_now in itertools.product(range(6), range(5)):
        table = [[passed, 5 - passed], [passed_now, 4 - passed_now]]
        expected = scipy.fisher_exact(table, alternative="greater").pvalue
        assert stratified_p([(passed, 5, passed_now, 4)]) == pytest.approx(expected)


def test_statsmodels_agrees() -> None:
    """Holm and the two-sided McNemar test are those of statsmodels."""
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    draw = random.Random(3)  # noqa: S311 - no secret
    for count in range(1, 9):
        p_values = [draw.random() ** 3 for _ in range(count)]
        assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1])
    for worse, better in itertools.product(range(1, 9), range(5)):
        expected = tables.mcnemar([[50, worse], [better, 4]], exact=True).pvalue
        assert mcnemar(worse, better, two_sided=True) == pytest.approx(expected)


@pytest.mark.parametrize(
    "items",
    [
        [(1, 1, 0, 1)] * 37 + [(0, 1, 1, 1)] * 21,
        [(3, 3, 1, 3)] * 9 + [(0, 3, 2, 3)] * 5 + [(2, 3, 0, 1)] * 7 + [(1, 2, 1, 1)] * 4,
        [(3, 3, 0, 1)] * 40,
    ],
    ids=["single", "mixed", "all worse"],
)
def test_many_items_are_counted_in_floats_to_the_same_end(
    items: list[tuple[int, int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two ways of counting agree wherever both can be gone."""
    exact = stratified_p(items)
    monkeypatch.setattr("pytest_llmbench.statistics.EXACT_ITEMS", 0)
    assert stratified_p(items) == pytest.approx(exact, rel=1e-9)


def test_thousands_of_items_have_a_chance_too() -> None:
    """Ten thousand scenarios that flipped: the binomial distribution's value."""
    binom = pytest.importorskip("scipy.stats").binom
    worse, better = 5100, 4900
    items = [(1, 1, 0, 1)] * worse + [(0, 1, 1, 1)] * better
    assert stratified_p(items) == pytest.approx(binom.cdf(better, worse + better, 0.5), rel=1e-6)
    assert stratified_p([(3, 3, 1, 3)] * 3000 + [(1, 3, 3, 3)] * 2900) < 0.05
