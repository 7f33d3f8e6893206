"""Each kind of check on a document, the verdict they make together, and the mistakes of a pack's author."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.records import Exchange, Message, Outcome, Reason, Request, Response, Scenario, Turn, Verdict
from pytest_llmbench.verifiers.structured_kinds import KINDS
from pytest_llmbench.verifiers.structured_output import StructuredOutput
from pytest_llmbench.verifiers.structured_paths import NotThere, PathFault, frozen, look_up, steps

Check = dict[str, Any]
JSON = {"kind": "document", "format": "json"}
XML = {"kind": "document", "format": "xml"}
CSV = {"kind": "document", "format": "csv"}
TYPED = {**CSV, "types": {"n": "integer"}}
HERD = {
    "kind": "equals",
    "value": {
        "object": {
            "herd": [{"object": {"name": "Ida", "age": 3}}, {"object": {"name": "Bo", "age": {"one_of": [4, 5]}}}]
        }
    },
}
IDA_BO = '{"herd": [{"name": "Ida", "age": 3}, {"age": 4.0, "name": "Bo"}]}'
TREE = {
    "kind": "schema",
    "schema": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "below": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["name"],
        "additionalProperties": False,
    },
}
BIRDS = '<birds><bird id="1"><name> Wren </name><g>9.0</g></bird><bird id="2"><name>Tit</name><g>11</g></bird></birds>'
WRONG, FORM, LACK = Reason.WRONG_ANSWER, Reason.INVALID_FORMAT, Reason.MISSING_FIELD
CASES: list[tuple[Check, Check, list[str], list[tuple[str, Reason]]]] = [
    (
        JSON,
        HERD,
        [IDA_BO, f"Here:\n```json\n{IDA_BO}\n```\nDone."],
        [
            (IDA_BO.replace("3", '"3"'), WRONG),
            (IDA_BO.replace("4.0", "6"), WRONG),
            (IDA_BO.replace('"name": "Ida", ', ""), LACK),
            (IDA_BO.replace('"age": 3', '"age": 3, "hoof": 4'), WRONG),
            ('{"herd": []}', WRONG),
            ("[]", WRONG),
        ],
    ),
    (
        JSON,
        {"kind": "equals", "path": 'herd[-1]["the age"]', "value": 4},
        ['{"herd": [{}, {"the age": 4.0}]}'],
        [
            ('{"herd": [{"the age": 4}, {"the age": true}]}', WRONG),
            ('{"herd": [{}]}', LACK),
            ('{"herd": {}}', LACK),
            ("1", LACK),
        ],
    ),
    (
        TYPED,
        {"kind": "equals", "document": "a,n\nx,1\ny,\n"},
        ['"n","a"\n1,x\n,"y"', "```csv\na,n\nx,1\ny,\n```"],
        [("a,n\nx,1\ny,0", WRONG), ("a,n\nx,1", WRONG), ("b,n\nx,1\ny,", LACK), ("a,n,b\nx,1,\ny,,", WRONG)],
    ),
    (
        JSON,
        {"kind": "equals", "document": '{"a": {}, "b": []}'},
        ['{"b": [], "a": {}}'],
        [('{"b": {}, "a": []}', WRONG), ("{}", LACK)],
    ),
    (
        JSON,
        TREE,
        ['{"name": "a", "below": [{"name": "b"}]}'],
        [('{"name": "a", "below": [{"nam": "b"}]}', FORM), ('{"name": 1}', FORM), ("[]", FORM)],
    ),
    (
        JSON,
        {"kind": "schema", "schema": {"type": "array", "uniqueItems": True, "items": {"format": "date"}}},
        ['["2026-02-28", 1, true]', "[]"],
        [('["2026-02-30"]', FORM), ("[1, 1.0]", FORM), ("[[true], [true]]", FORM)],
    ),
    (
        JSON,
        {"kind": "every", "path": "a", "is": {"near": [5, 1]}},
        ['{"a": [4, 5.5, 6]}'],
        [('{"a": [4, 7]}', WRONG), ('{"a": []}', WRONG), ('{"a": {"b": 5}}', WRONG), ('{"b": [5]}', LACK)],
    ),
    (JSON, {"kind": "every", "is": {"object": {"a": 1}}}, ['[{"a": 1}]'], [('[{"a": 1}, {}]', LACK), ("{}", WRONG)]),
    (CSV, {"kind": "count", "exactly": 2}, ["a\n1\n2"], [("a\n1", WRONG), ("a", WRONG)]),
    (
        JSON,
        {"kind": "count", "path": "a", "min": 1, "max": 2},
        ['{"a": {"b": 1}}', '{"a": [1, 2]}'],
        [('{"a": []}', WRONG), ('{"a": "xy"}', WRONG), ("{}", LACK)],
    ),
    (
        JSON,
        {"kind": "distinct", "by": "k.i"},
        ['[{"k": {"i": 1}}, {"k": {"i": true}}, {"k": {"i": "1"}}]'],
        [
            ('[{"k": {"i": 1}}, {"k": {"i": 1.0}}]', WRONG),
            ('[{"k": {"i": 1}}, {"k": {}}]', LACK),
            ("[]", WRONG),
            ("{}", WRONG),
        ],
    ),
    (
        JSON,
        {"kind": "distinct", "path": "a"},
        ['{"a": [[1], {"b": 1}, {"b": true}]}'],
        [('{"a": [{"b": 1, "c": 2}, {"c": 2, "b": 1}]}', WRONG)],
    ),
    (
        CSV,
        {"kind": "keys", "are": ["a", "b"], "ordered": True},
        ["a,b\n1,2", "a,b"],
        [("b,a\n1,2", FORM), ("a,b,c\n1,2,3", FORM), ("a\n1", LACK)],
    ),
    (
        JSON,
        {"kind": "keys", "path": "[0]", "are": ["a", "b"]},
        ['[{"b": 1, "a": 2}]'],
        [("[1]", FORM), ("[]", LACK), ('[{"a": 1}]', LACK)],
    ),
    (
        JSON,
        {"kind": "sorted"},
        ["[1, 1, 2.5]", '["Z", "a"]', "[7]"],
        [("[2, 1]", WRONG), ('["10", 2]', WRONG), ("[true, true]", WRONG), ("[]", WRONG)],
    ),
    (
        TYPED,
        {"kind": "sorted", "by": "n", "descending": True},
        ["n\n10\n9"],
        [("n\n9\n10", WRONG), ('n\n10\n""', WRONG), ("m\n1", LACK)],
    ),
    (
        XML,
        {"kind": "xpath", "select": ".//name", "are": [{"text": "wren"}, "Tit"]},
        [BIRDS, f"Look:\n\n{BIRDS}\n\nThat is it."],
        [(BIRDS.replace("Tit", "Titan"), WRONG), ("<birds/>", LACK), (BIRDS.replace("<name>Tit</name>", ""), WRONG)],
    ),
    (
        XML,
        {"kind": "xpath", "select": "bird", "attribute": "id", "numbers": True, "are": [1, 2]},
        [BIRDS],
        [(BIRDS.replace('"2"', '"x"'), WRONG), (BIRDS.replace(' id="2"', ""), LACK)],
    ),
    (
        XML,
        {"kind": "xpath", "select": "bird/g", "numbers": True, "are": [9, {"near": [11, 0.5]}]},
        [BIRDS],
        [(BIRDS.replace("9.0", "9 g"), WRONG)],
    ),
    (XML, {"kind": "equals", "path": "children[1].children[0].text", "value": "Tit"}, [BIRDS], [("<birds/>", LACK)]),
]


def scenario_of(*checks: Check) -> Scenario:
    """Return a scenario with these checks."""
    return Scenario(
        id="S",
        title="s",
        messages=(Message(role="user", content="q"),),
        dialogue="single_turn",
        verifier="structured_output",
        checks=checks,
    )


def judge(answer: str, *checks: Check) -> Verdict:
    """Judge one answer."""
    turn = Turn(request=Request(model="m", messages=()), response=Response(content=answer))
    return StructuredOutput().judge(scenario_of(*checks), Exchange(turns=(turn,)))


def problems(*checks: Check) -> list[tuple[tuple[str | int, ...], str]]:
    """Return the author's mistakes as (path, message)."""
    return [(problem.path, problem.message) for problem in StructuredOutput().problems(scenario_of(*checks))]


