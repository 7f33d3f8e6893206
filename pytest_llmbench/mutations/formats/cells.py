"""Cells of tables and values of INI files: texts that a pack may read as numbers or booleans."""

from __future__ import annotations

import re
from typing import Any

_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def typed(cell: str, kind: str | None) -> Any:
    """Return the value of `cell` read as `kind`; a typed cell that is empty is None. Raises ValueError."""
    text = cell.strip()
    if kind is None or kind == "text":
        return text if kind is None or text else None
    if not text:
        return None
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    raise ValueError(f"{cell!r} is no {kind}")


def untyped(value: Any) -> str:
    """Return how a cell says `value`. Raises ValueError for what no cell can hold."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError(f"{value!r} is no cell")
