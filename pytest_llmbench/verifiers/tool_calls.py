"""Judges which tools a model called, with what, in what order, and what it then said.

A scenario's checks, each one function of `CHECKS`; all of them gate but those with ``gating: false``.

=================  ==================================================================================
kind               what must hold
=================  ==================================================================================
``call``           a call of this tool with these arguments was made; the reason says what is wrong
                   with the most similar one (`missing_field` where a required argument was left out)
``no_other_calls`` every further call, of any turn, is one that ``allowed`` covers
``order``          each call comes in a later turn than the one before it, so that it was made
                   knowing that one's result (``same_turn: allow``: merely later)
``together``       these calls were made in one turn
``answer_has``     the final text has these words and numbers, as whole words and number tokens
``answer_line``    the final text has a line ``LABEL: value``; the last such line counts
=================  ==================================================================================

What is not seen: whether further text is true, and what a model says beside its calls in earlier turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pytest_llmbench.contracts import Problem
from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import CheckOutcome, Exchange, Reason, Scenario, Verdict
from pytest_llmbench.verifiers.answer_marks import line_after, missing_phrase, numbers, same_number, same_text
from pytest_llmbench.verifiers.call_binding import Binding, Made, bind, calls_made
from pytest_llmbench.verifiers.call_check_problems import call_id, check_name, check_problems
from pytest_llmbench.verifiers.extraction import spoken
from pytest_llmbench.verifiers.findings import HOLDS, Finding, failing, verdict_on
from pytest_llmbench.verifiers.value_rules import SHOWN

Check = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the checks look at: every call in order, who is bound to whom, the final text."""

    calls: list[Made]
    binding: Binding
    answer: str
    tools: frozenset[str]


class ToolCalls:
    """The verifier ``tool_calls``."""

    name = "tool_calls"
    rules_version = "2"

    def problems(self, scenario: Scenario) -> Iterator[Problem]:
        """Yield the faults of a scenario's checks, each with the nearest valid name."""
        return check_problems(scenario)

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """Judge all checks; the reason is the first failing one's, in the order they are written.

        Two reasons go first: `no_answer` where the model made no call and said nothing,
        `invalid_format` where any call's arguments are no JSON object.
        """
        evidence = gather(scenario, exchange)
        findings = [CHECKS[check["kind"]](check, evidence) for check in scenario.checks]
        outcomes = tuple(map(_outcome, scenario.checks, findings))
        wrong = failing(outcomes, findings)
        worst = next((finding for finding in wrong if finding.reason is Reason.INVALID_FORMAT), *wrong[:1] or (None,))
        return verdict_on(outcomes, worst, silent=not evidence.calls and not evidence.answer.strip())


def gather(scenario: Scenario, exchange: Exchange) -> Evidence:
    """Collect and bind all calls of the exchange."""
    calls = calls_made(exchange)
    expected = {call_id(check): check for check in scenario.checks if check["kind"] == "call"}
    allowed = [entry for check in scenario.checks for entry in check.get("allowed", ())]
    return Evidence(
        calls=calls,
        binding=bind(expected, allowed, calls),
        answer=spoken(exchange.answer),
        tools=frozenset(tool.name for tool in scenario.tools),
    )


def _outcome(check: Check, finding: Finding) -> CheckOutcome:
    gating = bool(check.get("gating", True))
    return CheckOutcome(name=check_name(check), passed=finding.reason is None, detail=finding.detail, gating=gating)


def _call(check: Check, evidence: Evidence) -> Finding:
    name = call_id(check)
    made = evidence.binding.made.get(name)
    if made is None:
        return _unmade(check, evidence)
    faults = evidence.binding.faults.get(name, [])
    if not faults:
        return HOLDS
    first = faults[0]
    detail = f"{made}: " + "; ".join(str(fault) for fault in faults[:3])
    return Finding(reason=first.reason, detail=detail, expected=first.expected, got=first.got)


def _unmade(check: Check, evidence: Evidence) -> Finding:
    wanted = f"a call of {check['tool']}"
    names = ", ".join(call.tool for call in evidence.calls[:12])
    got = f"calls of {names}" if names else f"no call, and the text {_excerpt(evidence.answer)}"
    detail = f"{check_name(check)} is missing: got {got}"
    return Finding(reason=Reason.WRONG_TOOL, detail=detail, expected=wanted, got=got)


