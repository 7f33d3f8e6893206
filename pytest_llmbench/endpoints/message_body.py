"""`Request` -> the JSON body of ``POST /v1/chat/completions``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Message, Request, Tool, ToolCall
from pytest_llmbench.toolcalls import ArgumentFault, parse_arguments


def body_of(request: Request, *, stream_usage: bool) -> dict[str, Any]:
    """Return what is sent. `stream_usage` asks a stream for token counts.

    Only what the request sets is sent; its `extra` fields give way to all others. Texts are made fit for
    UTF-8: a model may have written lone surrogates into the conversation.
    """
    sampling = request.sampling
    fields = {"temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed}
    body: dict[str, Any] = {
        **request.extra,
        **sampling.extra,
        "model": printable(request.model, None),
        "messages": plain_messages(request.messages),
        "max_tokens": request.max_tokens,
        **{name: value for name, value in fields.items() if value is not None},
    }
    if request.tools:
        body["tools"] = plain_tools(request.tools)
        # llama.cpp holds a model to one call a turn unless told otherwise; elsewhere this is the default
        body["parallel_tool_calls"] = True
        if request.tool_choice is not None:
            body["tool_choice"] = request.tool_choice
    if request.stream:
        body["stream"] = True
        if stream_usage:
            body["stream_options"] = {"include_usage": True}
    return body


def plain_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return a conversation as the interface writes it."""
    return [_message(message) for message in messages]


def plain_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Return tools as the interface writes them."""
    return [_tool(tool) for tool in tools]


def _message(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": printable(message.content, None)}
    if message.tool_calls:
        plain["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.role == "tool":
        plain["tool_call_id"] = printable(message.tool_call_id, None)
    return plain


def _call(call: ToolCall) -> dict[str, Any]:
    return {
        "id": printable(call.id, None),
        "type": "function",
        "function": {"name": printable(call.name, None), "arguments": _arguments(call.arguments)},
    }


def _arguments(text: str) -> str:
    """Return arguments that a server accepts in a history.

    Chat templates parse them and answer 4xx or 5xx to what is no JSON object, which would turn
    the model's fault into the server's: such text is sent back as the value of one argument.
    """
    if isinstance(parse_arguments(text), ArgumentFault):
        return json.dumps({"malformed_arguments": printable(text)})
    return printable(text, None) if text.strip() else "{}"


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}
