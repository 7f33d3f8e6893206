"""One line of a pack in benchlocal-cli's format -> `Scenario`, to be asked as benchlocal-cli asks it."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmbench.datasets.benchlocal_lines import Line
from pytest_llmbench.datasets.scenario_list import DEFAULT_DIALOGUE, DEFAULT_MAX_TOKENS
from pytest_llmbench.records import Message, Sampling, Scenario, Tool, ToolCall

VERIFIER = "benchlocal"
DEFAULT_SECONDS = 60.0
"""The limit of a scenario where neither it nor its pack has one."""

ROLES = ("system", "user", "assistant", "tool")
UNNAMEABLE = ("and", "or", "not", "None", "True", "False")
"""Words that -m cannot name."""

PYTEST_MARKS = ("skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "tryfirst", "trylast")
"""Marks that pytest gives a meaning of its own."""

_SECONDS = (("max_seconds_override",), ("timeout_per_case_default",), ("default_max_seconds",))
_TABLES = Path(__file__).with_name("benchlocal_tables.json")
_NO_WORD = re.compile(r"\W+", re.ASCII)
_NOT_SENT = ("model", "messages", "tools", "stream", "stream_options", "n", "chat_template_kwargs")
"""Sampling keys that are not passed on: the request has them of its own, or, the last, thinking is not switched."""


@functools.cache
def tables() -> Mapping[str, Any]:
    """Return what benchlocal-cli knows by name: the packs of each mode, the anchor keys of each scenario's lists."""
    found: dict[str, Any] = json.loads(_TABLES.read_text(encoding="utf-8"))
    return found


def scenario_of(line: Line, meta: Line, scenario_id: str) -> Scenario:
    """Return the scenario in `line`; raises PackError with the line and the key at fault."""
    tools = tuple(_tools(line))
    sampling = {**(meta.take(dict, "sampling_defaults") or {}), **(line.take(dict, "sampling_overrides") or {})}
    return Scenario(
        id=scenario_id,
        title=line.take(str, "upstream_title") or line.take(str, "description") or scenario_id,
        messages=_with_date(tuple(_messages(line)), _date_context(line)),
        dialogue=DEFAULT_DIALOGUE,
        verifier=VERIFIER,
        tags=tuple(_tags(line)),
        tools=tools,
        tool_choice=_tool_choice(line, sampling.pop("tool_choice", None)) if tools else None,
        checks=tuple(_checks(line, meta)),
        max_tokens=_max_tokens(line, sampling.pop("max_tokens", None)),
        sampling=_sampling(line, sampling),
        timeout_s=_seconds(line, meta),
        stream=not tools,
    )


def mark_of(text: str) -> str:
    """Return `text` as a name that a mark can have, "" where nothing of it can stand in one."""
    name = _NO_WORD.sub("_", text).strip("_")
    return f"tag_{name}" if name in (*UNNAMEABLE, *PYTEST_MARKS) or name[:1].isdigit() else name


def _tags(line: Line) -> Iterator[str]:
    tags = line.take(list, "tags") or []
    for place, tag in enumerate(tags):
        if not isinstance(tag, str):
            raise line.fault("must be a text", "tags", place)
    yield from dict.fromkeys(filter(None, map(mark_of, tags)))


def _messages(line: Line) -> Iterator[Message]:
    for place, raw in enumerate(line.need(list, "messages")):
        if not isinstance(raw, Mapping) or raw.get("role") not in ROLES:
            raise line.fault(f"must be an object with a role: {', '.join(ROLES)}", "messages", place)
        content = raw.get("content")
        if not isinstance(content, (str, type(None))):
            raise line.fault("only text can be sent", "messages", place, "content")
        yield Message(
            role=raw["role"],
            content=content or "",
            tool_calls=tuple(_history(line, place, raw.get("tool_calls") or [])),
            tool_call_id=str(raw.get("tool_call_id") or ""),
        )


def _history(line: Line, place: int, calls: Any) -> Iterator[ToolCall]:
    """Yield the calls of an assistant's message that is part of the prompt."""
    try:
        for call in calls:
            written = call["function"].get("arguments", "{}")
            text = written if isinstance(written, str) else json.dumps(written)
            yield ToolCall(id=str(call.get("id") or ""), name=str(call["function"]["name"]), arguments=text)
    except (KeyError, TypeError, AttributeError):
        raise line.fault("is no list of tool calls", "messages", place, "tool_calls") from None


