"""Answers read out of an earlier run's journal."""

from __future__ import annotations

import asyncio

import pytest

from pytest_llmbench.contracts import Progress
from pytest_llmbench.endpoints import Replay
from pytest_llmbench.errors import DatasetUnavailable
from pytest_llmbench.records import Response
from tests.endpoints.asking import request_of, trial_of

REQUEST = request_of("what?")
RESPONSE = Response(content="this", finish_reason="stop", retries=2)


def ask(found: tuple[str, Response] | None) -> Response:
    """Ask an endpoint whose journal holds `found` for every turn."""
    endpoint = Replay(lambda key, turn: found)
    return asyncio.run(endpoint.ask(REQUEST, trial=trial_of(), turn=2, progress=Progress()))


def test_the_recorded_answer_to_the_same_request_is_given() -> None:
    """As it was, retries and all."""
    assert ask((REQUEST.fingerprint(), RESPONSE)) == RESPONSE


def test_a_missing_turn_is_named() -> None:
    """With scenario and attempt."""
    with pytest.raises(DatasetUnavailable, match="holds no turn 3 of x A, attempt 1"):
        ask(None)


def test_another_request_is_not_answered() -> None:
    """The message says what may differ."""
    with pytest.raises(DatasetUnavailable, match=r'something else.*"stub-model"'):
        ask(("0" * 32, RESPONSE))
