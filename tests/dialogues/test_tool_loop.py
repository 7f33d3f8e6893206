"""The loop of calls and results, with models that behave and models that do not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_llmbench.dialogues.tool_loop import ToolLoop
from pytest_llmbench.records import Ending, Message, MockedResult, Response, Scenario, Tool, ToolCall

Call = tuple[str, Any]
"""A tool's name and its arguments: a mapping, or the raw text."""


class Scripted:
    """A talk whose answers are known beforehand; keeps what it was sent."""

    def __init__(self, *responses: Response) -> None:
        self.responses = list(responses)
        self.sent: list[Sequence[Message]] = []

    async def say(self, messages: Sequence[Message]) -> Response:
        """Answer as scripted."""
        self.sent.append(messages)
        return self.responses[min(len(self.sent), len(self.responses)) - 1]


def calling(*calls: Call, ids: Sequence[str] = (), **fields: Any) -> Response:
    """Return a response that makes `calls`."""
    made = tuple(
        ToolCall(
            id=ids[at] if ids else f"srv-{name}-{at}",
            name=name,
            arguments=arguments if isinstance(arguments, str) else json.dumps(arguments),
        )
        for at, (name, arguments) in enumerate(calls)
    )
    return Response(tool_calls=made, **fields)


def scenario(*results: MockedResult, max_turns: int = 5) -> Scenario:
    """Return a scenario with the tools weather and mail."""
    return Scenario(
        id="A",
        title="A",
        messages=(Message(role="user", content="?"),),
        dialogue="tool_loop",
        verifier="tool_calls",
        tools=tuple(Tool(name=name, description=name, parameters={"type": "object"}) for name in ("weather", "mail")),
        tool_results=results,
        max_turns=max_turns,
    )


def hold(talk: Scripted, *results: MockedResult, max_turns: int = 5) -> Ending:
    """Hold the dialogue."""
    return asyncio.run(ToolLoop().hold(scenario(*results, max_turns=max_turns), talk))


def answers(talk: Scripted, request: int = -1) -> list[Any]:
    """Return what the tools had answered by that request, parsed."""
    return [json.loads(message.content) for message in talk.sent[request] if message.role == "tool"]


DONE = Response(content="done")


def test_an_answer_without_calls_ends_it() -> None:
    """A model that just answers is asked once."""
    talk = Scripted(DONE)
    assert hold(talk) is Ending.ANSWERED
    assert len(talk.sent) == 1


def test_every_call_gets_its_result_in_order() -> None:
    """Parallel calls are all answered, each under its id, after the assistant message that made them."""
    oslo = MockedResult(tool="weather", when={"city": "Oslo"}, result={"t": 4})
    rome = MockedResult(tool="weather", when={"city": "Rome"}, result={"t": 21})
    talk = Scripted(calling(("weather", {"city": "Rome"}), ("weather", {"city": "Oslo"}), content="looking"), DONE)
    assert hold(talk, oslo, rome) is Ending.ANSWERED
    _, said, first, second = talk.sent[1]
    assert (said.role, said.content) == ("assistant", "looking")
    assert [call.id for call in said.tool_calls] == [first.tool_call_id, second.tool_call_id]
    assert answers(talk) == [{"t": 21}, {"t": 4}]


def test_a_chain_goes_on_turn_by_turn() -> None:
    """Results of one turn are there when the next is asked."""
    talk = Scripted(calling(("weather", {})), calling(("mail", {})), DONE)
    hold(talk, MockedResult(tool="weather", result=1), MockedResult(tool="mail", result=2))
    assert [message.role for message in talk.sent[2]] == ["user", "assistant", "tool", "assistant", "tool"]


def test_text_results_are_sent_as_they_are() -> None:
    """A result that is text is not quoted again."""
    talk = Scripted(calling(("weather", {})), DONE)
    hold(talk, MockedResult(tool="weather", result="4 °C"))
    assert talk.sent[1][-1].content == "4 °C"


def test_times_limits_an_entry_within_one_dialogue() -> None:
    """A tool can fail first and work later; the next dialogue starts afresh."""
    down = MockedResult(tool="weather", result={"error": "timeout"}, times=1)
    works = MockedResult(tool="weather", result={"t": 4})
    for _ in range(2):
        talk = Scripted(calling(("weather", {})), calling(("weather", {})), DONE)
        hold(talk, down, works)
        assert answers(talk) == [{"error": "timeout"}, {"t": 4}]


