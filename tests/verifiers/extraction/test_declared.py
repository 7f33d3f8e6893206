"""Where a text declares its answer, and what it declares."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.verifiers.extraction import declared, declared_line, spoken, unmarked


@pytest.mark.parametrize(
    "text",
    [
        "ANSWER: 35",
        "Answer: 35",
        "answer:35",
        "ANSWER: 35.",
        "**ANSWER: 35**",
        "ANSWER: **35**",
        "**ANSWER:** 35",
        "**ANSWER**: `35`",
        "_ANSWER: 35_",
        "`ANSWER: 35`",
        "<b>ANSWER: 35</b><br>",
        "### Answer: 35",
        "> ANSWER: 35",
        "- ANSWER: 35",
        "3. ANSWER: 35",
        '"ANSWER: 35"',
        "(ANSWER: 35)",
        "\u2705 **ANSWER:** 35",
        "ANSWER\uff1a 35",
        "\u00a0ANSWER:\u00a035\u200b",
        "Final answer: 35",
        "**Final Answer:** 35",
        r"ANSWER: \boxed{35}",
        r"ANSWER: $\boxed{35}$",
        r"ANSWER: \(35\)",
        r"ANSWER: $35$",
        r"\textbf{ANSWER: 35}",
        r"$$\text{ANSWER: }35$$",
        r"\boxed{\text{ANSWER: } 35}",
        r"ANSWER: 35 \\",
        "ANSWER:\n35",
        "### ANSWER:\n\n**35**\n",
        "ANSWER:\n```\n35\n```",
        "ANSWER:\n$$\n35\n$$",
        "ANSWER:\n---\n> - 35",
        "```\nANSWER: 35\n```",
        "~~~text\nANSWER: 35",
        "ANSWER: ~~34~~ 35",
        "ANSWER: 7\nNo, wait.\nANSWER: 35",
        "ANSWER: 7 ... no, ANSWER: 35",
        "You want a line\nANSWER: <number>\nat the end. 5 times 7 is 35.\n\nANSWER: 35\nThe end.",
        "ANSWER: 35\r\nThat is all.",
        r"Therefore $$\boxed{35}$$",
        r"First \boxed{7}, in the end \[\boxed{\text{35}}\]",
        r"\fbox{35}",
        r"ANSWER: 35 beats \boxed{7}"[:10] + "\n" + r"\boxed{7}",
        "<think>ANSWER: 7</think>ANSWER: 35",
        "thoughts, ANSWER: 7\n</think>\nANSWER: 35",
    ],
)
def test_a_declared_answer_is_found_however_it_is_dressed(text: str) -> None:
    """Case, emphasis, LaTeX, fences and lists do not matter; the last line that declares counts (lessons W1, W2)."""
    assert declared(spoken(text), "ANSWER") == "35"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "35",
        "The answer is 35.",
        "maria=35",
        "So the answer: 35",
        "The ANSWER: 35",
        "ANSWER 35",
        "ANSWERS: 35",
        "MY ANSWER: 35",
        "Step 1: ANSWER: 35",
        'print("ANSWER: 35")',
        r"\boxed{35",
        "<think>ANSWER: 35",
        "\x00\ud800",
    ],
)
def test_what_is_not_declared_is_not_guessed(text: str) -> None:
    """No number is fished out of the prose (lessons V3)."""
    assert declared(spoken(text), "ANSWER") is None


@pytest.mark.parametrize("text", ["ANSWER:", "ANSWER: 7\nANSWER:\n\n", "**ANSWER:** **", r"\boxed{}"])
def test_a_label_without_a_value_declares_nothing(text: str) -> None:
    """An empty declaration is the last one all the same, and says so."""
    assert declared(text, "ANSWER") == ""


def test_a_box_counts_only_where_no_line_does() -> None:
    """A line is what the prompt asks for; `declared_line` knows no boxes at all."""
    text = r"ANSWER: 35, since \boxed{7} is no more" + "\n" + r"\boxed{8}"
    assert declared(text, "ANSWER") == "35, since 7 is no more"
    assert declared(text, "OTHER") == "8"
    assert declared_line(text, "OTHER") is None


@pytest.mark.parametrize("label", ["ON HAND", "on  hand", "Final on hand", "**On hand**"])
def test_a_label_of_several_words_is_found_in_any_case(label: str) -> None:
    """Blanks and emphasis inside the label are read over, other labels are not taken for it."""
    assert declared_line(f"HAND: 7\n{label}: 35\nON HAND TODAY: 9", "On Hand") == "35"
    assert declared_line("ANSWER: 35", "FINAL ANSWER") is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"$\frac{7}{12}$", "7/12"),
        (r"$1\frac{3}{4}$", "1 3/4"),
        (r"-\dfrac{7}{12}", "- 7/12"),
        (r"\frac12", "1/2"),
        (r"$2.5 \times 10^{3}$", "2.5 \u00d7 10^3"),
        (r"35\,\text{km}", "35 km"),
        (r"35~\mathrm{m}^{2}", "35 m^2"),
        ("35~cm or ~35", "35 cm or ~35"),
        (r"$02{:}50$", "02:50"),
        (r"02\text{:}50", "02:50"),
        (r"70\text{,}168", "70,168"),
        (r"9 \quad \checkmark", "9"),
        (r"\SI{35}{km}", "35 km"),
        (r"1{,}234", "1,234"),
        (r"\$1,234", "$1,234"),
        ("$1,234", "$1,234"),
        ("$5 or $7", "$5 or $7"),
        (r"12.5\%", "12.5%"),
        (r"\{3, 5\}", "{3, 5}"),
        (r"90^\circ", "90\u00b0"),
        (r"\frac{a+b}{\sqrt{2}}", "(a+b)/(\u221a(2))"),
        (r"\unknown{3}", r"\unknown{3}"),
        ("5*7 and 10**3", "5\u00d77 and 10^3"),
        ("a_b *c* d", "a_b c d"),
    ],
)
def test_latex_is_read(written: str, read: str) -> None:
    """What stands for a sign becomes one; a command nobody knows stays, so that no value is made up."""
    assert unmarked(written) == read


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("ANSWER: 35\\{}$*_`~()[]<>\"'|\n-#\ud800\x00frac^box.,")))
def test_any_text_is_read(text: str) -> None:
    """Whatever a model wrote, there is a value or none, and reading it again changes nothing."""
    for piece in (text, f"ANSWER: {text}", f"\\boxed{{{text}}}"):
        value = declared(piece, "ANSWER")
        assert value is None or "\n" not in value


@pytest.mark.parametrize("piece", ["\\boxed{", "{", "$a", "ANSWER: ", "ANSWER:\n", "\\frac{", "~~", "*", "**1", "\n"])
def test_a_megabyte_is_survived(piece: str) -> None:
    """Nested braces and endless marks neither raise nor hang."""
    text = piece * ((1 << 20) // len(piece))
    assert len(declared(f"ANSWER: {text}", "ANSWER") or "") <= 4000
    assert len(declared(f"\\boxed{{{text}}}", "ANSWER") or "") <= 4000
