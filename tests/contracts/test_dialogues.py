"""What every dialogue promises, whatever the model says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pytest_llmbench.contracts import Dialogue
from pytest_llmbench.dialogues import DIALOGUES
from pytest_llmbench.errors import ServerError
from pytest_llmbench.records import Ending, Message, MockedResult, Response, Scenario, Tool, ToolCall

ODD_RESPONSES = {
    "empty": Response(),
    "text": Response(content="hello", finish_reason="stop"),
    "thinking only": Response(reasoning="hmm", finish_reason="stop"),
    "truncated": Response(content="hel", finish_reason="length"),
    "lone surrogate": Response(content="\ud800 \0"),
    "long": Response(content="x" * 10_000_000),
    "good call": Response(tool_calls=(ToolCall(id="1", name="look", arguments='{"at": "sky"}'),)),
    "blank call": Response(tool_calls=(ToolCall(id="", name="", arguments=""),)),
    "invented tool": Response(tool_calls=(ToolCall(id="1", name="\ud800", arguments="{}"),)),
    "broken call": Response(tool_calls=(ToolCall(id="1", name="look", arguments="{at"),)),
    "huge integer": Response(tool_calls=(ToolCall(id="1", name="look", arguments='{"at": %s}' % ("9" * 9999)),)),
    "not a number": Response(tool_calls=(ToolCall(id="1", name="look", arguments='{"at": NaN}'),)),
    "many calls": Response(tool_calls=(ToolCall(id="same", name="look", arguments="{}"),) * 500),
}


class Repeating:
    """A talk in which the model says the same thing again and again."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.sent: list[Sequence[Message]] = []

    async def say(self, messages: Sequence[Message]) -> Response:
        """Answer as scripted."""
        self.sent.append(messages)
        await asyncio.sleep(0)
        return self.response


class Failing:
    """A talk whose server gives up."""

    async def say(self, messages: Sequence[Message]) -> Response:
        """Answer as scripted."""
        raise ServerError("down")


def scenario(dialogue: Dialogue) -> Scenario:
    """Return a scenario that any dialogue can hold."""
    return Scenario(
        id="A",
        title="A",
        messages=(Message(role="user", content="what do you see?"),),
        dialogue=dialogue.name,
        verifier="none",
        tools=(Tool(name="look", description="look", parameters={"type": "object"}),),
        tool_results=(MockedResult(tool="look", result={"seen": "a cloud"}),),
        max_turns=4,
    )


@pytest.fixture(params=DIALOGUES.items(), ids=lambda item: item[0])
def dialogue(request: pytest.FixtureRequest) -> Dialogue:
    """Each member of the family."""
    name, member = request.param
    assert member.name == name
    found: Dialogue = member
    return found


@pytest.mark.parametrize("response", ODD_RESPONSES.values(), ids=ODD_RESPONSES)
def test_any_response_leads_to_an_ending(dialogue: Dialogue, response: Response) -> None:
    """Nothing a model says raises, and the number of requests is bounded."""
    talk = Repeating(response)
    assert isinstance(asyncio.run(dialogue.hold(scenario(dialogue), talk)), Ending)
    assert 1 <= len(talk.sent) <= 4


def test_the_first_request_is_the_opening(dialogue: Dialogue) -> None:
    """The scenario's messages are sent first, unchanged."""
    talk = Repeating(Response(content="ok"))
    opening = scenario(dialogue)
    asyncio.run(dialogue.hold(opening, talk))
    assert tuple(talk.sent[0]) == opening.messages


def test_every_request_extends_the_one_before(dialogue: Dialogue) -> None:
    """Servers reuse the prefix they have read, and resuming finds the same turns again."""
    talk = Repeating(ODD_RESPONSES["good call"])
    asyncio.run(dialogue.hold(scenario(dialogue), talk))
    for earlier, later in zip(talk.sent, talk.sent[1:], strict=False):
        assert tuple(later[: len(earlier)]) == tuple(earlier)


def test_the_same_responses_make_the_same_requests(dialogue: Dialogue) -> None:
    """Resuming depends on it: a turn is found again by what was sent."""
    first, second = (Repeating(ODD_RESPONSES["blank call"]) for _ in range(2))
    for talk in (first, second):
        asyncio.run(dialogue.hold(scenario(dialogue), talk))
    assert first.sent == second.sent


def test_members_are_stateless(dialogue: Dialogue) -> None:
    """One instance holds many dialogues at once without mixing them up."""

    async def hold_all() -> list[Repeating]:
        talks = [Repeating(response) for response in ODD_RESPONSES.values()]
        await asyncio.gather(*(dialogue.hold(scenario(dialogue), talk) for talk in talks))
        return talks

    for talk in asyncio.run(hold_all()):
        alone = Repeating(talk.response)
        asyncio.run(dialogue.hold(scenario(dialogue), alone))
        assert talk.sent == alone.sent


def test_errors_of_the_server_pass_through(dialogue: Dialogue) -> None:
    """Who asked decides what an unreachable server means."""
    with pytest.raises(ServerError):
        asyncio.run(dialogue.hold(scenario(dialogue), Failing()))
