"""What a server said no with -> the error a trial is booked under, in words for the user."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pytest_llmbench.endpoints.patience import Cause
from pytest_llmbench.errors import BadConfiguration, ContextOverflow, RateLimited, ServerError, TrialError
from pytest_llmbench.plain_data import printable

KEY_VARIABLE = "LLMBENCH_API_KEY"

_CONTEXT = re.compile(
    r"exceed_context_size|context[ _](length|size|window)|maximum model length|max_model_len"
    r"|prompt is too long|max(_completion)?_tokens.{0,40} too large",
    re.IGNORECASE,
)
_TOOLS = re.compile(r"tool[_ ]choice|--jinja|--enable-auto-tool-choice|--tool-call-parser", re.IGNORECASE)
_PARAMETER = re.compile(
    r"(unknown|unsupported|unrecognized|unrecognised|invalid) (parameter|argument|field|value|request argument)"
    r"|not permitted|extra (fields|inputs)|unexpected keyword|does not support",
    re.IGNORECASE,
)
_BUSY = re.compile(r"currently busy|cannot accept new requests|backlog limit|overloaded", re.IGNORECASE)
"""How a server that is up says that it takes no more now; vLLM so with --max-num-queued-reqs and -tokens."""
_TITLE = re.compile(r"<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_EXCERPT = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Texts that must never be shown: keys and passwords this endpoint was given."""

    words: tuple[str, ...] = field(default=(), repr=False)

    def hide(self, text: str) -> str:
        """Return `text` with each secret replaced; one of up to seven characters only where it is a whole word."""
        for word in sorted(filter(None, self.words), key=len, reverse=True):
            pattern = re.escape(word) if len(word) > 7 else rf"(?<!\w){re.escape(word)}(?!\w)"
            text = re.sub(pattern, "***", text)
        return text


def refused(status: int, body: Any, *, model: str, url: str) -> TrialError:
    """Return the error for an answer with `status`; `body` is its JSON, or its text where it has none.

    The server's own words are quoted: the caller hides secrets in them.
    """
    said, quoted = _searched(body), f"{url} answered {status}: {spoken(body)}"
    is_busy = status == HTTPStatus.SERVICE_UNAVAILABLE and _BUSY.search(said) is not None
    if status == HTTPStatus.TOO_MANY_REQUESTS or is_busy:
        return RateLimited(f"{quoted}; lower the load with --llm-concurrency")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return BadConfiguration(f"{url} refuses the key ({spoken(body)}): set {KEY_VARIABLE} to one it accepts")
    if _CONTEXT.search(said):
        return ContextOverflow(f"{quoted}; give the server a larger context, fewer slots, or lower --llm-max-tokens")
    if _TOOLS.search(said):
        return BadConfiguration(
            f"{quoted}; start the server with tool calling on "
            "(vLLM: --enable-auto-tool-choice --tool-call-parser NAME, llama.cpp: --jinja)"
        )
    return _otherwise(status, body, quoted, model)


def cause_of(status: int, error: TrialError) -> Cause | None:
    """Return why the question may be asked again that got `error` and `status`; None: the answer stays the same."""
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Cause.BUSY if isinstance(error, RateLimited) else Cause.BROKEN
    return Cause.RATE if isinstance(error, RateLimited) else None


def spoken(body: Any) -> str:
    """Return the message inside an error body, on one line and short."""
    text = _message(body)
    title = _TITLE.search(text)
    line = " ".join((title[1] if title else text).split())
    return printable(line, _EXCERPT).rstrip(".") or "no message"


def mentions_stream_options(body: Any) -> bool:
    """Tell whether a refusal is about the wish for token counts in a stream, which old servers do not know."""
    return re.search(r"stream_options|include_usage", _searched(body)) is not None


def _otherwise(status: int, body: Any, quoted: str, model: str) -> TrialError:
    said = _searched(body)
    if status == HTTPStatus.NOT_FOUND and "model" in said.lower():
        return BadConfiguration(f'{quoted}; the model "{model}" is not served here: name another with --llm-model')
    if status == HTTPStatus.NOT_FOUND:
        return BadConfiguration(f"{quoted}; there are no chat completions at this address: most end in /v1")
    if status == HTTPStatus.UNPROCESSABLE_ENTITY or (status == HTTPStatus.BAD_REQUEST and _is_parameter(body, said)):
        return BadConfiguration(f"{quoted}; --llm-sampling names what is sent")
    return ServerError(quoted)


def _is_parameter(body: Any, said: str) -> bool:
    error = body.get("error") if isinstance(body, Mapping) else None
    named = isinstance(error, Mapping) and isinstance(error.get("param"), str)
    return named or _PARAMETER.search(said) is not None


def _message(body: Any) -> str:
    while isinstance(body, Mapping):
        body = next((body[name] for name in ("error", "message", "detail") if body.get(name)), json.dumps(body))
    return body if isinstance(body, str) else json.dumps(body)


def _searched(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)
