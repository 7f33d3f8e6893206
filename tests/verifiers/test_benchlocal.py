"""Every assert of benchlocal-cli's packs: what passes, what fails and why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_llmbench.records import Outcome, Reason, Response, Verdict
from pytest_llmbench.verifiers.benchlocal import KINDS
from pytest_llmbench.verifiers.benchlocal_subject import JsonFault, load_json, unfenced
from tests.verifiers.benchlocal_cases import (
    ANSWERS,
    AXIS,
    DOCK,
    FIELD_CHECKS,
    NO_CALL,
    RECORD,
    REFUSES,
    SHIPS,
    STRUCTURES,
    TEXTS,
    TOOL_CALLS,
    calls,
    check,
    judged,
)


@pytest.mark.parametrize("kind", TOOL_CALLS)
def test_calls_are_judged(kind: str) -> None:
    """Each assert on calls has one that holds and one that does not, with its reason and the assert's name."""
    params, right, wrong, reason = TOOL_CALLS[kind]
    checks = [check(f"tool_call.{kind}", **params)]
    assert judged(checks, calls(*right)).outcome is Outcome.PASS
    failed = judged(checks, calls(*wrong))
    assert (failed.outcome, failed.reason) == (Outcome.FAIL, reason)
    assert [one.name for one in failed.checks if not one.passed] == [kind]
    assert failed.detail


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_are_judged(kind: str) -> None:
    """Each assert on the text has one that holds and one that does not."""
    params, right, wrong, reason = TEXTS[kind]
    checks = [check(f"instruct_follow.{kind}", **params)]
    assert judged(checks, Response(content=right)).outcome is Outcome.PASS
    assert judged(checks, Response(content=wrong)).reason is reason


@pytest.mark.parametrize(
    ("value", "right", "wrong"),
    [("uppercase", "ALL 1 \u00e9", "aLL"), ("titlecase", "Two Words", "Two words"), ("snake", "anyThing", "")],
)
def test_letter_case(value: str, right: str, wrong: str) -> None:
    """Only a to z count for upper case; a case nobody knows asks for nothing."""
    checks = [check("instruct_follow.case_only", value=value)]
    assert judged(checks, Response(content=right)).outcome is Outcome.PASS
    assert (judged(checks, Response(content=wrong)).outcome is Outcome.FAIL) is bool(wrong)


@pytest.mark.parametrize("kind", STRUCTURES)
def test_structures_are_judged(kind: str) -> None:
    """Each assert on a document has one that holds and one that does not."""
    params, right, wrong, reason = STRUCTURES[kind]
    checks = [check(f"struct_output.{kind}", **params)]
    assert judged(checks, Response(content=right)).outcome is Outcome.PASS
    assert judged(checks, Response(content=wrong)).reason is reason


@pytest.mark.parametrize(
    ("params", "text", "reason"),
    [
        ({"path": "$.ships[1].name", "value": "Mia"}, '{"ships": [{}, {"name": "Mia"}]}', None),
        ({"path": "$.ships[1].name", "value": "Ida"}, '{"ships": [{}, {"name": "Mia"}]}', Reason.WRONG_ANSWER),
        ({"path": "$.ships[2].name"}, '{"ships": []}', Reason.MISSING_FIELD),
        ({"path": "$.berth.no"}, '{"berth": 4}', Reason.MISSING_FIELD),
        ({"path": "$.berth", "regex": "^4$"}, '{"berth": 4}', None),
        ({"path": "$.berth", "regex": "^4$"}, '{"berth": 44}', Reason.WRONG_ANSWER),
        ({"path": "$.berth"}, "berth 4", Reason.INVALID_FORMAT),
        ({"path": "$.[0][1]", "value": 2}, "[[1, 2]]", None),
    ],
)
def test_paths_into_json(params: dict[str, Any], text: str, reason: Reason | None) -> None:
    """A path leads through objects and lists; value and expression are both optional."""
    assert judged([check("struct_output.jsonpath_assertion", **params)], Response(content=text)).reason is reason


def test_headers_stand_in_order() -> None:
    """Headings and table heads alike; out of order fails."""
    checks = [check("struct_output.markdown_structure", headers=["# Quay", "| ship |"])]
    assert judged(checks, Response(content="# Quay\n\n|Ship|\n|---|")).outcome is Outcome.PASS
    assert judged(checks, Response(content="|Ship|\n|---|\n# Quay")).detail == "headers out of order"


@pytest.mark.parametrize(("kind", "params", "text", "reason"), ANSWERS)
def test_answers_are_judged(kind: str, params: dict[str, Any], text: str, reason: Reason | None) -> None:
    """Numbers, letters and strings, with all that is let pass there."""
    assert judged([check(kind, **params)], Response(content=text)).reason is reason


