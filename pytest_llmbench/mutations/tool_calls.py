"""Mutants of answers that `tool_calls` judges: the calls that were made, and what was said in the end."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmbench.contracts import GoldAnswer, Mutant
from pytest_llmbench.mutations.calls import breaks_calls, is_extra, parsed
from pytest_llmbench.mutations.changes import last_text, right, wrong
from pytest_llmbench.mutations.rules import is_number
from pytest_llmbench.mutations.talk import talk_mutants
from pytest_llmbench.records import Message, Outcome, Reason, Scenario, ToolCall

Check = Mapping[str, Any]
DRAFT = "QUESTION: perhaps? CANNOT: no. TOTAL: 999999"


class ToolCallsMutator:
    """Changes arguments, drops and doubles calls, changes the final text."""

    name = "tool_calls"

    def mutants(self, scenario: Scenario, answer: GoldAnswer) -> Iterator[Mutant]:
        """Yield the mutants of the talk, of each call and of the lines of the final text."""
        yield from talk_mutants(answer, draft=DRAFT, needs_text=_needs_text(scenario))
        if any(check["kind"] == "call" and check.get("gating", True) for check in scenario.checks):
            silence = (Message(role="assistant"),)
            yield Mutant(note="silence", turns=silence, wanted=Outcome.FAIL, reason=Reason.NO_ANSWER)
        for turn, message in enumerate(answer.turns):
            for place, call in enumerate(message.tool_calls):
                yield from _call_mutants(scenario, answer, (turn, place), call)
        yield from _regrouped(scenario, answer)
        yield from _invented(scenario, answer)

        yield from _said(scenario, answer)


def _needs_text(scenario: Scenario) -> bool:
    gating = [check for check in scenario.checks if check.get("gating", True)]
    return not scenario.checks or any(check["kind"] in ("answer_has", "answer_line") for check in gating)


def _call_mutants(scenario: Scenario, answer: GoldAnswer, at: tuple[int, int], call: ToolCall) -> Iterator[Mutant]:
    arguments = parsed(call.arguments)
    if arguments is None:
        return
    where = f"call {at[0] + 1}.{at[1] + 1} {call.name}"
    yield from _spelled(answer, at, arguments, where)
    for note, changed in _argument_changes(arguments):
        other = _with_call(answer, at, json.dumps(changed, ensure_ascii=False))
        if breaks_calls(scenario, answer.turns, other):
            yield Mutant(note=f"{where}: {note}", turns=other, wanted=Outcome.FAIL)
    broken = _with_call(answer, at, call.arguments.rstrip()[:-1] or "{")
    yield Mutant(note=f"{where}: not closed", turns=broken, wanted=Outcome.FAIL, reason=Reason.INVALID_FORMAT)
    yield from _counted(scenario, answer, at, where)


def _spelled(answer: GoldAnswer, at: tuple[int, int], arguments: dict[str, Any], where: str) -> Iterator[Mutant]:
    turned = dict(reversed(arguments.items()))
    for note, text in (
        ("arguments in the opposite order", json.dumps(turned, ensure_ascii=False)),
        ("arguments spread over lines", json.dumps(arguments, ensure_ascii=False, indent=4)),
        ("arguments without blanks", json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))),
        ("arguments in ASCII", f" {json.dumps(arguments)} "),
    ):
        yield Mutant(note=f"{where}: {note}", turns=_with_call(answer, at, text), wanted=Outcome.PASS)


def _argument_changes(arguments: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in arguments.items():
        yield f"{name} left out", {key: item for key, item in arguments.items() if key != name}
        yield f"{name} null", {**arguments, name: None}
        for note, other in _other_values(value):
            yield f"{name} {note}", {**arguments, name: other}
    yield "an argument too many", {**arguments, "remark": "none"}
    yield "no arguments", {}


def _other_values(value: Any) -> Iterator[tuple[str, Any]]:
    if is_number(value):
        yield "one more", value + 1
        yield "as a text", str(value)
        yield "ten times as much", value * 10 or 10
    elif isinstance(value, str):
        yield "with a letter more", value + "x"
        yield "another text", "lorem ipsum"
        yield "in the other case", value.swapcase()
    elif isinstance(value, bool):
        yield "negated", not value
        yield "as a text", str(value).lower()
    elif isinstance(value, list):
        yield "without its last", value[:-1]
        yield "with its last twice", value + value[-1:]
    elif isinstance(value, dict):
        yield "with a key too many", {**value, "remark": "none"}
        for key in value:
            yield f"without {key}", {name: item for name, item in value.items() if name != key}


def _with_call(answer: GoldAnswer, at: tuple[int, int], arguments: str) -> tuple[Message, ...]:
    turn, place = at
    calls = list(answer.turns[turn].tool_calls)
    calls[place] = dataclasses.replace(calls[place], arguments=arguments)
    return _with_calls(answer, turn, tuple(calls))


def _with_calls(answer: GoldAnswer, turn: int, calls: tuple[ToolCall, ...]) -> tuple[Message, ...]:
    """Return the turns with other calls in one of them; a turn that makes none any more is left out."""
    kept = (dataclasses.replace(answer.turns[turn], tool_calls=calls),) if calls else ()
    return (*answer.turns[:turn], *kept, *answer.turns[turn + 1 :])


def _counted(scenario: Scenario, answer: GoldAnswer, at: tuple[int, int], where: str) -> Iterator[Mutant]:
    turn, place = at
    calls = answer.turns[turn].tool_calls
    dropped = _with_calls(answer, turn, (*calls[:place], *calls[place + 1 :]))
    if dropped and breaks_calls(scenario, answer.turns, dropped):
        yield Mutant(note=f"{where}: not made", turns=dropped, wanted=Outcome.FAIL)
    if is_extra(scenario, calls[place].name):
        doubled = _with_calls(answer, turn, (*calls[: place + 1], calls[place], *calls[place + 1 :]))
        yield Mutant(note=f"{where}: made twice", turns=doubled, wanted=Outcome.FAIL)


def _regrouped(scenario: Scenario, answer: GoldAnswer) -> Iterator[Mutant]:
    """Make all calls at once where some must wait for others, or one after the other where some belong together."""
    gating = [check for check in scenario.checks if check.get("gating", True)]
    calls = [call for turn in answer.turns for call in turn.tool_calls]
    said = [turn for turn in answer.turns if not turn.tool_calls]
    if any(check["kind"] == "order" and check.get("same_turn") != "allow" for check in gating):
        at_once = (Message(role="assistant", tool_calls=tuple(calls)), *said)
        yield Mutant(note="all calls at once", turns=at_once, wanted=Outcome.FAIL)
    if any(check["kind"] == "together" for check in gating):
        singly = tuple(Message(role="assistant", tool_calls=(call,)) for call in calls)
        yield Mutant(note="one call in each turn", turns=(*singly, *said), wanted=Outcome.FAIL)


def _invented(scenario: Scenario, answer: GoldAnswer) -> Iterator[Mutant]:
    """Yield a call of a tool that is not there, and of each offered one that nothing asks for or allows."""
    names = ["do_everything", *(tool.name for tool in scenario.tools)]
    named = {check.get("tool") for check in scenario.checks}
    for name in [name for name in names if is_extra(scenario, name) and name not in named][:4]:
        call = ToolCall(id="mutant001", name=name, arguments="{}")
        first = answer.turns[0]
        turns = (dataclasses.replace(first, tool_calls=(*first.tool_calls, call)), *answer.turns[1:])
        if not first.tool_calls:
            turns = (Message(role="assistant", tool_calls=(call,)), *answer.turns)
        yield Mutant(note=f"a call of {name} too many", turns=turns, wanted=Outcome.FAIL)


def _said(scenario: Scenario, answer: GoldAnswer) -> Iterator[Mutant]:
    """Change what the final text must have: numbers, lines with a label."""
    text = last_text(answer)
    for check in scenario.checks:
        if not check.get("gating", True) or not text:
            continue
        if check["kind"] == "answer_has" and check.get("numbers"):
            yield wrong("no figure in the final text", answer, re.sub(r"[0-9]", "", text) or "-")
        if check["kind"] == "answer_has" and check.get("words"):
            yield wrong("none of the words in the final text", answer, "It is done: 12345.")
        if check["kind"] == "answer_line":
            yield from _line_mutants(check, answer, text)


def _line_mutants(check: Check, answer: GoldAnswer, text: str) -> Iterator[Mutant]:
    label = check["label"]
    line = re.compile(rf"^([ \t*_`#>-]*){re.escape(label)}([*_`]*[ \t]*:)", re.IGNORECASE | re.MULTILINE)
    found = line.search(text)
    if found is None:
        return
    yield right(f"{label} in small letters", answer, line.sub(rf"\g<1>{label.lower()}\g<2>", text))
    if not found[1]:
        yield right(f"{label} as a list item", answer, line.sub(rf"- {label}\g<2>", text))
    yield wrong(f"without {label}", answer, line.sub(r"\g<1>That is", text), Reason.NO_ANSWER)
    if "number" in check:
        off = check["number"] + 1 + 2 * check.get("tolerance", 0)
        yield wrong(f"{label} one more", answer, f"{text.rstrip()}\n{label}: {off}")
        yield wrong(f"{label} a digit more in front", answer, f"{text.rstrip()}\n{label}: 9{abs(check['number'])}")
        yield wrong(f"{label} twofold", answer, f"{text.rstrip()}\n{label}: {check['number']} or {off}")
        yield right(f"{label} wrong at first", answer, f"{label}: {off}\n{text}")
    if "text" in check:
        yield right(f"{label} in capitals", answer, f"{text.rstrip()}\n{label}: {check['text'].upper()}")
        yield wrong(f"{label} with a word more", answer, f"{text.rstrip()}\n{label}: {check['text']} perhaps")
        yield wrong(f"{label} something else", answer, f"{text.rstrip()}\n{label}: lorem ipsum")
