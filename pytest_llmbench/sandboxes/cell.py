"""One running sandbox, seen from outside: the owner's end of the connection to its PID 1."""

from __future__ import annotations

import functools
import json
import math
import time
from collections import deque
from pathlib import Path
from typing import Any

from pytest_llmbench.contracts import Driver
from pytest_llmbench.errors import SandboxFailed
from pytest_llmbench.sandboxes import cell_link as wire
from pytest_llmbench.sandboxes.launcher import Stream, file_limit
from pytest_llmbench.sandboxes.syscall_filter import filters
from pytest_llmbench.settings import SandboxSettings

GREETING_S = 60.0
"""How long a sandbox may take to start, on a machine that is very busy."""

START_S = 10.0
"""How long a sandbox that has greeted may take to start a program."""

GRACE_S = 0.5
"""How much later than its owner PID 1 ends a program that is out of time."""

_PACKAGE = __name__.rpartition(".")[0]
_PARTS = ("cell_link", "cell_traces", "cell_inmate", "cell_keeper", "cell_relay", "cell_program")


class CellDied(Exception):
    """The sandbox is gone, or no longer does what it is told."""


@functools.cache
def source() -> str:
    """Return the whole program that runs as PID 1, as one text for ``python3 -c``."""
    folder = Path(__file__).parent
    parts = [(name, (folder / f"{name}.py").read_text(encoding="utf-8")) for name in _PARTS]
    return f"""
import sys, types
package = sys.modules[{_PACKAGE!r}] = types.ModuleType({_PACKAGE!r})
for name, text in {parts!r}:
    module = sys.modules[{_PACKAGE!r} + "." + name] = types.ModuleType(name)
    setattr(package, name, module)
    exec(compile(text, "<" + name + ">", "exec"), module.__dict__)
module.main()
"""


class Cell:
    """A sandbox and its PID 1. Used by one thread at a time; raises `CellDied` from every method.

    `fit` says whether another program may run in it, `fresh` whether it was started for the one it runs now.
    """

    def __init__(self, stream: Stream, settings: SandboxSettings) -> None:
        self.stream = stream
        self.settings = settings
        self.fit = True
        self.fresh = True
        self.facts: dict[str, Any] = {}
        self._arrived = bytearray()
        self._loaded: set[str] = set()

    def greet(self) -> None:
        """Wait until PID 1 is there and tell it the limits."""
        _, greeting = self.await_frame(wire.HELLO, GREETING_S)
        self.facts = json.loads(greeting)
        settings = self.settings
        self.send(
            wire.SETTINGS,
            {
                "memory_bytes": settings.memory_bytes,
                "cores": max(1, math.ceil(settings.cpus)),
                "pids": settings.pids,
                "open_files": settings.open_files,
                "disk_bytes": settings.disk_bytes,
                "files": file_limit(settings),
                "output_bytes": settings.output_bytes,
                "network": settings.network,
                "filters": filters(),
            },
        )

    def load(self, driver: Driver) -> str:
        """Have PID 1 import `driver` unless it has, and return its name there; raises SandboxFailed where it cannot."""
        name = f"{driver.name}_{abs(hash(driver.source)):x}"
        if name not in self._loaded:
            self.send(wire.LOAD, {"name": name, "source": driver.source})
            _, answer = self.await_frame(wire.LOADED, START_S)
            if trouble := json.loads(answer):
                raise SandboxFailed(f"the driver {driver.name} cannot be imported: {trouble}")
            self._loaded.add(name)
        return name

    def start(self, driver: str, time_s: float) -> None:
        """Start a program: `driver`'s main, or with "" the command that follows as input."""
        self.send(wire.START, {"driver": driver, "time_s": time_s + GRACE_S})
        self.await_frame(wire.STARTED, START_S)

    def send(self, kind: bytes, content: Any = None) -> None:
        """Send a frame of JSON."""
        self.send_bytes(kind, b"" if content is None else json.dumps(content).encode())

    def send_bytes(self, kind: bytes, payload: bytes | memoryview) -> None:
        """Send a frame as it is."""
        try:
            self.stream.write(wire.HEADER.pack(kind, len(payload)) + payload)
        except BrokenPipeError:
            raise self._death() from None

    def frame(self, time_s: float) -> tuple[bytes, bytes]:
        """Return letter and payload of the next frame; TimeoutError when it is not there after `time_s` seconds."""
        end = time.monotonic() + time_s
        while (found := self._take_frame()) is None:
            piece = self.stream.read(max(0.0, end - time.monotonic()))
            if not piece:
                raise self._death()
            self._arrived += piece
        return found

    def _take_frame(self) -> tuple[bytes, bytes] | None:
        if len(self._arrived) < wire.HEADER.size:
            return None
        kind, size = wire.HEADER.unpack_from(self._arrived)
        end = wire.HEADER.size + size
        if size > wire.CHUNK:
            raise self._death("it no longer speaks the protocol")
        if len(self._arrived) < end:
            return None
        payload = bytes(memoryview(self._arrived)[wire.HEADER.size : end])
        del self._arrived[:end]
        return kind, payload

    def await_frame(self, kind: bytes, time_s: float) -> tuple[bytes, bytes]:
        """Return the next frame, which must be of this `kind`."""
        try:
            found, payload = self.frame(time_s)
        except TimeoutError:
            raise self._death(f"it did not answer within {time_s:g} s") from None
        if found != kind:
            raise self._death("it no longer speaks the protocol")
        return found, payload

    def _death(self, cause: str = "") -> CellDied:
        self.fit = False
        return CellDied(self.stream.obituary() or cause or "it has ended without a word")


