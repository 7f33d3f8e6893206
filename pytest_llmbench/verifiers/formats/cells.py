"""Cells, which are texts, as numbers, booleans or null."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pytest_llmbench.json_text import DIGITS_LIMIT
from pytest_llmbench.plain_data import printable
from pytest_llmbench.verifiers.extraction import TextFault

_INTEGER = re.compile(r"-?[0-9]+")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def number(text: str) -> int | float:
    """Return the plain decimal `text` (-12.50); raises ValueError for any other writing and beyond 308 digits."""
    if not _DECIMAL.fullmatch(text) or len(text) > DIGITS_LIMIT:
        raise ValueError(text[:DIGITS_LIMIT])
    return float(text) if "." in text else int(text)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text) or len(text) > DIGITS_LIMIT:
        raise ValueError(text[:DIGITS_LIMIT])
    return int(text)


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(text[:DIGITS_LIMIT])
    return text == "true"


CELL_TYPES: Mapping[str, Callable[[str], Any]] = {
    "number": number,
    "integer": _integer,
    "boolean": _boolean,
    "text": str,
}
_WORDS = {"number": "plain number", "integer": "whole number", "boolean": "true or false"}


def typed_rows(rows: list[dict[str, str]], types: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return `rows` with the columns in `types` read as those; an empty cell of such a column is None.

    Raises TextFault for a cell that is not of its type.
    """
    return [
        {name: _typed(cell, types.get(name), f"row {place}, {name}") for name, cell in row.items()}
        for place, row in enumerate(rows, 1)
    ]


def typed_sections(sections: dict[str, dict[str, str]], types: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return INI `sections` with the keys in `types`, written ``section.key``, read as those; as `typed_rows`."""
    return {
        section: {
            key: _typed(text, types.get(f"{section}.{key}"), f"[{section}] {key}") for key, text in entries.items()
        }
        for section, entries in sections.items()
    }


def _typed(cell: str, kind: str | None, where: str) -> Any:
    if kind is None:
        return cell
    if not cell.strip():
        return None
    try:
        return CELL_TYPES[kind](cell if kind == "text" else cell.strip())
    except ValueError:
        raise TextFault(f'has "{printable(cell, 80)}" where a {_WORDS[kind]} should be ({where})') from None