@pytest.mark.parametrize(
    ("expected", "given", "fits"),
    [
        (1, 1.0, True),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (1, "1", False),
        (None, None, True),
        (None, "", False),
        ("Oslo", " oslo ", True),
        ("Oslo", "Bergen", False),
        ([1, "a"], [1.0, "a"], True),
        ([1, "a"], [1, "A"], False),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ({"a": True}, {"a": 1}, False),
        ({"a": {"b": 2}}, {"a": {"b": 2.0}}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
    ],
)
def test_values_compare_by_what_they_mean(expected: Any, given: Any, fits: bool) -> None:  # noqa: FBT001
    """Numbers as numbers, text without regard to case and outer blanks, nested values exactly."""
    talk = Scripted(calling(("weather", {"x": given, "more": 1})), DONE)
    hold(
        talk,
        MockedResult(tool="weather", when={"x": expected}, result="fits"),
        MockedResult(tool="weather", result="no"),
    )
    assert (talk.sent[1][-1].content == "fits") is fits


def test_an_unknown_tool_is_answered_with_an_error() -> None:
    """The model hears that it made the tool up, and may go on."""
    talk = Scripted(calling(("teleport", {})), DONE)
    assert hold(talk, MockedResult(tool="teleport", result="no")) is Ending.ANSWERED
    assert answers(talk) == [{"error": 'there is no tool called "teleport"; available tools: weather, mail'}]


def test_arguments_no_result_fits_are_answered_with_an_error() -> None:
    """The expected arguments are not given away."""
    talk = Scripted(calling(("weather", {"city": "Oslo"})), DONE)
    assert hold(talk, MockedResult(tool="weather", when={"city": "Rome"}, result=1)) is Ending.ANSWERED
    assert answers(talk) == [{"error": "weather has no result for these arguments"}]


@pytest.mark.parametrize("text", ["{", "[]", '{"a": NaN}', '{"a": ' + "9" * 5000 + "}", '{"a":' * 5000])
def test_unreadable_arguments_end_the_loop(text: str) -> None:
    """There is nothing to answer; the verifier will see the call as it was written."""
    talk = Scripted(calling(("weather", {}), ("weather", text)), DONE)
    assert hold(talk, MockedResult(tool="weather", result=1)) is Ending.ANSWERED
    assert len(talk.sent) == 1


def test_a_truncated_response_ends_the_loop() -> None:
    """A call the server cut off is not carried out, even where it happens to be whole."""
    talk = Scripted(calling(("weather", {}), finish_reason="length"), DONE)
    assert hold(talk) is Ending.ANSWERED
    assert len(talk.sent) == 1


def test_no_end_is_exhaustion() -> None:
    """After `max_turns` requests that all called tools, the loop has run out."""
    talk = Scripted(calling(("weather", {})))
    assert hold(talk, MockedResult(tool="weather", result=1), max_turns=3) is Ending.LOOP_EXHAUSTED
    assert len(talk.sent) == 3


@pytest.mark.parametrize("ids", [("", ""), ("x", "x"), ("call00001", "")])
def test_each_result_has_an_id_of_its_own(ids: tuple[str, str]) -> None:
    """Missing and repeated ids are replaced, within a response and across responses."""
    turn = calling(("weather", {}), ("mail", {}), ids=ids)
    talk = Scripted(turn, turn, DONE)
    hold(talk)
    used = [message.tool_call_id for message in talk.sent[2] if message.role == "tool"]
    made = [call.id for message in talk.sent[2] for call in message.tool_calls]
    assert used == made
    assert len(set(used)) == 4
    assert all(used)


def test_the_history_has_arguments_that_are_json() -> None:
    """Chat templates parse the arguments of earlier calls, so blank ones are sent as an empty object."""
    talk = Scripted(calling(("weather", "")), DONE)
    hold(talk)
    assert talk.sent[1][1].tool_calls[0].arguments == "{}"


def test_thinking_is_not_sent_back() -> None:
    """The history carries content and calls only."""
    talk = Scripted(calling(("weather", {}), reasoning="hmm"), DONE)
    hold(talk)
    assert "hmm" not in str(talk.sent[1])


def test_odd_names_are_repeated_in_short_and_printable() -> None:
    """A name of ten million characters or with half a character does no harm."""
    talk = Scripted(calling(("\ud800" + "x" * 10_000_000, {})), DONE)
    hold(talk)
    content = talk.sent[1][-1].content
    content.encode()
    assert len(content) < 500
