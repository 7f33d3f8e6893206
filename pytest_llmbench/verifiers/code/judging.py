"""A program is tried, fairly: against what is known of its task, which is found out and proven before the first."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pytest_llmbench.contracts import Sandbox
from pytest_llmbench.errors import VerifierError
from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.code import replaying
from pytest_llmbench.verifiers.code.asserts import APART, BESIDE, Plan, try_asserts
from pytest_llmbench.verifiers.code.attempt import Attempt
from pytest_llmbench.verifiers.code.code_check import VALUES, CodeCheck
from pytest_llmbench.verifiers.code.conversing import DRIVER, PROGRAM_S, allowed_s
from pytest_llmbench.verifiers.code.expected import Book, book_path, load_book, only_one, save_book
from pytest_llmbench.verifiers.code.proving import prove
from pytest_llmbench.verifiers.code.replaying import Transcript
from pytest_llmbench.verifiers.code.values import reckon, try_values
from pytest_llmbench.verifiers.code.wording import Failure
from pytest_llmbench.verifiers.extraction.code import CodeFault, extract_code

RULES_VERSION = "2"
_DRIVEN_BY = hashlib.sha256(DRIVER.source.encode("utf-8")).hexdigest()
_BUSY = 0.8
"""The share of its time that a program computes which nobody holds up."""
_LOOSE = Plan(load_s=PROGRAM_S, call_s=PROGRAM_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """Programs for one check, tried in one sandbox. `about` tells sandboxes apart that may give other values."""

    sandbox: Sandbox
    check: CodeCheck
    about: str = ""

    def known(self) -> Book:
        """Return what is known of the task; found out once for each kind of sandbox, and kept.

        Raises `VerifierError` where the task cannot judge: see `prove`.
        """
        fingerprint = self.check.fingerprint(RULES_VERSION, _DRIVEN_BY, self.about)
        with only_one(fingerprint):
            book = load_book(book_path(fingerprint))
            if book is None:
                book = self._found_out()
                save_book(book_path(fingerprint), book)
        return book

    def attempt(self, program: str, book: Book) -> Attempt:
        """Try `program`; where others may have made it late, once more with nobody else at work."""
        if self.check.kind == VALUES:
            return self._fairly(lambda: try_values(self.sandbox, self.check, program, book))
        plan = Plan(
            mode=book.facts["mode"],
            load_s=allowed_s(book.facts["load_s"]),
            call_s=allowed_s(book.facts["call_s"]),
            transcript=replaying.read(book),
        )
        first = self._asserts(program, plan)
        if not first.unsendable or self.check.reference:
            return first
        return self._asserts(program, replace(plan, mode=BESIDE))

    def _asserts(self, program: str, plan: Plan) -> Attempt:
        return self._fairly(lambda: try_asserts(self.sandbox, self.check, program, plan=plan))

    def _fairly(self, attempt: Callable[[], Attempt]) -> Attempt:
        with self.sandbox.turn() as crowded:
            first = _timed(attempt)
        if not _is_late_for_others(first) or not (crowded or _is_overloaded()):
            return first
        with self.sandbox.turn(alone=True):
            again = _timed(attempt)
        return replace(again, judge_s=first.judge_s + again.judge_s, programs=first.programs + again.programs)

    def _found_out(self) -> Book:
        if self.check.kind == VALUES:
            with self.sandbox.turn():
                book = reckon(self.sandbox, self.check)
        elif self.check.reference:
            book = self._mode()
        else:
            return Book({"mode": APART, "load_s": 0.0, "call_s": 0.0})
        prove(self.check, lambda answer: self._failure(answer, book))
        return book

    def _mode(self) -> Book:
        """Find out how the tests can be run: apart from the program if the reference passes so, else beside it."""
        failures = []
        for plan in (_LOOSE, replace(_LOOSE, mode=BESIDE)):
            tried = self._asserts(self.check.reference, plan)
            if tried.failure is None:
                facts = {"mode": plan.mode, "load_s": tried.load_s, "call_s": tried.call_s}
                return replaying.written(facts, self._confirmed(tried.transcript))
            failures.append(f"{plan.mode}: {tried.failure.detail}")
        raise VerifierError(f"{self.check.name}: its reference does not pass: {'; '.join(failures)}")

    def _confirmed(self, transcript: Transcript) -> Transcript:
        """Return `transcript` if a second run of the tests is like it; tests that throw dice ask something else."""
        if not transcript:
            return ()
        return transcript if self._asserts(self.check.reference, _LOOSE).transcript == transcript else ()

    def _failure(self, answer: str, book: Book) -> Failure | None:
        found = extract_code(answer, entry_point=self.check.entry_point, prompt=self.check.prompt)
        if isinstance(found, CodeFault):
            return Failure(reason=found.reason, detail=found.detail)
        return self.attempt(found.program, book).failure


def about(sandbox: Sandbox) -> str:
    """Return which sandbox and which Python programs get; starts it if need be."""
    with sandbox.turn():  # a deferred one is chosen by now, and can say what it is
        facts = sandbox.describe()
    return f"{facts.get('sandbox', '')} {facts.get('python', '')}"


def _timed(attempt: Callable[[], Attempt]) -> Attempt:
    since = time.monotonic()
    tried = attempt()
    return replace(tried, judge_s=time.monotonic() - since)


def _is_late_for_others(tried: Attempt) -> bool:
    """Tell whether a program was late that did not have a processor to itself for most of its time."""
    late = tried.failure is not None and tried.failure.reason is Reason.TIMEOUT
    return late and tried.end.cpu_s < _BUSY * tried.end.wall_s


def _is_overloaded() -> bool:
    """Tell whether the machine has had more to do than it has cores."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1)
