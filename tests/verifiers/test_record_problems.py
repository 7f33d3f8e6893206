"""What an author of a record check is told."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_llmbench.records import Outcome
from tests.verifiers.record_cases import VERIFIER, record, scenario


@pytest.mark.parametrize(
    ("keys", "path", "message"),
    [
        ({"anchor": {"lines": "sku"}}, ("anchor",), 'did you mean "anchors"?'),
        ({"fields": {}}, ("fields",), "not empty"),
        ({"fields": ["a"]}, ("fields",), "needs a mapping"),
        ({"fields": {"a": {"optional": 1}}}, ("fields",), "neither optional nor absent"),
        ({"fields": {"a": {"near": 3}}}, ("fields", "a", "near"), "needs [number, tolerance]"),
        ({"fields": {"a": {"b": {"pattern": "("}}}}, ("fields", "a", "b", "pattern"), "regular expression"),
        ({"fields": {"a": {}}}, ("fields", "a"), "at least one field"),
        ({"fields": {"a": {"object": {}}}}, ("fields", "a", "object"), "at least one field"),
        ({"fields": {"a": {"object": 1}}}, ("fields", "a", "object"), "needs a mapping"),
        ({"fields": {"a": [{"absent": True}]}}, ("fields", "a", 0, "absent"), "unknown rule"),
        ({"fields": {"a": {"absent": False}, "b": 1}}, ("fields", "a", "absent"), "needs true"),
        ({"fields": {"a": {"one_of": [{"b": 1, "c": 2}]}}}, ("fields", "a", "one_of", 0), "a rule is one key"),
        ({"fields": {"a": {"optional": {"optional": 1}}, "b": 1}}, ("fields", "a", "optional", "optional"), "unknown"),
        ({"fields": {3: 1}}, ("fields", "3"), "must be a text"),
        ({"fields": {"record": 1}}, (), 'a field is called "record" too'),
        ({"name": "total"}, (), 'a field is called "total" too'),
        ({"fields": {"nothing around": 1}, "alone": True}, ("fields", "nothing around"), "is called"),
        ({"anchors": {"line": "sku"}}, ("anchors", "line"), 'did you mean "lines"?'),
        ({"anchors": {"steps": "sku"}}, ("anchors", "steps"), "leads to no list of objects"),
        ({"anchors": {"lines": "skv"}}, ("fields", "lines", 0), 'did you mean "sku"?'),
        ({"anchors": {"lines": "price"}}, ("fields", "lines", 0, "price"), "must be a text"),
        ({"anchors": ["lines"]}, ("anchors",), "needs a mapping"),
        ({"anchors": {"lines": 1}}, ("anchors",), "needs a mapping"),
        ({"unordered": ["tag"]}, ("unordered", 0), 'did you mean "tags"?'),
        ({"unordered": ["lines"]}, ("unordered", 0), 'under "anchors"'),
        ({"unordered": ["total"]}, ("unordered", 0), "leads to no list of single values"),
        ({"unordered": "tags"}, ("unordered",), "needs a list"),
        ({"pass_at": 0}, ("pass_at",), "above 0"),
        ({"pass_at": 1.01}, ("pass_at",), "at most 1"),
        ({"pass_at": float("nan")}, ("pass_at",), "above 0"),
        ({"pass_at": True}, ("pass_at",), "above 0"),
        ({"pass_at": "80%"}, ("pass_at",), "above 0"),
        ({"extra": True}, ("extra",), "forbid or allow"),
        ({"extra": ["allow"]}, ("extra",), "forbid or allow"),
        ({"alone": 1}, ("alone",), "true or false"),
        ({"gating": False}, ("gating",), "decides nothing"),
        ({"name": ""}, ("name",), "needs a text"),
        ({"kind": "recrod"}, ("kind",), 'did you mean "record"?'),
        ({"kind": None}, ("kind",), "valid names: record"),
    ],
)
def test_an_authors_mistake_is_found(keys: dict[str, Any], path: tuple[str | int, ...], message: str) -> None:
    """Each fault has its place and says what to write."""
    faulty = scenario()
    faulty = dataclasses.replace(faulty, checks=({**faulty.checks[0], **keys},))
    found = list(VERIFIER.problems(faulty))
    assert [one for one in found if one.path == ("checks", 0, *path) and message in one.message], found


@pytest.mark.parametrize(
    "rules",
    [
        ["a", "a"],
        ["a", " a "],
        ["a", {"text": "A"}],
        [{"text": "A"}, "a"],
        [{"text": "A"}, {"text": "a"}],
        [5, 5.0],
        ["a", {"one_of": ["b", "a"]}],
    ],
)
def test_anchors_must_tell_the_objects_apart(rules: list[Any]) -> None:
    """Two that one value could fit are a fault of the pack."""
    items = [{"k": rule, "z": 1} for rule in rules]
    found = list(VERIFIER.problems(scenario({"l": items}, anchors={"l": "k"})))
    assert [one.path for one in found] == [("checks", 0, "fields", "l", 1, "k")]


@pytest.mark.parametrize("rule", [None, True, {"some": "text"}, {"near": [1, 2]}, [1], {}, {"one_of": 3}, {"text": 3}])
def test_an_anchor_is_a_name_or_a_number(rule: Any) -> None:
    """What cannot be looked up tells nothing apart."""
    found = list(VERIFIER.problems(scenario({"l": [{"k": rule, "z": 1}]}, anchors={"l": "k"})))
    assert ("checks", 0, "fields", "l", 0, "k") in [one.path for one in found]


def test_anchors_that_differ_in_case_alone_are_two() -> None:
    """Near-duplicates are what such packs are about."""
    fields = {"l": [{"k": "a", "z": 1}, {"k": "A", "z": 2}, {"k": 5, "z": 3}, {"k": "5", "z": 4}]}
    assert record({"l": fields["l"][::-1]}, fields, anchors={"l": "k"}).outcome is Outcome.PASS


@pytest.mark.parametrize("checks", [(), ({"kind": "record", "fields": {"a": 1}},) * 2])
def test_there_is_exactly_one_record(checks: tuple[dict[str, Any], ...]) -> None:
    """Neither none nor two."""
    assert list(VERIFIER.problems(dataclasses.replace(scenario(), checks=checks)))
