"""One leg as the controller of xdist runs it: its server, the queue of its trials, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.plugin.channel import Message, Told
from pytest_llmbench.plugin.parties import Preparation
from pytest_llmbench.plugin.ready import Ready
from pytest_llmbench.plugin.unrun import never_ran
from pytest_llmbench.pump import Feeder, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a leg is run from: its name, how often each scenario is asked, its server.

    One that is `judged_first` needs its server until all is judged: flipped scenarios will be asked again.
    """

    name: str
    attempts: int
    server: Preparation
    judged_first: bool = False


class FedLeg:
    """To be used on the broker's loop.

    `stopped` is why nothing more is started, None while something may be; `late` are the node ids of items that ask
    when they start and are not over.
    """

    def __init__(
        self, course: Course, *, launch: Callable[[Key], None], broken: Callable[[FedLeg, Exception], None]
    ) -> None:
        self.name = course.name
        self.attempts = course.attempts
        self.server = course.server
        self.ready: Ready | None = None
        self.stopped: Message | None = None
        self.late: set[str] = set()
        self._judged_first = course.judged_first
        self._planned = False
        self._idle = asyncio.Event()
        self.feeder = Feeder(
            limit=0, launch=launch, probe=course.server.probe, broken=partial(broken, self), idle=self._idle.set
        )

    def open(self, ready: Ready) -> None:
        """Take note that the server is ready."""
        self.ready = ready
        self.feeder.resize(ready.limit)

    def resize(self) -> None:
        """Allow as many trials in flight as the server's queue lets us now."""
        if self.ready is not None:
            self.feeder.resize(self.server.limit or self.ready.limit)

    def plan(self, order: list[int]) -> None:
        """Queue the trials of these items, once."""
        if not self._planned and self.ready is not None:
            self._planned = True
            self.feeder.plan(order, self.attempts)

    def look_again(self) -> None:
        """Let `needless` be asked again: something beside the feeder has changed."""
        self._idle.set()

    async def needless(self, is_settled: Callable[[], bool]) -> None:
        """Wait until nothing needs the server any more, as far as the feeder knows and `is_settled` says."""
        while True:
            await self._idle.wait()
            self._idle.clear()
            judging = self._judged_first and self.feeder.begun and self.stopped is None
            if is_settled() and not self.late and self.feeder.is_idle and not judging:
                return

    def stop(self, stop: Message) -> None:
        """Start nothing more."""
        self.stopped = self.stopped or stop
        self.feeder.close()

    def never(self, told: Told, attempt: int, stop: Message | None) -> Message:
        """Return the result of a trial that the end of the leg, or of the run, overtook."""
        why = stop or self.stopped or {"reason": "cancelled", "text": "the run ended"}
        plain: Message = to_plain(never_ran(told, why["reason"], why["text"], attempt=attempt))
        return plain
