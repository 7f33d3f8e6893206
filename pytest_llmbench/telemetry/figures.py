"""What the answers themselves say of a run's speed: gathered as they come, a few numbers of each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from pytest_llmbench.records import Outcome, Purpose, Reason, Result


class _Trial(NamedTuple):
    """Seconds since the epoch, tokens; `outcome` is None for what scores nothing."""

    begin: float
    end: float
    generated: int | None
    read: int | None
    outcome: Outcome | None


class Figures:
    """Adds up the trials of a run folder, whichever session asked them; of a trial that comes twice the last counts.

    Trials that are no items count for speed, not for what was right. Those that were never begun, or were cancelled,
    do not count.
    """

    def __init__(self) -> None:
        self._trials: dict[int, _Trial] = {}

    def add(self, result: Result) -> None:
        """Take in one finished trial."""
        if not result.started_at or result.verdict.reason is Reason.CANCELLED:
            return
        key = result.key
        # by its hash: the key itself would keep strings of every result in memory; a journal's key has no profile
        self._trials[hash((key.pack, key.pack_hash, key.scenario, key.attempt))] = _trial(result)

    @property
    def generated(self) -> int | None:
        """Tokens of all answers; None where none tells."""
        return _known_sum([trial.generated for trial in self._trials.values()])

    @property
    def read(self) -> int | None:
        """Tokens of all prompts that came from no cache; None where no answer tells."""
        return _known_sum([trial.read for trial in self._trials.values()])

    @property
    def judged(self) -> int:
        """How many items have a verdict on the model."""
        return sum(trial.outcome in (Outcome.PASS, Outcome.FAIL) for trial in self._trials.values())

    @property
    def passed(self) -> int:
        """How many items passed."""
        return sum(trial.outcome is Outcome.PASS for trial in self._trials.values())

    def spans(self, borders: Sequence[float] = ()) -> dict[int, tuple[float, float]]:
        """Return first request and last answer of each session in which any of these trials was asked.

        `borders` are moments between one session and the next, ascending; sessions are numbered from 0.
        """
        found: dict[int, tuple[float, float]] = {}
        for trial in self._trials.values():
            number = bisect_right(borders, trial.begin)
            first, last = found.get(number, (trial.begin, trial.end))
            found[number] = (min(first, trial.begin), max(last, trial.end))
        return dict(sorted(found.items()))


def _trial(result: Result) -> _Trial:
    prompt = result.prompt_tokens
    return _Trial(
        begin=result.started_at,
        end=result.started_at + (result.latency_s or 0.0),
        generated=result.completion_tokens,
        read=None if prompt is None else max(0, prompt - (result.cached_tokens or 0)),
        outcome=result.verdict.outcome if result.purpose is Purpose.ITEM else None,
    )


def _known_sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
