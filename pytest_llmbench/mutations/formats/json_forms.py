"""JSON and JSON Lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from pytest_llmbench.mutations.formats.form import Check, Form, Spelling

_EXACT = 1 << 53
"""Integers beyond it change when they are read as floats."""


def _read(text: str, check: Check) -> Any:
    del check
    return _loads(text)


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _write(data: Any, check: Check) -> str:
    del check
    return json.dumps(data, ensure_ascii=False, indent=2)


def _respell(text: str, data: Any, check: Check) -> Iterator[Spelling]:
    del text, check
    yield "indented by tabs", json.dumps(data, ensure_ascii=False, indent="\t")
    yield "indented by four", json.dumps(data, ensure_ascii=False, indent=4)
    yield "compact", json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    yield "blanks wherever they may be", json.dumps(data, ensure_ascii=False, indent=1, separators=(" , ", " : "))
    yield "beyond ASCII by escapes", json.dumps(data, ensure_ascii=True, indent=2)
    yield "slashes escaped", json.dumps(data, ensure_ascii=False, indent=2).replace("/", "\\/")
    yield "whole numbers as decimals", json.dumps(as_floats(data), ensure_ascii=False, indent=2)


def as_floats(data: Any) -> Any:
    """Return `data` with integers as floats of the same value."""
    if isinstance(data, dict):
        return {key: as_floats(value) for key, value in data.items()}
    if isinstance(data, list):
        return [as_floats(value) for value in data]
    is_whole = isinstance(data, int) and not isinstance(data, bool)
    return float(data) if is_whole and abs(data) < _EXACT else data


def _spoil(text: str, data: Any) -> Iterator[Spelling]:
    yield "a key given twice", _twice(text, data)
    yield "a comma too many", re.sub(r"\s*([}\]])\s*$", r",\1", text)
    yield "the last bracket lost", text.rstrip()[:-1]
    yield "a comment inside", text.replace("{", "{ // as asked\n", 1)
    yield "as Python writes it", repr(data)
    yield "single quotes", text.replace('"', "'")
    yield "keys without quotes", re.sub(r'"(\w+)"\s*:', r"\1:", text)


def _twice(text: str, data: Any) -> str:
    """Give the first key of the outermost object once more, with its own value."""
    if not isinstance(data, Mapping) or not data:
        return ""
    key, value = next(iter(data.items()))
    return text.replace("{", "{" + f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}, ", 1)


def _read_lines(text: str, check: Check) -> Any:
    del check
    rows = text.strip("\n").split("\n")
    return [_loads(row) for row in rows]


def _write_lines(data: Any, check: Check) -> str:
    del check
    if not isinstance(data, list) or not data:
        raise ValueError("not a list")
    return "\n".join(json.dumps(item, ensure_ascii=False) for item in data)


def _respell_lines(text: str, data: Any, check: Check) -> Iterator[Spelling]:
    del text, check
    yield "compact", "\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in data)
    yield "beyond ASCII by escapes", "\n".join(json.dumps(item) for item in data)
    yield "whole numbers as decimals", "\n".join(json.dumps(as_floats(item), ensure_ascii=False) for item in data)


def _spoil_lines(text: str, data: Any) -> Iterator[Spelling]:
    first, newline, rest = text.strip("\n").partition("\n")
    yield "a key given twice", _twice(first, data[0]) + newline + rest
    yield "commas behind the lines", text.strip("\n").replace("\n", ",\n")
    yield "one list in place of lines", json.dumps(data, ensure_ascii=False, indent=1)
    yield "one object over several lines", json.dumps(data[0], ensure_ascii=False, indent=1) + newline + rest
    yield "the last bracket lost", text.rstrip()[:-1]


JSON = Form(tag="json", read=_read, write=_write, respell=_respell, spoil=_spoil, bare=True)
JSONL = Form(tag="jsonl", read=_read_lines, write=_write_lines, respell=_respell_lines, spoil=_spoil_lines)
