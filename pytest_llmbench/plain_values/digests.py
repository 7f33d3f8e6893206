"""One digest for a value too large to be sent: equal values have the same, however their numbers are typed."""

from __future__ import annotations

import array
import builtins
import hashlib
import itertools
import operator
import os
from typing import TYPE_CHECKING, Any

from pytest_llmbench.plain_values.equality import normal_text
from pytest_llmbench.plain_values.shapes import (
    DEPTH,
    LIMIT,
    TOO_DEEP,
    Iterator,
    NotPlain,
    Opaque,
    TooLarge,
    based,
    yielded,
)
from pytest_llmbench.plain_values.writing import Builder, write

if TYPE_CHECKING:
    from collections.abc import Iterable

globals()["__builtins__"] = dict(vars(builtins))  # a program may replace those it shares

MAX_DIGESTED = 1 << 29
"""Values that may stand in one that is digested; shared ones count as often as they stand there."""
_SPAN = 1 << 16
"""Values hashed at once."""
_COLUMNS = {bool: "n", int: "n", float: "n", str: "s", list: "l", tuple: "t", type(None): "N"}
"""Type -> the column it goes to; all others go to ``o``."""
_array, _chain, _key, _urandom = array.array, itertools.chain.from_iterable, operator.itemgetter(0), os.urandom
_nul_joined = "\0".join
_MINUS_ZERO = array.array("d", [-0.0]).tobytes()


def digest(value: Any) -> str:
    """Return a SHA-256, in hex, that is the same for all that Python calls equal, on machines of one byte order.

    With NaN or an opaque object in it a value gets another at every call. Memory stays small beside the value's own,
    but for sets and dicts. Raises `NotPlain` as `encode` does, `TooLarge` above `MAX_DIGESTED` values.
    """
    hasher = _Hasher()
    try:
        hasher.feed([value], DEPTH + 1)
    except RecursionError:
        raise NotPlain(TOO_DEEP) from None
    return hasher.sha.hexdigest()


class _Hasher:
    """Hashes what a container holds in blocks, a block by columns: its texts, its numbers, its rows laid flat.

    A block of one kind costs a few calls into C, whatever its rows. Where one ends is told by lengths that are
    hashed before it, so no two different values feed the same bytes.
    """

    __slots__ = ("left", "sha")

    def __init__(self) -> None:
        self.sha = hashlib.sha256()
        self.left = MAX_DIGESTED

    def feed(self, values: list[Any] | tuple[Any, ...], levels: int) -> None:
        """Hash the values of one container, `levels` containers deep at most."""
        self._count(len(values), levels)
        for start in range(0, len(values), _SPAN):
            block = list(values[start : start + _SPAN])
            if type(block[0]) is not str or not self._joined(block, len(block)):
                self._block(block, levels)

    def _count(self, values: int, levels: int) -> None:
        self.left -= values
        if self.left < 0:
            raise TooLarge(f"more than {MAX_DIGESTED} values in one")
        if levels < 1:
            raise NotPlain(TOO_DEEP)

    def _joined(self, texts: Iterable[Any], count: int) -> bool:
        """Hash `count` texts without NUL and return True, or do nothing. A subclass's text joins as what it is."""
        try:
            text = _nul_joined(texts)
        except TypeError:
            return False
        if text.count("\0") != count - 1:
            return False
        self.sha.update(b"j%d:" % count + text.encode("utf-8", "surrogatepass") + b"\0")
        return True

    def _block(self, values: list[Any], levels: int) -> None:
        if not _COLUMNS.keys() >= set(map(type, values)):
            values = [item if type(item) in _COLUMNS else _plainest(item) for item in values]
        columns = sorted({_COLUMNS.get(kind, "o") for kind in set(map(type, values))})
        if len(columns) == 1:
            self._column(columns[0], values, levels)
            return
        names = "".join([_COLUMNS.get(type(item), "o") for item in values])
        self.sha.update(b"m" + names.encode("ascii"))
        for column in columns:
            self._column(column, [item for item in values if _COLUMNS.get(type(item), "o") == column], levels)

    def _column(self, name: str, values: list[Any], levels: int) -> None:
        if name == "s" and self._joined(values, len(values)):
            return
        self.sha.update(b"%s%d:" % (name.encode("ascii"), len(values)))
        if name == "s":
            self.sha.update(write(values).encode("ascii"))
        elif name == "n":
            self._numbers(values)
        elif name in "lt":
            self._rows(values, levels)
        elif name == "o":
            for item in values:
                self._other(item, levels)

    def _numbers(self, values: list[Any]) -> None:
        """Hash as doubles where each number is one, else as text."""
        try:
            doubles = _array("d", values)
        except OverflowError:
            doubles = _array("d")
        if doubles.tolist() != values:
            self.sha.update(normal_text(Builder(LIMIT).tree(values, 1)).encode("ascii"))
            self._salt(any([item != item for item in values]))  # noqa: C419, PLR0124 - a list is faster; NaN alone
            return
        if _MINUS_ZERO in doubles.tobytes():
            doubles = _array("d", [item + 0.0 for item in doubles])
        self.sha.update(b"=" + doubles.tobytes())

    def _salt(self, unequal: bool) -> None:  # noqa: FBT001 - says what was found
        if unequal:
            self.sha.update(_urandom(16))

    def _rows(self, rows: list[Any], levels: int) -> None:
        lengths = _array("Q", map(len, rows))
        total = sum(lengths)
        if len(rows) > 1 and total > _SPAN:
            self._rows(rows[: len(rows) // 2], levels)
            self._rows(rows[len(rows) // 2 :], levels)
            return
        self.sha.update(lengths)
        if len(rows) == 1:
            self.feed(rows[0], levels - 1)
        elif 0 not in lengths and type(rows[0][0]) is str and self._joined(map(_nul_joined, rows), total):
            self._count(total, levels - 1)
        else:
            self.feed(list(_chain(rows)), levels - 1)

    def _other(self, value: Any, levels: int) -> None:
        kind, value = based(value)
        if kind is set or kind is frozenset:
            self.sha.update(b"S")
            self._rows([[item for item, _ in _in_order([(item, None) for item in kind.__iter__(value)])]], levels)
        elif kind is dict:
            self.sha.update(b"D")
            pairs = _in_order(list(dict.items(value)))
            self._rows([[key for key, _ in pairs], [item for _, item in pairs]], levels)
        elif kind is Iterator:
            self.sha.update(b"G")
            self._rows([yielded(value)], levels)
        elif kind is bytes:
            self.sha.update(b"B%d:" % len(value) + value)
        elif kind is complex:
            self.sha.update(normal_text(Builder(LIMIT).tree(value, 0)).encode("ascii"))
        self._salt(kind is Opaque or (kind is complex and value != value))  # noqa: PLR0124 - NaN alone


def _plainest(value: Any) -> Any:
    """Return a value of a subclass as its base type has it, a complex number without imaginary part as a float."""
    value = based(value)[1]
    return value.real if type(value) is complex and value.imag == 0 else value


def _in_order(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Sort pairs by their first halves, in an order that is the same for all that Python calls equal."""
    pairs = [(_plainest(key), item) for key, item in pairs]
    columns = {_COLUMNS.get(type(key), "o") for key, _ in pairs}
    if columns <= {"s"} or columns <= {"n"}:
        return sorted(pairs, key=_key)
    return sorted(pairs, key=lambda pair: normal_text(Builder(LIMIT).tree(pair[0], DEPTH)))