@pytest.mark.parametrize(
    ("line", "outcome", "score"),
    [
        ("ANSWER: ship_count=35", Outcome.PASS, 1.0),
        ("ANSWER:  Ship_Count=35 ", Outcome.PASS, 1.0),
        ("ANSWER: Thirty-Five", Outcome.PASS, 1.0),
        ("ANSWER: 35", Outcome.PASS, 1.0),
        ("ANSWER: ships = 35", Outcome.PASS, 1.0),
        ("ANSWER: the ship count is 135", Outcome.PASS, 1.0),
        ("ANSWER: 99\nANSWER: 35", Outcome.PASS, 1.0),
        ("ANSWER: ship_count=34", Outcome.FAIL, 0.5),
        ("ANSWER: 36", Outcome.FAIL, 0.0),
        ("Answer: 35", Outcome.FAIL, 0.0),
        ("**ANSWER: 35**", Outcome.FAIL, 0.0),
    ],
)
def test_the_answer_line(line: str, outcome: Outcome, score: float) -> None:
    """The last line that begins exactly with the prefix counts; a partial answer is worth half and fails."""
    found = judged([check("reason_math.exact_string", **AXIS)], Response(content=f"Two docks, half = 17.5.\n{line}"))
    assert (found.outcome, found.score) == (outcome, score)
    assert [(one.name, one.passed, one.gating) for one in found.checks[1:]] == [("checkpoints", True, False)]


def record(**changes: Any) -> Verdict:
    """Return the verdict on the record with these changes."""
    return judged([check("data_extract.expected", value=RECORD)], Response(content=json.dumps({**RECORD, **changes})))


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"ship": " Ida "}, 6),
        ({"tons": 12.509}, 6),
        ({"crew": ["Al", "Bo"]}, 6),
        ({"extra": 1}, 6),
        ({"ship": "ida"}, 5),
        ({"tons": "12.5"}, 5),
        ({"tons": 10**400}, 5),
        ({"crew": ["Al"]}, 5),
        ({"crew": [{}, 2]}, 5),
        ({"open": ""}, 5),
        ({"ready": 1}, 5),
        ({"home": None}, 5),
        ({"home": {"port": "Oslo"}}, 5),
    ],
)
def test_a_record_is_counted_field_by_field(changes: dict[str, Any], right: int) -> None:
    """Five of six fields are 83 %, below the 85 that are needed; the score says how many."""
    found = record(**changes)
    assert found.score == pytest.approx(right / 6)
    assert (found.outcome is Outcome.PASS) is (right == 6)
    assert right == 6 or f"{right} of 6 fields right" in found.detail


def test_85_per_cent_are_enough() -> None:
    """Six of seven fields pass."""
    expected = {f"f{number}": number for number in range(7)}
    found = judged(
        [check("data_extract.expected", value=expected)], Response(content=json.dumps({**expected, "f0": 9}))
    )
    assert (found.outcome, round(found.score or 0, 2)) == (Outcome.PASS, 0.86)


@pytest.mark.parametrize(
    ("anchors", "answer", "score"),
    [
        ({"ships": "name"}, {"ships": SHIPS["ships"][::-1]}, 1.0),
        ({"ships": "name"}, {"ships": SHIPS["ships"][:1]}, 0.5),
        ({"ships": "name"}, {"ships": "none"}, 0.0),
        ({}, SHIPS, 0.0),
    ],
)
def test_objects_are_found_by_their_anchor(anchors: dict[str, str], answer: Any, score: float) -> None:
    """In any order; without an anchor they are never right, as upstream."""
    found = judged([check("data_extract.expected", value=SHIPS, anchors=anchors)], Response(content=json.dumps(answer)))
    assert found.score == score


def test_the_shape_counts_where_it_is_declared() -> None:
    """One object in a list is counted, and fails only where the prompt said which of the two it wants."""
    text = Response(content=json.dumps([{"a": 1}]))
    assert judged([check("data_extract.expected", value={"a": 1})], text).outcome is Outcome.PASS
    found = judged([check("data_extract.expected", value={"a": 1}, shape_declared=True)], text)
    assert (found.outcome, found.score) == (Outcome.FAIL, 1.0)


@pytest.mark.parametrize(("kind", "params", "changes", "reason"), FIELD_CHECKS)
def test_single_fields(kind: str, params: dict[str, Any], changes: dict[str, Any], reason: Reason) -> None:
    """The older asserts on one field each."""
    checks = [check(f"data_extract.{kind}", **params)]
    assert judged(checks, Response(content=json.dumps(RECORD))).outcome is Outcome.PASS
    assert judged(checks, Response(content=json.dumps({**RECORD, **changes}))).reason is reason
    assert judged(checks, Response(content="Ida")).reason is Reason.INVALID_FORMAT


