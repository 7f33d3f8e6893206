"""Values into text: a tree of what JSON knows, then its text, both at the speed of C for long flat lists."""

from __future__ import annotations

import builtins
import json.encoder
from typing import TYPE_CHECKING, Any

from pytest_llmbench.plain_values.shapes import (
    BEYOND_PLAIN,
    DEPTH,
    LIMIT,
    TOO_DEEP,
    Iterator,
    NotPlain,
    Opaque,
    TooLarge,
    based,
    type_name,
    yielded,
)

if TYPE_CHECKING:
    from collections.abc import Callable

globals()["__builtins__"] = dict(vars(builtins))  # a program may replace those it shares


def encode(value: Any, *, limit: int = LIMIT, depth: int = DEPTH) -> str:
    """Return the text of `value`: ASCII, one line, the same for equal values of the same types in the same order.

    A dict keeps its order, for a program may go by it; a set has none and is written in that of its elements' texts.

    Raises `TooLarge` above `limit` characters, or `MAX_YIELDED` values from one iterator, and `NotPlain` where
    containers stand more than `depth` deep or contain themselves. What an iterator raises passes through.
    """
    try:
        text = write(Builder(limit).tree(value, depth))
    except RecursionError:
        raise NotPlain(TOO_DEEP) from None
    if len(text) > limit:
        raise TooLarge(f"a value of {len(text)} characters, more than {limit}")
    return text


def write(tree: Any) -> str:
    """Return the text of a JSON tree."""
    try:
        return "".join(_pieces(tree, 0))
    except ValueError:  # a float that is not finite
        return "".join(_pieces(_tagged_floats(tree), 0))


class Builder:
    """Makes JSON trees of values; `room` is how many characters their texts may still take.

    Floats stand in a tree as they are, even those that JSON has no word for: `write` finds those.
    """

    __slots__ = ("room",)

    def __init__(self, room: int) -> None:
        self.room = room

    def tree(self, value: Any, levels: int) -> Any:
        """Return the tree of `value`, containers at most `levels` deep; raises as `encode`."""
        make = _MAKERS.get(type(value))
        if make is None:
            kind, value = based(value)
            make = _MAKERS[kind]
        return make(self, value, levels)

    def take(self, characters: int) -> None:
        """Book characters of the text; raises `TooLarge` where there is no room for them."""
        self.room -= characters
        if self.room < 0:
            raise TooLarge("a value of more characters than may be sent")

    def items(self, values: list[Any], levels: int) -> list[Any]:
        """Return the trees of what a container holds: the very list where they stand for themselves."""
        if levels < 1:
            raise NotPlain(TOO_DEEP)
        self.take(2 * len(values))
        kinds = set(map(type, values))
        if kinds <= _LEAVES:
            if str in kinds:
                self.take(sum(map(len, _of(values, str, kinds))))
            if int not in kinds:
                return values
            numbers = _of(values, int, kinds)
            if min(numbers) > -BEYOND_PLAIN and max(numbers) < BEYOND_PLAIN:
                return values
        return [self.tree(item, levels - 1) for item in values]


def _of(values: list[Any], kind: type, kinds: set[type]) -> list[Any]:
    return values if len(kinds) == 1 else [item for item in values if type(item) is kind]


def _as_it_is(_builder: Builder, value: Any, _levels: int) -> Any:
    return value


def _text(builder: Builder, value: str, _levels: int) -> Any:
    builder.take(len(value))
    return value


def _whole(builder: Builder, value: int, _levels: int) -> Any:
    if -BEYOND_PLAIN < value < BEYOND_PLAIN:
        return value
    builder.take(value.bit_length() // 4)
    return {"i": hex(value)}


def _octets(builder: Builder, value: bytes, _levels: int) -> Any:
    builder.take(2 * len(value))
    return {"b": value.hex()}


def _complex(_builder: Builder, value: complex, _levels: int) -> Any:
    return {"c": [value.real, value.imag]}


def _tuple(builder: Builder, value: tuple[Any, ...], levels: int) -> Any:
    return {"t": builder.items(list(value), levels)}


def _set(builder: Builder, value: set[Any], levels: int) -> Any:
    return {"s": sorted(builder.items(list(set.__iter__(value)), levels), key=write)}


def _frozenset(builder: Builder, value: frozenset[Any], levels: int) -> Any:
    return {"z": sorted(builder.items(list(frozenset.__iter__(value)), levels), key=write)}


def _dict(builder: Builder, value: dict[Any, Any], levels: int) -> Any:
    keys = builder.items(list(dict.keys(value)), levels)
    items = builder.items(list(dict.values(value)), levels)
    return {"d": list(map(list, zip(keys, items)))}  # noqa: B905 - Python 3.8 has no strict zip


def _yielded(builder: Builder, value: Any, levels: int) -> Any:
    return {"g": builder.items(yielded(value), levels)}


def _opaque(builder: Builder, value: Any, _levels: int) -> Any:
    name = type_name(value)
    builder.take(len(name))
    return {"o": name}


_LEAVES = frozenset((type(None), bool, int, float, str))
_MAKERS: dict[type, Callable[[Builder, Any, int], Any]] = {
    type(None): _as_it_is,
    bool: _as_it_is,
    float: _as_it_is,
    int: _whole,
    str: _text,
    bytes: _octets,
    complex: _complex,
    list: Builder.items,
    tuple: _tuple,
    set: _set,
    frozenset: _frozenset,
    dict: _dict,
    Iterator: _yielded,
    Opaque: _opaque,
}


def _tagged_floats(tree: Any) -> Any:
    kind = type(tree)
    if kind is float:
        return tree if tree - tree == 0 else {"f": repr(tree)}
    if kind is list:
        return [_tagged_floats(item) for item in tree]
    return {tag: _tagged_floats(body) for tag, body in tree.items()} if kind is dict else tree


_pieces: Any = vars(json.encoder)["c_make_encoder"](  # one for all calls: JSONEncoder.encode makes one for each
    None, None, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False
)
