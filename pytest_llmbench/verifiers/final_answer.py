"""Judges the answer a model declares: a line ``LABEL: value``, compared as a number, text, day or time.

=========== ======================================================================================
kind        what must hold
=========== ======================================================================================
``number``  the value is this number, within a tolerance, and its unit, if any, is one of those listed
``numbers`` the value is these numbers and no others
``text``    the value is one of these texts
``date``    the value is this day
``time``    the value is this time of day
``work``    these numbers stand in the answer: a diagnostic, it never decides
=========== ======================================================================================

What is not declared is `no_answer`, never looked for in the prose. How a value is found stands in
`extraction.declared`, how a number is read in `extraction.quantities`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_llmbench.contracts import Problem
from pytest_llmbench.records import CheckOutcome, Exchange, Reason, Scenario, Verdict
from pytest_llmbench.verifiers.extraction import spoken
from pytest_llmbench.verifiers.final_checks import DECLARED, Check, judge_declared, judge_work, label_of
from pytest_llmbench.verifiers.final_problems import check_name, check_problems
from pytest_llmbench.verifiers.findings import Finding, failing, verdict_on


class FinalAnswer:
    """The verifier ``final_answer``."""

    name = "final_answer"
    rules_version = "1"

    def problems(self, scenario: Scenario) -> Iterator[Problem]:
        """Yield the faults of the scenario's checks, each with its path."""
        return check_problems(scenario)

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """PASS where every gating check holds; otherwise the first that does not gives the reason.

        `score` is the share of gating checks that hold. An answer without a word is `no_answer`.
        """
        answer = spoken(exchange.answer)
        is_only = len({label_of(check) for check in scenario.checks if check["kind"] in DECLARED}) == 1
        findings = [_find(check, answer, is_only=is_only) for check in scenario.checks]
        outcomes = tuple(map(_outcome, scenario.checks, findings))
        wrong = failing(outcomes, findings)
        worst = next(iter(wrong), None) if answer.strip() else _SILENT
        return verdict_on(outcomes, worst)


_SILENT = Finding(reason=Reason.NO_ANSWER, detail="the answer is empty")


def _find(check: Check, answer: str, *, is_only: bool) -> Finding:
    return judge_declared(check, answer, is_only=is_only) if check["kind"] in DECLARED else judge_work(check, answer)


def _outcome(check: Check, finding: Finding) -> CheckOutcome:
    gating = check["kind"] in DECLARED and bool(check.get("gating", True))
    return CheckOutcome(name=check_name(check), passed=finding.reason is None, detail=finding.detail, gating=gating)
