"""What a continuous-batching engine does to its clients: S slots, a queue, and time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any


class Slots:
    """`size` places taken first come, first served; counts the seconds they were busy."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.busy = 0
        self.peak = 0
        self._seconds = 0.0
        self._since = time.monotonic()
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """Requests that have no slot yet."""
        return sum(not place.done() for place in self._queue)

    def resize(self, size: int) -> None:
        """Work with `size` slots from now on; those in use are not taken away."""
        self._size = size
        self._admit()

    def busy_seconds(self) -> float:
        """Slot-seconds spent on requests since the start or the last `forget`."""
        self._count()
        return self._seconds

    def forget(self) -> None:
        """Start counting anew."""
        self._count()
        self._seconds = 0.0
        self.peak = self.busy

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a slot; waits for it in order of arrival."""
        await self._take()
        try:
            yield
        finally:
            self._change(-1)
            self._admit()

    async def _take(self) -> None:
        if self.busy < self._size and not self._queue:
            self._change(1)
            return
        place = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._change(-1)
                self._admit()
            raise

    def _admit(self) -> None:
        while self._queue and self.busy < self._size:
            place = self._queue.popleft()
            if not place.done():
                self._change(1)
                place.set_result(None)

    def _change(self, step: int) -> None:
        self._count()
        self.busy += step
        self.peak = max(self.peak, self.busy)

    def _count(self) -> None:
        now = time.monotonic()
        self._seconds += self.busy * (now - self._since)
        self._since = now


class Tokens:
    """Tokens read and written since the start. What is being written counts by the share of its time that is over."""

    def __init__(self) -> None:
        self.read = 0
        self.written = 0
        self._open: dict[int, tuple[float, float, int]] = {}

    @contextmanager
    def request(self, read: int, written: int, seconds: float) -> Iterator[None]:
        """Count a request that takes `seconds`; one that is broken off counts as far as it came."""
        self.read += read
        place = max(self._open, default=0) + 1
        self._open[place] = (time.monotonic(), seconds, written)
        try:
            yield
            self.written += written
        except BaseException:
            self.written += self._share(place)
            raise
        finally:
            del self._open[place]

    def flowing(self) -> int:
        """Tokens written, those of unfinished answers included."""
        return self.written + sum(self._share(place) for place in self._open)

    def _share(self, place: int) -> int:
        begin, seconds, written = self._open[place]
        return int(written * min(1.0, (time.monotonic() - begin) / seconds)) if seconds else written


class Tally:
    """What the stub has seen. Times are seconds since the epoch, or None before the first."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.requests = 0
        self.answers = 0
        self.in_flight = 0
        self.peak_in_flight = 0
        self.aborted = 0
        self.first_request: float | None = None
        self.last_answer: float | None = None

    def begin(self, digest: str) -> int:
        """Note a request; return how often its content had been asked before."""
        if self.first_request is None:
            self.first_request = time.time()
        self.requests += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        self.asked[digest] += 1
        return self.asked[digest] - 1

    def finish(self, digest: str) -> None:
        """Note a complete answer."""
        self.answers += 1
        self.answered[digest] += 1
        self.last_answer = time.time()

    def plain(self) -> dict[str, Any]:
        """All counts as plain data."""
        names = ("requests", "answers", "in_flight", "peak_in_flight", "aborted", "first_request", "last_answer")
        return {name: getattr(self, name) for name in names}
