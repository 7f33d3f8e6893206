"""Keeps as many trials in flight as the server has slots.

pytest runs one item at a time; a request that waits for its item keeps the server idle. So trials
run ahead of their items: a `Feeder` decides which trial starts when (longest expected first, a
finished one replaced at once), a `Pump` runs them as coroutines on an event loop in a thread, and
a `Shelf` holds the results until their items come to fetch them.

With pytest-xdist the one feeder sits in the controller and each worker has a pump; without it
all three live in one process. None of them knows pytest.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Generic, TypeVar

from pytest_llmbench.loop import Loop
from pytest_llmbench.records import Outcome, Reason, Result

INFRA_LIMIT = 8
"""Infrastructure errors in a row after which the feeder stops and probes once; broken connections: one a slot."""

JUDGING_LIMIT = 64
"""Answered trials that may wait for their verdict before no more are started."""

INFRA_REASONS = frozenset(
    {
        Reason.ENDPOINT_UNREACHABLE,
        Reason.SERVER_ERROR,
        Reason.RATE_LIMITED,
        Reason.BAD_CONFIGURATION,
        Reason.CONTEXT_OVERFLOW,
    }
)

_AWAKE_S = 0.5
T = TypeVar("T")
Key = tuple[int, int]
"""(job index, attempt): what feeder, pumps and shelf know a trial by. Attempts start at 1."""


class Feeder:
    """Decides which trial starts next. Lives on one event loop and is called from it alone.

    `launch` starts a trial, `probe` asks the server whether it is still well (it raises if not),
    `broken` is told when the run must stop, `idle` whenever nothing is queued and nothing needs the server,
    which is not so before the first `plan`: a limit that changes earlier ends nothing. All slots are counted
    here, so that confirmation trials and questions of hand-written tests share the limit with the items.
    """

    def __init__(
        self,
        *,
        limit: int,
        launch: Callable[[Key], None],
        probe: Callable[[], Awaitable[None]],
        broken: Callable[[Exception], None],
        idle: Callable[[], None] = lambda: None,
    ) -> None:
        self.limit = limit
        self._launch = launch
        self._probe = probe
        self._broken = broken
        self._idle = idle
        self._queue: Iterator[Key] = iter(())
        self._head: Key | None = None
        self._again: deque[Key] = deque()
        self._guests: deque[asyncio.Future[None]] = deque()
        self._holding: set[Key] = set()
        self._open: set[Key] = set()
        self._guests_in = 0
        self._failing = 0
        self._planned = False
        self._paused = False
        self._closed = False
        self._probing: asyncio.Task[None] | None = None

    @property
    def busy(self) -> int:
        """Slots taken right now."""
        return len(self._holding) + self._guests_in

    @property
    def begun(self) -> AbstractSet[Key]:
        """Trials that were started and have no result yet."""
        return self._open

    def plan(self, order: Sequence[int], attempts: int) -> None:
        """Queue every attempt of the jobs in `order` behind what is queued, and start what fits."""
        self._queue = _chain(self._queue, order, attempts)
        self._planned = True
        self.feed()

    def resize(self, limit: int) -> None:
        """Change how many trials may be in flight."""
        self.limit = limit
        self.feed()

    def feed(self) -> None:
        """Start trials until the slots are full or nothing is left."""
        while not self._paused and self.busy < self.limit:
            if self._guests:
                self._admit(self._guests.popleft())
            elif len(self._open) < self.limit + JUDGING_LIMIT and (key := self._next()) is not None:
                self._holding.add(key)
                self._open.add(key)
                self._launch(key)
            else:
                break
        self._tell_if_idle()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued and nothing needs the server; after `close` what is queued does not count."""
        nothing_waits = self._planned and not self._paused and not self._guests and self._peek() is None
        return (self._closed or nothing_waits) and not self.busy

    def _tell_if_idle(self) -> None:
        if self.is_idle:
            self._idle()

    def talked(self, key: Key) -> None:
        """Take note that a trial needs the server no more: its slot is free."""
        self._holding.discard(key)
        self.feed()

    def done(self, key: Key, result: Result) -> None:
        """Take note of a result; several infrastructure errors in a row pause the feeder."""
        self._holding.discard(key)
        self._open.discard(key)
        infra = result.verdict.outcome is Outcome.ERROR and result.verdict.reason in INFRA_REASONS
        self._failing = self._failing + 1 if infra else 0
        # an endpoint gives up on a connection only after retries of its own: one for each slot says enough
        unreachable = result.verdict.reason is Reason.ENDPOINT_UNREACHABLE
        limit = min(INFRA_LIMIT, self.limit) if unreachable else INFRA_LIMIT
        if self._failing >= limit and not self._paused:
            self._paused = True
            self._probing = asyncio.ensure_future(self._ask_how_it_is())
        self.feed()

    def drop(self, keys: Iterable[Key]) -> None:
        """Take note that these trials run no more; whoever wants them run says `again`."""
        for key in keys:
            self._holding.discard(key)
            self._open.discard(key)

    def lost(self, keys: Iterable[Key]) -> None:
        """Queue trials again, in front, whose process died under them."""
        for key in keys:
            self._holding.discard(key)
            self._open.discard(key)
            self._again.append(key)
        self.feed()

    def again(self, key: Key) -> None:
        """Queue one trial in front, for an item that is run a second time."""
        self._again.append(key)
        self.feed()

    async def slot(self) -> None:
        """Wait for a slot for something that is no queued trial; it goes before those."""
        guest: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._guests.append(guest)
        self.feed()
        await guest

    def leave(self) -> None:
        """Give back a slot taken by `slot`."""
        self._guests_in -= 1
        self.feed()

    def close(self) -> None:
        """Start nothing more."""
        self._paused = self._closed = True
        if self._probing is not None:
            self._probing.cancel()
        for guest in self._guests:
            guest.cancel()
        self._tell_if_idle()

    def _admit(self, guest: asyncio.Future[None]) -> None:
        if not guest.done():
            self._guests_in += 1
            guest.set_result(None)

    def _next(self) -> Key | None:
        key = self._peek()
        if self._again:
            self._again.popleft()
        else:
            self._head = None
        return key

    def _peek(self) -> Key | None:
        """Return the key that comes next without taking it."""
        if self._again:
            return self._again[0]
        if self._head is None:
            self._head = next(self._queue, None)
        return self._head

    async def _ask_how_it_is(self) -> None:
        try:
            await self._probe()
        except Exception as error:  # noqa: BLE001 - whatever the probe says ends the run with that message
            self._broken(error)
            return
        self._failing = 0
        self._paused = False
        self.feed()


