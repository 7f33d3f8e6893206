"""Leads one program inside a sandbox. Trusted, but it shares its process with the program: it judges nothing.

Runs there with the standard library of Python 3.8, and keeps the builtins it found: a program may patch what it
likes. A program may forge every line written here; all it wins is the choice of the values it returns.

The caller's first line is a job (JSON), its `mode` one of:

``calls``   one more line: encoded lists of arguments, with tabs between; one result line comes back for each.
``serve``   each further line is an encoded ``(args, kwargs)``, answered by one result line; an empty one ends it.
``tests``   the tester: runs trusted `tests` in which the entry point's calls go to the caller; `random` is seeded.
``beside``  runs `tests` in a copy of the program's own namespace, for arguments that cannot leave the process.

First comes ``+`` (the job was read), then ``+`` (the program was run, its entry point is there) or a result line.
The first byte of a result line: ``=`` encoded value, ``#`` digest of a value, ``!`` exception [type, message, line,
builtin base], ``?`` a value that is not plain, with why, ``~`` the program ended itself [status], ``-`` no entry
point [names]. Where a served call changed its arguments, a tab and their encoding stand behind the value.
Of the tester: ``C`` call, ``P`` a test passed, ``F`` a test failed [type, message, line of the test's text], ``A``
arguments that no program could be sent, ``L`` arguments too large or too deep, ``S`` the set-up failed [like F],
``D`` done (with the token, in mode ``beside``).
"""

from __future__ import annotations

import builtins
import json
import linecache
import sys
import types

from pytest_llmbench.plain_values import NotPlain, TooLarge, decode, digest, encode
from pytest_llmbench.verifiers.code.carrying import Unsendable, check_exact, revived, rewritten
from pytest_llmbench.verifiers.code.result_lines import (
    CALL_DEPTH,
    ENDINGS,
    MESSAGE,
    PROGRAM,
    Results,
    raised,
    result_line,
    told,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from pytest_llmbench.verifiers.code.result_lines import Channel


_BUILTINS = vars(builtins)
globals()["__builtins__"] = dict(_BUILTINS)  # a program may replace those it shares

SETUP = "setup.py"
FILE = "/work/solution.py"
"""What a program finds as its ``__file__``."""
SEED = 0
"""Of the tester's dice: each program is asked the same."""


def main(channel: Channel) -> None:
    """Do the one job that the caller's first line says."""
    job = json.loads(channel.read_line() or b"{}")
    {"calls": _calls, "serve": _serve, "tests": _tests, "beside": _beside}[job["mode"]](channel, job)


def _execute(text: str, filename: str, namespace: dict[str, Any]) -> None:
    exec(compile(text, filename, "exec", dont_inherit=True), namespace)  # noqa: S102 - that is the task


def _calls(channel: Channel, job: Mapping[str, Any]) -> None:
    lines = (channel.read_line() or b"").split(b"\t")
    results = Results(channel)
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
    results = Results(channel)
    loaded = _load(job, results)
    write = _writer(job["limit"])
    while loaded is not None:
        line = channel.read_line()
        if not line:
            break
        result = _served(loaded[0], line.decode("ascii"), write, job["arguments"])
        results.say(result)
        if result[:1] == b"~":
            break


def _served(entry: Callable[..., Any], line: str, write: Callable[[Any], bytes], limit: int) -> bytes:
    args, kwargs = decode(line, depth=CALL_DEPTH)

    def with_changes(value: Any) -> bytes:
        result = write(value)  # first: a generator may change arguments yet
        left = encode((args, kwargs), limit=limit, depth=CALL_DEPTH)
        return result if left == line else result + b"\t" + left.encode("ascii")

    return _called(entry, args, kwargs, with_changes)


def _load(job: Mapping[str, Any], results: Results) -> tuple[Callable[..., Any], dict[str, Any]] | None:
    """Run the program, then the set-up, in a fresh module; return entry point and namespace, or say what is wrong."""
    results.say(b"+")
    module = types.ModuleType("solution")
    module.__dict__["__builtins__"] = _BUILTINS
    module.__dict__["__file__"] = FILE
    sys.modules["solution"] = module
    program = job["program"]
    linecache.cache[PROGRAM] = (len(program), None, program.splitlines(True), PROGRAM)
    try:
        _execute(program, PROGRAM, module.__dict__)
        _execute(job["setup"], SETUP, module.__dict__)
        names = [name for name, value in module.__dict__.items() if type(name) is str and callable(value)]
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its result
        results.say(raised(error))
        return None
    if job["entry"] not in module.__dict__:
        results.say(result_line("-", [name for name in names if name[:1] != "_"][-50:]))
        return None
    results.say(b"+")
    return module.__dict__[job["entry"]], module.__dict__


def _called(entry: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], reduce: Callable[[Any], bytes]) -> bytes:
    """Call and reduce to data at once, before the program can change what it returned."""
    try:
        return reduce(entry(*args, **kwargs))
    except NotPlain as error:
        return result_line("?", str(error)[:MESSAGE])
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its result
        return raised(error)


