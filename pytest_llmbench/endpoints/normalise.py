"""Plain JSON of a chat completion, whole or in chunks -> `Response`. Pure; knows what servers get wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.errors import ServerError
from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Response, Timing, ToolCall, Usage
from pytest_llmbench.thinking import split_thinking

REASONING_FIELDS = ("reasoning", "reasoning_content")
"""Where thinking arrives: vLLM's field, then llama.cpp's (and older vLLM's)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What the client measured, in seconds from sending the request. `bursts` counts the reads that held tokens."""

    total_s: float
    first_token_s: float | None = None
    bursts: int = 0


@dataclass(slots=True, kw_only=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Answer:
    """A chat completion being put together, from one body or from the chunks of a stream."""

    def __init__(self) -> None:
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._reasoning_field = ""
        self._calls: dict[int, _Call] = {}
        self._usage: Mapping[str, Any] = {}
        self._timings: Mapping[str, Any] = {}
        self._model = ""
        self._fingerprint = ""
        self.finish_reason = ""
        self.characters = 0

    def add_body(self, body: Any) -> None:
        """Take a whole completion; raises `ServerError` where it is none."""
        choice = _first_choice(body)
        if choice is None or not isinstance(choice.get("message"), Mapping):
            raise ServerError(f"the answer is no chat completion: {_excerpt(body)}")
        self._add_head(body)
        self._add_choice(choice, _unnumbered(choice["message"]))

    def add_chunk(self, chunk: Any) -> bool:
        """Take one chunk of a stream; return whether it held anything the model wrote."""
        if not isinstance(chunk, Mapping):
            raise ServerError(f"a chunk of the stream is no object: {_excerpt(chunk)}")
        self._add_head(chunk)
        choice = _first_choice(chunk)
        if choice is None:
            return False
        before = self.characters
        delta = choice.get("delta")
        self._add_choice(choice, delta if isinstance(delta, Mapping) else {})
        return self.characters > before

    def response(self, clock: Clock, *, retries: int) -> Response:
        """Return what was put together."""
        content, thoughts = split_thinking("".join(self._content))
        reasoning = "".join(self._reasoning)
        usage = _usage(self._usage, self._timings)
        return Response(
            content=content,
            reasoning="\n".join(text for text in (reasoning, thoughts) if text),
            reasoning_field=self._reasoning_field or ("think_tags" if thoughts else ""),
            tool_calls=self._tool_calls(),
            finish_reason=self.finish_reason,
            model=self._model,
            system_fingerprint=self._fingerprint,
            usage=usage,
            timing=_timing(clock, usage, self._timings),
            retries=retries,
        )

    def _add_head(self, part: Mapping[str, Any]) -> None:
        self._model = self._model or _text(part.get("model"))
        self._fingerprint = self._fingerprint or _text(part.get("system_fingerprint"))
        if isinstance(part.get("usage"), Mapping):
            self._usage = part["usage"]
        if isinstance(part.get("timings"), Mapping):
            self._timings = part["timings"]

    def _add_choice(self, choice: Mapping[str, Any], said: Mapping[str, Any]) -> None:
        self._write(self._content, _text(said.get("content")))
        for name in REASONING_FIELDS:
            thought = _text(said.get(name))
            if thought and self._reasoning_field in ("", name):
                self._reasoning_field = name
                self._write(self._reasoning, thought)
        calls = said.get("tool_calls")
        for place, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, Mapping):
                self._add_call(call, place)
        self.finish_reason = _text(choice.get("finish_reason")) or self.finish_reason

    def _add_call(self, raw: Mapping[str, Any], place: int) -> None:
        index = raw.get("index")
        at = index if isinstance(index, int) else place
        known = self._calls.get(at)
        if known is not None and known.id and raw.get("id") not in (None, "", known.id):
            at = max(self._calls) + 1  # some servers send whole calls, each in a chunk of its own and all at one index
        call = self._calls.setdefault(at, _Call())
        function = raw.get("function")
        function = function if isinstance(function, Mapping) else {}
        call.id = call.id or _text(raw.get("id"))
        name = _text(function.get("name"))
        if name != call.name:
            self.characters += len(name)
            call.name += name
        self._write(call.arguments, _arguments(function.get("arguments")))

    def _write(self, pieces: list[str], text: str) -> None:
        if text:
            pieces.append(text)
            self.characters += len(text)

    def _tool_calls(self) -> tuple[ToolCall, ...]:
        ordered = sorted(self._calls.items())
        return tuple(
            ToolCall(id=call.id or f"call_{index}", name=call.name, arguments="".join(call.arguments))
            for index, call in ordered
        )


def error_of(part: Any) -> Any:
    """Return what stands under ``error`` in a body or chunk, or None: errors also come with status 200."""
    return part.get("error") if isinstance(part, Mapping) else None


def _first_choice(part: Any) -> Mapping[str, Any] | None:
    choices = part.get("choices") if isinstance(part, Mapping) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        return None
    return choices[0]


def _unnumbered(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a whole message with its calls numbered by their place: only chunks number them reliably."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    return {**message, "tool_calls": [{**call, "index": None} for call in calls if isinstance(call, Mapping)]}


def _text(value: Any) -> str:
    """Return the text of a field that may be null, a text or a list of parts."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in value)
    return "".join(text for text in texts if isinstance(text, str))


def _arguments(value: Any) -> str:
    """Return arguments as text; some servers send the object itself."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)


def _usage(usage: Mapping[str, Any], timings: Mapping[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, Mapping) else None
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=cached if cached is not None else _count(timings.get("cache_n")),
    )


def _timing(clock: Clock, usage: Usage, timings: Mapping[str, Any]) -> Timing:
    return Timing(
        total_s=clock.total_s,
        first_token_s=clock.first_token_s,
        decode_tps=_streamed_rate(clock, usage) or _rate(timings.get("predicted_per_second")),
        prefill_tps=_rate(timings.get("prompt_per_second")),
    )


def _streamed_rate(clock: Clock, usage: Usage) -> float | None:
    """Tokens after the first one per second; None where the stream came in one burst or was not counted."""
    if clock.first_token_s is None or clock.bursts < 2 or not usage.completion_tokens:
        return None
    seconds = clock.total_s - clock.first_token_s
    return (usage.completion_tokens - 1) / seconds if seconds > 0 else None


_COUNT_LIMIT = 1 << 53
"""A server that counts further than this is not counting."""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _COUNT_LIMIT else None


def _rate(value: Any) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return float(value) if 0 < value < _COUNT_LIMIT else None


def _excerpt(value: Any) -> str:
    return printable(json.dumps(value), 200)
