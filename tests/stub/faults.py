"""How servers, and the machines between, go wrong.

``[[fault=reset]]`` in the last user message meets every such request, ``[[fault=busy:2]]`` the first two
with the same content, ``[[fault=rate:1:3]]`` the first one, with ``Retry-After: 3`` (``date3``: as a date).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from tests.stub.options import Options
from tests.stub.replies import Ask
from tests.stub.wire import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong, how many times (None: always), and one argument more."""

    name: str
    times: int | None = None
    argument: str = ""


def fault_for(ask: Ask, options: Options, seen_before: int) -> Fault | None:
    """Return what meets this request, or None."""
    text = ask.marks.get("fault", options.fault)
    if not text:
        return None
    name, times, argument = (*text.split(":"), "", "")[:3]
    fault = Fault(name=name, times=int(times) if times else None, argument=argument)
    if fault.name == "stream_options" and "stream_options" not in ask.body:
        return None
    return None if fault.times is not None and seen_before >= fault.times else fault


def refusal(ask: Ask, call: Call, options: Options) -> tuple[int, Any] | None:
    """Return the status and the body with which a sound server refuses this request, or None."""
    if not has_key(call, options):
        return unauthorised(call, options)
    if options.flavour == "vllm":
        return _vllm_refusal(ask, options)
    if ask.prompt_tokens > options.n_ctx:
        return 400, llama_context(ask.prompt_tokens, options.n_ctx)
    return None


def _vllm_refusal(ask: Ask, options: Options) -> tuple[int, Any] | None:
    model = ask.body.get("model")
    if model != options.model:
        return 404, vllm_error(404, f"The model `{model}` does not exist.", "NotFoundError")
    if ask.body.get("tool_choice") == "auto" and not options.auto_tools:
        return 400, vllm_error(400, TOOL_CHOICE)
    if ask.max_tokens < 1 << 30 and ask.prompt_tokens + ask.max_tokens > options.n_ctx:
        return 400, vllm_error(400, vllm_context(options.n_ctx, ask.prompt_tokens, ask.max_tokens))
    return None


def has_key(call: Call, options: Options) -> bool:
    """Whether the request carries the key the server wants."""
    return not options.key or call.headers.get("authorization") == f"Bearer {options.key}"


def unauthorised(call: Call, options: Options) -> tuple[int, Any]:
    """Return a 401 that repeats the key, as hosted services like to do."""
    sent = call.headers.get("authorization", "none").removeprefix("Bearer ")
    if options.flavour == "vllm":
        return 401, {"error": f"Unauthorized: {sent}"}
    return 401, llama_error(401, f"Invalid API Key: {sent}", "authentication_error")


def llama_error(code: int, message: str, kind: str, **more: Any) -> dict[str, Any]:
    """Return an error body of llama.cpp."""
    return {"error": {"code": code, "message": message, "type": kind, **more}}


def vllm_error(code: int, message: str, kind: str = "BadRequestError") -> dict[str, Any]:
    """Return an error body of vLLM."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def llama_context(asked: int, n_ctx: int) -> dict[str, Any]:
    """Return llama.cpp's word for a prompt that is too long."""
    message = f"request ({asked} tokens) exceeds the available context size ({n_ctx} tokens), try increasing it"
    return llama_error(400, message, "exceed_context_size_error", n_prompt_tokens=asked, n_ctx=n_ctx)


def vllm_context(limit: int, prompt: int, wanted: int) -> str:
    """Return vLLM's word for a prompt and an answer that are too long together."""
    return (
        f"This model's maximum context length is {limit} tokens. However, you requested {prompt + wanted} tokens "
        f"({prompt} in the messages, {wanted} in the completion)."
    )


TOOL_CHOICE = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
FULL = vllm_error(
    503,
    "The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.",
    "InternalServerError",
)
LOADING = llama_error(503, "Loading model", "unavailable_error")

_WHOLE = {"choices": [{"message": {"role": "assistant", "content": "whole"}, "finish_reason": "stop"}]}
_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_HALF = (
    '{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ha'
)
_CHUNK = {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "half an"}}]}