def test_every_kind_has_its_case() -> None:
    """A new kind needs a test above."""
    tested = {f"tool_call.{kind}" for kind in (*TOOL_CALLS, "content_regex")}
    tested |= {f"instruct_follow.{kind}" for kind in TEXTS}
    tested |= {f"struct_output.{kind}" for kind in (*STRUCTURES, "jsonpath_assertion")}
    tested |= {kind for kind, *_ in ANSWERS}
    tested |= {f"data_extract.{kind}" for kind in ("expected", *(kind for kind, *_ in FIELD_CHECKS))}
    assert tested == set(KINDS)


def test_the_first_that_fails_speaks() -> None:
    """Asserts are and-ed in order; the score is the share that holds, and names stay apart."""
    phrases = [check("instruct_follow.required_phrase", value=word) for word in ("one", "two", "three")]
    found = judged(phrases, Response(content="one"))
    assert found.detail == 'the phrase "two" is missing'
    assert found.score == pytest.approx(1 / 3)
    assert [one.name for one in found.checks] == ["required_phrase", "required_phrase-2", "required_phrase-3"]


@pytest.mark.parametrize(
    ("checks", "response", "reason"),
    [
        ([NO_CALL, REFUSES], Response(content="I cannot."), None),
        ([REFUSES], Response(content="I cannot."), None),
        ([NO_CALL], calls(DOCK), Reason.WRONG_TOOL),
        ([NO_CALL, REFUSES], Response(content="Done."), Reason.WRONG_ANSWER),
        (
            [check("tool_call.exact_function_name", value="dock"), REFUSES],
            Response(content="I cannot."),
            Reason.WRONG_TOOL,
        ),
        ([NO_CALL, REFUSES], Response(), Reason.NO_ANSWER),
        ([check("tool_call.exact_function_name", value="dock")], calls(DOCK, ("x", "{")), Reason.INVALID_FORMAT),
        ([check("tool_call.exact_function_name", value="dock")], calls(("dock", "null")), Reason.INVALID_FORMAT),
        ([check("tool_call.exact_function_name", value="dock")], calls(("dock", "[1, 2]")), Reason.INVALID_FORMAT),
        ([check("tool_call.exact_function_name", value="dock")], calls(("dock", "")), None),
    ],
)
def test_silence_and_broken_arguments(checks: list[dict[str, Any]], response: Response, reason: Reason | None) -> None:
    """A call is wanted unless the asserts are about none; every call's arguments must be an object."""
    assert judged(checks, response).reason is reason


@pytest.mark.parametrize(
    ("made", "passes"), [(["a"], True), (["a", "b"], True), (["a", "b", "c", "x"], True), (["b"], False), ([], False)]
)
def test_a_dependent_chain_passes_on_any_beginning(made: list[str], *, passes: bool) -> None:
    """As upstream, which has one response for a chain that needs several."""
    chain = check("tool_call.multi_call_order", expected_names=["a", "b", "c"], dependent=True)
    assert (judged([chain], calls(*((name, {}) for name in made))).outcome is Outcome.PASS) is passes


def test_the_reasoning_field_stands_in_for_no_content() -> None:
    """Content comes first; thoughts that stood between tags in the content never count."""
    checks = [check("instruct_follow.required_phrase", value="quay")]
    thought = {"reasoning": "the quay", "reasoning_field": "reasoning_content"}
    assert judged(checks, Response(**thought)).outcome is Outcome.PASS
    assert judged(checks, Response(content="pier", **thought)).outcome is Outcome.FAIL
    assert judged(checks, Response(reasoning="the quay", reasoning_field="think_tags")).reason is Reason.NO_ANSWER


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("```json\n{}\n```", "{}"),
        (" ```\n a \n``` ", "a"),
        ("```json```", ""),
        ("```a b```", "b"),
        ("```", "```"),
        ("x ```\na\n```", "x ```\na\n```"),
    ],
)
def test_a_fence_around_the_whole_is_taken_off(text: str, inner: str) -> None:
    """And only one around the whole."""
    assert unfenced(text) == inner


def test_deep_and_broken_json_is_a_fault() -> None:
    """Nesting has a limit, so that nothing that reads the value runs out of stack."""
    for text in ("[" * 100_000, "[" * 150 + "]" * 150, "9" * 5000, "{", ""):
        with pytest.raises(JsonFault):
            load_json(text)
    assert load_json("[" * 99 + "]" * 99)
