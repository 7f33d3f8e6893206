"""Judging by values: a program is called with one input after another, and each value is compared out here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from pytest_llmbench.contracts import Sandbox
from pytest_llmbench.errors import VerifierError
from pytest_llmbench.plain_values import NotPlain, decode, digest, parse
from pytest_llmbench.verifiers.code.attempt import Attempt
from pytest_llmbench.verifiers.code.code_check import CodeCheck
from pytest_llmbench.verifiers.code.comparing import compare, may_equal
from pytest_llmbench.verifiers.code.conversing import DRIVER, PROGRAM_S, SINGLE, VALUE_BYTES, Talk, allowed_s, fault_of
from pytest_llmbench.verifiers.code.expected import Book, Writer
from pytest_llmbench.verifiers.code.oracles import ORACLES
from pytest_llmbench.verifiers.code.wording import (
    Failure,
    Stopped,
    called,
    garbled,
    shown_result,
    wrong_large,
    wrong_value,
)

REFERENCE_S = 600.0
"""Seconds a reference may take for all its inputs, once."""


def reckon(sandbox: Sandbox, check: CodeCheck) -> Book:
    """Run the reference on each input and return what it gave, and in what time.

    Raises `VerifierError` where it gives no value: such a task judges nobody.
    """
    writer, digests, place = Writer(), [], -1
    with sandbox.converse(DRIVER, time_s=REFERENCE_S) as conversation:
        talk = Talk(conversation, time_s=REFERENCE_S)
        try:
            load_s = _begin(talk, check, check.reference, digests=(), load_s=PROGRAM_S)
            for place in range(check.count):
                since = time.monotonic()
                line = _value(check, talk.hear(PROGRAM_S))
                digests += [place] if line[:1] == "#" else []
                writer.add(line, time.monotonic() - since)
        except Stopped as stop:
            where = f"on input {place + 1} of {check.count}" if place >= 0 else "on import"
            raise VerifierError(f"{check.name}: the reference gives no value {where}: {stop.failure.detail}") from None
    return writer.book({"digests": digests, "load_s": load_s})


def try_values(sandbox: Sandbox, check: CodeCheck, program: str, book: Book) -> Attempt:
    """Call `program` with the inputs in order, until a value is not the one that is expected."""
    failure: Failure | None = None
    place, known = -1, ""
    lines = check.inputs.split("\n")
    with sandbox.converse(DRIVER) as conversation:
        talk = Talk(conversation)
        try:
            load_s = allowed_s(book.facts["load_s"])
            _begin(talk, check, program, digests=book.facts["digests"], load_s=load_s)
            for place, (known, seconds) in enumerate(book.results()):
                got = talk.hear(allowed_s(seconds))
                _compare(check, lines[place], got=got, known=known)
            place += 1
        except Stopped as stop:
            failure = _placed(check, lines, place, failure=stop.failure, known=known)
        return Attempt(failure=failure, end=talk.end(is_done=failure is None), passed=max(place, 0))


def _begin(talk: Talk, check: CodeCheck, program: str, *, digests: Sequence[int], load_s: float) -> float:
    """Have `program` imported; returns the seconds that took."""
    job = {
        "mode": "calls",
        "program": program,
        "setup": check.setup,
        "entry": check.entry_point,
        "digests": list(digests),
        "limit": VALUE_BYTES,
    }
    talk.begin(job, check.inputs.replace("\n", "\t"))
    since = time.monotonic()
    talk.load(check.entry_point, time_s=load_s)
    return time.monotonic() - since


def _compare(check: CodeCheck, line: str, *, got: str, known: str) -> None:
    """Raise `Stopped` unless the result line `got` says what the reference's, `known`, does."""
    if got == known and not check.oracle and may_equal(got):
        return
    if "#" in (_value(check, got)[:1], known[:1]):
        if _hash(got, trusted=False) != _hash(known, trusted=True):
            raise Stopped(wrong_large(got, known))
        return
    if check.oracle:
        right = ORACLES[check.oracle](decode(line), got[1:], known[1:], check.atol)
    else:
        right = compare(got[1:], known[1:], atol=check.atol)
    if not right:
        raise Stopped(wrong_value(got[1:], known[1:]) if _is_plain(got[1:]) else garbled())


def _value(check: CodeCheck, line: str) -> str:
    """Return `line` if it holds a value, else raise `Stopped` with what it says."""
    if line[:1] not in ("=", "#"):
        raise Stopped(fault_of(line, check.entry_point))
    return line


def _is_plain(text: str) -> bool:
    try:
        parse(text)
    except NotPlain:
        return False
    return True


def _hash(line: str, *, trusted: bool) -> str:
    """Return the digest that a result line holds, or for a trusted value has; "" for a short value from a program."""
    if line[:1] == "#":
        return line[1:]
    return digest(decode(line[1:])) if trusted else ""


def _placed(check: CodeCheck, lines: Sequence[str], place: int, *, failure: Failure, known: str) -> Failure:
    """Return `failure` with the words that say which input it was, -1 being the import before them all."""
    if place < 0:
        return replace(failure, detail=f"on import: {failure.detail}")
    part = "base" if place < check.base else "plus"
    call = called(check.entry_point, lines[place])
    between = " " if failure.detail.startswith("gave ") else ": "
    vague = "" if failure.got or place < SINGLE else "at or soon after "
    detail = f"{vague}input {place + 1} of {check.count} ({part}): {call}{between}{failure.detail}"
    expected = failure.expected or shown_result(known)
    return replace(failure, place=place, call=call, detail=detail, expected=expected)
