"""One program under way, as PID 1 sees it: pipes whose bytes are carried between it and the owner.

Sent into the sandbox (standard library of Python 3.8).
"""

from __future__ import annotations

import os
import select
import time
from typing import Any

from pytest_llmbench.sandboxes import cell_link as wire
from pytest_llmbench.sandboxes.cell_keeper import Keeper


class Program:
    """Our ends of a program's pipes; `life` tells when it is over."""

    def __init__(self, order: dict[str, Any], keeper: Keeper, output_bytes: int) -> None:
        self.order = order
        self.keeper = keeper
        self.life = keeper.socket.fileno()
        self.outputs: dict[int, bytes] = {}
        self.left = {wire.STDOUT: output_bytes, wire.STDERR: output_bytes}
        self.truncated = False
        self.silent_since = 0.0
        self.poll = select.poll()
        self.waiting_to_feed = False
        self.started = time.monotonic()
        self._start()

    def _start(self) -> None:
        job, self.job = os.pipe()
        inside = [job]
        for kind in (wire.STDOUT, wire.STDERR, wire.LINES)[: 3 if self.order["driver"] else 2]:
            outer, inner = os.pipe()
            self.outputs[outer] = kind
            inside.append(inner)
        self.keeper.start(self.order, inside)
        for fd in inside:
            os.close(fd)
        os.set_blocking(self.job, False)
        for fd in (self.life, *self.outputs):
            self.poll.register(fd, select.POLLIN)

    def feed(self, link: wire.Link) -> int:
        """Hand on input and return how much has left the ring; a program that is gone loses it."""
        before = link.ring.filled
        try:
            while link.ring.filled and self.job >= 0:
                link.ring.drop(os.writev(self.job, link.ring.contents()))
        except BlockingIOError:
            self._await_feeding(wanted=True)
            return before - link.ring.filled
        except BrokenPipeError:
            self._close_job()
        if self.job < 0:
            link.ring.drop(link.ring.filled)
        self._await_feeding(wanted=False)
        if link.input_ended:
            self._close_job()
        return before - link.ring.filled

    def _await_feeding(self, *, wanted: bool) -> None:
        if wanted != self.waiting_to_feed:
            self.waiting_to_feed = wanted
            if wanted:
                self.poll.register(self.job, select.POLLOUT)
            elif self.job >= 0:
                self.poll.unregister(self.job)

    def _close_job(self) -> None:
        if self.job >= 0:
            self._await_feeding(wanted=False)
            os.close(self.job)
            self.job = -1

    def carry(self, link: wire.Link, fd: int) -> bool:
        """Pass on one piece of output, or drop it where enough was kept; returns whether there was any."""
        kind = self.outputs[fd]
        count = link.read(fd)
        if not count:
            self._output_ended(fd)
            return False
        kept = min(count, self.left.get(kind, count))
        if kind in self.left:
            self.left[kind] -= kept
            self.truncated = self.truncated or kept < count
        if kept:
            link.pass_on(kind, kept)
        return True

    def _output_ended(self, fd: int) -> None:
        self.poll.unregister(fd)
        os.close(fd)
        if self.outputs.pop(fd) == wire.LINES:
            self.silent_since = time.monotonic()

    def drain(self, link: wire.Link) -> None:
        """Pass on what is still in the pipes, now that nobody can write any more.

        A writing end may live on in a message between sockets of the dead, so the end is not waited for.
        """
        for fd in list(self.outputs):
            os.set_blocking(fd, False)
            try:
                while self.carry(link, fd):
                    pass
            except BlockingIOError:
                self._output_ended(fd)
        self._close_job()
