"""The lines of a pack in benchlocal-cli's format: one JSON object each, the first of them the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmbench.datasets.places import dotted
from pytest_llmbench.errors import PackError

SUFFIX = ".jsonl"
HEAD_BYTES = 1 << 16
"""How much of a file's first line is looked at to tell whether it is a pack."""

_MARK = "__meta__"
_BOM = b"\xef\xbb\xbf"
_KINDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One object of the file. `number` is the 1-based line, `path` the file."""

    path: Path
    number: int
    values: Mapping[str, Any]

    def fault(self, message: str, *key: str | int) -> PackError:
        """Return the error that `message` is true of the value at `key` in this line."""
        return PackError(message, path=self.path, line=self.number, key=dotted(key))

    def take(self, kinds: type | tuple[type, ...], *key: str) -> Any:
        """Return the value at `key`, None where it or anything on the way is missing or null.

        Raises PackError where it is of none of `kinds`.
        """
        value: Any = self.values
        for depth, name in enumerate(key):
            if not isinstance(value, Mapping):
                raise self.fault(f"must be an object, not {kind_of(value)}", *key[:depth])
            value = value.get(name)
            if value is None:
                return None
        wanted = kinds if isinstance(kinds, tuple) else (kinds,)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise self.fault(f"must be {' or '.join(_KINDS[kind] for kind in wanted)}, not {kind_of(value)}", *key)
        return value

    def need(self, kind: type, *key: str) -> Any:
        """Return the value at `key`; raises PackError where it is missing, empty or of another kind."""
        value = self.take(kind, *key)
        if value is None or value in ("", [], {}):
            raise self.fault(f"is missing or empty: it must be {_KINDS[kind]}", *key)
        return value


def kind_of(value: object) -> str:
    """Return the word for the kind of a JSON value."""
    return _KINDS.get(type(value), type(value).__name__)


def is_foreign_pack(path: Path) -> bool:
    """Tell whether `path` is a pack of benchlocal-cli: its first line, at most 64 KiB, says ``"__meta__": true``.

    Cheap for every other file, and never raises.
    """
    if path.suffix != SUFFIX:
        return False
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            head = stream.readline(HEAD_BYTES + 1)
        return len(head) <= HEAD_BYTES and _MARK.encode() in head and _is_meta(json.loads(head.removeprefix(_BOM)))
    except (OSError, ValueError, RecursionError):
        return False


def read_lines(path: Path) -> tuple[Line, Sequence[Line]]:
    """Return the metadata and the scenarios' lines; blank lines are skipped.

    Raises PackError with the line of the first that is no JSON object.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PackError(f"cannot be read: {error.strerror}", path=path) from error
    raw = content.removeprefix(_BOM).split(b"\n")
    lines = [_line(path, number, text) for number, text in enumerate(raw, start=1) if text.strip()]
    if not lines or lines[0].number != 1 or not _is_meta(lines[0].values):
        raise PackError(f'the first line must be the metadata, with "{_MARK}": true', path=path, line=1)
    return lines[0], lines[1:]


def line_numbers(path: Path) -> list[int]:
    """Return the 1-based lines that hold scenarios, in order; empty where the file cannot be read any more."""
    try:
        raw = path.read_bytes().split(b"\n")
    except OSError:
        return []
    return [number for number, text in enumerate(raw, start=1) if text.strip()][1:]


def _is_meta(values: object) -> bool:
    return isinstance(values, Mapping) and values.get(_MARK) is True


def _line(path: Path, number: int, text: bytes) -> Line:
    try:
        values = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise PackError(f"is not UTF-8: {error.reason} at byte {error.start}", path=path, line=number) from None
    except json.JSONDecodeError as error:
        raise PackError(f"is not JSON: {error.msg} at column {error.colno}", path=path, line=number) from None
    except (ValueError, RecursionError) as error:
        raise PackError(f"is not JSON that can be read: {error}", path=path, line=number) from None
    if not isinstance(values, dict):
        raise PackError(f"must be a JSON object, not {kind_of(values)}", path=path, line=number)
    return Line(path=path, number=number, values=values)
