"""Which of the trials that a dead worker was running took it down: run again one at a time, the guilty one shows."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pytest_llmbench.pump import Key

CRASH_LIMIT = 2
"""Workers one trial may take down before it is an ERROR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """What becomes of a dead worker's trials: given up, free to run at once, or suspects that must wait their turn."""

    deadly: AbstractSet[Key]
    free: AbstractSet[Key]
    parked: AbstractSet[Key]


class Suspects:
    """Remembers who was there when workers died. `orphans` may go on from what a dead worker wrote down."""

    def __init__(self) -> None:
        self.orphans: set[Key] = set()
        self._crashes: Counter[Key] = Counter()
        self._parked: deque[Key] = deque()
        self._tried: Key | None = None

    def crashed(self, running: AbstractSet[Key], judging: AbstractSet[Key]) -> Crash:
        """Take note that a worker died. A suspect that was being tried is blamed alone.

        Otherwise those that were being judged are: a verifier can take a process down, waiting for a
        server cannot; and if none was, whichever were running, for the worker may have died before it told.
        """
        blamed = {self._tried} & running or running & judging or set(running)
        suspects = {key for key in blamed if key is not None}
        self._crashes.update(suspects)
        deadly = {key for key in suspects if self._crashes[key] >= CRASH_LIMIT}
        if self._tried in running:
            self._tried = None
        self._parked.extend(sorted(suspects - deadly))
        self.orphans |= running - deadly
        return Crash(deadly=deadly, free=running - suspects, parked=suspects - deadly)

    @property
    def is_open(self) -> bool:
        """Whether some suspect has yet to be run, or is being tried."""
        return bool(self._parked) or self._tried is not None

    def done(self, key: Key) -> None:
        """Take note that a trial has its result."""
        if key == self._tried:
            self._tried = None

    def take_next(self) -> Key | None:
        """Return the suspect to run now, if none is being tried."""
        if self._tried is None and self._parked:
            self._tried = self._parked.popleft()
            return self._tried
        return None