def _right() -> list[Any]:
    return [
        pytest.param(*case[:2], text, id=f"{case[1]['kind']}-{n}") for n, case in enumerate(CASES) for text in case[2]
    ]


def _wrong() -> list[Any]:
    return [
        pytest.param(*case[:2], *bad, id=f"{case[1]['kind']}-{n}") for n, case in enumerate(CASES) for bad in case[3]
    ]


@pytest.mark.parametrize(("document", "check", "answer"), _right())
def test_each_kind_lets_the_right_pass(document: Check, check: Check, answer: str) -> None:
    """However it is spelled, and the author's checks have no fault."""
    verdict = judge(answer, document, check)
    assert verdict.outcome is Outcome.PASS, verdict.detail
    assert verdict.score == 1
    assert problems(document, check) == []


@pytest.mark.parametrize(("document", "check", "answer", "reason"), _wrong())
def test_each_kind_fails_a_near_miss(document: Check, check: Check, answer: str, reason: Reason) -> None:
    """For the reason that says what is wrong, under the check's name."""
    verdict = judge(answer, document, check)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason is reason, verdict.detail
    assert verdict.detail.startswith(f"{check['kind']}")
    assert [outcome.passed for outcome in verdict.checks] == [True, False]
    assert verdict.score == 0.5


