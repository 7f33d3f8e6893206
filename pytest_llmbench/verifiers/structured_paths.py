"""The way to a part of a document, such as ``orders[0].lines[-1].price`` or ``["a key.with dots"][2]``."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r'(\.?)([^.\[\]"]+)|\[(-?[0-9]{1,9})\]|\["([^"]+)"\]')
Steps = tuple[str | int, ...]


class PathFault(ValueError):
    """A path is not written as one."""


class NotThere(LookupError):
    """A document lacks what a path leads to; the message says which step of it."""


def steps(path: str) -> Steps:
    """Return the keys (text) and places (int, from 0, negative from the end) in `path`; raises PathFault."""
    found: list[str | int] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None or (step[2] is not None and bool(step[1]) != bool(at)):
            raise PathFault(f'"{path}" is no path at character {at + 1}; write for example a.b[0]["c d.e"]')
        found.append(int(step[3]) if step[3] else step[2] or step[4])
        at = step.end()
    return tuple(found)


def look_up(value: Any, path: str, *, base: str = "") -> Any:
    """Return the part of `value` that `path` leads to ("": the whole), or raise NotThere.

    `base` is the way to `value` itself, for the message.
    """
    where = base
    for step in steps(path):
        where = _joined(where, step)
        if isinstance(step, int):
            is_there = isinstance(value, list) and -len(value) <= step < len(value)
        else:
            is_there = isinstance(value, dict) and step in value
        if not is_there:
            raise NotThere(where)
        value = value[step]
    return value


def _joined(where: str, step: str | int) -> str:
    if isinstance(step, int):
        return f"{where}[{step}]"
    return f"{where}.{step}" if where else step


def frozen(value: Any) -> Any:
    """Return `value` in a form that can be hashed: equal for equal values, 1 and 1.0 alike, true and 1 not."""
    if isinstance(value, bool):
        return (bool, value)
    if isinstance(value, dict):
        return frozenset((key, frozen(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return tuple(frozen(inner) for inner in value)
    return value