def _chain(earlier: Iterator[Key], order: Sequence[int], attempts: int) -> Iterator[Key]:
    yield from earlier
    for index in order:
        for attempt in range(1, attempts + 1):
            yield index, attempt


class Pump:
    """Runs trials on a loop: `run` is the trial as a coroutine, told when to give its slot back.

    `talked` and `done` are called on the loop, once each per trial; `fallen` makes a result of an
    exception that `run` should not have let out, so that nobody waits for ever.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        run: Callable[[Key, Callable[[], None]], Coroutine[Any, Any, Result]],
        talked: Callable[[Key], None],
        done: Callable[[Key, Result], None],
        fallen: Callable[[Key, BaseException], Result],
    ) -> None:
        self._fallen = fallen
        self._loop = loop
        self._run = run
        self._talked = talked
        self._done = done

    def launch(self, key: Key) -> None:
        """Start a trial; to be called on the loop."""
        self._loop.spawn(self._one(key))

    async def _one(self, key: Key) -> None:
        told = _Once(lambda: self._talked(key))
        try:
            result = await self._run(key, told)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - an item waits for this key
            result = self._fallen(key, error)
        told()
        self._done(key, result)


class _Once:
    """A callback that counts only the first time."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def __call__(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Shelf(Generic[T]):
    """Results waiting for their items: put from the loop, fetched by the main thread.

    `substitute` is asked for what is not there, and again after each `wake`; None means that it will come.
    """

    def __init__(self, substitute: Callable[[Key], T | None] = lambda _: None) -> None:
        self._held: dict[Key, T] = {}
        self._changed = threading.Condition()
        self._substitute = substitute

    def put(self, key: Key, value: T) -> None:
        """Lay a result down."""
        with self._changed:
            self._held[key] = value
            self._changed.notify_all()

    def take(self, key: Key, idle: Callable[[], None] = lambda: None) -> T:
        """Wait for a result, or for a substitute, and take it away.

        `idle` is called, by the waiting thread, each time anything was laid down.
        """
        while True:
            idle()
            with self._changed:
                if key in self._held:
                    return self._held.pop(key)
                instead = self._substitute(key)
                if instead is not None:
                    return instead
                self._changed.wait(_AWAKE_S)

    def wake(self) -> None:
        """Have the substitute asked again by all who wait."""
        with self._changed:
            self._changed.notify_all()

    def close(self, substitute: Callable[[Key], T]) -> None:
        """Let nobody wait any longer: who comes for a missing result gets ``substitute(key)``."""
        with self._changed:
            self._substitute = substitute
            self._changed.notify_all()
