"""What callers see of one program in a sandbox: the conversation with a driver, the result of a command."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from pytest_llmbench.errors import SandboxFailed
from pytest_llmbench.records import Ended, ExecResult
from pytest_llmbench.sandboxes.cell import CellDied, Run
from pytest_llmbench.sandboxes.launcher import OUT_OF_MEMORY, file_limit
from pytest_llmbench.settings import SandboxSettings

KILL_S = 1.0
"""How long a sandbox may take to end a program before it is thrown away."""

PAGE_BYTES = 4096


class Talk:
    """A `Conversation` with a driver that runs in a cell."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._late = False
        self._seen = 0
        self._result: ExecResult | None = None

    def say(self, line: bytes) -> None:
        """See `Conversation`; raises SandboxFailed where the sandbox is gone and the program did not take it along."""
        if b"\n" in line:
            raise ValueError("a line to a driver holds no newline")
        try:
            self._run.give(line + b"\n")
        except CellDied as error:
            self._result = _buried(self._run, error)

    def hear(self, *, time_s: float, limit: int = 1 << 22) -> bytes:
        """See `Conversation`."""
        end = min(time.monotonic() + time_s, self._run.deadline)
        while (line := self._line(limit)) is None:
            if self._run.finished is not None or self._run.silent or self._result is not None:
                raise self._no_line()
            try:
                self._run.step(max(0.0, end - time.monotonic()))
            except TimeoutError:
                self._late = True
                raise
            except CellDied as error:
                raise self._death(error) from None
        return line

    def _line(self, limit: int) -> bytes | None:
        lines = self._run.lines
        end = lines.find(b"\n", self._seen, limit + 1)
        if end < 0:
            self._seen = min(len(lines), limit)
            if len(lines) > limit:
                raise OverflowError(f"the driver's line is longer than {limit} bytes")
            return None
        line = bytes(memoryview(lines)[:end])
        del lines[: end + 1]
        self._seen = 0
        return line

    def _no_line(self) -> Exception:
        if self._run.finished is not None and self._run.finished["cause"] == "time":
            return TimeoutError("the program was out of time")
        return EOFError("the driver is gone")

    def _death(self, error: CellDied) -> EOFError:
        self._result = _buried(self._run, error)
        return EOFError("the driver is gone")

    def end(self) -> ExecResult:
        """See `Conversation`."""
        if self._result is None:
            self._result = ending(self._run, late=self._late)
        return self._result


def failure(error: CellDied) -> SandboxFailed:
    """Return what the trial is told."""
    return SandboxFailed(f"the sandbox broke while a program ran in it: {error}")


def result(run: Run, order: bytes, stdin: bytes) -> ExecResult:
    """Give a command its order and input, wait for its end and return what became of it. Raises `SandboxFailed`."""
    try:
        run.give(order)
        run.give(stdin, last=True)
        while run.finished is None:
            run.step(max(0.0, run.deadline - time.monotonic()))
    except TimeoutError:
        return ending(run, late=True)
    except CellDied as error:
        return _buried(run, error)
    return ending(run, late=False)


def ending(run: Run, *, late: bool) -> ExecResult:
    """Kill what still runs and return what became of it. Raises `SandboxFailed`."""
    try:
        run.kill(KILL_S)
    except CellDied as error:
        return _buried(run, error)
    if run.finished is None:
        return _shot(run, Ended.TIMED_OUT if late else Ended.CLOSED)
    return _result(run, run.finished, late=late)


def _buried(run: Run, error: CellDied) -> ExecResult:
    """Return the result of a program that took its sandbox with it; where it is none of its doing, SandboxFailed."""
    if str(error).startswith(OUT_OF_MEMORY):
        return _shot(run, Ended.OUT_OF_MEMORY)
    raise failure(error) from None


def _shot(run: Run, ended: Ended) -> ExecResult:
    """Return the result of a program whose sandbox can say nothing of it any more."""
    return ExecResult(ended=ended, stdout=bytes(run.stdout), stderr=bytes(run.stderr), wall_s=run.wall_s())


def _result(run: Run, finished: Mapping[str, Any], *, late: bool) -> ExecResult:
    ended, exit_code, signal_ = _how(finished["status"], finished["cause"], late=late)
    return ExecResult(
        ended=ended,
        exit_code=exit_code,
        signal=signal_,
        stdout=bytes(run.stdout),
        stderr=bytes(run.stderr),
        truncated=finished["truncated"],
        wall_s=finished["wall_s"],
        cpu_s=finished["cpu_s"],
        memory_bytes=finished["memory_bytes"],
    )


def _how(status: int | None, cause: str, *, late: bool) -> tuple[Ended, int | None, int]:
    """Return how a program ended, from its wait status (None: it was killed first) and why PID 1 killed it."""
    if cause == "memory":
        return Ended.OUT_OF_MEMORY, None, 0
    if status is not None:
        if os.WIFEXITED(status):
            return Ended.EXITED, os.WEXITSTATUS(status), 0
        ended = Ended.TIMED_OUT if os.WTERMSIG(status) == signal.SIGXCPU else Ended.SIGNALLED
        return ended, None, os.WTERMSIG(status)
    if cause == "time":
        return Ended.TIMED_OUT, None, 0
    if cause == "owner":
        return (Ended.TIMED_OUT if late else Ended.CLOSED), None, 0
    return Ended.SIGNALLED, None, int(signal.SIGKILL)


def job(command: Sequence[str], files: Mapping[str, bytes], settings: SandboxSettings) -> bytes:
    """Return what PID 1's side reads before it becomes `command`: its length, names and sizes, the contents.

    Raises ValueError for names that lead out of the folder and for more than fits into it.
    """
    if not command or not all(isinstance(word, str) and "\0" not in word for word in command):
        raise ValueError("a command is at least one word, and no word holds a zero byte")
    entries = sum(_check_name(name) for name in files)
    needed = sum(-(-len(content) // PAGE_BYTES) * PAGE_BYTES for content in files.values())
    if needed > settings.disk_bytes or entries > file_limit(settings) // 2:
        raise ValueError(
            f"{len(files)} files of {needed} bytes do not fit a sandbox of {settings.disk_bytes}: raise disk_bytes "
            "in the sandbox: block of llmbench.yaml"
        )
    names = [(name, len(content)) for name, content in files.items()]
    head = json.dumps({"command": list(command), "files": names}).encode()
    return len(head).to_bytes(4, "big") + head + b"".join(files.values())


def _check_name(name: str) -> int:
    """Return how many entries the name makes at most."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or name.endswith("/") or "\0" in name:
        raise ValueError(f"{name!r} is no name of a file below the sandbox's folder")
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:
        raise ValueError(f"{name!r} cannot be the name of a file: it holds a lone surrogate") from None
    if len(raw) > 1024 or any(len(os.fsencode(part)) > 255 for part in parts):
        raise ValueError(f"{name[:60]!r}... is too long for the name of a file")
    return len(parts)
