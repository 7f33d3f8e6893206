"""Reading the arguments of a tool call: what no tool could be called with is the model's fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_llmbench.json_text import TextFault, parse_json
from pytest_llmbench.nesting import is_deeper

TEXT_LIMIT = 1 << 20
"""Characters of arguments that are read at all."""

DEPTH_LIMIT = 64
"""Levels of nesting; deeper values would exhaust the stack of whoever walks them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentFault:
    """Arguments that no tool could be called with. `message` says why, without quoting all of them."""

    message: str


def parse_arguments(text: str) -> dict[str, Any] | ArgumentFault:
    """Return the arguments in `text` as a mapping, or the model's fault in writing them.

    Blank text counts as no arguments. Not JSON, not an object, NaN and infinities, integers of
    more than 308 digits, more than 64 levels of nesting or 1 Mi characters are faults. Never raises.
    """
    try:
        return _read(text)
    except TextFault as fault:
        return ArgumentFault(message=f"the text of the arguments {fault}")


def _read(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    if len(text) > TEXT_LIMIT:
        raise TextFault(f"is {len(text)} characters long")
    value = parse_json(text, unique_keys=False)
    if not isinstance(value, dict):
        raise TextFault(f"is {_kind(value)}, not a JSON object")
    if text.count("[") + text.count("{") > DEPTH_LIMIT and is_deeper(value, DEPTH_LIMIT):
        raise TextFault(f"is nested more than {DEPTH_LIMIT} levels deep")
    return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return "a string" if isinstance(value, str) else "an array"
