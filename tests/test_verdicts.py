"""Verdicts that no verifier gives."""

from __future__ import annotations

import pytest

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
