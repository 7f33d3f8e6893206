"""Trees whose texts are the same exactly where Python calls the values equal."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from pytest_llmbench.plain_values.writing import key_text, write

if TYPE_CHECKING:
    from collections.abc import Callable

globals()["__builtins__"] = dict(vars(builtins))  # a program may replace those it shares

_EXACT = 1 << 53
"""Up to here each whole number is a float, too."""


def normal(tree: Any) -> Any:
    """Return a tree like `tree`, the same for all that Python calls equal: ``True == 1 == 1.0 == 1+0j``.

    Sets and frozensets become one kind, too. NaN and opaque objects, equal to nothing, are left as they are.
    """
    kind = type(tree)
    if kind is list:
        return tree if _STEADY.issuperset(map(type, tree)) else [normal(item) for item in tree]
    if kind is not dict:
        return _LEAVES[kind](tree) if kind in _LEAVES else tree
    ((tag, body),) = tree.items()
    if tag == "c":
        return normal(body[0]) if body[1] == 0 else {"c": normal(body)}
    if tag in ("s", "z"):
        return {"s": sorted(normal(body), key=write)}
    if tag == "d":
        return {"d": sorted(normal(body), key=key_text)}
    return {tag: normal(body)} if tag in ("t", "g") else tree


def _whole(value: int) -> Any:
    """Beyond 2**53 an int that is a float takes the float's form, whose text is short."""
    if -_EXACT <= value <= _EXACT:
        return value
    try:
        return float(value) if float(value) == value else value
    except OverflowError:
        return value


def _float(value: float) -> Any:
    return int(value) if -_EXACT <= value <= _EXACT and float.is_integer(value) else value


_STEADY = frozenset((str, type(None)))
_LEAVES: dict[type, Callable[[Any], Any]] = {bool: int, int: _whole, float: _float}
