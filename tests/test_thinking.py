"""Thinking between tags, in all the ways it leaks into an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.thinking import split_thinking


@pytest.mark.parametrize(
    ("content", "answer", "thoughts"),
    [
        ("4", "4", ""),
        ("", "", ""),
        ("  4  ", "  4  ", ""),
        ("<think>two and two</think>\n\n4", "4", "two and two"),
        ("\n<think>two</think>4", "4", "two"),
        ("<think></think>4", "4", ""),
        ("<think>a</think><think>b</think>4", "4", "a\nb"),
        ("two and two</think>4", "4", "two and two"),
        ("a</think>b</think>4", "4", "a\nb"),
        ("<think>a</think>b</think>4", "4", "a\nb"),
        ("<think>two and two", "", "two and two"),
        ("4\n<think>or is it five", "", "4\nor is it five"),
        ("<think>a<think>b</think>4", "4", "a\nb"),
        ("4 <think>sure</think>indeed", "4 indeed", "sure"),
        ("use `<think>` and `</think>`", "use `<think>` and `</think>`", ""),
        ("<thinking>a</thinking>4", "<thinking>a</thinking>4", ""),
        ("<think>a</think>```python\nx\n```", "```python\nx\n```", "a"),
        ("```\ns = '<think>'\n```", "```\ns = '<think>'\n```", ""),
        ("```\ns = '</think>'\n```\ndone", "```\ns = '</think>'\n```\ndone", ""),
        ("<think>```\ndraft</think>```\ns = '</think>'\n```", "```\ns = '</think>'\n```", "```\ndraft"),
        ("```\nan open draft\n</think>4", "4", "```\nan open draft"),
    ],
)
def test_an_answer_is_what_stands_outside_the_thoughts(content: str, answer: str, thoughts: str) -> None:
    """Closed blocks move out, an orphan close drops what precedes it, an unclosed block leaves no answer."""
    assert split_thinking(content) == (answer, thoughts)


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", " ", "\n", "`", "b < c"])).map("".join))
def test_no_mixture_of_tags_leaves_a_bare_one_in_the_answer(content: str) -> None:
    """Whatever the order of tags, the answer holds none that is not quoted."""
    answer, _ = split_thinking(content)
    assert split_thinking(answer)[1] == "" or "`" in content
