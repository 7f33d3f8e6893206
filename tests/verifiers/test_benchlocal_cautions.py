"""What is known to be wrong with asserts of benchlocal-cli's packs, and what is simply a mistake in a pack."""

from __future__ import annotations

from typing import Any

import pytest

from tests.verifiers.benchlocal_cases import AXIS, JUDGE, NO_CALL, REFUSES, SHIPS, check, scenario

BAD_CHECKS = [
    (check("tool_call.exact_function_nam", value="x"), "kind", 'did you mean "tool_call.exact_function_name"?'),
    (check("magic.spell"), "kind", 'unknown verifier type or kind of assert "magic.spell"'),
    (check("struct_output.upstream_evaluator", evaluator="S"), "kind", "code inside benchlocal-cli"),
    (check("tool_call.arg_regex", arg="x"), "pattern", "is missing"),
    (check("tool_call.arg_regex", arg="x", pattern="("), "pattern", "regular expression"),
    (check("instruct_follow.bullet_count", value="3"), "value", "whole number"),
    (check("reason_math.exact_string"), "value", "at least one of value, canonical_answer"),
    (check("struct_output.json_schema", schema={"type": 3}), "schema", "JSON Schema"),
    (check("struct_output.json_schema", schema={"$ref": "http://a/b"}), "schema", "refers to nothing outside"),
    (check("struct_output.jsonpath_assertion", path="a.b"), "path", "$.a.b[0]"),
    (check("answer_match.exact_numeric", value="ten"), "value", "a number"),
    (check("data_extract.expected", value=3), "value", "an object or a list"),
    ({"kind": 3}, "kind", "unknown"),
    ({}, "kind", "unknown"),
]


@pytest.mark.parametrize(("bad", "key", "words"), BAD_CHECKS)
def test_a_bad_assert_is_a_problem(bad: dict[str, Any], key: str, words: str) -> None:
    """The path leads to the key, the message says what it must be."""
    found = list(JUDGE.problems(scenario(check("struct_output.json_parse_required"), bad)))
    assert [one.path for one in found] == [("checks", 1, key)]
    assert words in found[0].message


def test_no_assert_is_a_problem() -> None:
    """There is nothing to judge by."""
    assert [one.path for one in JUDGE.problems(scenario())] == [("checks",)]


CAUTIONS = [
    ([check("instruct_follow.format_regex", pattern=".+")], "passes on any text that is not empty"),
    ([check("instruct_follow.language", value="french")], "passes on any text that is not empty"),
    ([check("instruct_follow.bullet_count", value=6)], "passes on an empty shell such as '- x"),
    ([check("struct_output.csv_columns", expected=["a", "b"])], "passes on an empty shell such as 'a,b'"),
    ([check("struct_output.markdown_structure", headers=["| a | b |"])], "passes on an empty shell such as '| a | b"),
    ([check("struct_output.yaml_parse_required")], "passes on an empty shell such as"),
    ([check("data_extract.expected", value={"a": None})], "passes on an empty shell such as '{}'"),
    ([check("tool_call.multi_call_order", expected_names=["a"], dependent=True)], "any beginning of the chain"),
    ([check("tool_call.exact_function_name", value="a")], "the arguments of the calls are not looked at"),
    ([check("tool_call.arg_in_enum", arg="a", values=[1])], "only the first call's arguments"),
    ([NO_CALL, REFUSES], "a word in the text decides"),
    (
        [check("tool_call.arg_regex", arg="a", pattern=".+"), check("tool_call.tool_call_count", value=1)],
        "one of the expressions matches any text",
    ),
    ([check("reason_math.exact_string", value="berth=35")], "135 passes for 35"),
    ([check("reason_math.exact_string", **AXIS)], "only a line that begins exactly"),
    ([check("reason_math.exact_numeric", value=3)], "any number anywhere"),
    ([check("answer_match.exact_numeric", value=3)], "the first ANSWER: counts"),
    ([check("answer_match.exact_letter", value="B")], "free-standing letter"),
    ([check("data_extract.expected", value=SHIPS)], "objects in ships are never right"),
    ([check("instruct_follow.language", value="english")], "English is taken to be ASCII"),
    ([check("struct_output.exact_json", value=[1])], "right JSON after a line of prose fails"),
]


@pytest.mark.parametrize(("checks", "words"), CAUTIONS)
def test_what_is_known_to_be_wrong_is_said(checks: list[dict[str, Any]], words: str) -> None:
    """Found from the asserts, under the scenario's id."""
    assert any(line.startswith("H-01: ") and words in line for line in JUDGE.cautions([scenario(*checks)]))


def test_sound_asserts_get_no_caution() -> None:
    """An exact call with exact arguments and nothing else, and a phrase."""
    call = [
        check("tool_call.exact_function_name", value="dock"),
        check("tool_call.tool_call_count", value=1),
        check("tool_call.exact_arg_value", arg="berth", value=4),
    ]
    phrase = [check("instruct_follow.required_phrase", value="the quay")]
    assert JUDGE.cautions([scenario(*call), scenario(*phrase, name="H-02")]) == ()


def test_scenarios_with_the_same_fault_share_a_line() -> None:
    """All of them are called all; of many the first twenty are named."""
    idle = check("instruct_follow.format_regex", pattern=".+")
    sound = scenario(check("instruct_follow.required_phrase", value="the quay"), name="S")
    many = [scenario(idle, name=f"I-{number}") for number in range(25)]
    assert JUDGE.cautions(many[:3]) == ("all 3 scenarios: passes on any text that is not empty",)
    assert JUDGE.cautions([*many[:2], sound])[0].startswith("I-0, I-1: passes")
    assert "I-19 and 5 more: passes" in JUDGE.cautions([*many, sound])[0]
