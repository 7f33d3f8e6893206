"""A sandbox without walls, for our own harmless programs: each conversation is a Python process of its own."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_llmbench.contracts import Conversation, Driver
from pytest_llmbench.records import Ended, ExecResult

_CELL = """
import fcntl, os, sys
class Channel:
    def __init__(self):
        pipes = [fcntl.fcntl(int(word), fcntl.F_DUPFD, 5) for word in sys.argv[2:]]
        os.dup2(pipes[0], 3)  # as in a cell
        os.dup2(pipes[1], 4)
        os.closerange(5, 50)
        self.source, self.sink = os.fdopen(3, "rb"), 4
    def read_line(self):
        line = self.source.readline()
        return line[:-1] if line.endswith(b"\\n") else None
    def write(self, data):
        while data:
            data = data[os.write(self.sink, data):]
space = {"__name__": "driver"}
exec(compile(open(sys.argv[1]).read(), "driver", "exec"), space)
space["main"](Channel())
"""


class _Talk:
    def __init__(self, process: subprocess.Popen[bytes], sink: int, source: int, files: Sequence[Path]) -> None:
        self._process, self._sink, self._source, self._files = process, sink, source, files
        self._buffer = b""
        self._result: ExecResult | None = None
        self._since = time.monotonic()

    def say(self, line: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            data = memoryview(line + b"\n")
            while data:
                data = data[os.write(self._sink, data) :]

    def hear(self, *, time_s: float, limit: int = 1 << 22) -> bytes:
        until = time.monotonic() + time_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._source, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if len(self._buffer) > limit:
                    raise OverflowError
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimeoutError
                piece = os.read(self._source, 1 << 16)
                if not piece:
                    raise EOFError
                self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def end(self) -> ExecResult:
        if self._result is None:
            self._result = self._ended()
        return self._result

    def _ended(self) -> ExecResult:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.1)
        status = self._process.poll()
        self._process.kill()
        self._process.wait()
        ended = Ended.CLOSED if status is None else Ended.SIGNALLED if status < 0 else Ended.EXITED
        return ExecResult(
            ended=ended,
            exit_code=status if ended is Ended.EXITED else None,
            signal=-status if status is not None and status < 0 else 0,
            stdout=self._files[0].read_bytes(),
            stderr=self._files[1].read_bytes(),
            wall_s=time.monotonic() - self._since,
        )


class Unboxed:
    """Fits `contracts.Sandbox`; `crowded` is what `turn` tells."""

    name = "unboxed"

    def __init__(self) -> None:
        self.crowded = False
        self.turns: list[bool] = []
        self.conversations = 0

    def describe(self) -> Mapping[str, str]:
        """See `Sandbox`."""
        return {"sandbox": self.name, "python": sys.version}

    def run(self, *args: object, **kwargs: object) -> ExecResult:
        """See `Sandbox`."""
        raise AssertionError("a code check only converses")

    @contextlib.contextmanager
    def converse(self, driver: Driver, *, time_s: float | None = None) -> Iterator[Conversation]:
        """See `Sandbox`; no limit but those of `hear`."""
        self.conversations += 1
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            (place / "driver.py").write_text(driver.source)
            files = (place / "stdout", place / "stderr")
            job, sink = os.pipe()
            source, results = os.pipe()
            with files[0].open("wb") as stdout, files[1].open("wb") as stderr:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-c", _CELL, str(place / "driver.py"), str(job), str(results)],
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    pass_fds=(job, results),
                )
            os.close(job)
            os.close(results)
            talk = _Talk(process, sink, source, files)
            try:
                yield talk
            finally:
                talk.end()
                os.close(sink)
                os.close(source)

    @contextlib.contextmanager
    def turn(self, *, alone: bool = False) -> Iterator[bool]:
        """See `Sandbox`."""
        self.turns.append(alone)
        yield self.crowded

    def close(self) -> None:
        """Nothing stays."""
