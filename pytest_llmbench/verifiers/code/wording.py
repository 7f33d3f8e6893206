"""How a program failed, in words: exact, and bounded whatever the program returned."""

from __future__ import annotations

import ast
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_llmbench.lookup import nearest
from pytest_llmbench.plain_data import printable
from pytest_llmbench.plain_values import parse, write
from pytest_llmbench.records import Ended, ExecResult, Reason
from pytest_llmbench.verifiers.code.comparing import shown
from pytest_llmbench.verifiers.code.result_lines import CALL_DEPTH

SHOWN = 200
"""Characters of one value in a detail."""
KEPT = 2000
"""Characters of one value in a verdict's `expected` and `got`."""

_OPAQUE = re.compile(r'\{"o":"([^"\\]{1,100})')


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a program is wrong. `place` is the 0-based input or test it failed at, None where it was none of them."""

    detail: str
    reason: Reason = Reason.TESTS_FAILED
    place: int | None = None
    call: str = ""
    expected: str = ""
    got: str = ""


class Stopped(Exception):
    """The program gives no further result, for the reason that `failure` has."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def called(entry_point: str, line: str) -> str:
    """Return a call as Python would write it; `line` is the encoded list of its arguments."""
    return f"{entry_point}({shown(line, 2 * SHOWN)[1:].removesuffix(']')})"


def called_with(entry_point: str, line: str) -> str:
    """Return a call as Python would write it; `line` is an encoded pair of positional and keyword arguments."""
    positional, named = parse(line, depth=CALL_DEPTH)["t"]
    parts = [shown(write(value), SHOWN) for value in positional["t"]]
    parts += [f"{key}={shown(write(value), SHOWN)}" for key, value in named["d"]]
    return f"{entry_point}({cut(', '.join(parts), 2 * SHOWN)})"


def cut(text: str, limit: int) -> str:
    """Return `text` on one line, fit for any file, of at most about `limit` characters."""
    line = " ".join(text[: 4 * limit].split())
    return printable(line if len(line) <= limit else line[:limit] + "...")


def by_end(end: ExecResult) -> Failure:
    """Return what it means that the program was gone before it gave a result."""
    if end.ended is Ended.TIMED_OUT:
        return too_slow(end.wall_s, in_all=True)
    if end.ended is Ended.OUT_OF_MEMORY:
        return Failure(detail="out of memory")
    if end.ended is Ended.SIGNALLED:
        return Failure(detail=f"killed by signal {end.signal}{_signal_name(end.signal)}")
    return Failure(detail=f"exited early (status {end.exit_code or 0})")


def too_slow(time_s: float, *, in_all: bool) -> Failure:
    """Return the failure of a program that gave no result in `time_s` seconds, of one call or of all."""
    of_all = " for the whole program" if in_all else ""
    return Failure(reason=Reason.TIMEOUT, detail=f"no result within {time_s:.3g} s{of_all}")


def garbled() -> Failure:
    """Return the failure of a program that meddled with its results."""
    return Failure(detail="what came back is no result: the program wrote to the channel of its results")


def exited(status: int) -> Failure:
    """Return the failure of a program that ended itself."""
    return Failure(detail=f"exited early (status {status})")


def raised(kind: str, message: str, line: int) -> Failure:
    """Return the failure of a program that raised an exception, in `line` of its text (0: unknown)."""
    if kind == "MemoryError":
        return Failure(detail="out of memory", got=kind)
    text = cut(f"{kind}: {message}" if message else kind, SHOWN)
    return Failure(detail=f"{text} (line {line})" if line else text, got=text)


def no_entry_point(entry_point: str, names: Sequence[str]) -> Failure:
    """Return the failure of a program without the function that was asked for; names the nearest it has."""
    near = nearest(entry_point, names) or (names[-1] if names else None)
    has = f'; it has "{cut(near, 80)}"' if near is not None else ""
    return Failure(detail=f'the program has no "{entry_point}"{has}')


def not_plain(why: str) -> Failure:
    """Return the failure of a program whose value cannot be written down."""
    return Failure(detail=f"the value cannot be judged: {cut(why, SHOWN)}")


def wrong_value(got: str, expected: str) -> Failure:
    """Return the failure of a call that gave `got` in place of `expected`, both encoded."""
    gave = f"gave {shown(got, SHOWN)}"
    opaque = _OPAQUE.search(got)
    if opaque is not None:
        gave = f"gave a value that is opaque (type {opaque[1]})"
    return Failure(
        detail=f"{gave}, expected {shown(expected, SHOWN)}",
        expected=shown(expected, KEPT),
        got=shown(got, KEPT),
    )


def failed_test(test: str, told: tuple[str, str, int], *, call: str, value: str, fault: Failure | None) -> Failure:
    """Return the failure of a test that raised what `told` says: type, message, line of its text.

    `call` is the last call it made, which gave `value` (encoded) or failed by `fault`.
    """
    kind, message, line = told
    source, expected = _asserted(test, line)
    got = fault.detail if fault is not None else f"gave {shown(value, SHOWN)}" if value else ""
    parts = [source] if source else []
    if call and got:
        parts.append(f"{call}{': ' if fault is not None else ' '}{got}")
    if (kind, message) != ("AssertionError", "") and not (fault is not None and fault.got.startswith(kind)):
        parts.append(cut(f"{kind}: {message}", SHOWN))
    elif not got:
        parts.append("the assertion does not hold")
    shown_got = fault.got if fault is not None else shown(value, KEPT) if value else cut(f"{kind}: {message}", SHOWN)
    return Failure(detail=": ".join(parts), expected=expected, got=shown_got)


def _asserted(test: str, line: int) -> tuple[str, str]:
    """Return the statement of a test in `line`, and what it says is right: the other side of a comparison, if any."""
    try:
        nodes = [node for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Assert)]
    except (SyntaxError, ValueError, RecursionError):
        nodes = []
    node = next((node for node in nodes if node.lineno <= line <= (node.end_lineno or node.lineno)), None)
    if node is None:
        lines = test.splitlines()
        return cut(lines[line - 1], SHOWN) if 0 < line <= len(lines) else "", ""
    right = node.test
    if isinstance(right, ast.Compare) and len(right.ops) == 1 and isinstance(right.ops[0], ast.Eq):
        right = right.comparators[0]
    return cut(ast.unparse(node), 2 * SHOWN), cut(ast.unparse(right), KEPT)


def wrong_large(got: str, expected: str) -> Failure:
    """Return the failure of a call whose value, or the expected one, is too large to be shown."""
    return Failure(
        detail="gave a large value that is not the expected one", expected=shown_result(expected), got=shown_result(got)
    )


def shown_result(line: str) -> str:
    """Return the value that a result line holds as Python would write it, or what is known of a large one."""
    return shown(line[1:], KEPT) if line[:1] == "=" else f"a large value of digest {cut(line[1:], 64)}"


def _signal_name(number: int) -> str:
    try:
        return f", {signal.Signals(number).name}"
    except ValueError:
        return ""
