"""What a model may write as arguments, and what becomes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.toolcalls import ArgumentFault, parse_arguments


@pytest.mark.parametrize("text", ["", "  ", "\n", "{}", " {} "])
def test_blank_and_empty_mean_no_arguments(text: str) -> None:
    """Servers send an empty string for a call without arguments."""
    assert parse_arguments(text) == {}


def test_a_json_object_is_a_mapping() -> None:
    """Values arrive as JSON has them."""
    text = '{"city": "Oslo", "days": 3, "ratio": 0.5, "tags": ["a", null, true], "deep": {"x": {}}}'
    expected = {"city": "Oslo", "days": 3, "ratio": 0.5, "tags": ["a", None, True], "deep": {"x": {}}}
    assert parse_arguments(text) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{city: Oslo}", "not valid JSON"),
        ('{"city": "Os', "not valid JSON"),
        ("{'city': 'Oslo'}", "not valid JSON"),
        ('{"a": 1} {"a": 2}', "not valid JSON"),
        ("null", "null"),
        ("[1]", "an array"),
        ('"{}"', "a string"),
        ("7", "a number"),
        ("true", "a boolean"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ('{"a": 1e999}', "too large"),
        ('{"a": ' + "9" * 309 + "}", "309 digits"),
        ('{"a": ' + "9" * 5000 + "}", "5000 digits"),
        ('{"a": ' + "[" * 64 + "]" * 64 + "}", "levels deep"),
        ('{"a": ' + "[" * 200_000 + "]" * 200_000 + "}", "levels deep"),
        ('{"a":' * 200_000, "levels deep"),
        ('{"a": "' + "x" * (1 << 20) + '"}', "characters long"),
    ],
)
def test_faults_say_what_is_wrong(text: str, word: str) -> None:
    """Each way of writing unusable arguments is a fault that names itself in a short sentence."""
    fault = parse_arguments(text)
    assert isinstance(fault, ArgumentFault)
    assert word in fault.message
    assert len(fault.message) < 200


def test_limits_are_inclusive() -> None:
    """308 digits and 64 levels are still fine, and so are many shallow lists."""
    assert parse_arguments('{"a": ' + "9" * 308 + "}") == {"a": int("9" * 308)}
    assert isinstance(parse_arguments('{"a": ' + "[" * 63 + "]" * 63 + "}"), dict)
    assert parse_arguments('{"a": [' + ",".join(["[]"] * 500) + "]}") == {"a": [[]] * 500}


def test_odd_characters_are_kept() -> None:
    """Lone surrogates and NUL are text like any other here; who prints them escapes them."""
    assert parse_arguments('{"a": "\\ud800\\u0000"}') == {"a": "\ud800\0"}


@given(st.text() | st.from_regex(r'\{("[a-z]": ?[-0-9.eE\[\]{}"nNaA]*,?)*\}?', fullmatch=True))
def test_never_raises(text: str) -> None:
    """Whatever the text, the answer is a mapping or a fault."""
    assert isinstance(parse_arguments(text), (dict, ArgumentFault))
