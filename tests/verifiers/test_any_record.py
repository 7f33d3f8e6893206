"""What holds for every record: drawn at random, changed at random."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.records import Outcome, Reason
from tests.verifiers.record_cases import counts, judged, record

NAMES = st.sampled_from(["a", "b", "c", "d.e", "ü"])
ATOMS = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-9, 9) | st.text(alphabet="aAb é\u2013", max_size=3)
).map(lambda value: value.strip() if isinstance(value, str) else value)  # fmt: skip
LISTS = st.lists(ATOMS, max_size=4)


def _rows(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    rows = st.lists(st.dictionaries(NAMES, inner, max_size=2), min_size=1, max_size=3)
    return rows.map(lambda found: [{**row, "id": number} for number, row in enumerate(found)])


NODES = st.recursive(
    ATOMS | LISTS,
    lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3) | _rows(inner),
    max_leaves=8,
)
RECORDS = st.dictionaries(NAMES, NODES, min_size=1, max_size=4)


def _lists(node: Any, way: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield every list with the dotted way to it."""
    if isinstance(node, list):
        yield way, node
    inner = node.items() if isinstance(node, dict) else [("", item) for item in node] if isinstance(node, list) else []
    for name, item in inner:
        yield from _lists(item, f"{way}.{name}".strip(".") if name else way)


def _order(fields: dict[str, Any]) -> dict[str, Any]:
    """Return an anchor for every list of objects; any other list is unordered."""
    ways: dict[str, set[bool]] = {}
    for way, items in _lists(fields):
        if items:
            ways.setdefault(way, set()).add(isinstance(items[0], dict))
    return {
        "anchors": {way: "id" for way, kinds in ways.items() if kinds == {True}},
        "unordered": [way for way, kinds in ways.items() if kinds == {False}],
    }


def _atoms(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every single value, in the record's order."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in inner:
        yield from _atoms(item, (*path, key))
    if not isinstance(node, (dict, list)):
        yield path


def _way(path: tuple[Any, ...]) -> str:
    """Return the dotted way to the list in which the object at the end of `path` stands."""
    return ".".join(key for key in path[:-1] if isinstance(key, str))


def _with(node: Any, path: tuple[Any, ...], change: Any) -> Any:
    """Return a copy in which the value at `path` is changed."""
    found = copy.deepcopy(node)
    place = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = change(place[path[-1]])
    return found


def _other(value: Any) -> Any:
    """Return a near miss: the next number, a longer text, a fact turned round, null in words."""
    if isinstance(value, bool):
        return not value
    if value is None:
        return "null"
    return value + "x" if isinstance(value, str) else value + 1


def _shuffled(node: Any, shuffle: Any, *, lists: bool) -> Any:
    if isinstance(node, dict):
        return {key: _shuffled(node[key], shuffle, lists=lists) for key in shuffle(list(node))}
    if isinstance(node, list):
        items = [_shuffled(item, shuffle, lists=lists) for item in node]
        return shuffle(items) if lists else items
    return node


@settings(deadline=None)
@given(fields=RECORDS, data=st.data())
def test_the_expected_record_passes_in_any_order_of_its_keys(fields: dict[str, Any], data: st.DataObject) -> None:
    """With anchors and unordered lists also in any order of its items."""
    shuffle = lambda items: data.draw(st.permutations(items))  # noqa: E731
    assert record(fields, fields).score == 1
    assert record(_shuffled(fields, shuffle, lists=False), fields).outcome is Outcome.PASS
    assert record(_shuffled(fields, shuffle, lists=True), fields, **_order(fields)).outcome is Outcome.PASS


@settings(deadline=None)
@given(fields=RECORDS, data=st.data(), is_ordered=st.booleans())
def test_one_changed_value_is_one_wrong_field(fields: dict[str, Any], data: st.DataObject, *, is_ordered: bool) -> None:
    """The one it stands in; a changed anchor loses its whole object."""
    order = {} if is_ordered else _order(fields)
    paths = [path for path in _atoms(fields) if is_ordered or path[-1] != "id"]
    if not paths:
        return
    path = data.draw(st.sampled_from(paths))
    total = counts(record(fields, fields, **order))[1]
    verdict = record(_with(fields, path, _other), fields, **order)
    assert counts(verdict) == (total - 1, total)
    assert verdict.reason is Reason.WRONG_ANSWER
    assert [check.name for check in verdict.checks if not check.passed] == ["record", path[0]]


@settings(deadline=None)
@given(fields=RECORDS, data=st.data())
def test_a_changed_anchor_loses_its_object(fields: dict[str, Any], data: st.DataObject) -> None:
    """The object that is asked for is missing, the one that is given nobody asked for."""
    order = _order(fields)
    paths = [path for path in _atoms(fields) if path[-1] == "id" and _way(path) in order["anchors"]]
    if not paths:
        return
    path = data.draw(st.sampled_from(paths))
    verdict = record(_with(fields, path, lambda _: 99), fields, **order)
    right, total = counts(verdict)
    assert total == counts(record(fields, fields, **order))[1] + 1
    assert verdict.reason is Reason.MISSING_FIELD
    assert right < total - 1


ANSWERS = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.just("id"), inner, max_size=3)
)


@settings(deadline=None)
@given(
    fields=RECORDS,
    answer=ANSWERS | st.dictionaries(NAMES, ANSWERS),
    pass_at=st.sampled_from([1, 0.1, 0.3, 0.5, 0.7, 0.9, 2 / 3]),
    extra=st.sampled_from(["forbid", "allow"]),
)
def test_any_record_has_a_share_and_passes_by_it(
    fields: dict[str, Any], answer: Any, pass_at: float, extra: str
) -> None:
    """Exactly those pass that have the shape and at least the share that is asked for."""
    verdict = record(answer, fields, pass_at=pass_at, extra=extra, **_order(fields))
    right, total = counts(verdict)
    assert 0 <= right <= total
    assert total >= 1
    has_shape = verdict.reason is not Reason.INVALID_FORMAT
    assert (verdict.outcome is Outcome.PASS) == (has_shape and Fraction(right, total) >= Fraction(str(pass_at)))
    gating = [check.passed for check in verdict.checks if check.gating]
    assert all(gating) == (verdict.outcome is Outcome.PASS)


@settings(deadline=None)
@given(text=st.text(alphabet=st.characters(codec=None)) | st.text(alphabet='{}[]",:1 a\n`'))
def test_any_text_is_judged(text: str) -> None:
    """Whatever a model writes, there is a verdict."""
    verdict = judged(text)
    assert verdict.outcome is Outcome.FAIL
    counts(verdict)
