"""Whether a program's value is the one expected, told from their encoded texts, never from live objects.

The rules are those of EvalPlus (evalplus/eval/__init__.py at evalplus/evalplus@26d6d00): Python's ``==``, and for
numbers a tolerance. Two departures: a float among the expected values of one input does not loosen the inputs
after it, and shapes must agree, without numpy's broadcasting. What the sandbox sent is read as a tree and put into
a normal form; no set or dict is built from it, so chosen hash collisions cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pytest_llmbench.plain_values import NotPlain, normal_text, parse

DEFAULT_ATOL = 1e-6
"""Absolute tolerance of expected floats whose task names none."""
RTOL = 1e-7
"""Relative tolerance beside every absolute one."""
_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_NEVER_EQUAL = ('{"o":', '{"f":"nan"}')
_INT64_MIN, _UINT64_MAX = -(1 << 63), (1 << 64) - 1
_BRACKETS = {
    "": ("[", "]"),
    "t": ("(", ")"),
    "s": ("{", "}"),
    "z": ("frozenset({", "})"),
    "d": ("{", "}"),
    "g": ("<iterator of [", "]>"),
}
_EMPTY = {"s": "set()", "z": "frozenset()"}


def compare(got: str, expected: str, *, atol: float) -> bool:
    """Tell whether the encoded value `got` is as good as `expected`; a malformed or hostile `got` is not.

    Equal as in Python: ``True == 1 == 1.0``, ``[1] != (1,)``, sets and dicts in any order, NaN and opaque objects
    equal to nothing. Two iterators agree when they yield the same. Otherwise within the tolerance: where `atol`
    is 0 and `expected` a float or a non-empty list or tuple of floats alone, 1e-6; top type, length and
    shape the same, every ``|got - expected| <= atol + 1e-7 * |expected|``. Raises `NotPlain` only where `expected`
    itself is malformed.
    """
    if not (may_equal(got) and may_equal(expected)):
        return False
    return got == expected or _alike(got, expected, atol)


def may_equal(text: str) -> bool:
    """Tell whether an encoded value can equal any other: it cannot where NaN or an opaque object stands in it."""
    return not any(mark in text for mark in _NEVER_EQUAL)  # within strings a quote is escaped


def _alike(got: str, expected: str, atol: float) -> bool:
    wanted = parse(expected)
    try:
        out = parse(got)
    except NotPlain:
        return False
    if normal_text(out) == normal_text(wanted):
        return True
    tolerance = DEFAULT_ATOL if atol == 0 and _is_floats(wanted) else atol
    return tolerance != 0 and _top(out) == _top(wanted) and _close(out, wanted, tolerance)


def _is_floats(tree: Any) -> bool:
    """Tell whether `tree` is a float, or a non-empty list or tuple of floats alone."""
    items = _items(tree)
    return all(_kind(item) == "float" for item in items) if items else _kind(tree) == "float"


def _items(tree: Any) -> list[Any] | None:
    """Return what a list or tuple holds, None for anything else."""
    inner = tree.get("t") if isinstance(tree, dict) else tree
    return inner if isinstance(inner, list) else None


def _kind(tree: Any) -> str:
    return "float" if isinstance(tree, dict) and "f" in tree else type(tree).__name__


def _top(tree: Any) -> str:
    return next(iter(tree)) if isinstance(tree, dict) and "f" not in tree else _kind(tree)


def _close(out: Any, wanted: Any, atol: float) -> bool:
    """Do as ``np.allclose`` does for two arrays of one shape."""
    got_shape, got = _flat(out)
    shape, expected = _flat(wanted)
    if got_shape is None or got_shape != shape or _are_objects(expected):
        return False
    pairs = zip(map(_number, got), map(_number, expected), strict=True)
    return all(one is not None and other is not None and _near(one, other, atol) for one, other in pairs)


def _flat(tree: Any) -> tuple[tuple[int, ...] | None, list[Any]]:
    """Return the shape of the array that numpy would make, None where it is ragged, and what stands in it."""
    shape: tuple[int, ...] = ()
    layer = [tree]
    while (rows := [_items(item) for item in layer]) and any(row is not None for row in rows):
        lengths = {-1 if row is None else len(row) for row in rows}
        if len(lengths) > 1:
            return None, []
        shape = (*shape, *lengths)
        layer = [item for row in rows if row for item in row]
    return shape, layer


def _are_objects(leaves: list[Any]) -> bool:
    """Tell whether numpy would make an array of objects, for an int too large for its own: those are never close."""
    return any(type(leaf) is int and not _INT64_MIN <= leaf <= _UINT64_MAX for leaf in leaves)


def _number(leaf: Any) -> float | complex | None:
    """Return a leaf as a number, None where it is none or beyond all floats."""
    if isinstance(leaf, dict) and "c" in leaf:
        return complex(*(_SPECIAL[part["f"]] if isinstance(part, dict) else part for part in leaf["c"]))
    if isinstance(leaf, dict) and "f" in leaf:
        return _SPECIAL[leaf["f"]]
    try:
        return float(leaf) if isinstance(leaf, (int, float)) else None
    except OverflowError:
        return None


def _near(out: complex, wanted: complex, atol: float) -> bool:
    distance, size = _size(out - wanted), _size(wanted)
    return out == wanted or (math.isfinite(size) and distance <= atol + RTOL * size)


def _size(number: complex) -> float:
    return math.hypot(number.real, number.imag)


def shown(text: str, limit: int) -> str:
    """Return an encoded value as Python would write it, cut at `limit` characters; a malformed one as it came."""
    try:
        pieces = _pieces(parse(text), limit)
    except NotPlain:
        pieces = iter([ascii(text[:limit])])
    line = ""
    for piece in pieces:
        line += piece
        if len(line) > limit:
            return line[:limit] + "..."
    return line


def _pieces(tree: Any, limit: int) -> Iterator[str]:
    """Yield the text of `tree` bit by bit, so that a large one costs no more than is shown of it."""
    if isinstance(tree, list):
        yield from _bracketed("", tree, limit)
    elif isinstance(tree, str):
        yield repr(tree[: limit + 1])
    elif not isinstance(tree, dict):
        yield repr(tree)
    else:
        ((tag, body),) = tree.items()
        yield from _bracketed(tag, body, limit) if tag in _BRACKETS else [_tagged(tag, body, limit)]


def _bracketed(tag: str, body: list[Any], limit: int) -> Iterator[str]:
    if not body and tag in _EMPTY:
        yield _EMPTY[tag]
        return
    opening, closing = _BRACKETS[tag]
    yield opening
    for place, item in enumerate(body):
        yield ", " if place else ""
        yield from _pair(item, limit) if tag == "d" else _pieces(item, limit)
    yield "," + closing if tag == "t" and len(body) == 1 else closing


def _pair(pair: list[Any], limit: int) -> Iterator[str]:
    yield from _pieces(pair[0], limit)
    yield ": "
    yield from _pieces(pair[1], limit)


def _tagged(tag: str, body: Any, limit: int) -> str:
    if tag == "b":
        return repr(bytes.fromhex(body[: 2 * limit + 2]))
    if tag == "c":
        return repr(_number({tag: body}))
    return f"<{body[:limit]} object>" if tag == "o" else str(body[: limit + 1])
