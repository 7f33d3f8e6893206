"""How many requests to keep in flight, learnt from the server's own queue.

Local servers refuse nothing: what they cannot work on waits in their queue, without a word, and a limit that waits
for refusals never shrinks. So the queue is what is read: a waiting request is one too many, for it is no sooner
answered than if it had stayed here, and its deadline runs.

`Adaptive` decides, one observation at a time, and knows neither clocks nor threads; `Governor` asks and tells.
"""

from __future__ import annotations

import itertools
import math
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_llmbench.records import ServerLoad

CEILING = 256
"""Requests in flight that are never exceeded where the number of slots is unknown."""

POLL_S = 0.5
"""Seconds between two observations."""

PATIENCE = 3
"""Observations in a row with a queue before the limit shrinks: one alone is an arrival seen on its way."""

CALM = 2
"""Observations in a row, all slots of ours taken and nothing waiting, before the limit grows."""

MEASURED = 5
"""The same where the server counts its tokens: so many give four spans of throughput."""

REST = 20
"""Observations before more is tried than the server was seen to work on at once. Each vain trial doubles them."""

REST_LIMIT = 320
"""At most so many."""

KNEE = 1.1
"""What throughput must be multiplied by when the limit doubles, or the doubling was for nothing."""

CACHE_FULL = 0.9
"""Share of the server's cache up to which the limit may grow by what its requests take now."""

_ALLOWANCE = 16
"""One request in so many may always wait, or just be missing: where many come and go, some are on their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One observation. `busy` and `waiting` are the server's, `in_flight` ours."""

    at: float
    in_flight: int
    waiting: int
    busy: int | None
    generated: int | None

    @property
    def foreign(self) -> int:
        """Requests at the server that are not ours."""
        return 0 if self.busy is None else max(0, self.busy + self.waiting - self.in_flight)


