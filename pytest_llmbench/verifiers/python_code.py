"""Judges Python programs by running them: the answer's code, in a sandbox, compared out here.

A scenario has one check. Of every kind: `entry_point`, the function that is called; `prompt`, the code that the
answer continues, if any; `reference`, a whole program that is right.

``values``   `inputs`, lists of arguments (or their encoded lines), the first `base` of them the base inputs (all,
             unless given); what is expected is what `reference` returns, within `atol`, or what `oracle` says.
``asserts``  `tests`, code blocks in order, which call the entry point; `setup`, code in front of them. They find
             `random` seeded. A program that gives them the answers of `reference` is right without another run.

Untrusted code only ever returns data. What is expected is computed once, in the sandbox, and kept in the user's
cache; before a task's first verdict its reference must pass and a stub must fail. A call may take 4 seconds, or
four times as long as the reference; a program 60 seconds; one that is late while others were at work is run once
more alone before that counts. `score` is 1 for a program that is right, else None: it is stopped at its first
failure. Of an answer that fails on a plus input alone, the metric `base_passed` is 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pytest_llmbench.contracts import Problem, Sandbox
from pytest_llmbench.errors import SandboxUnavailable
from pytest_llmbench.plain_data import printable, to_plain
from pytest_llmbench.plain_values import decode
from pytest_llmbench.records import CheckOutcome, Exchange, Outcome, Scenario, Verdict
from pytest_llmbench.verifiers.code.asserts import BESIDE
from pytest_llmbench.verifiers.code.attempt import Attempt
from pytest_llmbench.verifiers.code.check_problems import check_problems
from pytest_llmbench.verifiers.code.code_check import VALUES, CodeCheck, read_check
from pytest_llmbench.verifiers.code.judging import RULES_VERSION, Judging, about
from pytest_llmbench.verifiers.code.wording import Failure
from pytest_llmbench.verifiers.extraction.code import CodeFault, ExtractedCode, extract_code

ARTEFACT = 1 << 16
"""Characters kept of each artefact but the program, which is at most as long as the answer."""
_IN_PROCESS = "asserts in process"


class PythonCode:
    """The verifier ``python_code``."""

    name = "python_code"
    rules_version = RULES_VERSION

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self.sandbox = sandbox
        self._about = ""

    def with_sandbox(self, sandbox: Sandbox) -> PythonCode:
        """Return this verifier, judging in `sandbox`."""
        return PythonCode(sandbox)

    def problems(self, scenario: Scenario) -> Iterable[Problem]:
        """Return the faults of the scenario's one check."""
        return check_problems(scenario)

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """PASS where the program in the last answer is right; raises a `TrialError` where that is not to be known."""
        if self.sandbox is None:
            raise SandboxUnavailable("programs run in a sandbox alone, and none was given: llmbench sandbox check")
        task_id = scenario.task.task_id if scenario.task is not None else scenario.id
        check = read_check(scenario.checks[0], name=task_id)
        self._about = self._about or about(self.sandbox)
        judging = Judging(sandbox=self.sandbox, check=check, about=self._about)
        book = judging.known()
        found = extract_code(exchange.answer, entry_point=check.entry_point, prompt=check.prompt)
        if isinstance(found, CodeFault):
            return _unread(check, found)
        return _verdict(check, found, judging.attempt(found.program, book))


def _unread(check: CodeCheck, fault: CodeFault) -> Verdict:
    return Verdict(
        outcome=Outcome.FAIL,
        reason=fault.reason,
        detail=printable(fault.detail, 1000),
        metrics=_shares(check, 0) if check.kind == VALUES else {},
        artefacts={"program.py": printable(fault.program, None)} if fault.program else {},
    )


def _verdict(check: CodeCheck, found: ExtractedCode, tried: Attempt) -> Verdict:
    failure, beside = tried.failure, tried.mode == BESIDE
    metrics = {"judge_s": tried.judge_s, "programs": float(tried.programs)}
    metrics |= {"memory_mib": tried.end.memory_bytes / (1 << 20)} if tried.end.memory_bytes else {}
    metrics |= _shares(check, tried.passed) if check.kind == VALUES else {"in_process": float(beside)}
    checks, artefacts = _outcomes(check, tried), _artefacts(check, found, tried)
    if failure is None:
        detail = _IN_PROCESS if beside else ""
        return Verdict(
            outcome=Outcome.PASS, detail=detail, score=1.0, metrics=metrics, checks=checks, artefacts=artefacts
        )
    return Verdict(
        outcome=Outcome.FAIL,
        reason=failure.reason,
        detail=f"{failure.detail} ({_IN_PROCESS})" if beside else failure.detail,
        expected=failure.expected,
        got=failure.got,
        metrics=metrics,
        checks=checks,
        artefacts=artefacts,
    )


def _shares(check: CodeCheck, passed: int) -> dict[str, float]:
    """Return whether the base inputs are right, and whether they and the plus inputs are; `passed` is in order."""
    return {"base_passed": float(passed >= check.base), "plus_passed": float(passed >= check.count)}


def _outcomes(check: CodeCheck, tried: Attempt) -> tuple[CheckOutcome, ...]:
    detail = tried.failure.detail if tried.failure is not None else ""
    if check.kind != VALUES:
        return (CheckOutcome(name="asserts", passed=not detail, detail=detail),)
    base = tried.passed >= check.base
    return (
        CheckOutcome(name="base", passed=base, detail="" if base else detail),
        CheckOutcome(name="plus", passed=not detail, detail=detail if base else "the base inputs come first"),
    )


def _artefacts(check: CodeCheck, found: ExtractedCode, tried: Attempt) -> dict[str, str]:
    texts = {
        "stdout.txt": tried.end.stdout.decode("utf-8", "replace"),
        "stderr.txt": tried.end.stderr.decode("utf-8", "replace"),
    }
    if tried.failure is not None:
        facts = {"input": _failed_input(check, tried), **_facts(found, tried, tried.failure)}
        texts["failure.json"] = json.dumps(facts, indent=2)
    kept = {name: printable(text, ARTEFACT) for name, text in texts.items() if text}
    return {"program.py": printable(found.program, None), **kept}  # whole: half a program is another one


def _failed_input(check: CodeCheck, tried: Attempt) -> list[Any] | None:
    """Return the arguments of the call that went wrong, as far as JSON has them; None where there was none."""
    if check.kind != VALUES or tried.failure is None or not tried.failure.call or tried.passed >= check.count:
        return None
    line = check.inputs.split("\n")[tried.passed]
    plain: list[Any] | None = to_plain(decode(line)) if len(line) <= ARTEFACT // 2 else None
    return plain


def _facts(found: ExtractedCode, tried: Attempt, failure: Failure) -> dict[str, Any]:
    return {
        "detail": failure.detail,
        "call": failure.call,
        "expected": failure.expected,
        "got": failure.got,
        "place": failure.place,
        "extraction": list(found.flags),
        "ended": str(tried.end.ended),
        "exit_code": tried.end.exit_code,
        "signal": tried.end.signal,
        "wall_s": tried.end.wall_s,
        "cpu_s": tried.end.cpu_s,
    }
