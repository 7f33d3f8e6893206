"""What can be told of a scenario and of a pack that were measured twice: records, no judgement."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

Key = tuple[str, str]
"""Pack and scenario."""

Attempts = Mapping[Key, tuple[int, int]]
"""By pack and scenario: passed and judged attempts. What got no verdict is not judged."""


class Word(enum.StrEnum):
    """What came of a comparison, in one plain word.

    ``ok``: nothing is worse. ``noise``: what is worse is no more than answers flip by themselves. ``watch``: it may be
    worse, but so few attempts cannot tell; no gate fails for it. ``regression``: it is worse. ``not comparable``: the
    two have no verdict in common.
    """

    OK = "ok"
    NOISE = "noise"
    WATCH = "watch"
    REGRESSION = "regression"
    NOT_COMPARABLE = "not comparable"


class Finding(enum.StrEnum):
    """What asking a scenario again showed.

    ``broken``: it always passed before and never does now. ``flaky``: its attempts disagree, before or now.
    ``fine``: it is as it was, or better.
    """

    BROKEN = "broken"
    FLAKY = "flaky"
    FINE = "fine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A scenario that mostly did one thing before and does the other now; (passed, judged) attempts."""

    pack: str
    scenario: str
    before: tuple[int, int]
    now: tuple[int, int]

    @property
    def is_worse(self) -> bool:
        """Whether it passed and fails now."""
        return self.before[0] * self.now[1] > self.now[0] * self.before[1]

    @property
    def was_flaky(self) -> bool:
        """Whether its attempts before disagree."""
        return 0 < self.before[0] < self.before[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackChange:
    """One pack: its `size` are scenarios with a verdict in both, `before` and `now` those passed (means over attempts).

    `p` is the exact one-sided test's of "got worse", `adjusted` the same for being one of several packs (Holm).
    """

    pack: str
    size: int
    before: float
    now: float
    p: float
    adjusted: float
    failed: bool

    @property
    def loss(self) -> float:
        """Scenarios lost, less those won."""
        return self.before - self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A scenario that was asked again; `fresh` are (passed, judged) attempts, a control had not flipped."""

    pack: str
    scenario: str
    fresh: tuple[int, int]
    finding: Finding
    is_control: bool
    is_worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What asking again came to, of all scenarios that the alarm was about.

    `p` is the test's, and `loss` the share of scenarios lost, with the fresh attempts in place of those that chose the
    scenarios; `loss_by_controls` is that share if whatever was not asked again did as the controls.
    """

    checked: tuple[Checked, ...]
    loss: float
    loss_by_controls: float
    p: float

    @property
    def worse(self) -> tuple[Checked, ...]:
        """Those that had got worse."""
        return tuple(one for one in self.checked if one.is_worse)

    def count(self, finding: Finding) -> int:
        """How many of those that had got worse are so."""
        return sum(one.finding is finding for one in self.worse)