class Adaptive:
    """The limit on requests in flight. The same observations lead to the same limits.

    It begins at `start` and stays between `floor` and `ceiling`; a `fixed` one never moves. While requests wait at
    the server for several observations, or it preempts or refuses some, it shrinks to what is worked on.
    While all of ours are worked on and none waits it doubles, until something waits, the cache is nearly full or
    throughput does not rise any more; then it comes back to what was enough, and tries a little more ever more
    seldom. Others who use the server are seen and left their room. Where the server tells nothing of its queue the
    limit stays as it is.
    """

    def __init__(self, start: int, *, floor: int = 1, ceiling: int = CEILING, fixed: bool = False) -> None:
        self._floor, self._ceiling = floor, max(floor, ceiling)
        self._fixed = fixed
        self.limit = start if fixed else self._within(start)
        self._looks: deque[_Look] = deque(maxlen=MEASURED)
        self._seats: int | None = None
        self._before: tuple[int, float] | None = None
        self._rest = 0
        self._vain_rest = REST
        self._preemptions: int | None = None
        self._refusals: int | None = None
        self._tokens: tuple[int | None, int | None] | None = None

    def observe(self, load: ServerLoad | None, *, in_flight: int, at: float) -> int:
        """Take in what the server said at the moment `at` (seconds, any origin) and return the limit from now on."""
        if self._fixed or load is None or load.waiting is None or self._is_old_news(load):
            return self.limit
        preempted, refused = self._has_preempted(load), self._has_refused(load)
        if in_flight > self.limit:  # a smaller limit takes effect as answers come in
            self._looks.clear()
            return self.limit
        self._rest = max(0, self._rest - 1)
        generated = load.generated_tokens if _counts_each_step(load) else None
        look = _Look(at=at, in_flight=in_flight, waiting=load.waiting, busy=load.busy, generated=generated)
        self._looks.append(look)
        if refused:
            self._halve(look)
        elif preempted:
            self._shrink([look], most=self.limit - max(1, self.limit // 8))
        elif self._is_crowded():
            self._shrink(list(self._looks)[-PATIENCE:], most=self.limit - 1)
        elif self._is_full(look):
            self._grow(load.kv_usage)
        return self.limit

    def _is_old_news(self, load: ServerLoad) -> bool:
        """Tell whether vLLM, which writes its page once for each step of its engine, is still in the same step."""
        tokens = (load.prompt_tokens, load.generated_tokens)
        same = _counts_each_step(load) and tokens == self._tokens
        self._tokens = tokens
        return same

    def _has_preempted(self, load: ServerLoad) -> bool:
        before, self._preemptions = self._preemptions, load.preemptions
        return before is not None and load.preemptions is not None and load.preemptions > before

    def _has_refused(self, load: ServerLoad) -> bool:
        before, self._refusals = self._refusals, load.refusals
        return before is not None and load.refusals is not None and load.refusals > before

    def _is_crowded(self) -> bool:
        recent = list(self._looks)[-PATIENCE:]
        return len(recent) == PATIENCE and all(look.waiting > self.limit // _ALLOWANCE for look in recent)

    def _is_full(self, look: _Look) -> bool:
        needed = CALM if look.generated is None else MEASURED
        recent = list(self._looks)[-needed:]
        few = self.limit // _ALLOWANCE
        calm = all(one.in_flight >= self.limit - few and one.waiting <= few for one in recent)
        working = statistics.fmean(self.limit if one.busy is None else one.busy for one in recent)
        return len(recent) == needed and calm and working >= self.limit / 2

    def _shrink(self, looks: Sequence[_Look], *, most: int) -> None:
        """Come down to what is worked on of ours when the others' requests go first."""
        worked_on = [look.busy for look in looks if look.busy is not None]
        if worked_on:
            room = max(worked_on) - min(look.foreign for look in looks)
        else:
            room = max(look.in_flight - look.waiting for look in looks)
        self._seats = max(worked_on, default=max(1, room))
        self._settle(min(room, most))

    def _halve(self, look: _Look) -> None:
        """Come down to what is worked on, by half at most: a refusal comes before the page shows what is."""
        room = max(self.limit // 2, (look.busy or 0) - look.foreign)
        self._seats = room + look.foreign
        self._settle(min(room, self.limit - 1))

    def _settle(self, limit: int) -> None:
        """Go back to `limit`, and rest the longer the more often it was found to be the right one."""
        self._rest, self._vain_rest = self._vain_rest, min(2 * self._vain_rest, REST_LIMIT)
        self._before = None
        self._set(limit)

    def _grow(self, kv_usage: float | None) -> None:
        looks = list(self._looks)
        foreign = statistics.median_low(look.foreign for look in looks)
        rate = _tokens_per_s(looks)
        if self._before is not None and rate is not None:
            limit, earlier = self._before
            if rate < earlier * KNEE ** math.log2(self.limit / limit):
                self._seats = limit + foreign
                self._settle(limit)
                return
        seen = _worked_on(looks, unsaid=self.limit + foreign)
        if self._seats is not None and seen > self._seats:
            self._seats, self._vain_rest = seen, REST
        self._before = None
        wanted = self._wanted(foreign, kv_usage)
        if wanted > self.limit:
            self._before = (self.limit, rate) if rate is not None else None
            self._set(wanted)

    def _wanted(self, foreign: int, kv_usage: float | None) -> int:
        """Return the next limit: the double, but for what is known of the server's seats and cache."""
        room = math.inf if self._seats is None else self._seats - foreign
        if self.limit < room:
            wanted = int(min(2 * self.limit, room))
        else:
            wanted = self.limit if self._rest else self.limit + max(1, self.limit // 8)
        if kv_usage:
            wanted = min(wanted, max(self.limit, int(self.limit * CACHE_FULL / kv_usage)))
        return self._within(wanted)

    def _set(self, limit: int) -> None:
        self.limit = self._within(limit)
        self._looks.clear()

    def _within(self, limit: int) -> int:
        return max(self._floor, min(self._ceiling, limit))


def _worked_on(looks: Sequence[_Look], *, unsaid: int) -> int:
    """Return how many requests the server was seen to work on at once; `unsaid` where it does not say."""
    return max((look.busy for look in looks if look.busy is not None), default=unsaid)


def _counts_each_step(load: ServerLoad) -> bool:
    """Tell whether this is vLLM, whose figures are those of its last step; llama.cpp counts whole answers."""
    return load.preemptions is not None and load.generated_tokens is not None


def _tokens_per_s(looks: Sequence[_Look]) -> float | None:
    """Return what the server generated per second over `looks`; None where it did not do so all the time."""
    counts = [look.generated for look in looks if look.generated is not None]
    if len(counts) < MEASURED or any(later <= sooner for sooner, later in itertools.pairwise(counts)):
        return None
    seconds = looks[-1].at - looks[0].at
    return (counts[-1] - counts[0]) / seconds if seconds > 0 else None


class Governor:
    """Lets an `Adaptive` watch a server from a thread of its own, and tells when its limit changes.

    `load` asks the server (see `contracts.LoadSignal`), `in_flight` counts our requests, `resize` gets each new
    limit; all three are called in that thread.
    """

    def __init__(
        self,
        adaptive: Adaptive,
        *,
        load: Callable[[], ServerLoad | None],
        in_flight: Callable[[], int],
        resize: Callable[[int], object],
        interval_s: float = POLL_S,
    ) -> None:
        self._adaptive = adaptive
        self._load, self._in_flight, self._resize = load, in_flight, resize
        self._interval_s = interval_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="llmbench-governor", daemon=True)
        self.latest: ServerLoad | None = None
        """What the server said last; None where it said nothing then."""

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return self._adaptive.limit

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; a question that is under way is not waited for. Harmless when called twice."""
        self._over.set()

    def _run(self) -> None:
        next_at = time.monotonic()
        while not self._over.wait(max(0.0, next_at - time.monotonic())):
            next_at = time.monotonic() + self._interval_s
            self.latest = self._load()
            if self._over.is_set():
                return
            before = self._adaptive.limit
            limit = self._adaptive.observe(self.latest, in_flight=self._in_flight(), at=time.monotonic())
            if limit != before:
                self._resize(limit)