@pytest.mark.parametrize("answer", ["", " \n", "<think>{}</think>", "<think>[1]"])
def test_an_empty_answer_is_no_answer(answer: str) -> None:
    """Before all other reasons; thinking is no answer."""
    verdict = judge(answer, JSON, HERD)
    assert (verdict.reason, verdict.score) == (Reason.NO_ANSWER, 0)


def test_without_a_document_every_check_fails() -> None:
    """The reason is the document's, the others say that there is none."""
    verdict = judge("I cannot do that.", JSON, HERD, {"kind": "count", "min": 1, "gating": False})
    assert verdict.reason is Reason.INVALID_FORMAT
    assert [outcome.detail for outcome in verdict.checks[1:]] == ["there is no document"] * 2
    assert verdict.score == 0


def test_the_first_gating_check_that_fails_gives_the_reason() -> None:
    """Diagnostic checks are shown and decide nothing."""
    order = {"kind": "keys", "are": ["b", "a"], "ordered": True, "gating": False, "name": "order"}
    checks = (JSON, order, {"kind": "equals", "path": "a", "value": 1}, {"kind": "equals", "path": "b", "value": 2})
    assert judge('{"a": 1, "b": 2}', *checks).outcome is Outcome.PASS
    verdict = judge('{"a": 0}', *checks)
    assert verdict.reason is WRONG
    assert verdict.detail == "equals a: a: expected 1, got 0; equals b: b is not there"
    assert verdict.score == pytest.approx(1 / 3)
    assert [(outcome.name, outcome.passed, outcome.gating) for outcome in verdict.checks][:2] == [
        ("document", True, True),
        ("order", False, False),
    ]


def test_the_last_turn_and_the_last_document_count() -> None:
    """Earlier turns and drafts are not judged; thinking is no part of the answer."""
    said = ['{"a": 9}', '<think>{"a": 8}</think>Draft: {"a": 7}\n\nFinal: {"a": 1}']
    turns = tuple(Turn(request=Request(model="m", messages=()), response=Response(content=text)) for text in said)
    scenario = scenario_of(JSON, {"kind": "equals", "document": '{"a": 1}'})
    assert StructuredOutput().judge(scenario, Exchange(turns=turns)).outcome is Outcome.PASS


