"""Records as builtin types and back.

`to_plain` turns any record into None, bool, int, float, str, list and dict, and is the only way one leaves a process;
`from_plain` reads it back.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
import types
import typing
from collections import abc
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

TEXT_LIMIT = 1 << 20
"""Characters of one text that may cross a process; the journal keeps the whole."""


def printable(text: str, limit: int | None = TEXT_LIMIT) -> str:
    """Return `text` fit for any file or pipe: lone surrogates replaced, cut at `limit` characters."""
    if limit is not None and len(text) > limit:
        text = f"{text[:limit]}... [{len(text) - limit} more characters]"
    return text.encode("utf-8", "replace").decode("utf-8")


def to_plain(value: Any, *, text_limit: int | None = TEXT_LIMIT) -> Any:
    """Turn a record into builtin types; NaN and infinities become None.

    With ``text_limit=None`` texts are kept as they are, lone surrogates included (the journal
    escapes them); otherwise each is made `printable`.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = str(value)
        return text if text_limit is None else printable(text, text_limit)
    if isinstance(value, int):
        return int(value) if value.bit_length() < 1024 else "huge integer"
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return to_plain(str(value), text_limit=text_limit)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: to_plain(getattr(value, name), text_limit=text_limit) for name in _field_names(type(value))}
    if isinstance(value, Mapping):
        return {
            to_plain(str(name), text_limit=text_limit): to_plain(item, text_limit=text_limit)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item, text_limit=text_limit) for item in value]
    return printable(repr(value), 1000)


def from_plain(kind: type[T], data: Any) -> T:
    """Read a record of type `kind` from what `to_plain` made of it.

    Unknown keys are ignored and missing ones take the field's default, so that a newer
    file can be read; a missing field without default raises TypeError.
    """
    hints = _field_hints(typing.cast("Any", kind))
    given = {name: _revive(hints[name], data[name]) for name in hints if name in data}
    return kind(**given)


def _revive(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _revive(next(arm for arm in typing.get_args(hint) if arm is not type(None)), value)
    if origin is abc.Mapping and typing.get_args(hint)[1] is float:
        return {name: float(item) for name, item in value.items() if item is not None}
    if origin in (tuple, abc.Sequence):
        return tuple(_revive(typing.get_args(hint)[0], item) for item in value)
    if isinstance(hint, type):
        if dataclasses.is_dataclass(hint):
            return from_plain(hint, value)
        if issubclass(hint, (enum.Enum, Path)) or (hint is float and isinstance(value, int)):
            return hint(value)
    return value


@functools.cache
def _field_names(kind: Any) -> tuple[str, ...]:
    return tuple(item.name for item in dataclasses.fields(kind))


@functools.cache
def _field_hints(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {name: hints[name] for name in _field_names(kind)}
