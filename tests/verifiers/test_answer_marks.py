"""Which numbers, words and declared lines an answer has."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pytest_llmbench.verifiers.answer_marks import has_phrase, line_after, numbers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("135", ["135"]),
        ("1350 a135 135x2 ORD-135 #135 v1.35 1.3.5 3/5 14:30 2026-03-05", ["1350"]),
        ("1,350.50 and 13,5 and 1'350", ["1350.50", "13.5", "1350"]),
        ("1\u202f350\u00a0kr", ["1350"]),
        ("-4 °C, \u22127, 4°C, 12kg, $8.", ["-4", "-7", "4", "12", "8"]),
        ("4-6, 4\u20136", []),
        ("**135** `7` (8) x=9", ["135", "7", "8", "9"]),
        ("1e5 10\u00b2 0x1F " + "9" * 50, []),
    ],
)
def test_numbers_are_whole_tokens(text: str, found: list[str]) -> None:
    """Digits inside something else are no number (lessons V2)."""
    assert numbers(text) == [Decimal(number) for number in found]


def test_phrases_are_whole_words_in_any_case() -> None:
    """A word inside another one does not count; a star leaves the end open."""
    assert has_phrase("At what TIME?", "time")
    assert not has_phrase("sometimes", "time")
    assert has_phrase("It starts at ten", "start*")
    assert has_phrase("11\u00a0 March", "11 March")
    assert has_phrase("(K7QX2)", "K7QX2")
    assert not has_phrase("K7QX2B", "K7QX2")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("TOTAL: 7", "7"),
        ("TOTAL: 7\nmore\n- **Total:** 20.", "20"),
        ("`TOTAL: 20`", "20"),
        ("TOTAL:\n\n**20**", "20"),
        ("TOTAL:", ""),
        ("The TOTAL: 20", None),
        ("TOTAL 20", None),
    ],
)
def test_the_last_declared_line_counts(text: str, value: str | None) -> None:
    """Case, emphasis and closing punctuation do not matter, the form does (lessons W1, W2, V3)."""
    assert line_after("TOTAL", text) == value