def _no_other_calls(_check: Check, evidence: Evidence) -> Finding:
    if not evidence.binding.left:
        return HOLDS
    worst = next((call for call in evidence.binding.left if call.fault), evidence.binding.left[0])
    expected = "only the calls the task needs"
    if worst.tool not in evidence.tools:
        detail = f'{worst}: there is no tool "{worst.tool}"'
        return Finding(reason=Reason.WRONG_TOOL, detail=detail, expected=expected, got=worst.tool)
    if worst.fault:
        detail = f"{worst}: {worst.fault}"
        return Finding(reason=Reason.INVALID_FORMAT, detail=detail, expected="a JSON object", got=worst.fault)
    detail = f"{worst}: this call was not asked for"
    return Finding(reason=Reason.WRONG_TOOL, detail=detail, expected=expected, got=str(worst))


def _order(check: Check, evidence: Evidence) -> Finding:
    groups = [[item] if isinstance(item, str) else list(item) for item in check["calls"]]
    if absent := _absent([name for group in groups for name in group], evidence):
        return absent
    made = evidence.binding.made
    place = "number" if check.get("same_turn") == "allow" else "turn"
    for before, after in pairwise(groups):
        last = max((made[name] for name in before), key=lambda call: call.number)
        first = min((made[name] for name in after), key=lambda call: call.number)
        if getattr(first, place) <= getattr(last, place):
            detail = f"{first} (turn {first.turn}) was made before the result of {last} (turn {last.turn}) was known"
            return Finding(reason=Reason.WRONG_TOOL, detail=detail, expected=f"{last} first", got=f"{first} first")
    return HOLDS


def _together(check: Check, evidence: Evidence) -> Finding:
    if absent := _absent(check["calls"], evidence):
        return absent
    turns = sorted({evidence.binding.made[name].turn for name in check["calls"]})
    if len(turns) == 1:
        return HOLDS
    got = "turns " + ", ".join(map(str, turns))
    detail = f"calls meant for one turn were spread over {got}"
    return Finding(reason=Reason.WRONG_TOOL, detail=detail, expected="one turn", got=got)


def _absent(ids: list[str], evidence: Evidence) -> Finding | None:
    lacking = next((name for name in ids if name not in evidence.binding.made), None)
    if lacking is None:
        return None
    return Finding(
        reason=Reason.WRONG_TOOL, detail=f"call {lacking} was not made", expected=lacking, got="no such call"
    )


def _answer_has(check: Check, evidence: Evidence) -> Finding:
    return _text_finding(check, evidence.answer, "the final text")


def _answer_line(check: Check, evidence: Evidence) -> Finding:
    label = check["label"]
    value = line_after(label, evidence.answer)
    wanted = f'a line "{label}: ..."'
    if not value:
        detail = f"the final text has no line {label}: ..." if value is None else f"nothing stands after {label}:"
        return Finding(reason=Reason.NO_ANSWER, detail=detail, expected=wanted, got=_excerpt(evidence.answer))
    if "text" in check and not same_text(value, check["text"]):
        return _wrong(f"the line {label}:", check["text"], value)
    if "number" in check:
        stated = numbers(value)
        if len(stated) != 1 or not same_number(stated[0], check["number"], tolerance=check.get("tolerance", 0)):
            return _wrong(f"the line {label}:", f"the number {check['number']}", value)
    return _text_finding(check, value, f"the line {label}:")


def _text_finding(check: Check, text: str, place: str) -> Finding:
    if not text.strip():
        return Finding(reason=Reason.NO_ANSWER, detail=f"{place} is empty", expected="a text", got="nothing")
    if lacking := missing_phrase(text, check.get("words", ())):
        return _wrong(place, lacking, text)
    stated = numbers(text) if "numbers" in check else []
    for number in check.get("numbers", ()):
        if not any(same_number(got, number, tolerance=check.get("tolerance", 0)) for got in stated):
            return _wrong(place, f"the number {number}", text)
    return HOLDS


def _wrong(place: str, expected: str, text: str) -> Finding:
    got = _excerpt(text)
    return Finding(
        reason=Reason.WRONG_ANSWER, detail=f"{place} lacks {expected}; it reads {got}", expected=expected, got=got
    )


def _excerpt(text: str) -> str:
    flat = " ".join(text[: 2 * SHOWN].split())
    return f'"{printable(flat[:SHOWN])}"' if flat else "nothing"


CHECKS = {
    "call": _call,
    "no_other_calls": _no_other_calls,
    "order": _order,
    "together": _together,
    "answer_has": _answer_has,
    "answer_line": _answer_line,
}