def _date_context(line: Line) -> str:
    date, day = (str(line.values.get(f"benchmark_reference_{name}") or "") for name in ("date", "day"))
    if date and day:
        return f"Benchmark reference date: {date} ({day})."
    if date or day:
        return f"Benchmark reference {'date' if date else 'day'}: {date or day}."
    return ""


def _with_date(messages: tuple[Message, ...], context: str) -> tuple[Message, ...]:
    """Put the date into the first system message, or before all others where there is none."""
    at = next((place for place, message in enumerate(messages) if message.role == "system"), None)
    if not context or (at is not None and context in messages[at].content):
        return messages
    if at is None:
        return (Message(role="system", content=context), *messages)
    text = messages[at].content.rstrip()
    dated = dataclasses.replace(messages[at], content=f"{text}\n\n{context}" if text else context)
    return (*messages[:at], dated, *messages[at + 1 :])


def _tools(line: Line) -> Iterator[Tool]:
    for place, raw in enumerate(line.take(list, "tools") or []):
        function = raw.get("function") if isinstance(raw, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str) or not function["name"]:
            raise line.fault("must be a function with a name, as the OpenAI interface has it", "tools", place)
        parameters = function.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(parameters, Mapping):
            raise line.fault("must be an object", "tools", place, "function", "parameters")
        yield Tool(name=function["name"], description=str(function.get("description") or ""), parameters=parameters)


def _checks(line: Line, meta: Line) -> Iterator[Mapping[str, Any]]:
    """Yield the asserts with the verifier type before their kind; an ``expected`` stands for all of them."""
    kind = line.take(str, "verifier", "type") or meta.take(str, "verifier_module")
    if not kind:
        raise line.fault("is missing, and the metadata have no verifier_module", "verifier", "type")
    if "expected" in line.values and (kind == "data_extract" or not line.take(list, "verifier", "asserts")):
        anchors = tables()["anchors"].get(str(line.values.get("id")), {})
        declared = bool(line.values.get("declares_top_level_shape"))
        value = line.values["expected"]
        yield {"kind": f"{kind}.expected", "value": value, "anchors": anchors, "shape_declared": declared}
        return
    for place, raw in enumerate(line.need(list, "verifier", "asserts")):
        if not isinstance(raw, Mapping) or not isinstance(raw.get("kind"), str):
            raise line.fault("must be an object with a kind", "verifier", "asserts", place)
        yield {**raw, "kind": f"{kind}.{raw['kind']}"}


def _tool_choice(line: Line, value: Any) -> str:
    if value is None:
        return "auto"
    if not isinstance(value, str):
        raise line.fault("only a text such as auto or required can be sent", "sampling_overrides", "tool_choice")
    return value


def _max_tokens(line: Line, value: Any) -> int:
    if value is None:
        return DEFAULT_MAX_TOKENS
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise line.fault("must be a whole number from 1 up", "sampling_overrides", "max_tokens")
    return value


def _sampling(line: Line, values: Mapping[str, Any]) -> Sampling:
    """Return what is sent: what the pack says and nothing else, so that the server's own defaults rule as they do
    with benchlocal-cli.
    """
    named = {name: values.get(name) for name in ("temperature", "top_p", "seed")}
    for name, value in named.items():
        if value is not None and not _is_finite(value):
            raise line.fault("must be a number", "sampling_overrides", name)
    left = {name: value for name, value in values.items() if name not in (*named, *_NOT_SENT) and value is not None}
    return Sampling(**named, extra=left)


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _seconds(line: Line, meta: Line) -> float:
    found: Sequence[tuple[Line, Any]] = [
        (where, where.take((int, float), *key)) for where, key in zip((line, meta, meta), _SECONDS, strict=True)
    ]
    for (where, value), key in zip(found, _SECONDS, strict=True):
        if value and not (_is_finite(value) and value > 0):
            raise where.fault("must be a number of seconds above 0", *key)
    return next((float(value) for _, value in found if value), DEFAULT_SECONDS)
