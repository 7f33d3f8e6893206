"""Mutants of documents: each format read, respelled, spoilt and changed; verdicts by the declared rules."""

from __future__ import annotations

import json

import pytest

from pytest_llmbench.mutations.formats import FORMS
from tests.mutations.documents import COLUMNS, DOCUMENTS, JSON_TEXT, ORDER, ROWS, whole
from tests.mutations.lab import disagreements, mutants, says, scenario, text_of, wanted

JSON_DOCUMENT = {"kind": "document", "format": "json"}
FRAMES = ["nothing around", "prose around", "in a tagged fence", "in a fence of tildes", "prose and a fence"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_real_verifier_agrees_with_every_mutant(name: str) -> None:
    """Two readings of one handbook, in each of nine formats."""
    checks, text = DOCUMENTS[name]
    asked = scenario("structured_output", checks)
    found = mutants(asked, says(text))
    assert len(found) > 50
    assert disagreements(asked, found) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_written_is_read_again(name: str) -> None:
    """Else a changed value would be a changed text only."""
    checks, text = DOCUMENTS[name]
    form = FORMS[name]
    data = form.read(text, checks[0])
    assert form.read(form.write(data, checks[0]), checks[0]) == data


def test_values_are_changed_one_at_a_time() -> None:
    """A number, a type, a null, two values swapped: each fails where the whole is pinned."""
    found = mutants(scenario("structured_output", [JSON_DOCUMENT, whole(ORDER)]), says(JSON_TEXT))
    assert json.loads(text_of(found["id one more"])) == {**ORDER, "id": 6}
    assert json.loads(text_of(found["id as a text"])) == {**ORDER, "id": "5"}
    assert json.loads(text_of(found["lines[0].qty and lines[1].qty swapped"]))["lines"][0]["qty"] == 7
    notes = ["id one more", "id as a text", "paid negated", "note left out", "lines in the opposite order"]
    assert wanted(found, *notes, "a key too many in the whole", "lines with its last twice") == ["FAIL"] * 7
    assert wanted(found, "keys in the opposite order", "compact", "beyond ASCII by escapes") == ["PASS"] * 3
    assert wanted(found, "a key given twice", "ends at 80 %", "a comma too many", "as Python writes it") == ["FAIL"] * 4


def test_only_what_is_checked_must_fail() -> None:
    """With one path pinned, the others are free, and where a list is changed it depends on what stands there."""
    check = {"kind": "equals", "path": "lines[1].qty", "value": 7}
    found = mutants(scenario("structured_output", [JSON_DOCUMENT, check]), says(JSON_TEXT))
    assert wanted(found, "lines[1].qty one more", "lines left out", "id one more") == ["FAIL", "FAIL", "PASS"]
    schema = {"kind": "schema", "schema": {"properties": {"id": {"type": "integer"}}}}
    found = mutants(scenario("structured_output", [JSON_DOCUMENT, schema]), says(JSON_TEXT))
    assert wanted(found, "id as a text", "id one more", "compact") == ["FAIL", "none", "PASS"]


@pytest.mark.parametrize(
    ("extra", "outcomes"),
    [
        ({}, ["PASS", "PASS", "PASS", "PASS", "PASS"]),
        ({"alone": True}, ["PASS", "FAIL", "PASS", "PASS", "FAIL"]),
        ({"fence": "required"}, ["FAIL", "FAIL", "PASS", "PASS", "PASS"]),
        ({"fence": "forbidden"}, ["PASS", "PASS", "FAIL", "FAIL", "FAIL"]),
    ],
)
def test_what_may_stand_around_is_what_the_pack_says(extra: dict[str, object], outcomes: list[str]) -> None:
    """The same five frames, four rules."""
    text = f"```json\n{JSON_TEXT}\n```" if extra.get("fence") == "required" else JSON_TEXT
    found = mutants(scenario("structured_output", [{**JSON_DOCUMENT, **extra}, whole(ORDER)]), says(text))
    assert wanted(found, *FRAMES) == outcomes


def test_the_last_document_wins_unless_it_must_stand_alone() -> None:
    """A wrong draft before the right document is let pass; behind it, it is the answer."""
    free = mutants(scenario("structured_output", [JSON_DOCUMENT, whole(ORDER)]), says(JSON_TEXT))
    alone = mutants(scenario("structured_output", [{**JSON_DOCUMENT, "alone": True}, whole(ORDER)]), says(JSON_TEXT))
    assert wanted(free, "a wrong draft first", "a wrong draft last") == ["PASS", "FAIL"]
    assert wanted(alone, "a wrong draft first", "a wrong draft last") == ["FAIL", "FAIL"]


@pytest.mark.parametrize(("ordered", "outcome"), [(True, "FAIL"), (False, "PASS")])
def test_the_order_of_columns_counts_where_it_is_asked_for(ordered: bool, outcome: str) -> None:  # noqa: FBT001
    """Not otherwise."""
    checks = [{"kind": "document", "format": "csv"}, {"kind": "keys", "are": COLUMNS, "ordered": ordered}]
    found = mutants(scenario("structured_output", checks), says("sku,qty,price\na-1,2,0.50"))
    assert wanted(found, "columns in the opposite order", "column qty left out") == [outcome, "FAIL"]


@pytest.mark.parametrize(
    ("check", "note"),
    [
        ({"kind": "count", "exactly": 2}, "the whole without its last"),
        ({"kind": "distinct", "by": "sku"}, "the whole with its last twice"),
        ({"kind": "sorted", "by": "qty"}, "the whole in the opposite order"),
        ({"kind": "every", "is": {"object": {"sku": {"some": "text"}, "qty": 2, "price": 0.5}}}, "[0].qty one more"),
        ({"kind": "schema", "schema": {"items": {"required": ["sku"]}}}, "column sku left out"),
    ],
)
def test_each_kind_of_check_gives_a_failing_mutant(check: dict[str, object], note: str) -> None:
    """A check that no mutant breaks would be believed unseen."""
    types = {"kind": "document", "format": "csv", "types": {"qty": "integer", "price": "number"}}
    rows = ROWS[:1] if check["kind"] == "every" else ROWS
    text = FORMS["csv"].write(rows, types)
    asked = scenario("structured_output", [types, check])
    found = mutants(asked, says(text))
    assert wanted(found, note) == ["FAIL"]
    assert disagreements(asked, found) == []


def test_what_is_left_of_a_damaged_document_may_be_one() -> None:
    """Without a fence a broken last row may be prose: certain only where the rows before it are wrong as well."""
    document = {"kind": "document", "format": "csv"}
    text = "sku,qty\na-1,2\nb-2,7\nc-3,9"
    note = "a cell too few in the last row"
    for check, outcome in (({"kind": "count", "min": 1}, "none"), ({"kind": "count", "exactly": 3}, "FAIL")):
        found = mutants(scenario("structured_output", [document, check]), says(text))
        assert wanted(found, note) == [outcome]


def test_a_document_in_an_unusual_place_gets_the_mutants_of_the_talk() -> None:
    """Rather none than wrong ones."""
    found = mutants(
        scenario("structured_output", [{"kind": "document", "format": "toml"}]), says("So:\n\nid = 5\n\nBye")
    )
    assert "emptied" in found
    assert "in a tagged fence" not in found
