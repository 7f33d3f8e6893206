"""Text into values. What a program sent is checked in full before anything is made of it."""

from __future__ import annotations

import builtins
import json.decoder
from typing import TYPE_CHECKING, Any

from pytest_llmbench.plain_values.equality import text_of
from pytest_llmbench.plain_values.shapes import BEYOND_PLAIN, DEPTH, TOO_DEEP, NotPlain, Opaque

if TYPE_CHECKING:
    from collections.abc import Callable

globals()["__builtins__"] = dict(vars(builtins))  # a program may replace those it shares

_PLAIN_DIGITS = 308
"""An int of so many digits has at most 1024 bits."""


def decode(text: str, *, depth: int = DEPTH) -> Any:
    """Return the value that `text` stands for; raises `NotPlain` on anything `encode` does not write.

    What was an iterator is one again, what was opaque an `Opaque`. Takes time linear in the text, but for sets and
    dicts, whose elements may be chosen to collide: judge what a program sent by what `parse` returns.
    """
    try:
        return _value(parse(text, depth=depth))
    except TypeError as error:
        raise NotPlain(f"no encoded value: {error}") from None


def parse(text: str, *, depth: int = DEPTH) -> Any:
    """Return the JSON tree of an encoded value, its tags checked but unread.

    Raises `NotPlain` on anything `encode` does not write, but for sets and dicts of equal or unhashable elements.
    """
    try:
        tree, end = _scan(text, 0)
        if end == len(text) and text_of(tree, depth) == text:
            return tree
    except RecursionError:
        raise NotPlain(TOO_DEEP) from None
    except (StopIteration, TypeError, ValueError) as error:
        raise NotPlain(f"no encoded value: {error}") from None
    raise NotPlain("no encoded value: not in the one form that a value has")


def has_opaque(text: str) -> bool:
    """Tell whether an opaque object stands anywhere in an encoded value."""
    return '{"o":' in text  # within strings a quote is escaped


def _no_constant(word: str) -> Any:
    raise NotPlain(f"{word} stands bare")


def _whole(digits: str) -> int:
    if len(digits) <= _PLAIN_DIGITS:
        return int(digits)
    if len(digits) <= _PLAIN_DIGITS + 2 and -BEYOND_PLAIN < int(digits) < BEYOND_PLAIN:
        return int(digits)
    raise NotPlain("an int of more than 1024 bits stands bare")


_scan = json.decoder.JSONDecoder(parse_constant=_no_constant, parse_int=_whole).scan_once  # type: ignore[attr-defined]
_NESTS = frozenset((list, dict))


def _value(tree: Any) -> Any:
    if type(tree) is list:
        return tree if _NESTS.isdisjoint(map(type, tree)) else list(map(_value, tree))
    if type(tree) is not dict:
        return tree
    ((tag, body),) = tree.items()
    return _MADE[tag](body)


def _distinct(made: Any, body: Any) -> Any:
    if len(made) != len(body):
        raise NotPlain("no encoded value: equal elements in a set, or equal keys")
    return made


_MADE: dict[str, Callable[[Any], Any]] = {
    "t": lambda body: tuple(_value(body)),
    "s": lambda body: _distinct(set(_value(body)), body),
    "z": lambda body: _distinct(frozenset(_value(body)), body),
    "d": lambda body: _distinct({_value(key): _value(item) for key, item in body}, body),
    "b": bytes.fromhex,
    "i": lambda body: int(body, 16),
    "f": float,
    "c": lambda body: complex(*map(_value, body)),
    "g": lambda body: iter(_value(body)),
    "o": Opaque,
}
