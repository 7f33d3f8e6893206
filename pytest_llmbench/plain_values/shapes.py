"""What the files of this room share: limits, errors, and the plain type behind a value of any type."""

from __future__ import annotations

import builtins
import itertools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

globals()["__builtins__"] = dict(vars(builtins))  # a program may replace those it shares

LIMIT = 1 << 26
"""Characters a value's text may have, unless told otherwise."""
DEPTH = 100
"""Containers that may stand inside each other, unless told otherwise."""
MAX_YIELDED = 1 << 17
"""Values taken from one iterator."""
BEYOND_PLAIN = 1 << 1024
"""The least int, by its absolute value, that does not stand for itself."""
TOO_DEEP = "containers too deep inside each other, or inside themselves"


class NotPlain(ValueError):
    """The value cannot be written as text, or the text is none that `encode` writes."""


class TooLarge(NotPlain):
    """The value is larger than the limit."""


class Opaque:
    """Stands for an object that is no plain data, by the `name` of its type. Equal to nothing, not even to itself."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<{self.name} object>"


class Iterator:
    """Names the kind of a value that yields others; there are none of this class."""


PLAIN_TYPES = frozenset((type(None), bool, int, float, str, complex, bytes, list, tuple, dict, set, frozenset))
_BASES: list[tuple[type, Callable[[Any], Any]]] = [
    (int, int.__index__),
    (float, float.__float__),
    (str, str.__str__),
    (complex, complex.__pos__),
    (bytes, lambda value: bytes.__getitem__(value, slice(None))),
    (list, list.copy),
    (tuple, lambda value: tuple.__getitem__(value, slice(None))),
    (dict, lambda value: value),
    (set, lambda value: value),
    (frozenset, lambda value: value),
]
"""Base type -> what makes one of its own of a value of a subclass. Tables stay: making them anew hashes their keys."""
_VIEWS: tuple[type, ...] = (range, type({}.keys()), type({}.values()), type({}.items()))
_islice = itertools.islice
_module = type.__dict__["__module__"].__get__
_qualname = type.__dict__["__qualname__"].__get__


def based(value: Any) -> tuple[type, Any]:
    """Return the plain type of `value`, else `Iterator` or `Opaque`, and the value as that type has it.

    A set or dict of a subclass comes back as it is: read it by its base type's methods.
    """
    kind = type(value)
    if kind in PLAIN_TYPES:
        return kind, value
    for base, exact in _BASES:
        if issubclass(kind, base):
            return base, exact(value)
    if _module(kind) == "numpy" and hasattr(kind, "tolist"):
        inner = kind.tolist(value)
        return (type(inner), inner) if type(inner) in PLAIN_TYPES else (Opaque, value)
    return (Iterator if issubclass(kind, _VIEWS) or hasattr(kind, "__next__") else Opaque), value


def yielded(value: Any) -> list[Any]:
    """Return what an iterator or view yields; raises `TooLarge` above `MAX_YIELDED` values."""
    values = list(_islice(iter(value), MAX_YIELDED + 1))
    if len(values) > MAX_YIELDED:
        raise TooLarge(f"an iterator of more than {MAX_YIELDED} values")
    return values


def type_name(value: Any) -> str:
    """Return the name of an opaque value's type, with its module where that is not builtins."""
    if type(value) is Opaque:
        return value.name
    module, name = _module(type(value)), _qualname(type(value))
    return str(f"{module}.{name}" if type(module) is str and module != "builtins" else name)[:100]