EQUALS = {"kind": "equals", "value": 1}
FAULTY: list[tuple[list[Check], tuple[str | int, ...], str]] = [
    ([EQUALS], ("checks",), 'exactly one "document"'),
    ([EQUALS, JSON], ("checks",), "as the first"),
    ([JSON, JSON, EQUALS], ("checks",), "exactly one"),
    ([JSON], ("checks",), "besides document"),
    ([JSON, {**EQUALS, "gating": False}], ("checks",), "besides document"),
    ([JSON, EQUALS, EQUALS], ("checks", 2), "its own"),
    ([{"kind": "document", "format": "jsn"}, EQUALS], ("checks", 0, "format"), "one of json"),
    ([{"kind": "document"}, EQUALS], ("checks", 0, "kind"), 'needs "format"'),
    ([{**JSON, "alon": True}, EQUALS], ("checks", 0, "alon"), '"alone"'),
    ([{**JSON, "alone": "yes"}, EQUALS], ("checks", 0, "alone"), "true or false"),
    ([{**JSON, "fence": "none"}, EQUALS], ("checks", 0, "fence"), "required"),
    ([{**JSON, "gating": False}, EQUALS], ("checks", 0, "gating"), "always decides"),
    ([{**JSON, "types": {"a": "number"}}, EQUALS], ("checks", 0, "types"), "types of its own"),
    ([{**CSV, "types": {"a": "float"}}, EQUALS], ("checks", 0, "types"), "integer"),
    ([{"kind": "document", "format": "ini", "types": {"a": "text"}}, EQUALS], ("checks", 0, "types"), "section.key"),
    ([{**JSON, "delimiter": ";"}, EQUALS], ("checks", 0, "delimiter"), "only csv"),
    ([{**CSV, "delimiter": ";;"}, EQUALS], ("checks", 0, "delimiter"), "one character"),
    ([JSON, {"kind": "equal", "value": 1}], ("checks", 1, "kind"), '"equals"'),
    ([JSON, {"kind": ["equals"]}], ("checks", 1, "kind"), "unknown kind"),
    ([JSON, {"kind": "equals", "valu": 1}], ("checks", 1, "valu"), '"value"'),
    ([JSON, {"kind": "equals"}], ("checks", 1), "either"),
    ([JSON, {**EQUALS, "document": "1"}], ("checks", 1), "either"),
    ([JSON, {"kind": "equals", "value": {"a": 1}}], ("checks", 1, "value", "a"), "unknown rule"),
    ([JSON, {"kind": "equals", "document": "{a: 1}"}], ("checks", 1, "document"), "not valid JSON"),
    ([TYPED, {"kind": "equals", "document": "n\nx"}], ("checks", 1, "document"), "whole number"),
    ([JSON, {"kind": "equals", "document": "1", "path": "a"}], ("checks", 1, "path"), "whole"),
    ([JSON, {**EQUALS, "path": "a..b"}], ("checks", 1, "path"), "character 2"),
    ([JSON, {"kind": "sorted", "by": "[x]"}], ("checks", 1, "by"), "no path"),
    ([JSON, {"kind": "schema", "schema": []}], ("checks", 1, "schema"), "a mapping"),
    ([JSON, {"kind": "schema", "schema": {"type": "strin"}}], ("checks", 1, "schema"), "no valid JSON Schema"),
    ([JSON, {"kind": "schema", "schema": {"$ref": "#/$defs/a"}}], ("checks", 1, "schema"), "leads nowhere"),
    ([JSON, {"kind": "schema", "schema": {"$ref": "https://x.test/s"}}], ("checks", 1, "schema"), "leads nowhere"),
    ([JSON, {"kind": "schema", "schema": {"$ref": "#"}}], ("checks", 1, "schema"), "back to itself"),
    ([JSON, {"kind": "schema", "schema": {"format": "email"}}], ("checks", 1, "schema"), "write a pattern"),
    ([JSON, {"kind": "schema", "schema": {"pattern": "("}}], ("checks", 1, "schema"), "regular expression"),
    ([JSON, {"kind": "schema", "schema": {"$id": "urn:x"}}], ("checks", 1, "schema"), "not supported"),
    ([JSON, {"kind": "every", "is": {"near": 1}}], ("checks", 1, "is", "near"), "tolerance"),
    ([JSON, {"kind": "count"}], ("checks", 1), "at least one of"),
    ([JSON, {"kind": "count", "min": 3, "max": 2}], ("checks", 1, "min"), "greater"),
    ([JSON, {"kind": "keys", "are": ["a", "a"]}], ("checks", 1, "are"), "twice"),
    ([JSON, {"kind": "keys", "are": "a"}], ("checks", 1, "are"), "list of texts"),
    ([JSON, {"kind": "xpath", "select": "a", "are": ["b"]}], ("checks", 1, "kind"), "only into xml"),
    ([XML, {"kind": "xpath", "select": "a[", "are": ["b"]}], ("checks", 1, "select"), "no ElementTree path"),
    ([XML, {"kind": "xpath", "select": "/a", "are": ["b"]}], ("checks", 1, "select"), "outermost"),
    ([XML, {"kind": "xpath", "select": "a", "are": [{"txt": "b"}]}], ("checks", 1, "are", 0, "txt"), "unknown rule"),
    ([XML, {"kind": "xpath", "select": "a", "are": []}], ("checks", 1, "are"), "list of rules"),
]


