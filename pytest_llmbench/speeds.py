"""Whether a server got slower: medians of its run held against those of a baseline's runs, and when they may be.

The rule. Runs alike differ in speed, so a figure is worse only beyond the worst of the baseline's runs by a margin,
widened by half of what those runs differ among themselves. One run tells nothing of that, so its margin is larger.
Simulated, with a normal spread of the logarithms of run medians of 10 %: one baseline run raises a false alarm on
`decode_tps` in 0.6 % of runs and three in 0.2 %; a loss of half is found in 99 % and 92 %, of two fifths in 87 % and
69 %. At 25 %, a server that others use too, one run gives 15 % false alarms and three 2 %.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_llmbench.comparable import Difference
from pytest_llmbench.paired import Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedChange:
    """One figure then and now: `before` has a median of each baseline run, `now` is the run's, `bound` the worst
    that still counts as alike, None where the figure is only told.
    """

    name: str
    before: tuple[float, ...]
    now: float
    bound: float | None = None

    @property
    def is_worse(self) -> bool:
        """Whether it is worse than runs alike differ."""
        if self.bound is None:
            return False
        return self.now < self.bound if _FIGURES[self.name].more_is_better else self.now > self.bound

    @property
    def text(self) -> str:
        """Return ``decode 41 -> 28 tokens/s (-32%, more than the 30% that runs differ by)``."""
        figure = _FIGURES[self.name]
        ends = dict.fromkeys(f"{value:.3g}" for value in (min(self.before), max(self.before)))
        middle = statistics.median(self.before)
        change = f"{self.now / middle - 1:+.0%}"
        if self.is_worse and self.bound is not None:
            change += f", more than the {abs(self.bound / middle - 1):.0%} that runs differ by"
        return f"{figure.title} {' to '.join(ends)} -> {self.now:.3g} {figure.unit} ({change})"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """What is known of a figure: `alone` and `several` are the margins for one baseline run and for more, as shares.

    `grain` is the least change that is any: in seconds, for a rate in seconds per token.
    """

    title: str
    unit: Literal["s", "tokens/s"]
    alone: float = 0.0
    several: float = 0.0
    grain: float = 0.0
    is_gated: bool = True

    @property
    def more_is_better(self) -> bool:
        return self.unit == "tokens/s"


_FIGURES: Mapping[str, _Figure] = {
    # half a millisecond per token is the client's clock and the network, not the server
    "decode_tps": _Figure(title="decode", unit="tokens/s", alone=0.3, several=0.2, grain=0.0005),
    # it holds the wait for a slot and what the prompt cache saved, so it differs more from run to run
    "first_token_s": _Figure(title="first token", unit="s", alone=1.0, several=0.5, grain=0.2),
    # a model that says more takes longer, which is no fault of the server
    "latency_s": _Figure(title="latency", unit="s", is_gated=False),
}

_SHAPING = ("engine", "GPUs", "processors", "concurrency")
"""Facts (see `comparable.facts_of`) by which speeds differ though the model and its build do not."""


def speed_changes(before: Mapping[str, Sequence[float]], now: Mapping[str, float]) -> tuple[SpeedChange, ...]:
    """Return the change of every figure that both sides have, by the names in `baselines.SPEEDS`.

    `before` has a median of each baseline run (`Baseline.speeds`), `now` those of one run (`capture.speeds_of`).
    """
    changes = (_change(name, before.get(name, ()), now.get(name)) for name in _FIGURES)
    return tuple(change for change in changes if change is not None)


def speeds_comparable(found: Iterable[Difference], *, comparison: Comparison | None = None) -> str:
    """Say why the speeds of two runs cannot be held against each other, "" where they can.

    `found` are the differences in how they were made, `comparison` tells whether both had the same scenarios: a
    median over others is another figure.
    """
    reasons = [one.text for one in found if one.name in _SHAPING]
    if comparison is not None and (comparison.missing or comparison.added or comparison.left_out):
        reasons.append("not the same scenarios")
    return f"speeds were not compared ({'; '.join(reasons)})" if reasons else ""


def _change(name: str, values: Sequence[float], now: float | None) -> SpeedChange | None:
    known = tuple(value for value in values if _is_measured(value))
    if not known or now is None or not _is_measured(now):
        return None
    return SpeedChange(name=name, before=known, now=now, bound=_bound(_FIGURES[name], known))


def _is_measured(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _bound(figure: _Figure, known: Sequence[float]) -> float | None:
    """Return the worst value that runs alike may still have."""
    if not figure.is_gated:
        return None
    margin = figure.alone if len(known) == 1 else figure.several
    spread = (max(known) - min(known)) / 2
    if not figure.more_is_better:
        return max(known) + max(margin * max(known) + spread, figure.grain)
    slowest = min(known)
    return max(0.0, min(slowest * (1 - margin) - spread, 1 / (1 / slowest + figure.grain)))
