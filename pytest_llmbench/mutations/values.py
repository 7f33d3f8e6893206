"""Data changed in one place: a value, a key, an element, an order. Whether that is wrong is for others to say."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

from pytest_llmbench.mutations.changes import spread
from pytest_llmbench.mutations.rules import is_number, same

Path = tuple[str | int, ...]
Leaf = tuple[Path, Any]
Change = tuple[str, Any]
"""A note and the changed data."""

NUMBERS, TEXTS, KEYS, LISTS, FEW = 12, 10, 8, 4, 3
"""How many places of a kind are changed, evenly spaced where there are more."""


def walk(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value in `data` with the path that leads to it, `data` itself first."""
    yield path, data
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from walk(value, (*path, key))
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from walk(value, (*path, place))


def at(data: Any, path: Path) -> Any:
    """Return the value at `path`."""
    for part in path:
        data = data[part]
    return data


def put(data: Any, path: Path, value: Any) -> Any:
    """Return a copy of `data` with `value` at `path`."""
    if not path:
        return value
    whole = copy.deepcopy(data)
    at(whole, path[:-1])[path[-1]] = value
    return whole


def value_changes(data: Any, *, may_change: Callable[[Path], bool]) -> Iterator[Change]:
    """Yield changes of single values: numbers, texts, types, nulls. `may_change` says which paths are values."""
    leaves = [
        (path, value) for path, value in walk(data) if not isinstance(value, (Mapping, list)) and may_change(path)
    ]
    for path, note, value in _other_values(leaves):
        yield f"{shown(path)} {note}", put(data, path, value)
    yield "every number one more", _one_more(data)
    yield from _swaps(data, leaves)


