"""Servers in miniature, on a clock that only counts: a queue before slots, and a batch whose cache fills."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_llmbench.adapting import POLL_S, Adaptive
from pytest_llmbench.records import ServerLoad

STEP_S = 0.05


@dataclass(slots=True)
class Answer:
    """A request: how many tokens it reads and writes, how many of those are done."""

    reads: int
    writes: int
    ours: bool = True
    done: float = 0.0


@dataclass(slots=True)
class Batch:
    """Continuous batching: `slots` at once, `cache` tokens in all (what does not fit is thrown out again).

    `speed` gives tokens per second of each answer for so many at once. `kind` is what its figures look like.
    """

    slots: int
    speed: Callable[[int], float]
    cache: int = 1 << 40
    kind: str = "llama.cpp"
    running: list[Answer] = field(default_factory=list)
    queue: deque[Answer] = field(default_factory=deque)
    preemptions: int = 0
    read: int = 0
    written: float = 0.0
    counted: int = 0
    busy_s: float = 0.0

    @property
    def used(self) -> float:
        """Tokens in the cache."""
        return sum(one.reads + one.done for one in self.running)

    def admit(self) -> None:
        """Take from the queue what fits."""
        while self.queue and len(self.running) < self.slots and self.used + self.queue[0].reads <= self.cache:
            self.running.append(self.queue.popleft())
            self.read += self.running[-1].reads

    def step(self) -> list[Answer]:
        """Work for `STEP_S` and return what was finished."""
        self.busy_s += STEP_S * len(self.running)
        pace = self.speed(len(self.running)) * STEP_S if self.running else 0.0
        for one in self.running:
            one.done += pace
        self.written += pace * len(self.running)
        finished = [one for one in self.running if one.done >= one.writes]
        self.running = [one for one in self.running if one.done < one.writes]
        self.counted += sum(one.writes for one in finished)
        while self.used > self.cache:
            thrown = self.running.pop()
            thrown.done = 0.0
            self.queue.appendleft(thrown)
            self.preemptions += 1
        return finished

    def load(self) -> ServerLoad:
        """Return its figures as the real one would give them."""
        if self.kind == "llama.cpp":
            return ServerLoad(busy=len(self.running), waiting=len(self.queue), generated_tokens=self.counted)
        return ServerLoad(
            busy=len(self.running),
            waiting=len(self.queue),
            preemptions=self.preemptions,
            prompt_tokens=self.read,
            generated_tokens=int(self.written),
            kv_usage=min(1.0, self.used / self.cache),
        )


@dataclass(slots=True)
class Course:
    """What happened: (seconds, limit) at each poll, and the server's figures at the end."""

    server: Batch
    limits: list[tuple[float, int]] = field(default_factory=list)
    finished: int = 0
    span_s: float = 0.0

    def after(self, begin_s: float) -> list[int]:
        """Return the limits from `begin_s` on."""
        return [limit for at, limit in self.limits if at >= begin_s]

    @property
    def changes(self) -> int:
        """How often the limit moved."""
        return sum(a[1] != b[1] for a, b in zip(self.limits, self.limits[1:], strict=False))

    def busy(self, slots: int) -> float:
        """Return the share of slot seconds in use."""
        return self.server.busy_s / (self.span_s * slots)


def drive(
    server: Batch,
    adaptive: Adaptive,
    *,
    seconds: float,
    answer: Callable[[random.Random], Answer],
    others: Callable[[float], int] = lambda _: 0,
) -> Course:
    """Keep as many requests at `server` as `adaptive` says, and as many of somebody else as `others` says."""
    chance, course = random.Random(5), Course(server)  # noqa: S311 - the same answers each time
    open_ = Counter[bool]()
    next_poll = POLL_S
    for tick in range(int(seconds / STEP_S)):
        at = tick * STEP_S
        for one in server.step():
            course.finished += one.ours
            open_[one.ours] -= 1
        for is_ours, limit in ((True, adaptive.limit), (False, others(at))):
            while open_[is_ours] < limit:
                one = answer(chance)
                one.ours = is_ours
                server.queue.append(one)
                open_[is_ours] += 1
        server.admit()
        if at >= next_poll:
            next_poll += POLL_S
            course.limits.append((at, adaptive.observe(server.load(), in_flight=open_[True], at=at)))
    course.span_s = seconds
    return course
