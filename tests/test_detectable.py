"""What a comparison could have seen, against tabled powers and simulated runs."""

from __future__ import annotations

import random

import pytest

from pytest_llmbench import detectable
from pytest_llmbench.detectable import Design, detectable_drop, power
from pytest_llmbench.statistics import stratified_p


@pytest.mark.parametrize(
    ("size", "points"),
    [
        (15, (42.7, 46.7, 50.4)),
        (30, (23.3, 26.8, 29.3)),
        (75, (10.6, 13.0, 14.7)),
        (150, (6.0, 7.8, 9.2)),
        (164, (5.6, 7.4, 8.7)),
    ],
)
def test_detectable_drops_of_single_runs(size: int, points: tuple[float, float, float]) -> None:
    """At 1, 3 and 5 % noise they are those of an exact enumeration of McNemar's test."""
    found = [detectable_drop(Design(size=size), flip=flip) for flip in (0.01, 0.03, 0.05)]
    assert [round(100 * drop, 1) for drop in found if drop] == list(points)


@pytest.mark.parametrize(("drop", "expected"), [(0.0, 0.0105), (0.10, 0.6228), (0.15, 0.8810)])
def test_powers_of_single_runs(drop: float, expected: float) -> None:
    """75 scenarios at 3 % noise: the tabled powers, and what it fires where nothing changed."""
    assert power(Design(size=75), flip=0.03, drop=drop) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("runs", [(3, 1), (3, 3)])
def test_powers_of_repeats_are_those_of_simulated_runs(runs: tuple[int, int]) -> None:
    """Scenarios that break and attempts that flip, drawn and tested, are found as often as was computed."""
    draw, found, draws = random.Random(11), 0, 400  # noqa: S311 - no secret
    before, now = runs
    for _ in range(draws):
        broken = [draw.random() < 0.08 for _ in range(75)]
        strata = [
            (sum(draw.random() > 0.02 for _ in range(before)), before, 0 if lost else _passed(draw, now), now)
            for lost in broken
        ]
        found += stratified_p(strata) <= 0.05
    assert found / draws == pytest.approx(power(Design(size=75, runs=runs), flip=0.02, drop=0.08), abs=0.06)


def _passed(draw: random.Random, times: int) -> int:
    return sum(draw.random() > 0.02 for _ in range(times))


def test_more_runs_see_smaller_drops() -> None:
    """Three baseline runs see less than one does, and a least loss bounds what can be seen."""
    one, three = (detectable_drop(Design(size=75, runs=(runs, 1)), flip=0.03) for runs in (1, 3))
    assert one is not None
    assert three is not None
    assert three < one
    bounded = detectable_drop(Design(size=75, runs=(3, 1), least=15), flip=0.03)
    assert bounded is not None
    assert bounded > 0.2


def test_too_few_items_see_nothing() -> None:
    """Four items can never give a p value of 5 %."""
    assert detectable_drop(Design(size=4), flip=0.01) is None


def test_the_normal_distribution_takes_over_smoothly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where enumeration would be too long, the result is nearly the same."""
    design = Design(size=300, alpha=0.0401)
    exact = detectable_drop(design, flip=0.03)
    monkeypatch.setattr(detectable, "EXACT_TO", 12)
    detectable._alarm.cache_clear()
    assert detectable_drop(design, flip=0.03) == pytest.approx(exact, abs=0.004)
    detectable._alarm.cache_clear()
