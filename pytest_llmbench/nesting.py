"""Walks through values made of lists and mappings, without recursion: what a model wrote may be of any depth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def is_deeper(value: Any, levels: int) -> bool:
    """Tell whether lists and mappings stand more than `levels` deep inside each other, `value` itself included."""
    layer = [value]
    for _ in range(levels):
        layer = [inner for outer in layer for inner in _inside(outer) if isinstance(inner, (dict, list))]
    return bool(layer)


def count_values(value: Any, limit: int) -> int:
    """Count the values inside `value`, shared ones as often as they stand there, up to just over `limit`."""
    count, waiting = 0, [value]
    while waiting and count <= limit:
        item = waiting.pop()
        count += 1
        waiting.extend(_inside(item))
    return count


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
