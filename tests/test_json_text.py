"""JSON is read strictly: what two parsers could read in two ways is a fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.verifiers.extraction import TextFault, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        (' \n[1, 2.50, -3e2, true, false, null, "x"]\t', [1, 2.5, -300.0, True, False, None, "x"]),
        ('"\\u00e9\\n\\"\\/"', 'é\n"/'),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"\\ud800"', "\ud800"),
        ('{"a": {"b": 1}, "c": {"b": 2}}', {"a": {"b": 1}, "c": {"b": 2}}),
        ('\ufeff{"a": 1}', {"a": 1}),
        ("9" * 308, int("9" * 308)),
        ("0", 0),
    ],
)
def test_what_is_json_is_read(text: str, value: Any) -> None:
    """Every kind of value comes out as its builtin type."""
    assert parse_json(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not valid JSON"),
        ("x", "is not valid JSON"),
        ("{'a': 1}", "is not valid JSON"),
        ('{"a": 1,}', "is not valid JSON"),
        ('{"a": 1} // so', "is not valid JSON"),
        ('{"a": 1}{"a": 1}', "is not valid JSON"),
        ("{a: 1}", "is not valid JSON"),
        ("[1, 2", "is not valid JSON"),
        ("True", "is not valid JSON"),
        ("+1", "is not valid JSON"),
        ("01", "is not valid JSON"),
        (".5", "is not valid JSON"),
        ("1_000", "is not valid JSON"),
        ("1,000", "is not valid JSON"),
        ('"a\nb"', "is not valid JSON"),
        ("\x00", "is not valid JSON"),
        ("\u0663", "is not valid JSON"),
        ('{"a": 1, "b": {"c": 1, "c": 1}}', 'gives the key "c" twice'),
        ('{"\\ud800": 1, "\\ud800": 2}', 'gives the key "?" twice'),
        ("NaN", "holds NaN"),
        ('{"a": -Infinity}', "holds -Infinity"),
        ("1e400", "number too large"),
        ("-1e400", "number too large"),
        ("9" * 309, "integer of 309 digits"),
        ("9" * 5000, "integer of 5000 digits"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "nested too deep"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_a_fault_that_says_why(text: str, message: str) -> None:
    """The message completes the sentence "the answer ..."."""
    with pytest.raises(TextFault, match=message.replace("?", "[?]")):
        parse_json(text)


def test_a_message_is_short_and_printable_however_long_the_key() -> None:
    """Neither a megabyte nor a lone surrogate reaches a report."""
    key = json.dumps("\ud800" + "k" * 1_000_000)
    with pytest.raises(TextFault) as caught:
        parse_json(f"{{{key}: 1, {key}: 2}}")
    assert len(str(caught.value)) < 200
    str(caught.value).encode()


def test_the_last_of_very_many_keys_given_twice_is_found() -> None:
    """Looking for it does not compare every key with every other."""
    pairs = ", ".join(f'"{number}": 0' for number in [*range(200_000), 199_999])
    with pytest.raises(TextFault, match='"199999" twice'):
        parse_json(f"{{{pairs}}}")


@given(value=VALUES)
def test_what_json_writes_is_read_back(value: Any) -> None:
    """Any value survives the way through text."""
    assert parse_json(json.dumps(value)) == value


@given(text=st.text() | st.text(alphabet='{}[]",:0123456789.eE+-ntfu\\ \n'))
def test_any_text_is_a_value_or_a_fault(text: str) -> None:
    """Nothing but TextFault ever comes out."""
    try:
        parse_json(text)
    except TextFault as fault:
        message = str(fault)
    else:
        message = "a value"
    assert message
