"""One line per finished trial, while the run goes on.

Trials finish on the pump's thread while pytest captures output for some item, so lines are queued
there and written by the main thread between captures; where nothing captures (the controller of
xdist) they are written at once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Outcome, Result

_CALM = 200
"""Above so many trials a run that is not on a terminal gets a line for each percent only."""


class Progress:
    """Counts finished trials and words them. `write` prints one line."""

    def __init__(self, write: Callable[[str], None], *, live: bool, direct: bool) -> None:
        self._write = write
        self._live = live
        self._direct = direct
        self._lock = threading.Lock()
        self._lines: deque[str] = deque()
        self._done = 0
        self._errors = 0
        self._failed = 0
        self._began = time.monotonic()
        self._paused: float | None = self._began
        self.total = 0
        self.enabled = True

    def begin(self, total: int) -> None:
        """Expect `total` trials; the clock stands until `go_on`."""
        self.total = total
        self._began = self._paused = time.monotonic()

    def drop(self, trials: int) -> None:
        """Expect so many trials less: their server cannot be measured."""
        with self._lock:
            self.total -= trials

    def pause(self) -> None:
        """Stop the clock: no server is there to ask."""
        self._paused = self._paused or time.monotonic()

    def go_on(self) -> None:
        """Let the clock run: a server is ready."""
        if self._paused is not None:
            self._began += time.monotonic() - self._paused
            self._paused = None

    def finished(self, result: Result) -> None:
        """Take note of a finished trial; from any thread."""
        outcome = result.verdict.outcome
        with self._lock:
            self._done += 1
            self._errors += outcome is Outcome.ERROR
            self._failed += outcome is Outcome.FAIL
            if self.enabled and self._worth_a_line():
                self._lines.append(self._line(result))
        if self._direct:
            self.flush()

    def tell(self, line: str) -> None:
        """Have a line for the user printed; from any thread."""
        with self._lock:
            self._lines.append(printable(f"llmbench: {line}"))
        if self._direct:
            self.flush()

    def flush(self) -> None:
        """Write what is queued; where output is captured, only the main thread between captures may."""
        while self._lines:
            with self._lock:
                line = self._lines.popleft() if self._lines else None
            if line is not None:
                self._write(line)

    def _worth_a_line(self) -> bool:
        if self._live or self.total <= _CALM:
            return True
        return self._done == self.total or self._done % max(1, self.total // 100) == 0

    def _line(self, result: Result) -> str:
        width = len(str(self.total))
        verdict = result.verdict
        server = f"[{result.key.profile}]" if result.key.profile else ""
        name = f"{result.pack.id} {result.key.scenario}{server}"
        attempt = f" #{result.key.attempt}" if result.key.attempt > 1 else ""
        parts = [f"[{self._done:{width}}/{self.total}] {name}{attempt} {verdict.outcome}"]
        if verdict.reason is not None:
            parts.append(str(verdict.reason))
        if result.resumed:
            parts.append("from the earlier run")
        elif result.latency_s is not None:
            parts.append(f"{result.latency_s:.1f}s")
        if self._errors and verdict.outcome is Outcome.ERROR:
            parts.append(f"({self._errors} {'error' if self._errors == 1 else 'errors'} so far)")
        parts.append(self._remaining())
        return printable("  ".join(part for part in parts if part))

    def _remaining(self) -> str:
        left = self.total - self._done
        spent = (self._paused or time.monotonic()) - self._began
        if left <= 0 or self._done < min(5, self.total // 4 + 1):
            return ""
        left_s = spent / self._done * left
        return f"about {duration(left_s)} left" if left_s >= 2 else ""


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``45 s``, ``2 min 10 s``, ``1 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
