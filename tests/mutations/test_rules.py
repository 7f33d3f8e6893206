"""The mutators' own reading of the rule table: yes, no, or not certain."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llmbench.mutations.rules import fits


@pytest.mark.parametrize(
    ("rule", "value", "answer"),
    [
        (5, 5.0, True),
        (5, "5", False),
        (1, True, False),
        (None, "", False),
        ("a", "A", False),
        ({"text": "Oslo"}, " OSLO ", True),
        ({"text": "Oslo"}, "Oslo!", None),
        ({"text": "Oslo"}, "Bergen", False),
        ({"one_of": [1, 2]}, 2, True),
        ({"one_of": [1, 2]}, 3, False),
        ({"pattern": "a+"}, "aab", False),
        ({"pattern": "a+"}, "aaa", True),
        ({"words": ["key", ["desk", "table"]]}, "the key", False),
        ({"words": ["key"]}, "the key", None),
        ({"near": [12.5, 0.1]}, 12.6, True),
        ({"near": [12.5, 0.1]}, 12.61, False),
        ({"date": "2026-03-05"}, "2026-03-05", True),
        ({"date": "2026-03-05"}, "2026-03-05T00:00", None),
        ({"date": "2026-03-05"}, "2026-03-06", False),
        ({"some": "number"}, "5", False),
        ({"set": [1, 2, 2]}, [2, 1, 2], True),
        ({"set": [1, 2, 2]}, [2, 1, 1], False),
        ([1, [2]], [1, [2]], True),
        ([1, 2], [2, 1], False),
        ({"object": {"a": 1, "b": {"optional": 2}}}, {"a": 1}, True),
        ({"object": {"a": 1}}, {"a": 1, "b": 2}, False),
        ({"a": {"absent": True}, "b": 1}, {"b": 1}, True),
        ({"a": {"words": ["x"]}, "b": 1}, {"a": "x", "b": 1}, None),
        ({"a": {"words": ["x"]}, "b": 1}, {"a": "x", "b": 2}, False),
    ],
)
def test_a_rule_is_read_as_the_handbook_words_it(rule: Any, value: Any, answer: bool | None) -> None:  # noqa: FBT001
    """None where a verifier may be more or less tolerant than the table says."""
    assert fits(rule, value) is answer
