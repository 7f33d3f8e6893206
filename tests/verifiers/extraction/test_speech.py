"""The answer is what a model says, never what it thinks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.verifiers.extraction import spoken


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ("plain", "plain"),
        ("", ""),
        ("<think>draft: 7</think>\n\nANSWER: 20", "ANSWER: 20"),
        ("<think>\ndraft\n</think>\n{}\n", "{}"),
        ("<think></think>20", "20"),
        ("so 7 then\n</think>\n20", "20"),
        ("<think>a</think>1<think>b</think>2", "12"),
        ("7</think>8</think>9", "9"),
        ("<think>never closed: ANSWER: 20", ""),
        ("20\n<think>or 21?", ""),
        ("<think>a <think>b</think> 20", "20"),
        ("Models write `<think>` and `</think>` around it.", "Models write `<think>` and `</think>` around it."),
        ("a < b and think > c", "a < b and think > c"),
        ("\n\n  20", "  20"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\r\n20\r\n", "20"),
        ("  - first\n  - second  \n", "  - first\n  - second  "),
    ],
)
def test_thinking_goes_and_the_answer_stays(content: str, answer: str) -> None:
    """Closed blocks, a closing tag alone, a block that is never closed, talk about tags; blanks inside lines stay."""
    assert spoken(content) == answer


@given(thought=st.text(), answer=st.text())
def test_a_thought_never_reaches_the_answer(thought: str, answer: str) -> None:
    """Whatever is thought before the closing tag, what is said after it is the same."""
    plain = answer.replace("think>", "").replace("`", "")
    with_thought = "<think>" + thought.replace("think>", "").replace("`", "") + "</think>" + plain
    assert spoken(with_thought).strip() == spoken(plain).strip()


@given(content=st.text(alphabet=st.characters(codec=None)) | st.text(alphabet="</think>`\r\n 1"))
def test_any_content_has_an_answer_with_plain_line_ends(content: str) -> None:
    """It never raises, and reading the answer again changes nothing but quoted tags."""
    answer = spoken(content)
    assert "\r" not in answer
    assert answer == answer.strip("\n")


def test_many_tags_are_read_in_one_pass() -> None:
    """A megabyte of tags is no burden."""
    assert spoken("<think>a</think>" * 60_000 + "20") == "20"
    assert spoken("</think>" * 120_000 + "20") == "20"
    assert spoken("<think>" * 120_000 + "20") == ""
