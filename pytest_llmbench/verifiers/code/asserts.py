"""Judging by asserts: trusted tests run in a sandbox of their own; the calls they make are carried to the program's.

So neither the tests nor what they expect are ever beside the program. What a call changed of its arguments is
carried back, into the tests' own lists, dicts and sets. For a program that answers as the reference did, no tests
are started at all (see `replaying`).

Only where arguments cannot leave a process as what they are (objects of the tests' own classes, ranges, counters ...)
do the tests run ``beside`` the program. There a program that hunts for them can forge its verdict: results are reduced
to plain values first, and the last line must be a token that was told only after the program's import, but frames and
the result channel are in its reach.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from pytest_llmbench.contracts import Sandbox
from pytest_llmbench.plain_values import NotPlain, encode, has_opaque, parse
from pytest_llmbench.verifiers.code.attempt import Attempt
from pytest_llmbench.verifiers.code.code_check import CodeCheck
from pytest_llmbench.verifiers.code.conversing import (
    ARGUMENT_BYTES,
    CALL_S,
    DRIVER,
    LINE_BYTES,
    VALUE_BYTES,
    Talk,
    fault_of,
    read_base,
    read_raised,
)
from pytest_llmbench.verifiers.code.replaying import NotAsRecorded, Recorder, Step, Transcript
from pytest_llmbench.verifiers.code.result_lines import CALL_DEPTH
from pytest_llmbench.verifiers.code.wording import Failure, Stopped, called_with, failed_test, raised

APART = "apart"
BESIDE = "beside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a program is tried: where the tests are, and seconds that its import, and each call or test, may take.

    `transcript` is what the tests and the reference said, () where the tests are needed in any case.
    """

    mode: str = APART
    load_s: float = CALL_S
    call_s: float = CALL_S
    transcript: Transcript = ()


class _Unsendable(Exception):
    """The tests cannot be apart from the program: their arguments are no plain data, or their set-up needs it."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run of the tests, as far as it has come. `line`, `value` and `fault` are those of the last call.

    `given` are calls that the program has answered before the tests were started, for when they ask.
    """

    check: CodeCheck
    program: Talk
    plan: Plan
    load_s: float | None = None
    slowest_s: float = 0.0
    passed: int = 0
    line: str = ""
    value: str = ""
    fault: Failure | None = None
    opaque: bool = False
    answered: bool = False
    testers: int = 0
    given: deque[tuple[Step, Failure | None]] = field(default_factory=deque)
    recorder: Recorder = field(default_factory=Recorder)

    @property
    def call(self) -> str:
        """The last call as Python would write it, "" where there was none."""
        return called_with(self.check.entry_point, self.line) if self.line else ""

    def load(self) -> None:
        """Wait for the program's import."""
        since = time.monotonic()
        self.program.load(self.check.entry_point, time_s=self.plan.load_s)
        self.load_s = time.monotonic() - since

    def hear(self, talk: Talk) -> str:
        """Return the next line of the tests' or the program's; the longest wait is kept."""
        since = time.monotonic()
        line = talk.hear(self.plan.call_s)
        self.slowest_s = max(self.slowest_s, time.monotonic() - since)
        return line

    def note(self, event: str) -> None:
        """Take what the tests say of themselves; raises `Stopped` where one failed."""
        if event == "P":
            self.passed += 1
            self.line = self.value = ""
            self.fault = None
            return
        told = read_raised(event) if event[:1] == "F" and self.passed < len(self.check.tests) else None
        if told is None:
            raise Stopped(fault_of(event, self.check.entry_point))
        test = self.check.tests[self.passed]
        raise Stopped(failed_test(test, told, call=self.call, value=self.value, fault=self.fault))

    def carry(self, line: str) -> str:
        """Have the program make the call that the tests ask for; returns the line that answers them."""
        if not self.given:
            return self.ask(line)
        step, self.fault = self.given.popleft()
        if (step.test, step.call) != (self.passed, line):
            raise NotAsRecorded
        self.line, self.value = line, _value(step.answer)
        return step.answer

    def ask(self, line: str, known: str = "") -> str:
        """Have the program make a call; returns its answer as the tests get it. `known` is one that is well-formed."""
        self.line, self.value, self.fault = line, "", None
        self.program.say(line)
        answer = self.hear(self.program)
        self.answered = True
        if answer != known or answer[:1] != "=":
            answer = self._read(answer)
        self.value = _value(answer)
        self.recorder.add(Step(self.passed, line, answer))
        return answer

    def _read(self, answer: str) -> str:
        told = read_raised(answer) if answer[:1] == "!" else None
        if told is not None:
            self.fault = raised(*told)
            kind = told[0] if told[0].isidentifier() else "Exception"
            return "!" + json.dumps([kind, told[1], read_base(answer)])
        value, _, left = answer[1:].partition("\t")
        try:
            parse(value if answer[:1] == "=" else "")
            if left:
                parse(left, depth=CALL_DEPTH)
        except NotPlain:
            raise Stopped(fault_of(answer, self.check.entry_point)) from None
        self.opaque = self.opaque or has_opaque(answer)
        return answer

    def is_as_recorded(self) -> bool:
        """Have the program make the recorded calls, until an answer is another one than it was then.

        What it has answered is kept for the tests.
        """
        for step in self.plan.transcript:
            self.passed = step.test
            answer = self.ask(step.call, step.answer)
            self.given.append((step._replace(answer=answer), self.fault))
            if answer != step.answer:
                self.passed, self.line, self.value, self.fault = 0, "", "", None
                return False
        if not self.plan.transcript:
            return False
        self.passed = len(self.check.tests)
        return True

    def failed(self, failure: Failure) -> Failure:
        """Return `failure` with the words that say where it was."""
        if self.load_s is None:
            return replace(failure, detail=f"on import: {failure.detail}")
        where, call = f"test {self.passed + 1} of {len(self.check.tests)}: ", self.call
        if call and call not in failure.detail:
            where += f"{call}: "
        return replace(failure, place=self.passed, call=call, detail=where + failure.detail)


