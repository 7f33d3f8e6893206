"""What the answers themselves say of a run's speed: gathered as they come, a few numbers in all."""

from __future__ import annotations

from pytest_llmbench.records import Outcome, Purpose, Result


class Figures:
    """Adds up the trials that this session asked. Times are seconds since the epoch.

    Verdicts that an earlier session left are left out: its time is not this one's. Trials that are no items count
    for speed, not for what was right.
    """

    def __init__(self) -> None:
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.generated: int | None = None
        self.read: int | None = None
        self.passed = 0
        self.judged = 0

    def add(self, result: Result) -> None:
        """Take in one finished trial."""
        if result.resumed or not result.started_at:
            return
        end = result.started_at + (result.latency_s or 0.0)
        self.first_at = min(self.first_at or result.started_at, result.started_at)
        self.last_at = max(self.last_at or end, end)
        if result.completion_tokens is not None:
            self.generated = (self.generated or 0) + result.completion_tokens
        if result.prompt_tokens is not None:
            self.read = (self.read or 0) + max(0, result.prompt_tokens - (result.cached_tokens or 0))
        if result.purpose is Purpose.ITEM and result.verdict.outcome is not Outcome.ERROR:
            self.judged += 1
            self.passed += result.verdict.outcome is Outcome.PASS

    @property
    def span_s(self) -> float | None:
        """Seconds from the first request to the last answer."""
        if self.first_at is None or self.last_at is None or self.last_at <= self.first_at:
            return None
        return self.last_at - self.first_at
