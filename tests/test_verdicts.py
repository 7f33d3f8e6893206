"""Verdicts that no verifier gives."""

from __future__ import annotations

import pytest

from pytest_llmbench.endpoints.normalise import Answer, Clock
from pytest_llmbench.records import Reason, Request, Response, Turn, Usage
from pytest_llmbench.verdicts import cut_short


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (None, "cut off at the limit of 900 tokens"),
        (900, "cut off at the limit of 900 tokens"),
        (417, "cut off at a limit of the server's, after 417 of 900 tokens"),
    ],
)
def test_the_limit_that_ended_an_answer_is_named(written: int | None, words: str) -> None:
    """A full context ends an answer before the limit that was asked for: raising that limit would not help."""
    response = Response(content="4", finish_reason="length", usage=Usage(completion_tokens=written))
    verdict = cut_short([Turn(request=Request(model="m", messages=(), max_tokens=900), response=response)])
    assert verdict is not None
    assert (verdict.reason, words in verdict.detail) == (Reason.TOKEN_LIMIT, True)


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "reasoning": "hm hm"},
        {"content": "", "reasoning_content": "hm hm"},
        {"content": "\n\n", "reasoning_content": "hm hm"},
        {"content": "<think>hm hm"},
        {"content": "<think>hm</think>\n"},
        {"content": "hm hm</think>"},
    ],
)
def test_thoughts_without_an_answer_are_a_runaway(message: dict[str, str | None]) -> None:
    """In either field or between tags, never closed or closed at the last moment; only blanks are no answer."""
    verdict = cut_short([_turn({"message": message, "finish_reason": "length"})])
    assert verdict is not None
    assert (verdict.reason, verdict.detail) == (
        Reason.THINKING_RUNAWAY,
        "was still thinking at the limit of 900 tokens",
    )


@pytest.mark.parametrize(
    "message",
    [
        {"content": "4", "reasoning": "hm"},
        {"content": "<think>hm</think> 4"},
        {"content": "4"},
        {"content": None, "reasoning": " \n"},
    ],
)
def test_an_answer_that_was_begun_is_no_runaway(message: dict[str, str | None]) -> None:
    """It was cut off; a blank thought is none."""
    verdict = cut_short([_turn({"message": message, "finish_reason": "length"})])
    assert verdict is not None
    assert verdict.reason is Reason.TOKEN_LIMIT


def test_a_thought_that_the_servers_budget_ended_is_judged() -> None:
    """The server closed it and the model answered, or said nothing, which the verifier sees."""
    for content in ("4", ""):
        assert cut_short([_turn({"message": {"content": content, "reasoning": "hm"}, "finish_reason": "stop"})]) is None


def _turn(choice: dict[str, object]) -> Turn:
    """Return a turn with what a server sent, read as the endpoint reads it."""
    answer = Answer()
    answer.add_body({"choices": [choice]})
    response = answer.response(Clock(total_s=1.0), retries=0)
    return Turn(request=Request(model="m", messages=(), max_tokens=900), response=response)
