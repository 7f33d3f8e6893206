"""The caller's side of the driver: starts a program in a sandbox and hears what it gives, each within its time."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_llmbench import plain_values
from pytest_llmbench.contracts import Conversation, Driver
from pytest_llmbench.errors import SandboxFailed
from pytest_llmbench.records import ExecResult
from pytest_llmbench.verifiers.code import carrying, driver, result_lines
from pytest_llmbench.verifiers.code.wording import (
    Failure,
    Stopped,
    by_end,
    exited,
    garbled,
    no_entry_point,
    not_plain,
    raised,
    too_slow,
)

CALL_S = 4.0
"""Seconds one call may take, at least (EvalPlus takes 1 s; slow shared machines turned right answers into failures)."""
SLACK = 4.0
"""How many times as long as the reference a program may take."""
PROGRAM_S = 60.0
"""Seconds all calls of one program may take together."""
START_S = 60.0
"""Seconds in which a sandbox must have read its job; not the program's time."""
SINGLE = result_lines.SINGLE
"""Results that leave a program one by one; of those after them, some may be under way when it dies."""
LEAVE_S = 0.05
"""Seconds for a program that has given all its results to leave."""
VALUE_BYTES = 1 << 18
"""Encoded values above this are compared by their digests."""
LINE_BYTES = 4 * VALUE_BYTES
"""The longest result line that is heard."""
ARGUMENT_BYTES = 4 * LINE_BYTES
"""The most that the encoded arguments of one call may take: more than any result that is passed on."""
_LAST_LINE = 10**6
"""A program has no more lines than that."""
_NAMES, _NAME = 50, 200
"""Names that a program may tell of, and characters of each."""

_LOADER = """
import sys, types

def _load(modules):
    sys.modules["pytest_llmbench"] = types.ModuleType("pytest_llmbench")
    for name, source in modules:
        module = sys.modules[name] = types.ModuleType(name)
        exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)
    for name in ["pytest_llmbench"] + [name for name, _ in modules]:
        del sys.modules[name]  # a program finds none of ours
    return module.main

main = _load(MODULES)
"""


def _driver() -> Driver:
    """Bundle the driver with all of ours that it imports, for an interpreter that has neither."""
    names = [module.__name__ for module in (result_lines, carrying, driver)]  # each after those it imports
    folder = Path(__file__).parent
    ours = [(name, (folder / f"{name.rpartition('.')[2]}.py").read_text(encoding="utf-8")) for name in names]
    modules = [*plain_values.sources(), *ours]
    return Driver(name="python_code", source=f"MODULES = {modules!r}\n{_LOADER}")


DRIVER = _driver()


class Talk:
    """One program in a sandbox. What ends it early is raised as `Stopped`, with the failure it is."""

    def __init__(self, conversation: Conversation, *, line_bytes: int = LINE_BYTES, time_s: float = PROGRAM_S) -> None:
        self._conversation = conversation
        self._line_bytes = line_bytes
        self._began_at = 0.0
        self._time_s = time_s

    def begin(self, job: Mapping[str, Any], *more: str) -> None:
        """Send the job, and `more` lines; returns when the driver has them. Raises `SandboxFailed` where it has not."""
        self.say(json.dumps(job))
        for line in more:
            self.say(line)
        try:
            self._conversation.hear(time_s=START_S)
        except TimeoutError:
            raise SandboxFailed(f"the sandbox did not start a program within {START_S:g} s") from None
        except EOFError:
            end = self._conversation.end()
            tail = end.stderr[-500:].decode("utf-8", "replace").strip()
            raise SandboxFailed(f"the sandbox lost a program before it ran: {by_end(end).detail}; {tail}") from None
        self._began_at = time.monotonic()

    def load(self, entry_point: str, *, time_s: float = CALL_S) -> None:
        """Wait until the program itself was run and its entry point is there."""
        line = self.hear(time_s)
        if line != "+":
            raise Stopped(fault_of(line, entry_point))

    def say(self, line: str) -> None:
        """Send one line of ASCII."""
        self._conversation.say(line.encode("ascii"))

    def hear(self, time_s: float) -> str:
        """Return the next line; raises `Stopped` where none comes in `time_s` seconds or in those of the program."""
        since = time.monotonic()
        try:
            left_s = max(0.0, self._began_at + self._time_s - since)
            return self._conversation.hear(time_s=min(time_s, left_s), limit=self._line_bytes).decode("latin-1")
        except TimeoutError:
            now = time.monotonic()
            in_all = now - since < time_s  # the program's time was up, or the sandbox's, before the call's
            raise Stopped(too_slow(now - self._began_at if in_all else time_s, in_all=in_all)) from None
        except OverflowError:
            raise Stopped(not_plain(f"it is longer than {self._line_bytes} bytes")) from None
        except EOFError:
            raise Stopped(by_end(self._conversation.end())) from None

    def end(self, *, is_done: bool) -> ExecResult:
        """End the program and return what became of it; one that is done may leave by itself, and is measured."""
        if is_done:
            with contextlib.suppress(EOFError, TimeoutError, OverflowError):
                self._conversation.hear(time_s=LEAVE_S)
        return self._conversation.end()


def allowed_s(reference_s: float) -> float:
    """Return the seconds a call may take for which the reference took `reference_s`."""
    return max(CALL_S, SLACK * reference_s)


def read_raised(line: str) -> tuple[str, str, int] | None:
    """Return type, message and line number of the exception that a line tells of; None where it tells of none."""
    match _read(line):
        case [str(kind), str(message), number, *_] if _is_up_to(_LAST_LINE, number):
            return kind, message, number
        case _:
            return None


def read_base(line: str) -> str:
    """Return the name of the builtin class that a program's exception is or comes from; "Exception" where untold."""
    match _read(line):
        case [_, _, _, str(base)] if base.isidentifier():
            return base
        case _:
            return "Exception"


def fault_of(line: str, entry_point: str) -> Failure:
    """Return what a result line says that holds no value; the program may have written the line itself."""
    told = read_raised(line) if line[:1] == "!" else None
    if told is not None:
        return raised(*told)
    match line[:1], _read(line):
        case "?", str(why):
            return not_plain(why)
        case "~", [status] if _is_up_to(0xFF, status):
            return exited(status)
        case "-", [*names]:
            return no_entry_point(entry_point, [name[:_NAME] for name in names[:_NAMES] if isinstance(name, str)])
        case _:
            return garbled()


def _is_up_to(most: int, number: Any) -> bool:
    return type(number) is int and 0 <= number <= most


def _read(line: str) -> Any:
    try:
        return json.loads(line[1:])
    except (ValueError, RecursionError):
        return None
