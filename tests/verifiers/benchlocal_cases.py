"""Asserts of benchlocal-cli's packs with answers that hold and answers that do not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pytest_llmbench.records import Exchange, Message, Reason, Request, Response, Scenario, ToolCall, Turn, Verdict
from pytest_llmbench.verifiers.benchlocal import Benchlocal

JUDGE = Benchlocal()


def scenario(*checks: dict[str, Any], name: str = "H-01") -> Scenario:
    """Return a scenario with these checks."""
    ask = (Message(role="user", content="Say so."),)
    return Scenario(id=name, title=name, messages=ask, dialogue="single_turn", verifier="benchlocal", checks=checks)


def check(kind: str, **params: Any) -> dict[str, Any]:
    """Return one check."""
    return {"kind": kind, **params}


def judged(checks: Sequence[dict[str, Any]], response: Response) -> Verdict:
    """Return the verdict on one response."""
    return JUDGE.judge(
        scenario(*checks), Exchange(turns=(Turn(request=Request(model="m", messages=()), response=response),))
    )


def calls(*made: tuple[str, Any]) -> Response:
    """Return a response with these calls; arguments that are no text are written as JSON."""
    return Response(
        tool_calls=tuple(
            ToolCall(id=f"c{at}", name=name, arguments=given if isinstance(given, str) else json.dumps(given))
            for at, (name, given) in enumerate(made)
        )
    )


DOCK = ("dock", {"berth": 4, "ship": "Ida", "weight": 12.5})
TOOL_CALLS = {
    "exact_function_name": ({"value": "dock"}, [DOCK], [("moor", {}), DOCK], Reason.WRONG_TOOL),
    "function_name_in": ({"values": ["dock", "moor"]}, [("moor", {})], [("sail", {}), DOCK], Reason.WRONG_TOOL),
    "tool_call_count": ({"value": 2}, [DOCK, DOCK], [DOCK], Reason.WRONG_TOOL),
    "required_function_names": ({"values": ["dock", "moor"]}, [("moor", {}), DOCK], [DOCK], Reason.WRONG_TOOL),
    "required_args_present": (
        {"args": ["berth", "ship"]},
        [DOCK],
        [("dock", {"berth": 4}), DOCK],
        Reason.MISSING_FIELD,
    ),
    "forbidden_args_absent": ({"args": ["crew"]}, [DOCK], [("dock", {"crew": 3})], Reason.WRONG_ARGUMENT),
    "exact_arg_value": ({"arg": "berth", "value": 4.0}, [DOCK], [("dock", {"berth": "4"})], Reason.WRONG_ARGUMENT),
    "arg_regex": ({"arg": "ship", "pattern": "^I"}, [DOCK], [("dock", {"ship": "Mia"})], Reason.WRONG_ARGUMENT),
    "arg_in_enum": (
        {"arg": "ship", "values": ["Ida", "Mia"]},
        [DOCK],
        [("dock", {"ship": "ida"})],
        Reason.WRONG_ARGUMENT,
    ),
    "arg_numeric_range": (
        {"arg": "weight", "min": 12, "max": 13},
        [DOCK],
        [("dock", {"weight": 13.5})],
        Reason.WRONG_ARGUMENT,
    ),
    "multi_call_order": ({"expected_names": ["moor", "dock"]}, [("moor", {}), DOCK], [DOCK], Reason.WRONG_TOOL),
}


TEXTS = {
    "exact_length_words": ({"value": 3}, " One-two, 3! ", "one two", Reason.INVALID_FORMAT),
    "max_length_words": ({"value": 2}, "one", "one two three", Reason.INVALID_FORMAT),
    "min_length_words": ({"value": 2}, "one two", "one", Reason.INVALID_FORMAT),
    "case_only": ({"value": "lowercase"}, "all low \u00c9 1", "Not low", Reason.INVALID_FORMAT),
    "format_regex": ({"pattern": r"^Berth \d$"}, "first\nBerth 4\nlast", "Berth four", Reason.INVALID_FORMAT),
    "required_phrase": ({"value": "the quay"}, "on the quay", "on The quay", Reason.MISSING_FIELD),
    "required_phrase_any": ({"values": ["quay", "pier"]}, "a pier", "a mole", Reason.MISSING_FIELD),
    "forbidden_phrase": ({"value": "storm"}, "calm", "a storm", Reason.WRONG_ANSWER),
    "required_url_count": ({"min": 2}, "http://a https://b", "http://a", Reason.MISSING_FIELD),
    "required_section_headers": ({"headers": ["# Quay"]}, "x\n  # Quay \ny", "# Quays", Reason.MISSING_FIELD),
    "bullet_count": ({"value": 2}, "- a\n  * b\ntext", "- a", Reason.INVALID_FORMAT),
    "language": ({"value": "english"}, "plain", "caf\u00e9", Reason.INVALID_FORMAT),
}


SCHEMA = {"type": "object", "required": ["berth"], "properties": {"berth": {"type": "integer"}}}
TABLE = "Here:\n| Ship | Berth |\n|:--|--:|\n| Ida | 4 |"
STRUCTURES = {
    "json_parse_required": ({}, "```json\n[1]\n```", "Here: [1]", Reason.INVALID_FORMAT),
    "json_schema": ({"schema": SCHEMA}, '{"berth": 4}', '{"berth": "4"}', Reason.INVALID_FORMAT),
    "yaml_parse_required": ({}, "# ships\nname: Ida\n\n  berth: 4", "name: Ida\n- berth", Reason.INVALID_FORMAT),
    "exact_json": ({"value": {"a": [1, 2]}}, '{"a": [1.0, 2]}', '{"a": [2, 1]}', Reason.WRONG_ANSWER),
    "csv_columns": ({"expected": ["ship", "berth"]}, "```\nship, berth\nx\n```", "berth,ship", Reason.INVALID_FORMAT),
    "markdown_structure": (
        {"headers": ["| ship | berth |"]},
        TABLE,
        "| ship | berth |\n| Ida | 4 |",
        Reason.INVALID_FORMAT,
    ),
    "format_regex": ({"pattern": r"\Aship"}, "ship", " ship", Reason.INVALID_FORMAT),
}


ANSWERS = [
    ("reason_math.exact_numeric", {"value": 1200}, "so 1,200 it is", None),
    ("reason_math.exact_numeric", {"value": 12}, "so 120", Reason.WRONG_ANSWER),
    ("reason_math.exact_numeric", {"value": 12}, "twelve", Reason.NO_ANSWER),
    ("reason_math.tolerance_numeric", {"value": 3.5, "tolerance": 0.1}, "3.42 or 7", None),
    ("reason_math.tolerance_numeric", {"value": 3.5, "tolerance": 0.01}, "3.42", Reason.WRONG_ANSWER),
    ("reason_math.regex_match", {"pattern": "^berth 4$"}, "x\nBERTH 4", None),
    ("reason_math.regex_match", {"pattern": "^berth 4$"}, "berth 4.", Reason.WRONG_ANSWER),
    ("reason_math.exact_string", {"value": "berth=4"}, "The berth=4 then", None),
    ("reason_math.exact_string", {"value": "berth=4; ship=Ida"}, "answer : 4 and  ida", None),
    ("reason_math.exact_string", {"value": "berth=4"}, "5 is it\nANSWER: 14", None),
    ("reason_math.exact_string", {"value": "berth=4"}, "4 is it\nANSWER: 5", Reason.WRONG_ANSWER),
    ("answer_match.exact_numeric", {"value": "1,200"}, "12\nAnswer: $1,200.00", None),
    ("answer_match.exact_numeric", {"value": 20}, "ANSWER: 7\nANSWER: 20", Reason.WRONG_ANSWER),
    ("answer_match.exact_numeric", {"value": 20}, "it is +20", None),
    ("answer_match.tolerance_numeric", {"value": -2, "tolerance": 0.5}, "Final: -2.25", None),
    ("answer_match.tolerance_numeric", {"value": -2, "tolerance": 0.5}, "Final: 2", Reason.WRONG_ANSWER),
    ("answer_match.exact_letter", {"value": "c"}, "A then\nANSWER: (C)", None),
    ("answer_match.exact_letter", {"value": "C"}, "A careful look: C", Reason.WRONG_ANSWER),
    ("answer_match.exact_letter", {"value": "C"}, "Every one", Reason.NO_ANSWER),
]


AXIS = {
    "canonical_answer": "ANSWER: ship_count=35",
    "accepted_answers": ["ANSWER: thirty-five"],
    "partial_answers": ["ANSWER: ship_count=34"],
    "checkpoints": ["half=17.5", "two docks"],
}


RECORD = {"ship": "Ida", "crew": ["Bo", "Al"], "tons": 12.5, "open": None, "ready": True, "home": {"port": "Oban"}}


SHIPS = {"ships": [{"name": "Ida", "tons": 1}, {"name": "Mia", "tons": 2}]}


FIELD_CHECKS = [
    ("field_required", {"field": "home.port"}, {"home": {}}, Reason.MISSING_FIELD),
    ("field_exact_value", {"field": "ship", "value": "Ida"}, {"ship": "Mia"}, Reason.WRONG_ANSWER),
    ("field_regex", {"field": "ship", "pattern": "^I"}, {"ship": "Mia"}, Reason.WRONG_ANSWER),
    ("field_in_set", {"field": "ship", "values": ["Ida"]}, {"ship": "Mia"}, Reason.WRONG_ANSWER),
    ("no_extra_fields", {"allowed": list(RECORD)}, {"more": 1}, Reason.INVALID_FORMAT),
]


NO_CALL = check("tool_call.tool_call_count", value=0)
REFUSES = check("tool_call.content_regex", pattern="cannot")


EVERYTHING = [
    check(f"{family}.{kind}", **params)
    for family, table in (("instruct_follow", TEXTS), ("struct_output", STRUCTURES))
    for kind, (params, *_) in table.items()
]
BATTERY = [
    [check(f"tool_call.{kind}", **params) for kind, (params, *_) in TOOL_CALLS.items()] + [REFUSES],
    EVERYTHING,
    [check(kind, **params) for kind, params, *_ in ANSWERS] + [check("reason_math.exact_string", **AXIS)],
    [check("data_extract.expected", value=[SHIPS, RECORD], anchors={"": "x"})],
    [check(f"data_extract.{kind}", **params) for kind, params, *_ in FIELD_CHECKS],
]