def _status(status: int, body: Any) -> Callable[[Call, Fault], Awaitable[None]]:
    async def act(call: Call, fault: Fault) -> None:
        call.answer(status, body)

    return act


async def _rate(call: Call, fault: Fault) -> None:
    wait = fault.argument
    if wait.startswith("date"):
        wait = formatdate(time.time() + float(wait.removeprefix("date")), usegmt=True)
    call.answer(429, vllm_error(429, "Rate limit reached"), headers={"Retry-After": wait} if wait else {})


async def _unauthorised(call: Call, fault: Fault) -> None:
    sent = call.headers.get("authorization", "")
    status = int(fault.argument or 401)
    call.answer(status, vllm_error(status, f"Incorrect API key provided: {sent}", "invalid_request_error"))


async def _reset(call: Call, fault: Fault) -> None:
    call.reset()


async def _hang_up(call: Call, fault: Fault) -> None:
    call.hang_up()


async def _reset_body(call: Call, fault: Fault) -> None:
    call.answer(200, _HALF, promise=500)
    await asyncio.sleep(0.05)
    call.reset()


async def _half_stream(call: Call, fault: Fault) -> None:
    call.begin_events()
    call.event(_CHUNK)
    call.end_events()


async def _cut_stream(call: Call, fault: Fault) -> None:
    call.begin_events()
    call.event(_CHUNK)
    await asyncio.sleep(0.05)
    call.hang_up()


async def _stream_error(call: Call, fault: Fault) -> None:
    call.begin_events()
    call.event(_CHUNK)
    call.event(llama_error(500, "Context size has been exceeded.", "server_error"))
    call.end_events()


async def _hang(call: Call, fault: Fault) -> None:
    await asyncio.sleep(3600)


async def _drip(call: Call, fault: Fault) -> None:
    call.begin_events()
    while True:
        call.event(_CHUNK)
        await asyncio.sleep(0.05)


async def _html(call: Call, fault: Fault) -> None:
    call.answer(int(fault.argument or 502), _PAGE, kind="text/html")


async def _bad_events(call: Call, fault: Fault) -> None:
    call.begin_events()
    call.event('{"choices": [{"delta": {"content": "a"')
    call.event("[DONE]")
    call.end_events()


FAULTS: dict[str, Callable[[Call, Fault], Awaitable[None]]] = {
    "key": _unauthorised,
    "model": _status(404, vllm_error(404, "The model `other` does not exist.", "NotFoundError")),
    "route": _status(404, {"detail": "Not Found"}),
    "context_llama": _status(400, llama_context(5021, 4096)),
    "context_vllm": _status(400, vllm_error(400, vllm_context(4096, 4000, 1000))),
    "context_pool": _status(500, llama_error(500, "Context size has been exceeded.", "server_error")),
    "tool_choice": _status(400, vllm_error(400, TOOL_CHOICE)),
    "jinja": _status(500, llama_error(500, "tools param requires --jinja flag", "server_error")),
    "parameter": _status(400, vllm_error(400, "Unknown parameter: 'top_k'.")),
    "stream_options": _status(400, vllm_error(400, "Unknown parameter: 'stream_options'.")),
    "unprocessable": _status(422, {"detail": [{"loc": ["body", "top_k"], "msg": "extra fields not permitted"}]}),
    "conflict": _status(409, vllm_error(409, "Conflict")),
    "rate": _rate,
    "busy": _status(503, LOADING),
    "full": _status(503, FULL),
    "broken": _status(500, llama_error(500, "the backend fell over", "server_error")),
    "error_200": _status(200, llama_error(500, "the backend fell over", "server_error")),
    "reset": _reset,
    "hang_up": _hang_up,
    "reset_body": _reset_body,
    "half_stream": _half_stream,
    "cut_stream": _cut_stream,
    "stream_error": _stream_error,
    "hang": _hang,
    "drip": _drip,
    "bad_json": _status(200, '{"choices": [{"message": {"content": "a"'),
    "bad_events": _bad_events,
    "json_list": _status(200, "[1, 2, 3]"),
    "no_choices": _status(200, {"choices": []}),
    "whole": _status(200, _WHOLE),
    "empty": _status(200, ""),
    "html": _html,
}
