"""What the stub says: an echo, a scripted answer, or one of the odd shapes that real models and servers produce.

A test picks a shape in its last user message: ``[[shape=think_orphan]]``, ``[[tokens=40]]``, ``[[seconds=3]]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.stub import templates
from tests.stub.options import Options

_MARKER = re.compile(r"\[\[(\w+)=([^\]]*)\]\]")
_WORD = re.compile(r"\s*\S+\s*")
MOST_PIECES = 400
"""Chunks of one streamed answer; a longer text comes in longer pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A chat completion request as the stub reads it."""

    body: Mapping[str, Any]
    said: str
    marks: Mapping[str, str]

    @property
    def streams(self) -> bool:
        """Whether the client wants events."""
        return bool(self.body.get("stream"))

    @property
    def max_tokens(self) -> int:
        """The client's limit, or one that never bites."""
        return int(self.body.get("max_tokens") or self.body.get("max_completion_tokens") or 1 << 30)

    @property
    def prompt_tokens(self) -> int:
        """A rough count: four characters are a token."""
        return len(json.dumps(self.body.get("messages"))) // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer before it is put on the wire. `content` may be of any JSON type, as calls' fields may."""

    content: Any = ""
    reasoning: str | None = None
    calls: tuple[Mapping[str, Any], ...] = ()
    finish_reason: str | None = "stop"
    has_content: bool = True
    has_usage: bool = True
    split_calls: bool = False
    comments: bool = False
    empty_choices: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Words of the answer and its reasoning; a tool call counts ten."""
        return max(1, len(self.pieces()) + len((self.reasoning or "").split()) + 10 * len(self.calls))

    def pieces(self) -> list[str]:
        """The content cut the way tokens cut it, roughly."""
        if not isinstance(self.content, str):
            return []
        if len(self.content) > MOST_PIECES * 100:
            size = len(self.content) // MOST_PIECES + 1
            return [self.content[at : at + size] for at in range(0, len(self.content), size)]
        return _WORD.findall(self.content) or ([self.content] if self.content else [])


def read_ask(body: Mapping[str, Any]) -> Ask:
    """Find the last user message and the markers in it."""
    users = [message for message in body.get("messages", ()) if message.get("role") == "user"]
    said = _text(users[-1].get("content")) if users else ""
    return Ask(body=body, said=said, marks=dict(_MARKER.findall(said)))


def reply_to(ask: Ask, options: Options) -> Reply:
    """Return what a model would answer: scripted, shaped by a marker, or an echo; cut at max_tokens."""
    script = _scripted(ask.body, options.answers) if options.answers else None
    if options.once:
        script = _used_up(ask.said, options.once) or script
    if script is not None:
        reply = _from_script(script)
    elif "tokens" in ask.marks:
        reply = Reply(content="word " * int(ask.marks["tokens"]))
    else:
        reply = Reply(content=_MARKER.sub("", ask.said).strip() or "nothing to say")
    if "shape" in ask.marks:
        reply = SHAPES[ask.marks["shape"]](reply)
    if reply.reasoning is None and _thinks(ask, options):
        reply = _thoughtful(reply, options.thought_words, ask.max_tokens)
    return _cut(_placed(reply, options.reasoning_field), ask.max_tokens)


def _thinks(ask: Ask, options: Options) -> bool:
    if options.thinks:
        return options.thinks == "always"
    return templates.thinks(options.template, templates.variables_of(ask.body, options.flavour))


def _thoughtful(reply: Reply, words: int, limit: int) -> Reply:
    """Put thoughts before the answer; they use up the tokens first."""
    if words >= limit:
        return replace(reply, content="", calls=(), reasoning=" ".join(["hm"] * limit), finish_reason="length")
    return replace(reply, reasoning=" ".join(["hm"] * words))


def _scripted(body: Mapping[str, Any], answers: Mapping[str, Any]) -> Mapping[str, Any] | str | None:
    messages = body.get("messages", ())
    said = "\n".join(_text(message.get("content")) for message in messages if message.get("role") == "user")
    keys = [key for key in answers if key in said]
    if not keys:
        return None
    chosen = answers[max(keys, key=len)]
    if not isinstance(chosen, list):
        return chosen  # type: ignore[no-any-return]
    turn = sum(message.get("role") == "assistant" for message in messages)
    return chosen[min(turn, len(chosen) - 1)]  # type: ignore[no-any-return]


def _used_up(said: str, once: Mapping[str, list[Any]]) -> Any:
    """Take the next reply that is given only once, if one is left."""
    left = next((replies for key, replies in once.items() if key in said and replies), None)
    return left.pop(0) if left else None


def _from_script(script: Mapping[str, Any] | str) -> Reply:
    """Read a script: a text, or {content, reasoning, tool_calls: [{name, arguments, id}], finish_reason}."""
    if isinstance(script, str):
        return Reply(content=script)
    calls = tuple(script.get("tool_calls", ()))
    default = "tool_calls" if calls else "stop"
    return Reply(
        content=script.get("content", None if calls else ""),
        reasoning=script.get("reasoning"),
        calls=calls,
        finish_reason=script.get("finish_reason", default),
    )


def _placed(reply: Reply, where: str) -> Reply:
    if where != "think_tags" or not reply.reasoning:
        return reply
    shut = "" if reply.finish_reason == "length" and not reply.content else f"</think>\n{reply.content or ''}"
    return replace(reply, content=f"<think>{reply.reasoning}{shut}", reasoning=None)


def _cut(reply: Reply, limit: int) -> Reply:
    pieces = reply.pieces()
    if len(pieces) <= limit or len(pieces) >= MOST_PIECES:
        return reply
    return replace(reply, content="".join(pieces[:limit]), finish_reason="length")


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def wire_call(call: Mapping[str, Any], index: int) -> dict[str, Any]:
    """Return a tool call as servers write it; `arguments` that are no text are encoded."""
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) or call.get("raw") else json.dumps(arguments)
    return {
        "id": call.get("id", f"call_{index}"),
        "type": "function",
        "function": {"name": call.get("name", "get_weather"), "arguments": text},
    }


def _called(arguments: Any, **more: Any) -> Callable[[Reply], Reply]:
    call = {"name": "get_weather", "arguments": arguments, **more}
    return lambda reply: replace(reply, content=None, calls=(call,), finish_reason="tool_calls")


_PAIR = ({"name": "get_weather", "arguments": {"city": "Oslo"}}, {"name": "get_time", "arguments": {"zone": "CET"}})
_NAMELESS = {"name": "get_weather", "arguments": {"city": "Oslo"}, "id": None}

SHAPES: dict[str, Callable[[Reply], Reply]] = {
    "content_null": lambda reply: replace(reply, content=None),
    "content_missing": lambda reply: replace(reply, content=None, has_content=False),
    "content_parts": lambda reply: replace(reply, content=[{"type": "text", "text": str(reply.content)}]),
    "reasoning": lambda reply: replace(reply, reasoning="let me think"),
    "only_reasoning": lambda reply: replace(reply, content=None, reasoning="let me", finish_reason="length"),
    "think_closed": lambda reply: replace(reply, content=f"<think>let me think</think>\n{reply.content}"),
    "think_orphan": lambda reply: replace(reply, content=f"let me think</think>\n{reply.content}"),
    "think_unclosed": lambda reply: replace(reply, content=f"<think>let me think {reply.content}"),
    "surrogate": lambda reply: replace(reply, content="lone \ud800 surrogate"),
    "nul": lambda reply: replace(reply, content="a\x00b"),
    "big": lambda reply: replace(reply, content="0123456789" * (1 << 20)),
    "huge": lambda reply: replace(reply, content="0123456789" * (4 << 20)),
    "comments": lambda reply: replace(reply, comments=True),
    "empty_choices": lambda reply: replace(reply, empty_choices=True),
    "no_usage": lambda reply: replace(reply, has_usage=False),
    "no_finish": lambda reply: replace(reply, finish_reason=None),
    "length": lambda reply: replace(reply, finish_reason="length"),
    "content_filter": lambda reply: replace(reply, content="", finish_reason="content_filter"),
    "call": _called({"city": "Oslo"}),
    "calls": lambda reply: replace(reply, content=None, calls=_PAIR, finish_reason="tool_calls"),
    "split_calls": lambda reply: replace(
        reply, content=None, calls=_PAIR, finish_reason="tool_calls", split_calls=True
    ),
    "null_ids": lambda reply: replace(reply, content=None, calls=(_NAMELESS,) * 2, finish_reason="tool_calls"),
    "args_not_json": _called("city is Oslo"),
    "args_null": _called("null"),
    "args_list": _called("[1, 2]"),
    "args_nan": _called('{"city": NaN}'),
    "args_huge": _called('{"city": 1' + "0" * 5000 + "}"),
    "args_deep": _called('{"city": ' + "[" * 20000 + "]" * 20000 + "}"),
    "args_surrogate": _called('{"city": "\\ud800", "\ud800": 1}'),
    "args_object": _called({"city": "Oslo"}, raw=True),
    "args_missing": _called(None, raw=True),
    "name_null": _called({"city": "Oslo"}, name=None),
}
