"""The lines in which a driver tells what a program gave. Runs inside the sandbox, as `driver` does and says."""

from __future__ import annotations

import builtins
import contextlib
import os
import sys
import time
import traceback

from pytest_llmbench.plain_values import DEPTH, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Channel(Protocol):
        """What a cell gives to a driver."""

        def read_line(self) -> bytes | None:
            """Return the caller's next line, None at the end."""
            ...

        def write(self, data: bytes) -> None:
            """Write all of `data` to the caller."""
            ...


globals()["__builtins__"] = dict(vars(builtins))  # a program may replace those it shares

PROGRAM = "solution.py"
"""What tracebacks call the program."""
SINGLE = 128
"""Results that leave one by one."""
MESSAGE = 500
"""Characters kept of an exception's message."""
CALL_DEPTH = DEPTH + 8
"""Containers that may stand inside each other in the arguments of a call: more than in any result passed on."""
ENDINGS = (SystemExit, KeyboardInterrupt, GeneratorExit)
"""What a program raises to end itself."""
_MOMENT_S = 0.001
_FULL = 1 << 16

_clock = time.perf_counter
_format_exception = traceback.format_exception
_mro = type.__dict__["__mro__"].__get__
_KNOWN = {id(kind): kind.__name__ for kind in vars(builtins).values() if isinstance(kind, type)}


def result_line(mark: str, content: Any) -> bytes:
    """Return the line of `mark` with plain `content`."""
    return (mark + encode(content)).encode("ascii")


class Results:
    """Result lines on their way out.

    The first ones leave one by one: most programs that die do so early, and it must be told in which call. Later
    ones leave before a call when they have waited for more than a moment, so that each can be timed from outside.
    """

    def __init__(self, channel: Channel) -> None:
        self._write = channel.write
        self._stdout = sys.stdout
        self._waiting: list[bytes] = []
        self._size = 0
        self._count = 0
        self._left = _clock()

    def add(self, line: bytes) -> None:
        """Take a line that may wait."""
        self._waiting.append(line)
        self._size += len(line)
        self._count += 1

    def settle(self) -> None:
        """Send what has waited long enough; to be called before each call."""
        if self._count < SINGLE or self._size > _FULL or _clock() - self._left > _MOMENT_S:
            self.flush()

    def flush(self) -> None:
        """Send what waits, and what the program has printed."""
        with contextlib.suppress(OSError, ValueError):  # closed by the program
            self._stdout.flush()
        if not self._waiting:
            return
        self._waiting.append(b"")
        self._write(b"\n".join(self._waiting))
        self._waiting = []
        self._size = 0
        self._left = _clock()

    def say(self, line: bytes) -> None:
        """Send a line at once."""
        self.add(line)
        self.flush()


def raised(error: BaseException) -> bytes:
    """Word an exception of the program's as a result line; the traceback goes to stderr."""
    if isinstance(error, ENDINGS):
        status = getattr(error, "code", 1)
        return result_line("~", [0 if status is None else status & 0xFF if type(status) is int else 1])
    try:
        text = "".join(_format_exception(type(error), error, error.__traceback__, limit=-20))
        os.write(2, text[-8000:].encode("utf-8", "backslashreplace"))
    except BaseException:  # noqa: BLE001, S110 - a hostile __str__, or nothing to write to: it is but an extra
        pass
    return result_line("!", [*told(error, PROGRAM), base_of(type(error))])


def told(error: BaseException, filename: str) -> list[Any]:
    """Return the exception's type, message and line in `filename`."""
    try:
        message = str(error)[:MESSAGE]
    except BaseException:  # noqa: BLE001 - a hostile __str__
        message = ""
    return [str(type(error).__name__)[:100], message, line_of(error, filename)]


def base_of(kind: type) -> str:
    """Return the name of the first builtin class that a type of exceptions is or comes from."""
    return next(_KNOWN[id(base)] for base in _mro(kind) if id(base) in _KNOWN)


def line_of(error: BaseException, filename: str) -> int:
    """Return the 1-based line of `filename` that was reached last, 0 where it was not in it."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == filename:
            line = step.tb_lineno
        step = step.tb_next
    if not line and isinstance(error, SyntaxError) and type(error.lineno) is int:
        return max(error.lineno, 0)
    return line
