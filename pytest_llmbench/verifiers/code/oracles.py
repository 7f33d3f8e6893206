"""Tasks whose right answers are more than one value: the exceptions to `compare`, by name.

They are EvalPlus's (evalplus/eval/_special_oracle.py and the comparison in evalplus/eval/__init__.py, both at
evalplus/evalplus@26d6d00). Each takes the call's arguments as they were before the program saw them, for a program
may change its arguments to suit the check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_llmbench.plain_values import NotPlain, encode, normal_text, parse
from pytest_llmbench.verifiers.code.comparing import compare, may_equal

Oracle = Callable[[Sequence[Any], str, str, float], bool]
"""(arguments, got, expected, atol) -> whether `got` is right; `got` and `expected` are encoded values."""

ROOT_ATOL = 1e-4
"""How far from 0 the polynomial may be at a root, where the task names no tolerance; HumanEval/32's own."""


def find_zero(inputs: Sequence[Any], got: str, expected: str, atol: float) -> bool:  # noqa: ARG001 - any root is right
    """HumanEval/32: the polynomial of these coefficients, constant first, is at most `atol` from 0 at `got`."""
    root = _real(got)
    if root is None:
        return False
    try:
        value: float = sum(factor * math.pow(root, power) for power, factor in enumerate(inputs[0]))
    except (OverflowError, ValueError):
        return False
    return abs(value) <= (atol or ROOT_ATOL)


def same_set(inputs: Sequence[Any], got: str, expected: str, atol: float) -> bool:  # noqa: ARG001 - one signature
    """Mbpp/2, 7, 111, 140, 232, 579, 769: the same elements, in any order, number and container."""
    if compare(got, expected, atol=atol):
        return True
    found = _elements(got)
    return found is not None and found == _elements(expected)


def not_none(inputs: Sequence[Any], got: str, expected: str, atol: float) -> bool:  # noqa: ARG001 - one signature
    """Mbpp/737, 787, 794: whether there is a match; a bool says it, and so does None or anything else."""
    there_is = expected != "null"
    if got in ("true", "false"):
        return (got == "true") is there_is
    return _tree(got) is not _MALFORMED and (got != "null") is there_is


def surface_area(inputs: Sequence[Any], got: str, expected: str, atol: float) -> bool:
    """Mbpp/581: the height of the pyramid may also be read as the perpendicular one."""
    if compare(got, expected, atol=atol):
        return True
    area, (edge, height) = _real(got), inputs
    try:
        slant = math.sqrt((edge / 2) ** 2 + height**2)
        return area is not None and abs(area - round(edge**2 + 2 * edge * slant)) <= atol
    except OverflowError:
        return False


def digit_distance(inputs: Sequence[Any], got: str, expected: str, atol: float) -> bool:
    """Mbpp/558: numbers of different length may also be compared digit by digit, the shorter with leading zeros."""
    if compare(got, expected, atol=atol):
        return True
    one, other = (str(number) for number in inputs)
    length = max(len(one), len(other))
    if not (one + other).isdecimal():  # a sign or a point has no digit's value
        return False
    pairs = zip(one.zfill(length), other.zfill(length), strict=True)
    return compare(got, encode(sum(abs(int(digit) - int(facing)) for digit, facing in pairs)), atol=0)


ORACLES: Mapping[str, Oracle] = {
    "find_zero": find_zero,
    "set": same_set,
    "not_none": not_none,
    "surface_area": surface_area,
    "digit_distance": digit_distance,
}

_MALFORMED = object()
_SETS = ("s", "z", "g", "t")


def _tree(text: str) -> Any:
    try:
        return parse(text)
    except NotPlain:
        return _MALFORMED


def _real(text: str) -> float | None:
    """Return the real number that `text` encodes; None for anything else, and for an int beyond all floats."""
    tree = _tree(text)
    if isinstance(tree, dict) and "f" in tree:
        return float(tree["f"])
    try:
        return float(tree) if isinstance(tree, (int, float)) else None
    except OverflowError:
        return None


def _elements(text: str) -> frozenset[str] | None:
    """Return what Python's ``set`` makes of the value, each element as the text of its normal form.

    None where that fails, or where an element is equal to nothing.
    """
    tree = _tree(text)
    items = _iterated(tree)
    if items is None or not may_equal(text) or not all(map(_hashable, items)):
        return None
    return frozenset(map(normal_text, items))


def _iterated(tree: Any) -> list[Any] | None:
    if isinstance(tree, (list, str)):
        return list(tree)
    if not isinstance(tree, dict):
        return None
    ((tag, body),) = tree.items()
    if tag == "b":
        return list(bytes.fromhex(body))
    if tag == "d":
        return [key for key, _ in body]
    return list(body) if tag in _SETS else None


def _hashable(tree: Any) -> bool:
    if not isinstance(tree, dict):
        return not isinstance(tree, list)
    ((tag, body),) = tree.items()
    return all(map(_hashable, body)) if tag == "t" else tag not in ("s", "d", "g")
