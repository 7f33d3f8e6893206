"""Leads one program inside a sandbox. Trusted, but it shares its process with the program: it judges nothing.

Runs there with the standard library of Python 3.8, and keeps the builtins it found: a program may patch what it
likes. A program may forge every line written here; all it wins is the choice of the values it returns.

The caller's first line is a job (JSON), its `mode` one of:

``calls``   one more line: encoded lists of arguments, with tabs between; one result line comes back for each.
``serve``   each further line is an encoded ``(args, kwargs)``, answered by one result line; an empty one ends it.
``tests``   the tester: runs trusted `tests` in which the entry point's calls go to the caller.
``beside``  runs `tests` in a copy of the program's own namespace, for arguments that cannot leave the process.

First comes ``+`` (the job was read), then ``+`` (the program was run, its entry point is there) or a result line.
The first byte of a result line: ``=`` encoded value, ``#`` digest of a value, ``!`` exception [type, message, line],
``?`` a value that is not plain, with why, ``~`` the program ended itself [status], ``-`` no entry point [names].
Of the tester: ``C`` call, ``P`` a test passed, ``F`` a test failed [type, message, line of the test's text], ``A``
arguments that cannot be sent, ``S`` the set-up failed [like F], ``D`` done (with the token, in mode ``beside``).
"""

from __future__ import annotations

import builtins
import contextlib
import json
import linecache
import os
import sys
import time
import traceback
import types

from pytest_llmbench.plain_values import NotPlain, TooLarge, decode, digest, encode, has_opaque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    class Channel(Protocol):
        """What a cell gives to a driver."""

        def read_line(self) -> bytes | None:
            """Return the caller's next line, None at the end."""
            ...

        def write(self, data: bytes) -> None:
            """Write all of `data` to the caller."""
            ...


_BUILTINS = vars(builtins)
globals()["__builtins__"] = dict(_BUILTINS)  # a program may replace those it shares

PROGRAM = "solution.py"
SETUP = "setup.py"
SINGLE = 128
_MOMENT_S = 0.001
_FULL = 1 << 16
_MESSAGE = 500
_ENDINGS = (SystemExit, KeyboardInterrupt, GeneratorExit)

_clock = time.perf_counter
_format_exception = traceback.format_exception


def main(channel: Channel) -> None:
    """Do the one job that the caller's first line says."""
    job = json.loads(channel.read_line() or b"{}")
    {"calls": _calls, "serve": _serve, "tests": _tests, "beside": _beside}[job["mode"]](channel, job)


def _line(mark: str, content: Any) -> bytes:
    return (mark + encode(content)).encode("ascii")


def _execute(text: str, filename: str, namespace: dict[str, Any]) -> None:
    exec(compile(text, filename, "exec", dont_inherit=True), namespace)  # noqa: S102 - that is the task


class _Results:
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
        self._waiting.append(line)
        self._size += len(line)
        self._count += 1

    def settle(self) -> None:
        if self._count < SINGLE or self._size > _FULL or _clock() - self._left > _MOMENT_S:
            self.flush()

    def flush(self) -> None:
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
        self.add(line)
        self.flush()


def _calls(channel: Channel, job: Mapping[str, Any]) -> None:
    lines = (channel.read_line() or b"").split(b"\t")
    results = _Results(channel)
    loaded = _load(job, results)
    if loaded is None:
        return
    entry, digests = loaded[0], frozenset(job["digests"])
    shorten = _shortener(job["limit"])
    for index, line in enumerate(lines):
        args = decode(line.decode("ascii"))
        results.settle()
        result = _called(entry, args, {}, _digested if index in digests else shorten)
        results.add(result)
        if result[:1] not in b"=#":
            break
    results.flush()


def _serve(channel: Channel, job: Mapping[str, Any]) -> None:
    results = _Results(channel)
    loaded = _load(job, results)
    write = _writer(job["limit"])
    while loaded is not None:
        line = channel.read_line()
        if not line:
            break
        args, kwargs = decode(line.decode("ascii"))
        result = _called(loaded[0], args, kwargs, write)
        results.say(result)
        if result[:1] == b"~":
            break


def _load(job: Mapping[str, Any], results: _Results) -> tuple[Callable[..., Any], dict[str, Any]] | None:
    """Run the program, then the set-up, in a fresh module; return entry point and namespace, or say what is wrong."""
    results.say(b"+")
    module = types.ModuleType("solution")
    module.__dict__["__builtins__"] = _BUILTINS
    sys.modules["solution"] = module
    program = job["program"]
    linecache.cache[PROGRAM] = (len(program), None, program.splitlines(True), PROGRAM)
    try:
        _execute(program, PROGRAM, module.__dict__)
        _execute(job["setup"], SETUP, module.__dict__)
        names = [name for name, value in module.__dict__.items() if type(name) is str and callable(value)]
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its result
        results.say(_raised(error))
        return None
    if job["entry"] not in module.__dict__:
        results.say(_line("-", [name for name in names if name[:1] != "_"][-50:]))
        return None
    results.say(b"+")
    return module.__dict__[job["entry"]], module.__dict__


