"""The asserts of benchlocal-cli's verifier type ``tool_call``. Those on arguments look at the first call alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.benchlocal_subject import (
    EXPRESSION,
    HOLDS,
    LIST,
    WORD_LIST,
    WORDS,
    Finding,
    JsonFault,
    Kind,
    Params,
    Subject,
    arguments_of,
    unmatched,
)
from pytest_llmbench.verifiers.check_kinds import ANYTHING, COUNT, FLAG, NUMBER, short
from pytest_llmbench.verifiers.value_rules import shown

COUNTS = "tool_call.tool_call_count"
TEXT = "tool_call.content_regex"


def before(subject: Subject, checks: Sequence[Params]) -> Finding:
    """Some tool must be called unless the asserts are about none, and every call's arguments must be an object."""
    may_be_silent = any(check["kind"] == COUNTS and check["value"] == 0 for check in checks) or all(
        check["kind"] == TEXT for check in checks
    )
    if not subject.calls and not may_be_silent:
        detail = f"no tool was called; the text is {short(subject.text)}"
        return Finding(reason=Reason.WRONG_TOOL, detail=detail, expected="a tool call", got="none")
    for number, call in enumerate(subject.calls, start=1):
        try:
            arguments_of(call)
        except JsonFault as fault:
            detail = f"the text of arguments of call {number} ({call.name[:60]}) {fault}"
            return Finding(reason=Reason.INVALID_FORMAT, detail=detail, got=short(call.arguments))
    return HOLDS


def _names(subject: Subject) -> list[str]:
    return [call.name for call in subject.calls]


def _wrong_tool(subject: Subject, expected: str) -> Finding:
    got = ", ".join(_names(subject)[:12]) or "no call"
    return Finding(reason=Reason.WRONG_TOOL, detail=f"wanted {expected}, got {got}", expected=expected, got=got)


def _exact_function_name(subject: Subject, params: Params) -> Finding:
    holds = _names(subject)[:1] == [params["value"]]
    return HOLDS if holds else _wrong_tool(subject, f"{params['value']} as the first call")


def _function_name_in(subject: Subject, params: Params) -> Finding:
    first = _names(subject)[:1]
    if first and first[0] in params["values"]:
        return HOLDS
    return _wrong_tool(subject, f"one of {', '.join(params['values'])} as the first call")


def _tool_call_count(subject: Subject, params: Params) -> Finding:
    if len(subject.calls) == params["value"]:
        return HOLDS
    return _wrong_tool(subject, f"{params['value']} calls, not {len(subject.calls)}")


def _required_function_names(subject: Subject, params: Params) -> Finding:
    made = set(_names(subject))
    missing = [name for name in params["values"] if name not in made]
    return _wrong_tool(subject, f"calls of {', '.join(missing)} too") if missing else HOLDS


def _content_regex(subject: Subject, params: Params) -> Finding:
    fault = unmatched(params["pattern"], subject.text, re.MULTILINE | re.DOTALL)
    if not fault:
        return HOLDS
    return Finding(reason=Reason.WRONG_ANSWER, detail=fault, expected=params["pattern"], got=short(subject.text, 300))


def _required_args_present(subject: Subject, params: Params) -> Finding:
    missing = ", ".join(name for name in params["args"] if name not in subject.arguments)
    if not missing:
        return HOLDS
    detail = f"the first call lacks {missing}"
    return Finding(reason=Reason.MISSING_FIELD, detail=detail, expected=missing, got=shown(subject.arguments))


def _forbidden_args_absent(subject: Subject, params: Params) -> Finding:
    given = ", ".join(name for name in params["args"] if name in subject.arguments)
    if not given:
        return HOLDS
    detail = f"the first call has {given}, which it must not have"
    return Finding(reason=Reason.WRONG_ARGUMENT, detail=detail, got=shown(subject.arguments))


def _wrong_argument(subject: Subject, name: str, expected: str) -> Finding:
    got = shown(subject.arguments[name]) if name in subject.arguments else "nothing"
    detail = f"{name} of the first call must be {expected}, got {got}"
    return Finding(reason=Reason.WRONG_ARGUMENT, detail=detail, expected=expected, got=got)


def _exact_arg_value(subject: Subject, params: Params) -> Finding:
    name, wanted = params["arg"], params["value"]
    return HOLDS if subject.arguments.get(name) == wanted else _wrong_argument(subject, name, shown(wanted))


def _arg_regex(subject: Subject, params: Params) -> Finding:
    name, pattern = params["arg"], params["pattern"]
    fault = unmatched(pattern, str(subject.arguments.get(name, "")))
    return _wrong_argument(subject, name, f"text that {pattern!r} matches") if fault else HOLDS


def _arg_in_enum(subject: Subject, params: Params) -> Finding:
    name, allowed = params["arg"], params["values"]
    if subject.arguments.get(name) in allowed:
        return HOLDS
    return _wrong_argument(subject, name, f"one of {shown(allowed)}")


def _arg_numeric_range(subject: Subject, params: Params) -> Finding:
    value = subject.arguments.get(params["arg"])
    low, high = params.get("min"), params.get("max")
    is_number = isinstance(value, (int, float))
    if is_number and not (low is not None and value < low) and not (high is not None and value > high):
        return HOLDS
    return _wrong_argument(subject, params["arg"], f"a number from {shown(low)} to {shown(high)}")


def _multi_call_order(subject: Subject, params: Params) -> Finding:
    """With ``dependent`` any beginning of the chain passes: one response cannot hold what needs a result first."""
    names, wanted = _names(subject), params["expected_names"]
    length = min(len(names), len(wanted)) if params.get("dependent") else len(wanted)
    if names[:length] == wanted[:length] and (names or not params.get("dependent")):
        return HOLDS
    return _wrong_tool(subject, f"calls beginning with {', '.join(wanted)}")


CALLS: dict[str, Kind] = {
    "tool_call.exact_function_name": Kind(check=_exact_function_name, needs={"value": WORDS}),
    "tool_call.function_name_in": Kind(check=_function_name_in, needs={"values": WORD_LIST}),
    COUNTS: Kind(check=_tool_call_count, needs={"value": COUNT}),
    "tool_call.required_function_names": Kind(check=_required_function_names, needs={"values": WORD_LIST}),
    TEXT: Kind(check=_content_regex, needs={"pattern": EXPRESSION}),
    "tool_call.required_args_present": Kind(check=_required_args_present, needs={"args": WORD_LIST}),
    "tool_call.forbidden_args_absent": Kind(check=_forbidden_args_absent, needs={"args": WORD_LIST}),
    "tool_call.exact_arg_value": Kind(check=_exact_arg_value, needs={"arg": WORDS, "value": ANYTHING}),
    "tool_call.arg_regex": Kind(check=_arg_regex, needs={"arg": WORDS, "pattern": EXPRESSION}),
    "tool_call.arg_in_enum": Kind(check=_arg_in_enum, needs={"arg": WORDS, "values": LIST}),
    "tool_call.arg_numeric_range": Kind(
        check=_arg_numeric_range, needs={"arg": WORDS}, may={"min": NUMBER, "max": NUMBER}
    ),
    "tool_call.multi_call_order": Kind(
        check=_multi_call_order, needs={"expected_names": WORD_LIST}, may={"dependent": FLAG}
    ),
}
