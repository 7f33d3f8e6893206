"""The real loop of a tool-using assistant: calls, results, calls, ... until it answers without one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pytest_llmbench.contracts import Talk
from pytest_llmbench.dialogues.mocked_tools import MockedTools
from pytest_llmbench.records import Ending, Message, Response, Scenario, ToolCall
from pytest_llmbench.toolcalls import ArgumentFault, parse_arguments


class ToolLoop:
    """Answers every tool call with the scenario's mocked results, in the order the model made them."""

    name = "tool_loop"

    async def hold(self, scenario: Scenario, talk: Talk) -> Ending:
        """Talk until a response calls no tool, at most `scenario.max_turns` requests.

        A response that was cut off, or whose arguments nobody could parse, is the last one: what
        the model wrote there is judged as it stands.
        """
        tools = MockedTools(scenario)
        messages = list(scenario.messages)
        seen: set[str] = set()
        for _ in range(scenario.max_turns):
            response = await talk.say(tuple(messages))
            if not response.tool_calls or response.finish_reason == "length":
                return Ending.ANSWERED
            calls = _sendable(response.tool_calls, seen)
            results = _results(calls, tools)
            if results is None:
                return Ending.ANSWERED
            messages += [_said(response, calls), *results]
        return Ending.LOOP_EXHAUSTED


def _sendable(calls: Sequence[ToolCall], seen: set[str]) -> tuple[ToolCall, ...]:
    """Give each call an id of its own and arguments that are JSON, for the history.

    Nine letters and digits are what the strictest chat templates (Mistral's) accept as an id.
    """
    sendable = []
    for call in calls:
        number = len(seen)
        call_id = call.id
        while not call_id or call_id in seen:
            number += 1
            call_id = f"call{number:05d}"
        seen.add(call_id)
        sendable.append(dataclasses.replace(call, id=call_id, arguments=call.arguments.strip() or "{}"))
    return tuple(sendable)


def _results(calls: Sequence[ToolCall], tools: MockedTools) -> list[Message] | None:
    """Return one tool message per call, or None where a call's arguments are unreadable.

    All are parsed before the first is answered, so that a broken call uses up no result.
    """
    parsed = [parse_arguments(call.arguments) for call in calls]
    messages = []
    for call, arguments in zip(calls, parsed, strict=True):
        if isinstance(arguments, ArgumentFault):
            return None
        messages.append(Message(role="tool", content=tools.answer(call.name, arguments), tool_call_id=call.id))
    return messages


def _said(response: Response, calls: tuple[ToolCall, ...]) -> Message:
    return Message(role="assistant", content=response.content, tool_calls=calls)
