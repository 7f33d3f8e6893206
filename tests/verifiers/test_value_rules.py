"""How the arguments of a call are compared with what a pack wants."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llmbench.verifiers.pairing import pair_up
from pytest_llmbench.verifiers.value_rules import compare, rule_problems


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [
        (5, [5, 5.0], ["5", True, 6, None, [5], 5.0000001]),
        (1, [1, 1.0], [True, "1"]),
        (True, [True], [1, "true", "True", False]),
        (None, [None], ["", 0, False, "null"]),
        ("a@b.c", ["a@b.c"], ["A@b.c", "a@b.c ", ["a@b.c"]]),
        ({"text": "Oslo"}, ["Oslo", " oslo ", "OSLO"], ["Oslo, Norway", 3, None]),
        ({"one_of": ["a", {"text": "b"}, 3]}, ["a", "B", 3.0], ["A", "c", "3"]),
        ({"pattern": r"[A-Z]{2}\d+"}, ["AB12"], ["AB12 ", "xAB12", 12]),
        ({"words": [["invoice", "bill"], "1042"]}, ["The BILL 1042."], ["bill 10421", "a bill", 1042]),
        ({"near": [19.9, 0.05]}, [19.9, 19.95, 19.85], [19.96, "19.9", True]),
        ({"date": "2026-03-05"}, ["2026-03-05", "2026-03-05T00:00:00"], ["05.03.2026", "2026-03-05T10:00", "2026-3-5"]),
        ({"minute": "2026-03-05T14:30"}, ["2026-03-05T14:30", "2026-03-05 14:30:00"], ["2026-03-05T14:31", "14:30"]),
        ({"some": "text"}, ["x"], ["", "  ", 1]),
        ({"some": "number"}, [1, 0.5], ["1", True]),
        ([1, "a"], [[1.0, "a"]], [["a", 1], [1], [1, "a", 2], "1a"]),
        ({"set": [1, "a"]}, [["a", 1], [1, "a"]], [[1, 1], ["a"], ["a", 1, 1], None]),
        ({"set": [{"some": "number"}, 1]}, [[1, 2], [2, 1]], [[2, 3]]),
        (
            {"object": {"a": 1, "b": {"object": {"c": {"text": "x"}}}, "d": {"optional": 2}, "e": {"absent": True}}},
            [{"b": {"c": "X"}, "a": 1}, {"a": 1, "b": {"c": "x"}, "d": 2.0}],
            [{"a": 1}, {"a": 1, "b": {"c": "x", "z": 0}}, {"a": 1, "b": {"c": "x"}, "d": 3}, "a",
             {"a": 1, "b": {"c": "x"}, "e": None}],
        ),
    ],
)  # fmt: skip
def test_arguments_are_compared_by_value_and_type(rule: Any, right: list[Any], wrong: list[Any]) -> None:
    """Each rule takes what it means and nothing near it."""
    assert not list(rule_problems(rule, ()))
    assert [value for value in right if compare(rule, value, "x")] == []
    assert [value for value in wrong if not compare(rule, value, "x")] == []


def test_a_nested_mismatch_says_where() -> None:
    """The dotted way leads to the value."""
    fault = compare({"object": {"to": [{"object": {"city": "Oslo"}}]}}, {"to": [{"city": "Rome"}]}, "trip")
    assert str(fault) == 'argument "trip.to[0].city": expected "Oslo", got "Rome"'


def test_pairs_are_as_many_as_can_be() -> None:
    """An earlier row moves where a later one has no other column."""
    assert pair_up([[True, True], [True, False]]) == {0: 1, 1: 0}
    assert pair_up([[True, True], [True, True]]) == {0: 0, 1: 1}
    assert pair_up([[False], [True], [True]]) == {1: 0}
    assert pair_up([]) == {}
