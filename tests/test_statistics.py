"""The formulas against published and independently computed values."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.statistics import Z95, quantile, wilson_interval


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
