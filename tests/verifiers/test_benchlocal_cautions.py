"""What is known to be wrong with asserts of benchlocal-cli's packs, and what is simply a mistake in a pack."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llmbench.records import Outcome, Response
from tests.verifiers.benchlocal_cases import AXIS, JUDGE, NO_CALL, REFUSES, SHIPS, check, judged, scenario

BAD_CHECKS = [
    (check("tool_call.exact_function_nam", value="x"), "kind", 'of tool_call: did you mean "exact_function_name"?'),
    (check("instruct_folow.required_phrase"), "type", 'type "instruct_folow": did you mean "instruct_follow"?'),
    (check("magic.spell"), "type", 'unknown verifier type "magic": valid names: answer_match, data_extract,'),
    (check("struct_output.upstream_evaluator", evaluator="S"), "kind", "code inside benchlocal-cli"),
    (check("tool_call.arg_regex", arg="x"), "pattern", "is missing"),
    (check("tool_call.arg_regex", arg="x", patern="y"), "pattern", 'was "patern" meant to be "pattern"?'),
    (check("tool_call.arg_regex", arg="x", pattern="("), "pattern", "expression of Python: missing ), unterminated"),
    (check("tool_call.arg_regex", arg="x", pattern=3), "pattern", "must be a regular expression of Python, not '3'"),
    (check("instruct_follow.bullet_count", value="3"), "value", "whole number"),
    (check("reason_math.exact_string"), "value", "at least one of value, canonical_answer"),
    (check("struct_output.json_schema", schema={"type": 3}), "schema", "is no JSON Schema: $.type: 3 is not valid"),
    (check("struct_output.json_schema", schema=[]), "schema", "must be a JSON Schema, not []"),
    (check("struct_output.json_schema", schema={"$schema": []}), "schema", "is no JSON Schema that can be read"),
    (check("struct_output.json_schema", schema={"$ref": "http://a/b"}), "schema", 'refers to "http://a/b", and must'),
    (check("struct_output.jsonpath_assertion", path="a.b"), "path", "$.a.b[0]"),
    (check("answer_match.exact_numeric", value="ten"), "value", "a number"),
    (check("data_extract.expected", value=3), "value", "an object or a list"),
    (check("data_extract.3"), "kind", 'unknown kind of assert "3" of data_extract'),
    ({"kind": 3}, "type", "unknown"),
    ({}, "type", "unknown"),
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
    ([check("instruct_follow.language", value="english")], "passes on any text in ASCII"),
    ([check("instruct_follow.max_length_words", value=50)], "passes on any text of at most 50 words"),
    (
        [check("instruct_follow.max_length_words", value=9), check("instruct_follow.forbidden_phrase", value="x")],
        "passes on any text of at most 9 words without the forbidden phrases",
    ),
    ([check("instruct_follow.required_section_headers", headers=["# A", "# B"])], r"such as '# A\n# B'"),
    (
        [check("instruct_follow.min_length_words", value=3), check("instruct_follow.case_only", value="uppercase")],
        "passes on an empty shell such as 'X X X'",
    ),
    ([check("instruct_follow.required_url_count", min=2)], r"such as 'https://x\nhttps://x'"),
    (
        [check("instruct_follow.bullet_count", value=2), check("instruct_follow.exact_length_words", value=4)],
        r"such as '- x\n- x\nx x'",
    ),
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
    ([check("data_extract.expected", value=SHIPS)], "the very record that is wanted fails"),
    ([check("data_extract.expected", value={})], "the very record that is wanted fails"),
    ([check("data_extract.expected", value={"tags": []})], "the empty list wanted at tags counts as wrong"),
    (
        [check("data_extract.expected", value={"a": 1, "tags": []}, anchors={"tags": "x"})],
        "what stands in place of the empty list wanted at tags is not looked at",
    ),
    ([check("instruct_follow.language", value="english")], "English is taken to be ASCII"),
    ([check("struct_output.exact_json", value=[1])], "right JSON after a line of prose fails"),
]


@pytest.mark.parametrize(("checks", "words"), CAUTIONS)
def test_what_is_known_to_be_wrong_is_said(checks: list[dict[str, Any]], words: str) -> None:
    """Found from the asserts, under the scenario's id."""
    assert any(line.startswith("H-01: ") and words in line for line in JUDGE.cautions([scenario(*checks)]))


UNSAID = [
    ([check("struct_output.exact_json", value={})], "empty shell"),
    ([check("instruct_follow.required_phrase", value="x")], "empty shell"),
    ([check("reason_math.exact_numeric", value=0)], "empty shell"),
    ([check("data_extract.expected", value={"tags": []})], "objects in"),
    ([check("data_extract.expected", value={"tags": ["a"]})], "record that is wanted"),
    ([check("data_extract.expected", value=SHIPS, anchors={"ships": "name"})], "never right"),
    ([check("instruct_follow.language", value="english")], "not empty"),
    ([check("instruct_follow.format_regex", pattern=".+")], "ASCII"),
    ([check("instruct_follow.max_length_words", value=50)], "empty shell"),
]


@pytest.mark.parametrize(("checks", "words"), UNSAID)
def test_what_is_not_so_is_not_said(checks: list[dict[str, Any]], words: str) -> None:
    """A right answer is no empty shell, an empty list has no objects, and a limit turns down some texts."""
    assert not any(words in line for line in JUDGE.cautions([scenario(*checks)]))


def test_an_empty_list_is_judged_as_it_is_said() -> None:
    """Given it is one wrong field, left out it is none: the record that lacks it passes, the right one does not."""
    wanted = check("data_extract.expected", value={"ship": "Ida", "tags": []})
    outcomes = [
        judged([wanted], Response(content=text)).outcome
        for text in ('{"ship": "Ida", "tags": []}', '{"ship": "Ida"}', '{"ship": "Ida", "tags": 3}')
    ]
    assert outcomes == [Outcome.FAIL, Outcome.PASS, Outcome.PASS]


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
