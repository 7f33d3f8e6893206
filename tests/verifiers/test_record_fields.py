"""Records are judged field by field: what counts, what is forgiven, what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llmbench.records import Outcome, Reason
from tests.verifiers.record_cases import RIGHT, changed, counts, judged, record


@pytest.mark.parametrize(
    ("answer", "right", "total", "reason", "where"),
    [
        (changed(vendor="Bohm & Sohne"), 17, 18, Reason.WRONG_ANSWER, 'vendor: expected "Böhm & Söhne"'),
        (changed(vendor="BÖHM & SÖHNE"), 17, 18, Reason.WRONG_ANSWER, "vendor"),
        (changed(vendor="Böhm & Söhne."), 17, 18, Reason.WRONG_ANSWER, "vendor"),
        (changed(vendor=["Böhm & Söhne"]), 17, 18, Reason.WRONG_ANSWER, "vendor"),
        (changed(vendor={"name": "Böhm & Söhne"}), 17, 18, Reason.WRONG_ANSWER, "vendor"),
        (changed(vendor=None), 17, 18, Reason.WRONG_ANSWER, "vendor"),
        (changed(total="1250.50"), 17, 18, Reason.WRONG_ANSWER, "total"),
        (changed(total=1250.51), 17, 18, Reason.WRONG_ANSWER, "total"),
        (changed(paid=0), 17, 18, Reason.WRONG_ANSWER, "paid"),
        (changed(paid="false"), 17, 18, Reason.WRONG_ANSWER, "paid"),
        (changed(vat_id=""), 17, 18, Reason.WRONG_ANSWER, "vat_id: expected null"),
        (changed(vat_id="null"), 17, 18, Reason.WRONG_ANSWER, "vat_id"),
        (changed(vat_id="N/A"), 17, 18, Reason.WRONG_ANSWER, 'vat_id: expected null, got "N/A"'),
        (changed(vat_id=False), 17, 18, Reason.WRONG_ANSWER, "vat_id"),
        (changed(vat_id=[]), 17, 18, Reason.WRONG_ANSWER, "vat_id"),
        ({k: v for k, v in RIGHT.items() if k != "vat_id"}, 17, 18, Reason.MISSING_FIELD, "vat_id is missing"),
        ({k: v for k, v in RIGHT.items() if k != "lines"}, 12, 18, Reason.MISSING_FIELD, "lines is missing (6 fields)"),
        (changed(note="x"), 18, 19, Reason.WRONG_ANSWER, '"note" was not asked for: got "x"'),
        (changed(a=1, b=2), 18, 20, Reason.WRONG_ANSWER, '"a" and 1 more was not asked for (2 fields): got 1'),
        (changed(tags=["rush", "export"]), 17, 18, Reason.MISSING_FIELD, 'tags[] is missing: expected "rush"'),
        (changed(tags=["rush", "export", "x"]), 17, 18, Reason.WRONG_ANSWER, 'tags[]: expected "rush", got "x"'),
        (changed(tags=["rush", "export", "export"]), 17, 18, Reason.WRONG_ANSWER, "tags[]"),
        (changed(tags=["rush", "export", "rush", "rush"]), 18, 19, Reason.WRONG_ANSWER, "tags[] was not asked for"),
        (changed(tags="rush, export, rush"), 15, 18, Reason.WRONG_ANSWER, "tags: expected a list of 3"),
        (changed(tags={"0": "rush"}), 15, 18, Reason.WRONG_ANSWER, "tags"),
        (changed(tags=[]), 15, 18, Reason.MISSING_FIELD, "tags[]"),
        (changed(steps=["ship", "pack"]), 16, 18, Reason.WRONG_ANSWER, 'steps[0]: expected "pack", got "ship"'),
        (changed(steps=["pack", "ship", "bill"]), 18, 19, Reason.WRONG_ANSWER, "steps[2] was not asked for"),
        (changed(steps=["pack"]), 17, 18, Reason.MISSING_FIELD, "steps[1] is missing"),
        (changed(lines=RIGHT["lines"][:1]), 15, 18, Reason.MISSING_FIELD, 'lines["A-1"] is missing (3 fields)'),
        (changed(lines=[*RIGHT["lines"], {"sku": "A-3", "price": None}]), 18, 19, Reason.WRONG_ANSWER, "lines[]"),
        (changed(lines=RIGHT["lines"] * 2), 18, 20, Reason.WRONG_ANSWER, "lines[] was not asked for (2 fields)"),
        (changed(lines=[*RIGHT["lines"], "A-3"]), 18, 19, Reason.WRONG_ANSWER, "lines[]"),
        (changed(lines=[]), 12, 18, Reason.MISSING_FIELD, 'lines["A-1"]'),
        (changed(lines=RIGHT["lines"][0]), 12, 18, Reason.WRONG_ANSWER, "lines: expected a list of 2, got {"),
        (changed(lines=None), 12, 18, Reason.WRONG_ANSWER, "lines: expected a list of 2, got null (6 fields)"),
        (changed(lines=[RIGHT["lines"][0], {**RIGHT["lines"][1], "sku": "a-1"}]), 15, 19, Reason.MISSING_FIELD, "A-1"),
        (changed(lines=[RIGHT["lines"][0], {"sku": "A-1", "price": 10}]), 16, 18, Reason.WRONG_ANSWER,
         'lines["A-1"].price: expected an object with amount, currency, got 10 (2 fields)'),
        (changed(lines=[RIGHT["lines"][0], {"sku": "A-1", "price": {"amount": 10, "currency": "EUR", "net": 1}}]),
         18, 19, Reason.WRONG_ANSWER, 'lines["A-1"].price."net" was not asked for'),
        (changed(ship_to=[RIGHT["ship_to"]]), 16, 18, Reason.WRONG_ANSWER, "ship_to: expected an object"),
        (changed(ship_to={"city": "Lyon"}), 17, 18, Reason.MISSING_FIELD, "ship_to.date is missing"),
        (changed(ship_to={"City": "Lyon", "date": "2026-03-05"}), 17, 19, Reason.MISSING_FIELD, "ship_to.city"),
        (changed(ship_to={"city": "Lyon", "date": "05.03.2026"}), 17, 18, Reason.WRONG_ANSWER, "the day"),
    ],
)  # fmt: skip
def test_each_wrong_field_is_counted_and_named(answer: Any, right: int, total: int, reason: Reason, where: str) -> None:
    """What is missing counts with all its fields, what nobody asked for as one more."""
    verdict = record(answer)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)
    assert counts(verdict) == (right, total)
    assert where in verdict.detail
    assert f"{right} of {total} fields right, {total} needed" in verdict.detail


@pytest.mark.parametrize(
    ("wanted", "same", "other"),
    [
        (
            "Zoë's \u2013 “fine” shop",
            ["Zoe\u0308's - \"fine\" shop", " Zoë\u2019s  —\u00a0„fine“\nshop "],
            ["Zoe's - \"fine\" shop"],
        ),
        ("Å", ["A\u030a", "\u212b"], ["A", "å"]),
        ("한글", ["\u1112\u1161\u11ab\u1100\u1173\u11af"], ["한"]),
        ("が", ["\u304b\u3099"], ["か"]),
        ("well-known", ["well\u2011known", "well\u00adknown".replace("\u00ad", "-\u00ad")], ["well known"]),
        ("a b", ["a  b", "a\tb", "a\n b", "\u200ba b"], ["ab", "A b"]),
        ("", [" ", "\u00a0"], [None, "-", "null"]),
        ("5", ["5 "], [5, "5.0"]),
        (12, [12.0, 12], ["12", 12.01, True]),
        (1, [1.0], [True, "1", [1]]),
        (0.1, [0.1, 0.10], [0.10000001]),
        ({"text": "Oslo \u2013 Nord"}, ["OSLO - nord"], ["Oslo"]),
        ({"one_of": ["Dr. Ng\u2019s", None]}, ["Dr. Ng's", None], ["dr. ng's", ""]),
        ({"pattern": "[0-9]{2}-[0-9]{2}"}, ["12\u201334", " 12-34 "], ["1234", 1234]),
        ({"near": [2.5, 0.01]}, [2.5, 2.51], [2.52, "2.5"]),
        ({"words": [["car", "auto"], "red"]}, ["A red  Auto"], ["A red automobile"]),
        ({"set": ["a", {"text": "b"}]}, [["B", "a"]], [["a"], ["a", "b", "b"]]),
        ({"minute": "2026-03-05T14:30"}, ["2026-03-05 14:30"], ["14:30"]),
        ({"some": "text"}, ["x"], ["", " \u200b", 1]),
    ],
)  # fmt: skip
def test_typography_is_forgiven_and_values_are_not(wanted: Any, same: list[Any], other: list[Any]) -> None:
    """Blanks, quotes, dashes and the coding of accents do not matter; case does, unless the rule says otherwise."""
    for value in same:
        assert record({"a": value, "b": 1}, {"a": wanted, "b": 1}).outcome is Outcome.PASS, value
    for value in other:
        assert counts(record({"a": value, "b": 1}, {"a": wanted, "b": 1})) == (1, 2), value


def test_an_empty_list_is_one_field() -> None:
    """It is right where it is empty; each invented item is wrong, and so is null."""
    assert counts(record({"a": [], "b": 1}, {"a": [], "b": 1})) == (2, 2)
    assert counts(record({"a": [1, 2, 3], "b": 1}, {"a": [], "b": 1})) == (1, 4)
    assert counts(record({"a": None, "b": 1}, {"a": [], "b": 1})) == (1, 2)
    assert counts(record({"b": 1}, {"a": [], "b": 1})) == (1, 2)


def test_optional_and_absent_fields_count_only_where_they_are_given() -> None:
    """An empty object gains nothing by what it may leave out."""
    fields = {"a": 1, "b": {"optional": 2}, "c": {"absent": True}, "d": {"optional": {"e": {"optional": 3}}}}
    expected = {
        '{"a": 1}': (1, 1),
        '{"a": 1, "b": 2}': (2, 2),
        '{"a": 1, "b": 3}': (1, 2),
        '{"a": 1, "b": null}': (1, 2),
        '{"a": 1, "c": null}': (1, 2),
        '{"a": 1, "d": {}}': (2, 2),
        '{"a": 1, "d": {"e": 3}}': (2, 2),
        '{"a": 1, "d": {"e": 4}}': (1, 2),
        '{"a": 1, "d": []}': (1, 2),
        "{}": (0, 1),
    }
    assert {text: counts(judged(text, fields, extra="allow")) for text in expected} == expected


def test_a_mapping_of_one_rule_is_the_rule_unless_it_says_object() -> None:
    """So that an object with a single field called `text` or `date` can be asked for."""
    assert record({"a": "X"}, {"a": {"text": "x"}}).outcome is Outcome.PASS
    assert record({"a": {"text": "x"}}, {"a": {"object": {"text": "x"}}}).outcome is Outcome.PASS
    assert record({"a": {"city": "x"}}, {"a": {"city": "x"}}).outcome is Outcome.PASS
    assert record({"a": [{"date": "x"}]}, {"a": [{"object": {"date": "x"}}]}, anchors={"a": "date"}).score == 1


def test_keys_nobody_asked_for_may_be_let_pass_on_every_level() -> None:
    """List items may not: they are data, not labels."""
    answer = changed(note=1, ship_to={**RIGHT["ship_to"], "zip": 3})
    assert counts(record(answer)) == (18, 20)
    assert counts(record(answer, extra="allow")) == (18, 18)
    assert counts(record(changed(steps=["pack", "ship", "x"]), extra="allow")) == (18, 19)


def test_lists_inside_lists_of_objects_have_anchors_of_their_own() -> None:
    """The way to a list names keys alone; near-duplicates are told apart by the whole anchor."""
    fields = {"p": [{"n": 1, "q": [{"m": {"text": "Ann Lee"}, "z": 1}, {"m": "Ann Leigh", "z": 2}]}, {"n": 2, "q": []}]}
    anchors = {"p": "n", "p.q": "m"}
    right = {"p": [{"n": 2, "q": []}, {"n": 1.0, "q": [{"m": "Ann Leigh", "z": 2}, {"m": "ANN  LEE", "z": 1}]}]}
    assert counts(record(right, fields, anchors=anchors)) == (7, 7)
    right["p"][1]["q"][0]["m"] = "Ann Lee"
    assert counts(record(right, fields, anchors=anchors)) == (4, 8)


def test_the_second_object_of_one_anchor_is_one_too_many() -> None:
    """Whichever of them is right: the first counts."""
    fields = {"p": [{"n": {"one_of": ["a", "b"]}, "z": 1}]}
    wrong_first = {"p": [{"n": "b", "z": 0}, {"n": "a", "z": 1}]}
    assert counts(record(wrong_first, fields, anchors={"p": "n"})) == (1, 3)
    assert counts(record({"p": wrong_first["p"][::-1]}, fields, anchors={"p": "n"})) == (2, 3)


def test_rules_in_an_unordered_list_each_take_the_value_they_need() -> None:
    """A rule that fits several values leaves to the others what only they can take."""
    fields = {"t": [{"one_of": ["a", "b"]}, {"one_of": ["a", "c"]}, "b", {"text": "D"}, None, 5]}
    assert counts(record({"t": [5.0, None, "d", "b", "c", "a"]}, fields, unordered=["t"])) == (6, 6)
    assert counts(record({"t": [5, None, "d", "b", "b", "a"]}, fields, unordered=["t"])) == (6, 6)
    assert counts(record({"t": [5, None, "d", "b", "b", "b"]}, fields, unordered=["t"])) == (5, 6)
    assert counts(record({"t": [True, [], {}, "b", "b", "a"]}, fields, unordered=["t"])) == (3, 6)