class Run:
    """One program in a cell, from its start to its end."""

    def __init__(self, cell: Cell, *, driver: str, time_s: float) -> None:
        self.cell = cell
        self.started = time.monotonic()
        self.deadline = self.started + time_s
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.lines = bytearray()
        self.ending = False
        self.silent = False
        self.finished: dict[str, Any] | None = None
        self._credit = wire.WINDOW
        self._outbox: deque[memoryview] = deque()
        self._last = False
        cell.start(driver, time_s)

    def give(self, data: bytes, *, last: bool = False) -> None:
        """Send input, now or as soon as the program takes it; `last` ends it. Never waits for the program."""
        self._last = self._last or last
        if data:
            self._outbox.append(memoryview(data))
        self._flush()

    def _flush(self) -> None:
        while self._outbox and self._credit and self.finished is None:
            first = self._outbox[0]
            step = min(len(first), self._credit, wire.CHUNK)
            self.cell.send_bytes(wire.INPUT, first[:step])
            self._credit -= step
            if step < len(first):
                self._outbox[0] = first[step:]
            else:
                self._outbox.popleft()
        if self._last and not self._outbox and self.finished is None:
            self._last = False
            self.cell.send(wire.INPUT_END)

    def step(self, time_s: float) -> None:
        """Take in one frame; TimeoutError when none came within `time_s` seconds."""
        kind, payload = self.cell.frame(time_s)
        if kind == wire.LINES:
            if not self.ending:
                self.lines += payload
        elif kind == wire.STDOUT:
            self.stdout += payload
        elif kind == wire.STDERR:
            self.stderr += payload
        elif kind == wire.CREDIT:
            self._credit += json.loads(payload)
            self._flush()
        elif kind == wire.SILENT:
            self.silent = True
        elif kind == wire.FINISHED:
            self.finished = json.loads(payload)
            self.cell.fit = self.cell.fit and bool(self.finished["clean"])
        else:
            raise CellDied("it no longer speaks the protocol")

    def kill(self, time_s: float) -> None:
        """End the program; a sandbox that has not said so within `time_s` seconds is not fit for another one."""
        self.ending = True
        self._outbox.clear()
        if self.finished is not None:
            return
        self.cell.send(wire.KILL)
        end = time.monotonic() + time_s
        try:
            while self.finished is None:
                self.step(max(0.0, end - time.monotonic()))
        except TimeoutError:
            self.cell.fit = False

    def wall_s(self) -> float:
        """Return the seconds since its start."""
        return time.monotonic() - self.started
