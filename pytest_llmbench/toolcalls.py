"""Reading the arguments of a tool call: the one place that parses what a model wrote as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn

from pytest_llmbench.nesting import is_deeper

TEXT_LIMIT = 1 << 20
"""Characters of arguments that are read at all."""

DEPTH_LIMIT = 64
"""Levels of nesting; deeper values would exhaust the stack of whoever walks them."""

DIGITS_LIMIT = 308
"""Digits of an integer: what still fits the range of a JSON number read as a double."""


_TOO_DEEP = f"are nested more than {DEPTH_LIMIT} levels deep"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentFault:
    """Arguments that no tool could be called with. `message` says why, without quoting all of them."""

    message: str


class _RefusedError(ValueError):
    """What the text has that no tool can take; completes the sentence "the arguments ..."."""


def parse_arguments(text: str) -> dict[str, Any] | ArgumentFault:
    """Return the arguments in `text` as a mapping, or the model's fault in writing them.

    Blank text counts as no arguments. Not JSON, not an object, NaN and infinities, integers of
    more than 308 digits, more than 64 levels of nesting or 1 Mi characters are faults. Never raises.
    """
    try:
        return _read(text)
    except _RefusedError as refusal:
        return ArgumentFault(message=f"the arguments {refusal}")


def _read(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    if len(text) > TEXT_LIMIT:
        raise _RefusedError(f"are {len(text)} characters long")
    value = _decoded(text)
    if not isinstance(value, dict):
        raise _RefusedError(f"are {_kind(value)}, not a JSON object")
    if text.count("[") + text.count("{") > DEPTH_LIMIT and is_deeper(value, DEPTH_LIMIT):
        raise _RefusedError(_TOO_DEEP)
    return value


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_float)
    except _RefusedError:
        raise
    except ValueError as error:
        raise _RefusedError(f"are not valid JSON: {error}") from None
    except RecursionError:
        raise _RefusedError(_TOO_DEEP) from None


def _refuse_constant(name: str) -> NoReturn:
    raise _RefusedError(f"hold {name}, which is not a JSON value")


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_LIMIT:
        raise _RefusedError(f"hold an integer of {len(digits)} digits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _RefusedError("hold a number too large to be one")
    return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return "a string" if isinstance(value, str) else "an array"
