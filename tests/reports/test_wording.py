"""Figures and foreign text as words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.reports.wording import duration, markdown, pad, rate, seconds, single_line, width


def test_figures_keep_their_unit_and_three_digits() -> None:
    """Short times have hundredths, long ones none."""
    assert [seconds(value) for value in (None, 0.004, 0.42, 1.0, 12.34, 184.4, 5000)] == [
        "-",
        "0.00 s",
        "0.42 s",
        "1.0 s",
        "12.3 s",
        "184 s",
        "5,000 s",
    ]
    assert [rate(value) for value in (None, 8.44, 123.4, 2345.6)] == ["-", "8.4", "123", "2,346"]
    assert [duration(value) for value in (-1, 41.6, 200, 7500)] == ["0 s", "42 s", "3 min 20 s", "2 h 5 min"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain ü 世界 👍", "plain ü 世界 👍"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("nul\x00 \x07", "nul\\x00 \\x07"),
        ("\u202edrowssap", "\\u202edrowssap"),
        ("lone \ud800", "lone \\ud800"),
        ("\u2028next", "\\u2028next"),
    ],
)
def test_a_line_is_one_line(text: str, line: str) -> None:
    """What cannot be seen is shown as an escape."""
    assert single_line(text) == line


def test_a_long_line_is_cut_and_says_so() -> None:
    """The reader knows how much is missing."""
    assert single_line("x" * 3000, 10) == "xxxxxxxxxx... [2,990 more characters]"


@given(st.text(st.characters(), max_size=50))
def test_any_text_becomes_printable(text: str) -> None:
    """Nothing a model writes drives a terminal, and Markdown stays one line."""
    assert single_line(text).isprintable()
    assert markdown(text).isprintable()


def test_markdown_is_shown_literally() -> None:
    """No emphasis, no HTML, no link, no new cell."""
    assert markdown("**a** <b> | [x](http://y) `c` www.z") == (r"\*\*a\*\* \<b\> \| \[x\](http\://y) \`c\` www\.z")


def test_width_counts_columns() -> None:
    """Wide characters take two columns, combining ones none."""
    assert (width("abc"), width("世界"), width("e\u0301"), width("ü")) == (3, 4, 1, 1)
    assert (pad("世", 4) + "|", pad("世", 4, right=True) + "|") == ("世  |", "  世|")
