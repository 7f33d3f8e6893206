"""A recorded talk held once more with a server, by the very same requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_llmbench.contracts import Dialogue, Endpoint, Progress, Verifier
from pytest_llmbench.errors import ServerError
from pytest_llmbench.records import Message, Response, Scenario, Trial, Turn, Verdict
from pytest_llmbench.rescoring.retelling import concluded


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came back; `verdict` is None where nothing of today's can judge it."""

    turns: tuple[Turn, ...]
    verdict: Verdict | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, and who holds and judges the talk today; `scenario` is None where no pack of today's asks it."""

    trial: Trial
    turns: Sequence[Turn]
    scenario: Scenario | None = None
    dialogue: Dialogue | None = None
    verifier: Verifier | None = None


def ask_again(question: Question, endpoint: Endpoint, *, limit_s: float, model: str = "") -> Heard:
    """Ask and judge once more; `model` replaces the recorded one. Raises a `TrialError`.

    The first request is the recorded one to the byte. Each further one is so as long as the answers before it are
    the same; without a dialogue of today's the recorded requests are sent whatever was answered.
    """
    return asyncio.run(_asked(question, endpoint, limit_s, model))


async def _asked(question: Question, endpoint: Endpoint, limit_s: float, model: str) -> Heard:
    talk = _Again(question, endpoint, model)
    verdict = None
    try:
        async with asyncio.timeout(limit_s):
            if question.scenario is None or question.dialogue is None or question.verifier is None:
                for turn in question.turns:
                    await talk.say(turn.request.messages)
            else:
                ending = await question.dialogue.hold(question.scenario, talk)
                verdict = await asyncio.to_thread(concluded, question.scenario, talk.turns, ending, question.verifier)
    except TimeoutError:
        raise ServerError(f"no whole answer within {limit_s:g} s: give it more with --timeout") from None
    finally:
        await endpoint.close()
    return Heard(turns=tuple(talk.turns), verdict=verdict)


class _Again:
    """A dialogue's voice whose requests have all that the recorded one had beside the messages."""

    def __init__(self, question: Question, endpoint: Endpoint, model: str) -> None:
        self._question = question
        self._endpoint = endpoint
        self._model = model
        self.turns: list[Turn] = []

    async def say(self, messages: Sequence[Message]) -> Response:
        number = len(self.turns)
        recorded = self._question.turns
        pattern = recorded[min(number, len(recorded) - 1)].request
        request = replace(pattern, messages=tuple(messages), model=self._model or pattern.model)
        response = await self._endpoint.ask(request, trial=self._question.trial, turn=number, progress=Progress())
        self.turns.append(Turn(request=request, response=response))
        return response
