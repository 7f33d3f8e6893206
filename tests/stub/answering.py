"""Puts a reply on the wire the way a server does: whole, or as events spread over its service time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from tests.stub.options import Options
from tests.stub.replies import Ask, Reply, wire_call
from tests.stub.wire import Call

_PREFILL_PER_S = 1000.0


def service_seconds(ask: Ask, options: Options) -> float:
    """How long this request holds its slot."""
    if "seconds" in ask.marks:
        return float(ask.marks["seconds"])
    if options.tokens_per_s:
        return min(ask.max_tokens, 1024) / options.tokens_per_s
    return options.service_s


async def deliver(call: Call, ask: Ask, reply: Reply, options: Options) -> None:
    """Send `reply`, taking the time the request is due."""
    seconds = service_seconds(ask, options)
    if ask.streams:
        await _stream(call, ask, reply, _Pace(seconds), options)
        return
    await asyncio.sleep(seconds)
    choice = {"index": 0, "finish_reason": reply.finish_reason, "message": _message(reply, options)}
    frame = {**_frame(ask, options), "object": "chat.completion"}
    body = {**frame, "choices": [choice], **_closing(ask, reply, seconds, options)}
    call.answer(200, body)


class _Pace:
    """Wakes at even steps of the service time, however late the last step was."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begin = time.monotonic()

    async def reach(self, share: float) -> None:
        left = self._begin + self.seconds * share - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)


def _frame(ask: Ask, options: Options) -> dict[str, Any]:
    build = "b4242-0c0ffee0" if options.flavour == "llama.cpp" else "vllm-0.99.0-abcdef01"
    model = options.model if options.flavour == "llama.cpp" else ask.body.get("model")
    return {"id": "chatcmpl-stub", "created": int(time.time()), "model": model, "system_fingerprint": build}


def _message(reply: Reply, options: Options) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    if reply.has_content:
        message["content"] = reply.content
    if reply.reasoning is not None:
        message[options.reasoning_field] = reply.reasoning
    if reply.calls:
        message["tool_calls"] = [wire_call(call, index) for index, call in enumerate(reply.calls)]
    return message


async def _stream(call: Call, ask: Ask, reply: Reply, pace: _Pace, options: Options) -> None:
    frame = {**_frame(ask, options), "object": "chat.completion.chunk"}
    call.begin_events()
    deltas = list(_deltas(reply, options))
    for count, delta in enumerate(deltas, 1):
        await pace.reach(count / len(deltas))
        if reply.comments or options.ping:
            call.raw_chunk(": still here\n\n")
        if reply.empty_choices:
            call.event({**frame, "choices": []})
        call.event({**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    await pace.reach(1.0)
    last = {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]}
    _end(call, ask, last, _closing(ask, reply, pace.seconds, options))


def _end(call: Call, ask: Ask, last: dict[str, Any], closing: dict[str, Any]) -> None:
    usage = closing.pop("usage", None)
    wants_usage = (ask.body.get("stream_options") or {}).get("include_usage")
    if wants_usage and usage:
        call.event(last)
        call.event({**last, "choices": [], "usage": usage, **closing})
    else:
        call.event({**last, **closing})
    call.event("[DONE]")
    call.end_events()


def _deltas(reply: Reply, options: Options) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": None}
    for word in (reply.reasoning or "").split(" ") if reply.reasoning else ():
        yield {options.reasoning_field: word + " "}
    if isinstance(reply.content, str):
        yield from ({"content": piece} for piece in reply.pieces())
    elif reply.content is not None:
        yield {"content": reply.content}
    for index, call in enumerate(reply.calls):
        yield from _call_deltas(wire_call(call, index), index, is_split=reply.split_calls)


def _call_deltas(call: dict[str, Any], index: int, *, is_split: bool) -> Iterator[dict[str, Any]]:
    """A call in one delta, or in pieces: the id only in the first, the name repeated in the second."""
    if not is_split:
        yield {"tool_calls": [{"index": index, **call}]}
        return
    name, text = call["function"]["name"], call["function"]["arguments"]
    half = len(text) // 2
    yield {"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": {"name": name}}]}
    yield {"tool_calls": [{"index": index, "id": None, "function": {"name": name, "arguments": text[:half]}}]}
    yield {"tool_calls": [{"index": index, "id": None, "function": {"name": None, "arguments": text[half:]}}]}


def _closing(ask: Ask, reply: Reply, seconds: float, options: Options) -> dict[str, Any]:
    if not reply.has_usage:
        return {}
    prompt, written = ask.prompt_tokens, reply.tokens
    usage = {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}
    if options.flavour != "llama.cpp":
        return {"usage": usage}
    timings = {
        "cache_n": 0,
        "prompt_n": prompt,
        "prompt_ms": prompt / _PREFILL_PER_S * 1000,
        "prompt_per_second": _PREFILL_PER_S,
        "predicted_n": written,
        "predicted_ms": seconds * 1000,
        "predicted_per_second": written / seconds if seconds else 0.0,
    }
    return {"usage": {**usage, "prompt_tokens_details": {"cached_tokens": 0}}, "timings": timings}