def _one_more(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _one_more(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_one_more(value) for value in data]
    return data + 1 if is_number(data) else data


def _other_values(leaves: Sequence[Leaf]) -> Iterator[tuple[Path, str, Any]]:
    numbers = [leaf for leaf in leaves if is_number(leaf[1])]
    texts = [leaf for leaf in leaves if isinstance(leaf[1], str) and leaf[1]]
    yield from _other_numbers(numbers)
    yield from _other_texts(texts)
    for path, value in spread([leaf for leaf in leaves if isinstance(leaf[1], bool)], FEW):
        yield path, "negated", not value
        yield path, "as a text", "true" if value else "false"
    for path, _ in spread([leaf for leaf in leaves if leaf[1] is None], FEW):
        yield path, "invented", "unknown"
        yield path, "zero for nothing", 0
        yield path, "null as a text", "null"
    for path, _ in spread(numbers + texts, FEW):
        yield path, "null", None


def _other_numbers(numbers: Sequence[Leaf]) -> Iterator[tuple[Path, str, Any]]:
    for path, value in spread(numbers, NUMBERS):
        yield path, "one more", value + 1
    for path, value in spread(numbers, FEW):
        yield path, "ten times as much", value * 10 or 10
        yield path, "of the other sign", -value or 1
        yield path, "as a text", str(value)
        yield path, "in a list", [value]


def _other_texts(texts: Sequence[Leaf]) -> Iterator[tuple[Path, str, Any]]:
    for path, text in spread(texts, TEXTS):
        yield path, "with another ending", f"{text}x"
        yield path, "in the other case", text.swapcase()
    for path, text in spread(texts, FEW):
        yield path, "without its last character", text[:-1]
        yield path, "emptied", ""
        yield path, "another text", "lorem ipsum"
    for path, text in spread([leaf for leaf in texts if leaf[1].isdecimal() and leaf[1].isascii()], FEW):
        yield path, "as a number", int(text)


def _swaps(data: Any, leaves: Sequence[Leaf]) -> Iterator[Change]:
    """Swap neighbours of one type that differ: in one mapping, and the same field of two list elements."""
    near = [(one, two) for one, two in pairwise(leaves) if one[0][:-1] == two[0][:-1]]
    fields = [(one, two) for one, two in combinations(leaves[:60], 2) if _twins(one[0], two[0])]
    for pairs in (near, fields):
        for one, two in spread([pair for pair in pairs if _differ(pair[0][1], pair[1][1])], FEW):
            swapped = put(put(data, one[0], two[1]), two[0], one[1])
            yield f"{shown(one[0])} and {shown(two[0])} swapped", swapped


def _twins(one: Path, two: Path) -> bool:
    """The same field of neighbouring list elements."""
    unlike = [(left, right) for left, right in zip(one, two, strict=False) if left != right]
    if len(one) != len(two) or len(unlike) != 1:
        return False
    left, right = unlike[0]
    return isinstance(left, int) and isinstance(right, int) and right - left == 1


def _differ(one: Any, two: Any) -> bool:
    return type(one) is type(two) and not same(one, two)


def key_changes(data: Any, *, may_change: Callable[[Path], bool]) -> Iterator[Change]:
    """Yield changes of keys: left out, added, renamed. `may_change` says which paths are mappings with own keys."""
    owners = [(path, value) for path, value in walk(data) if isinstance(value, Mapping) and may_change(path)]
    keys = [(path, owner, key) for path, owner in owners for key in owner]
    for path, owner, key in spread(keys, KEYS):
        yield f"{shown((*path, key))} left out", put(data, path, _without(owner, key))
    for path, owner, key in spread(keys, FEW):
        if key.swapcase() not in owner:
            note = f"{shown((*path, key))} with its key in the other case"
            yield note, put(data, path, _renamed(owner, key, key.swapcase()))
    for path, owner in spread(owners, FEW):
        yield f"a key too many in {shown(path)}", put(data, path, {**owner, "remark": "none"})
    yield "keys in the opposite order", _turned(data, may_change)


def _without(owner: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in owner.items() if name != key}


def _renamed(owner: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in owner.items()}


def _turned(data: Any, may_change: Callable[[Path], bool], path: Path = ()) -> Any:
    if isinstance(data, Mapping):
        items = list(data.items())
        items = items[::-1] if may_change(path) else items
        return {key: _turned(value, may_change, (*path, key)) for key, value in items}
    if isinstance(data, list):
        return [_turned(value, may_change, (*path, place)) for place, value in enumerate(data)]
    return data


def list_changes(data: Any) -> Iterator[Change]:
    """Yield changes of lists: elements dropped, doubled, in another order; the list emptied."""
    lists = [(path, value) for path, value in walk(data) if isinstance(value, list) and value]
    for path, items in spread(lists, LISTS):
        for note, changed in _other_lists(items):
            yield f"{shown(path)} {note}", put(data, path, changed)


def _other_lists(items: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    yield "without its first", items[1:]
    yield "without its last", items[:-1]
    yield "with its last twice", [*items, items[-1]]
    yield "with its first twice", [items[0], *items]
    yield "emptied", []
    if len(items) > 1:
        middle = len(items) // 2
        yield "in the opposite order", items[::-1]
        yield f"without number {middle}", items[:middle] + items[middle + 1 :]
        yield (
            "with two neighbours swapped",
            [
                *items[: middle - 1],
                items[middle],
                items[middle - 1],
                *items[middle + 1 :],
            ],
        )


def column_changes(rows: list[dict[str, Any]]) -> Iterator[Change]:
    """Yield changes of whole columns, since a table's rows have the same ones."""
    columns = list(rows[0])
    for column in spread(columns, KEYS):
        yield f"column {column} left out", [_without(row, column) for row in rows]
    for column in spread(columns, FEW):
        yield f"column {column} in the other case", [_renamed(row, column, column.swapcase()) for row in rows]
    yield "a column too many", [{**row, "remark": "none"} for row in rows]
    yield "columns in the opposite order", [dict(reversed(row.items())) for row in rows]
    for left, right in spread(list(pairwise(columns)), FEW):
        swap = {left: right, right: left}
        yield (
            f"headings {left} and {right} swapped",
            [{swap.get(name, name): value for name, value in row.items()} for row in rows],
        )


def shown(path: Path) -> str:
    """Word a path as ``items[2].price``, and the whole as ``the whole``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the whole"