def try_asserts(sandbox: Sandbox, check: CodeCheck, program: str, *, plan: Plan) -> Attempt:
    """Judge `program` by the tests.

    Where the tests cannot be apart, the attempt's `unsendable` says why, beside a failure.
    """
    try:
        return _tried(sandbox, check, program, plan)
    except NotAsRecorded:  # so they know something beside its answers, and must be there from the start
        again = _tried(sandbox, check, program, replace(plan, transcript=()))
        return replace(again, programs=again.programs + 2)


def _tried(sandbox: Sandbox, check: CodeCheck, program: str, plan: Plan) -> Attempt:
    with ExitStack() as stack:
        run = _Run(check=check, program=_talk(sandbox, stack), plan=plan)
        failure, unsendable = None, ""
        try:
            if plan.mode == APART:
                _apart(run, program, lambda: _talk(sandbox, stack))
            else:
                _beside(run, program)
        except _Unsendable as error:
            unsendable = "" if run.opaque else str(error)
            failure = run.failed(Failure(detail=str(error)))
        except Stopped as stop:
            failure = run.failed(stop.failure)
        return Attempt(
            failure=failure,
            end=run.program.end(is_done=failure is None),
            passed=run.passed,
            load_s=run.load_s or 0.0,
            call_s=run.slowest_s,
            unsendable=unsendable,
            programs=1 + run.testers,
            mode=plan.mode,
            transcript=() if failure else run.recorder.transcript(),
        )


def _value(answer: str) -> str:
    """Return the encoded value in a line that answers a call, "" for an exception."""
    return answer[1:].partition("\t")[0] if answer[:1] == "=" else ""


def _talk(sandbox: Sandbox, stack: ExitStack) -> Talk:
    return Talk(stack.enter_context(sandbox.converse(DRIVER)), line_bytes=ARGUMENT_BYTES + LINE_BYTES)


def _job(check: CodeCheck, mode: str, program: str) -> dict[str, object]:
    return {
        "mode": mode,
        "program": program,
        "setup": check.setup,
        "entry": check.entry_point,
        "limit": VALUE_BYTES,
        "arguments": ARGUMENT_BYTES,
    }


def _apart(run: _Run, program: str, tester: Callable[[], Talk]) -> None:
    run.program.begin(_job(run.check, "serve", program))
    run.load()
    if not run.is_as_recorded():
        run.testers = 1
        _test(run, tester())
    run.program.say("")


def _test(run: _Run, tests: Talk) -> None:
    check = run.check
    setup = [check.preamble(), check.setup]
    tests.begin({**_job(check, "tests", ""), "setup": setup, "tests": check.tests})
    while (event := run.hear(tests)) != "D":
        match event[:1]:
            case "C":
                tests.say(run.carry(event[1:]))
            case "P":
                run.note(event)
            case _ if run.given:
                raise NotAsRecorded
            case "L" if run.answered:  # a program that chooses them must not bring the tests beside itself
                raise Stopped(Failure(detail=f"the arguments of a call cannot be sent: {json.loads(event[1:])}"))
            case "A" | "L":
                raise _Unsendable(f"the arguments of a call cannot be sent: {json.loads(event[1:])}")
            case "S":
                kind, message, line = read_raised(event) or ("", "", 0)
                raise _Unsendable(f"the tests' set-up fails without the program: {kind}: {message} (line {line})")
            case _:
                run.note(event)
    if run.given:
        raise NotAsRecorded


def _beside(run: _Run, program: str) -> None:
    check, token = run.check, secrets.token_hex(16)
    run.program.begin(_job(check, "beside", program))
    run.load()
    run.program.say(encode([list(check.tests), token]))
    while (event := run.hear(run.program)) != f"D{token}":
        run.note(event)
