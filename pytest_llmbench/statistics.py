"""Formulas for small packs, each with its source."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

Z95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution: two-sided 95 %."""


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
