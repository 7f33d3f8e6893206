"""Formulas for small packs, each with its source."""

from __future__ import annotations

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
    if counted == 0:
        return None
    rate = passed / counted
    spread = 1 + z * z / counted
    centre = (rate + z * z / (2 * counted)) / spread
    half = z * math.sqrt(rate * (1 - rate) / counted + z * z / (4 * counted * counted)) / spread
    # at the ends the formula gives exactly 0 and 1; rounding must not make them anything else
    return (max(0.0, centre - half) if passed else 0.0), (min(1.0, centre + half) if passed < counted else 1.0)


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
