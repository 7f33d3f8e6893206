"""Judges a document in a format: whether it can be read, and what it says.

A scenario's first check, `document`, names the format (`formats/`) and what may stand around; the others, each a
kind of `structured_kinds`, look into the values it read and fail where it failed. All gate but those with
``gating: false``. The answer is the last turn's text without its thinking; where it holds several documents of the
format, the last counts (`extraction`).

What is not seen: comments, order of keys (but by ``keys`` with ``ordered``), and all spelling that a parser drops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_llmbench.contracts import Problem
from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import CheckOutcome, Exchange, Reason, Scenario, Verdict
from pytest_llmbench.verifiers.check_kinds import Params, short
from pytest_llmbench.verifiers.extraction import spoken
from pytest_llmbench.verifiers.findings import Finding, verdict_on
from pytest_llmbench.verifiers.structured_document import Flaw, read_answer
from pytest_llmbench.verifiers.structured_kinds import KINDS, Subject, look
from pytest_llmbench.verifiers.structured_problems import check_name, check_problems

_SHOWN = 3


class StructuredOutput:
    """The verifier ``structured_output``."""

    name = "structured_output"
    rules_version = "1"

    def problems(self, scenario: Scenario) -> Iterator[Problem]:
        """Yield the faults of the scenario's checks, each with its path."""
        return check_problems(scenario)

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """PASS where every gating check holds; otherwise the first that does not gives the reason."""
        answer = spoken(exchange.answer)
        flaws = _flaws(scenario.checks, answer)
        outcomes = tuple(map(_outcome, scenario.checks, flaws))
        failed = [
            (outcome, flaw, check)
            for outcome, flaw, check in zip(outcomes, flaws, scenario.checks, strict=True)
            if outcome.gating and flaw is not None
        ]
        return verdict_on(outcomes, _worst(failed, answer))


def _worst(failed: Sequence[tuple[CheckOutcome, Flaw, Params]], answer: str) -> Finding | None:
    """Return what the first gating check found, with what the others say beside it."""
    if not failed:
        return None
    _, first, check = failed[0]
    more = f" (and {len(failed) - _SHOWN} more)" if len(failed) > _SHOWN else ""
    return Finding(
        reason=_reason(check, first),
        detail="; ".join(f"{outcome.name}: {outcome.detail}" for outcome, _, _ in failed[:_SHOWN]) + more,
        expected=first.expected,
        got=short(answer, 300),
    )


def _flaws(checks: Sequence[Params], answer: str) -> list[Flaw | None]:
    """Return what is wrong by each check; the first of them is the `document` check."""
    if not answer.strip():
        return [Flaw(detail="the answer is empty", reason=Reason.NO_ANSWER) for _ in checks]
    reading = read_answer(answer, checks[0])
    if isinstance(reading, Flaw):
        return [reading, *(Flaw(detail="there is no document") for _ in checks[1:])]
    subject = Subject(reading=reading, document=checks[0])
    return [None, *(look(subject, check) for check in checks[1:])]


def _outcome(check: Params, flaw: Flaw | None) -> CheckOutcome:
    detail = "" if flaw is None else printable(flaw.detail, 600)
    return CheckOutcome(
        name=check_name(check), passed=flaw is None, detail=detail, gating=bool(check.get("gating", True))
    )


def _reason(check: Params, flaw: Flaw) -> Reason:
    if flaw.reason is not None:
        return flaw.reason
    return Reason.INVALID_FORMAT if check["kind"] == "document" else KINDS[check["kind"]].reason