def _digested(value: Any) -> bytes:
    return b"#" + digest(value).encode("ascii")


def _writer(limit: int) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        return b"=" + encode(value, limit=limit).encode("ascii")

    return write


def _shortener(limit: int) -> Callable[[Any], bytes]:
    write = _writer(limit)

    def shorten(value: Any) -> bytes:
        try:
            return write(value)
        except TooLarge:
            return _digested(value)

    return shorten


class _Over(BaseException):
    """The caller is gone."""


def _tests(channel: Channel, job: Mapping[str, Any]) -> None:
    channel.write(b"+\n")
    import random  # noqa: PLC0415 - in PID 1 it would make every fork dearer

    random.seed(SEED)
    namespace: dict[str, Any] = {"__name__": "tests", "__builtins__": _BUILTINS}
    try:
        for text in job["setup"]:
            _execute(text, SETUP, namespace)
    except Exception as error:  # noqa: BLE001 - it may need what only a program has
        channel.write(result_line("S", told(error, SETUP)) + b"\n")
        return
    namespace[job["entry"]] = _proxy(channel, job["arguments"])
    if _run_tests(channel, job["tests"], namespace):
        channel.write(b"D\n")


def _proxy(channel: Channel, limit: int) -> Callable[..., Any]:
    """Return a function whose calls are made by the program in the other process."""

    def call(*args: Any, **kwargs: Any) -> Any:
        given = (args, kwargs)
        check_exact(given, CALL_DEPTH)
        try:
            text = encode(given, limit=limit, depth=CALL_DEPTH)
        except NotPlain as error:
            raise Unsendable("L", str(error)) from None
        channel.write(b"C" + text.encode("ascii") + b"\n")
        line = channel.read_line()
        if line is None:
            raise _Over
        if line[:1] == b"!":
            raise revived(line[1:])
        value, _, left = line[1:].decode("ascii").partition("\t")
        if left:
            rewritten(given, decode(left, depth=CALL_DEPTH))
        return decode(value)

    return call


def _run_tests(channel: Channel, tests: list[str], namespace: dict[str, Any]) -> bool:
    for index, text in enumerate(tests):
        name = f"<test {index}>"
        try:
            _execute(text, name, namespace)
        except Unsendable as error:
            channel.write(result_line(error.mark, str(error)[:MESSAGE]) + b"\n")
            return False
        except _Over:
            return False
        except ENDINGS as error:
            channel.write(raised(error) + b"\n")
            return False
        except BaseException as error:  # noqa: BLE001 - a failed test, by whatever it raised
            channel.write(result_line("F", told(error, name)) + b"\n")
            return False
        channel.write(b"P\n")
    return True


def _beside(channel: Channel, job: Mapping[str, Any]) -> None:
    """Run the tests where the program is: its results reduced to plain values, a token told only after its import."""
    loaded = _load(job, Results(channel))
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
