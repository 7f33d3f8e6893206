"""Speeds then and now: what is slower, what is noise, what may not be compared."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from pytest_llmbench.baselines import SPEEDS
from pytest_llmbench.comparable import differences
from pytest_llmbench.paired import Comparison
from pytest_llmbench.regression import compare
from pytest_llmbench.speeds import SpeedChange, speed_changes, speeds_comparable


def changed(name: str, before: tuple[float, ...], now: float) -> SpeedChange:
    """Return the one change."""
    (found,) = speed_changes({name: before}, {name: now})
    return found


@pytest.mark.parametrize(
    ("name", "before", "now", "is_worse", "text"),
    [
        ("decode_tps", (41.0,), 28.0, True, "decode 41 -> 28 tokens/s (-32%, more than the 30% that runs differ by)"),
        ("decode_tps", (41.0,), 29.0, False, "decode 41 -> 29 tokens/s (-29%)"),
        ("decode_tps", (41.0,), 60.0, False, "decode 41 -> 60 tokens/s (+46%)"),
        (
            "decode_tps",
            (42.0, 40.0, 41.0),
            28.0,
            True,
            "decode 40 to 42 -> 28 tokens/s (-32%, more than the 24% that runs differ by)",
        ),
        ("decode_tps", (42.0, 40.0, 41.0), 32.0, False, "decode 40 to 42 -> 32 tokens/s (-22%)"),
        ("decode_tps", (60.0, 40.0, 41.0), 28.0, False, "decode 40 to 60 -> 28 tokens/s (-32%)"),
        ("decode_tps", (30000.0,), 9000.0, False, "decode 3e+04 -> 9e+03 tokens/s (-70%)"),
        ("first_token_s", (0.02,), 0.15, False, "first token 0.02 -> 0.15 s (+650%)"),
        ("first_token_s", (0.5,), 0.9, False, "first token 0.5 -> 0.9 s (+80%)"),
        (
            "first_token_s",
            (0.5,),
            1.5,
            True,
            "first token 0.5 -> 1.5 s (+200%, more than the 100% that runs differ by)",
        ),
        (
            "first_token_s",
            (0.5, 0.5),
            0.8,
            True,
            "first token 0.5 -> 0.8 s (+60%, more than the 50% that runs differ by)",
        ),
        ("latency_s", (2.0,), 20.0, False, "latency 2 -> 20 s (+900%)"),
    ],
)
def test_slower_is_what_runs_do_not_differ_by(
    name: str,
    before: tuple[float, ...],
    now: float,
    is_worse: bool,  # noqa: FBT001
    text: str,
) -> None:
    """A margin, and half of what several runs differ by themselves; tiny changes are none, latency is only told."""
    found = changed(name, before, now)
    assert (found.is_worse, found.text) == (is_worse, text)


def test_every_figure_that_baselines_keep_is_told() -> None:
    """What only one side has is left out, and so is what is no speed."""
    assert {change.name for change in speed_changes(dict.fromkeys(SPEEDS, (1.0,)), dict.fromkeys(SPEEDS, 1.0))} == {
        *SPEEDS
    }
    assert speed_changes({"decode_tps": (40.0,), "latency_s": ()}, {"latency_s": 2.0, "first_token_s": 1.0}) == ()
    assert speed_changes({"decode_tps": (0.0,)}, {"decode_tps": 3.0}) == ()
    assert speed_changes({"decode_tps": (3.0,)}, {"decode_tps": float("nan")}) == ()


def shares(count: int, spread: float, factor: float) -> float:
    """Return how often a server that got `factor` as fast is called slower; `spread` is of the logarithms."""
    draw = random.Random(count)  # noqa: S311 - no secret
    vary: Callable[[], float] = lambda: 40 * draw.lognormvariate(0, spread)  # noqa: E731
    hits = sum(
        changed("decode_tps", tuple(vary() for _ in range(count)), factor * vary()).is_worse for _ in range(2000)
    )
    return hits / 2000


def test_noise_is_seldom_called_slower_and_half_the_speed_mostly() -> None:
    """The figures that the module states, for runs that differ by a tenth."""
    assert shares(1, 0.1, 1.0) < 0.015
    assert shares(3, 0.1, 1.0) < 0.01
    assert shares(1, 0.1, 0.5) > 0.97
    assert shares(3, 0.1, 0.5) > 0.88


FACTS = {"engine": "compose", "concurrency": 8, "GPUs": ("H200",), "server build": "b1", "pack mini": "v1 abc"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"server build": "b2"}, ""),
        ({"concurrency": 2}, "speeds were not compared (concurrency: 8 -> 2)"),
        (
            {"engine": "process", "GPUs": ("A10",)},
            'speeds were not compared (engine: compose -> process; GPUs: ["H200"] -> ["A10"])',
        ),
    ],
)
def test_speeds_of_another_set_up_are_not_compared(change: dict[str, object], why: str) -> None:
    """A changed build is what is measured; another machine, engine or load is not."""
    assert speeds_comparable(differences(FACTS, {**FACTS, **change})) == why


def compared(*now: str) -> Comparison:
    """Hold these scenarios against a baseline of A and B."""
    return compare({("mini", name): (1, 1) for name in "AB"}, {("mini", name): (1, 1) for name in now})


def test_speeds_over_other_scenarios_are_not_compared() -> None:
    """The median over a part is another figure."""
    assert speeds_comparable((), comparison=compared("A", "B")) == ""
    why = "speeds were not compared (not the same scenarios)"
    assert speeds_comparable((), comparison=compared("A")) == why
    assert speeds_comparable((), comparison=compared("A", "B", "C")) == why
