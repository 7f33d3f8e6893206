"""A talk held again from its record: the same dialogue, the same answers, today's rules."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from pytest_llmbench.contracts import Dialogue, Verifier
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import Ending, Exchange, Message, Response, Scenario, Turn, Verdict
from pytest_llmbench.verdicts import cut_short, exhausted, judged


class CannotRetell(Exception):
    """The record is no talk on today's scenario; the message says why."""


class QuestionChanged(CannotRetell):
    """What was asked is not what the scenario asks today."""


class Unfinished(CannotRetell):
    """The talk was not held to its end."""


class Recorded:
    """The voice of a dialogue that was held before: turn k answers the k-th request, if that is still the same."""

    def __init__(self, scenario: Scenario, turns: Sequence[Turn]) -> None:
        self._scenario = scenario
        self._turns = turns
        self.said = 0

    async def say(self, messages: Sequence[Message]) -> Response:
        """Return the recorded answer. Raises `Unfinished` past the last one, `QuestionChanged` to another question."""
        if self.said == len(self._turns):
            raise Unfinished(f"the talk broke off after {self.said} answers")
        turn = self._turns[self.said]
        if difference := question_change(self._scenario, messages, turn):
            raise QuestionChanged(f"request {self.said + 1}: {difference}")
        self.said += 1
        return turn.response


def question_change(scenario: Scenario, messages: Sequence[Message], turn: Turn) -> str:
    """Say in what the question of `turn` differs from what the scenario asks today, or return ""."""
    request = turn.request
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("the messages", list(messages), request.messages),
        ("the tools", scenario.tools, request.tools),
        ("the choice of tools", scenario.tool_choice, request.tool_choice),
    )
    return next((f"{what} are not those of today's pack" for what, now, then in pairs if _text(now) != _text(then)), "")


def verdict_on(scenario: Scenario, turns: Sequence[Turn], dialogue: Dialogue, verifier: Verifier) -> Verdict:
    """Judge a recorded talk as a trial would. Raises `CannotRetell` where it is none on this scenario."""
    talk = Recorded(scenario, turns)
    ending = asyncio.run(dialogue.hold(scenario, talk))
    if talk.said < len(turns):
        raise QuestionChanged(f"the talk had {len(turns)} requests and ends after {talk.said} by today's pack")
    return concluded(scenario, turns, ending, verifier)


def concluded(scenario: Scenario, turns: Sequence[Turn], ending: Ending, verifier: Verifier) -> Verdict:
    """Return the verdict on a talk that is over, by the order of rules that a trial keeps."""
    exchange = Exchange(turns=tuple(turns), ending=ending)
    return cut_short(turns) or exhausted(ending, scenario) or judged(verifier, scenario, exchange)


def _text(value: Any) -> str:
    return json.dumps(to_plain(value, text_limit=None), sort_keys=True)