def _called(entry: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], reduce: Callable[[Any], bytes]) -> bytes:
    """Call and reduce to data at once, before the program can change what it returned."""
    try:
        return reduce(entry(*args, **kwargs))
    except NotPlain as error:
        return _line("?", str(error)[:_MESSAGE])
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its result
        return _raised(error)


def _digested(value: Any) -> bytes:
    return b"#" + digest(value).encode("ascii")


def _writer(limit: int) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        return b"=" + encode(value, limit=limit).encode("ascii")

    return write


def _shortener(limit: int) -> Callable[[Any], bytes]:
    def shorten(value: Any) -> bytes:
        try:
            return b"=" + encode(value, limit=limit).encode("ascii")
        except TooLarge:
            return b"#" + digest(value).encode("ascii")

    return shorten


def _raised(error: BaseException) -> bytes:
    """Word an exception of the program's as a result line; the traceback goes to stderr."""
    if isinstance(error, _ENDINGS):
        status = getattr(error, "code", 1)
        return _line("~", [0 if status is None else status & 0xFF if type(status) is int else 1])
    try:
        text = "".join(_format_exception(type(error), error, error.__traceback__, limit=-20))
        os.write(2, text[-8000:].encode("utf-8", "backslashreplace"))
    except BaseException:  # noqa: BLE001, S110 - a hostile __str__, or nothing to write to: it is but an extra
        pass
    return _line("!", _told(error, PROGRAM))


def _told(error: BaseException, filename: str) -> list[Any]:
    """Return the exception's type, message and line in `filename`."""
    try:
        message = str(error)[:_MESSAGE]
    except BaseException:  # noqa: BLE001 - a hostile __str__
        message = ""
    return [str(type(error).__name__)[:100], message, _line_of(error, filename)]


def _line_of(error: BaseException, filename: str) -> int:
    """Return the 1-based line of `filename` that was reached last, 0 where it was not in it."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == filename:
            line = step.tb_lineno
        step = step.tb_next
    if not line and isinstance(error, SyntaxError) and type(error.lineno) is int:
        return error.lineno
    return line


class _Unsendable(BaseException):
    """Arguments that cannot leave the process. No Exception: tests that catch those must not swallow it."""


class _Over(BaseException):
    """The caller is gone."""


def _tests(channel: Channel, job: Mapping[str, Any]) -> None:
    channel.write(b"+\n")
    namespace: dict[str, Any] = {"__name__": "tests", "__builtins__": _BUILTINS}
    try:
        for text in job["setup"]:
            _execute(text, SETUP, namespace)
    except Exception as error:  # noqa: BLE001 - it may need what only a program has
        channel.write(_line("S", _told(error, SETUP)) + b"\n")
        return
    namespace[job["entry"]] = _proxy(channel, job["limit"])
    if _run_tests(channel, job["tests"], namespace):
        channel.write(b"D\n")


def _proxy(channel: Channel, limit: int) -> Callable[..., Any]:
    """Return a function whose calls are made by the program in the other process."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            text = encode((args, kwargs), limit=limit)
        except NotPlain as error:
            raise _Unsendable(str(error)) from None
        if has_opaque(text):
            raise _Unsendable("an object")
        channel.write(b"C" + text.encode("ascii") + b"\n")
        line = channel.read_line()
        if line is None:
            raise _Over
        if line[:1] == b"!":
            raise _revived(line[1:])
        return decode(line[1:].decode("ascii"))

    return call


def _revived(line: bytes) -> Any:
    """Return an exception like the one the program raised: the builtin one of that name, else a new type."""
    kind, message = json.loads(line)[:2]
    known: Any = getattr(builtins, kind, None)
    made: Any = type(kind, (Exception,), {})
    wanted = known if isinstance(known, type) and issubclass(known, Exception) else made
    try:
        return wanted(message)
    except TypeError:  # UnicodeDecodeError and its like want more than a message
        return made(message)


def _run_tests(channel: Channel, tests: list[str], namespace: dict[str, Any]) -> bool:
    for index, text in enumerate(tests):
        name = f"<test {index}>"
        try:
            _execute(text, name, namespace)
        except _Unsendable as error:
            channel.write(_line("A", str(error)[:_MESSAGE]) + b"\n")
            return False
        except _Over:
            return False
        except _ENDINGS as error:
            channel.write(_raised(error) + b"\n")
            return False
        except BaseException as error:  # noqa: BLE001 - a failed test, by whatever it raised
            channel.write(_line("F", _told(error, name)) + b"\n")
            return False
        channel.write(b"P\n")
    return True


def _beside(channel: Channel, job: Mapping[str, Any]) -> None:
    """Run the tests where the program is: its results reduced to plain values, a token told only after its import."""
    loaded = _load(job, _Results(channel))
    line = channel.read_line()
    if loaded is None or line is None:
        return
    entry, namespace = loaded[0], dict(loaded[1])
    tests, token = decode(line.decode("ascii"))

    def reduced(*args: Any, **kwargs: Any) -> Any:
        return decode(encode(entry(*args, **kwargs), limit=job["limit"]))

    namespace[job["entry"]] = reduced
    if _run_tests(channel, tests, namespace):
        channel.write(b"D" + token.encode("ascii") + b"\n")
