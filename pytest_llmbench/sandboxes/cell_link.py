"""The connection between a sandbox's PID 1 and its owner: frames of one letter, four bytes of length, payload.

Sent into the sandbox (standard library of Python 3.8); the owner's side, `cell.Cell`, takes its letters from here.
Input is bounded by credit: the owner sends at most `WINDOW` bytes that were not confirmed, and PID 1 always takes
them in. Output is bounded by backpressure: while the owner does not read, neither does PID 1.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import struct
from collections import deque
from typing import Any

HEADER = struct.Struct(">cI")
WINDOW = 1 << 18
"""Bytes of input that may be under way."""
CHUNK = 1 << 16
"""Most bytes in one frame of output."""

SETTINGS, LOAD, START, INPUT, INPUT_END, KILL = b"c", b"l", b"s", b"i", b"e", b"k"
"""Frames to PID 1. The first three carry JSON; SETTINGS comes first and once."""

HELLO, LOADED, STARTED, CREDIT, FINISHED = b"H", b"L", b"S", b"A", b"F"
"""Frames from PID 1 that carry JSON, if anything. LOADED: what was wrong with the driver, or ""; CREDIT: bytes."""

LINES, STDOUT, STDERR, SILENT = b"D", b"O", b"R", b"Q"
"""Frames from PID 1 with what the program writes; SILENT: the driver's channel is closed but it lives on."""


class Gone(Exception):
    """The owner has closed the connection: there is nobody left to work for."""


def private_memory(size: int) -> memoryview:
    """Return memory that a forked process does not get: no program finds there what another one was sent."""
    memory = mmap.mmap(-1, size)
    memory.madvise(mmap.MADV_DONTFORK)
    return memoryview(memory)


class Ring:
    """Input on its way to the program: one buffer, used again and again."""

    def __init__(self, size: int) -> None:
        self.memory = private_memory(size)
        self.start = self.filled = 0

    def room(self, most: int) -> list[memoryview]:
        """Return where the next bytes belong, `most` at most, in two pieces."""
        size = len(self.memory)
        end = (self.start + self.filled) % size
        free = min(size - self.filled, most)
        first = min(free, size - end)
        return [self.memory[end : end + first], self.memory[: free - first]]

    def contents(self) -> list[memoryview]:
        """Return the bytes that are there, in two pieces."""
        first = min(self.filled, len(self.memory) - self.start)
        return [self.memory[self.start : self.start + first], self.memory[: self.filled - first]]

    def drop(self, count: int) -> None:
        """Forget the first `count` bytes."""
        self.start = (self.start + count) % len(self.memory)
        self.filled -= count


class Link:
    """PID 1's side. While a frame cannot leave, those that arrive are taken in all the same."""

    def __init__(self, source: int, sink: int) -> None:
        self.source = source
        self.sink = sink
        os.set_blocking(sink, False)
        self.ring = Ring(WINDOW)
        self.frame = private_memory(HEADER.size + CHUNK)
        self.orders: deque[tuple[bytes, Any]] = deque()
        self.input_ended = self.killed = False

    def order(self) -> tuple[bytes, Any]:
        """Wait for the next order and return its letter and contents."""
        while not self.orders:
            self.take()
        return self.orders.popleft()

    def forget(self) -> None:
        """Drop what was meant for a program that is over."""
        self.ring.drop(self.ring.filled)
        self.input_ended = self.killed = False

    def take(self) -> None:
        """Take in one frame; waits for it. Raises `Gone`."""
        kind, size = HEADER.unpack(self._exactly(HEADER.size))
        if kind == INPUT:
            self._take_input(size)
        elif kind == KILL:
            self.killed = True
        elif kind == INPUT_END:
            self.input_ended = True
        else:
            self.orders.append((kind, json.loads(self._exactly(size))))

    def _take_input(self, size: int) -> None:
        while size:
            count = os.readv(self.source, self.ring.room(size))
            if not count:
                raise Gone
            size -= count
            self.ring.filled += count

    def _exactly(self, size: int) -> bytes:
        pieces = []
        while size:
            piece = os.read(self.source, size)
            if not piece:
                raise Gone
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def send(self, kind: bytes, content: Any = None) -> None:
        """Send a frame of our own. Raises `Gone`."""
        payload = b"" if content is None else json.dumps(content).encode()
        self._push(memoryview(HEADER.pack(kind, len(payload)) + payload))

    def read(self, fd: int) -> int:
        """Read from `fd` and return how many bytes, 0 at its end; `pass_on` sends them."""
        return os.readv(fd, [self.frame[HEADER.size :]])

    def pass_on(self, kind: bytes, count: int) -> None:
        """Send the first `count` bytes of what was read last. Raises `Gone`."""
        HEADER.pack_into(self.frame, 0, kind, count)
        self._push(self.frame[: HEADER.size + count])

    def _push(self, view: memoryview) -> None:
        while view:
            try:
                view = view[os.write(self.sink, view) :]
            except BlockingIOError:
                self._await_sink()
            except BrokenPipeError:
                raise Gone from None

    def _await_sink(self) -> None:
        waiting = select.poll()
        waiting.register(self.sink, select.POLLOUT)
        waiting.register(self.source, select.POLLIN)
        if any(fd == self.source for fd, _ in waiting.poll()):
            self.take()