@pytest.mark.parametrize(("checks", "path", "says"), FAULTY)
def test_an_authors_mistakes_are_named(checks: list[Check], path: tuple[str | int, ...], says: str) -> None:
    """Each with its place and what to write instead."""
    found = problems(*checks)
    assert any(where == path and says in message for where, message in found), found


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("a", ("a",)), ("a.b[0].c d[-1]", ("a", "b", 0, "c d", -1)), ('[1]["x.y"].z', (1, "x.y", "z")), ("é-1", ("é-1",))],
)
def test_paths_are_keys_and_places(path: str, wanted: tuple[str | int, ...]) -> None:
    """Dots part keys, brackets hold places or quoted keys."""
    assert steps(path) == wanted


@pytest.mark.parametrize("path", [".a", "a.", "a[x]", "a[", "a]", 'a["b]', "a[0]b", "[0]b", 'a"b', "a[1.5]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    """A typing mistake does not silently look elsewhere."""
    with pytest.raises(PathFault):
        steps(path)


def test_looking_up_names_what_is_lacking() -> None:
    """The message is the way up to the step that is not there."""
    assert look_up({"a": [1, {"b": 2}]}, "a[-1].b") == 2
    with pytest.raises(NotThere, match=r"^a\[2\]$"):
        look_up({"a": [1, 2]}, "a[2].b")
    with pytest.raises(NotThere, match=r"^a\.b$"):
        look_up({"a": "text"}, "a.b")


def test_frozen_values_are_equal_where_values_are() -> None:
    """Numbers as numbers, true apart from 1 also inside a list, keys in any order."""
    assert frozen({"a": 1, "b": [2]}) == frozen({"b": [2.0], "a": 1.0})
    kinds = [True, 1, "1", None, [True], [1], [], {}, {"a": None}, ["bool", 1], [[]]]
    assert len({frozen(value) for value in kinds}) == len(kinds)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abk"), inner, max_size=3),
    max_leaves=8,
)
EVERY_KIND: tuple[Check, ...] = (
    JSON,
    HERD,
    TREE,
    {"kind": "every", "path": "a", "is": {"set": [1, {"pattern": "x*"}]}},
    {"kind": "count", "path": "b", "max": 3},
    {"kind": "distinct", "by": "k"},
    {"kind": "keys", "are": ["a", "b"]},
    {"kind": "sorted", "path": "a[0]"},
)


@given(value=VALUES)
@settings(max_examples=200, deadline=None)
def test_any_value_gets_a_verdict(value: Any) -> None:
    """Whatever shape a document has, each check holds or says what is wrong; and a value equals itself."""
    text = json.dumps(value)
    verdict = judge(text, *EVERY_KIND)
    assert all(outcome.passed or outcome.detail for outcome in verdict.checks)
    assert 0 < (verdict.score or 0) <= 1
    assert judge(text, JSON, {"kind": "equals", "document": text}).outcome is Outcome.PASS


@pytest.mark.parametrize("answer", [
    "[" + "1," * 300_000 + "1]",
    "[" + '{"k": 1},' * 200_000 + '{"k": 2}]',
    '{"a": [' + "[" * 90 + "]" * 90 + "]}",
    '{"a": "' + "x" * 3_000_000 + '"}',
    '{"a": "\\ud800", "' + "k" * 100_000 + '": 1e308}',
    '{"' + "k" * 100_000 + '": 1, "' + "k" * 100_000 + '": 1}',
])  # fmt: skip
def test_large_documents_get_short_verdicts(answer: str) -> None:
    """Long lists, deep lists and long texts are judged, and told in few words."""
    unique = {"kind": "schema", "schema": {"uniqueItems": True}, "name": "unique"}
    verdict = judge(answer, *EVERY_KIND, unique)
    assert verdict.outcome is Outcome.FAIL
    assert len(verdict.detail) < 3000
    assert all(len(outcome.detail) < 1000 for outcome in verdict.checks)
    assert len(verdict.got) < 1000
    assert len(verdict.expected) < 1000


def test_the_kinds_say_what_they_do_not_see() -> None:
    """The docstring of each kind names its limits."""
    assert all("see" in (kind.check.__doc__ or "") for kind in KINDS.values())
