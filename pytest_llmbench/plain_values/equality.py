"""The text of a tree, made from the inside out: the one that its value has, or one that all equal values share.

Either checks the tree. From the inside out, for the elements of a set are put in the order of their texts: sets inside
sets would otherwise be written once for each level they are in.
"""

from __future__ import annotations

import builtins
import operator
from typing import TYPE_CHECKING, Any

from pytest_llmbench.plain_values.shapes import BEYOND_PLAIN, DEPTH, TOO_DEEP, NotPlain
from pytest_llmbench.plain_values.writing import write

if TYPE_CHECKING:
    from collections.abc import Callable

globals()["__builtins__"] = dict(vars(builtins))  # a program may replace those it shares


def normal_text(tree: Any) -> str:
    """Return a text that is the same for all that Python calls equal: ``True == 1 == 1.0 == 1+0j``, set == frozenset.

    NaN and opaque objects, equal to nothing, are written as they are.
    """
    return text_of(tree, DEPTH, normal=True)


def text_of(tree: Any, levels: int, *, normal: bool = False) -> str:
    """Return the text that `encode` writes for the value of `tree`, containers at most `levels` deep.

    Raises TypeError or ValueError where no value has this tree; that a set's elements differ is not looked at.
    """
    if type(tree) is list:
        return _listed(tree, levels, normal=normal)
    if type(tree) is not dict:
        return write(_plainest(tree) if normal else tree)
    ((tag, body),) = tree.items()
    if tag in ("t", "g"):
        return f'{{"{tag}":{_listed(body, levels, normal=normal)}}}'
    if tag in ("s", "z"):
        texts = [text_of(item, levels - 1, normal=normal) for item in _held(body, levels)]
        return f'{{"{"s" if normal else tag}":[{",".join(sorted(texts))}]}}'
    if tag == "d":
        pairs = [[text_of(half, levels - 1, normal=normal) for half in _pair(item)] for item in _held(body, levels)]
        texts = [f"[{key},{item}]" for key, item in (sorted(pairs, key=_first) if normal else pairs)]
        return f'{{"d":[{",".join(texts)}]}}'
    if tag not in _LEAVES or not _LEAVES[tag](body):
        raise NotPlain(f'not under the tag "{tag[:20]}"')
    if normal and tag == "c":
        return write({"c": list(map(_plainest, body))} if body[1] != 0 else _plainest(body[0]))
    return write(tree)


def _listed(body: Any, levels: int, *, normal: bool) -> str:
    if not _NESTS.isdisjoint(map(type, _held(body, levels))):
        return f"[{','.join([text_of(item, levels - 1, normal=normal) for item in body])}]"
    return write(list(map(_plainest, body)) if normal and not _STEADY.issuperset(map(type, body)) else body)


def _held(body: Any, levels: int) -> list[Any]:
    if type(body) is not list:
        raise NotPlain("a container's tag, and no list under it")
    if levels < 1:
        raise NotPlain(TOO_DEEP)
    return body


def _pair(item: Any) -> list[Any]:
    if type(item) is not list or len(item) != 2:
        raise NotPlain("a dict of no pairs")
    return item


def _plainest(leaf: Any) -> Any:
    """Return the one of all equal leaves: an int up to 2**53, beyond that a float where there is one."""
    kind = type(leaf)
    if kind is bool:
        return int(leaf)
    if kind is float:
        return int(leaf) if -_EXACT <= leaf <= _EXACT and float.is_integer(leaf) else leaf
    if kind is not int or -_EXACT <= leaf <= _EXACT:
        return leaf
    try:
        return float(leaf) if float(leaf) == leaf else leaf
    except OverflowError:
        return leaf


_first = operator.itemgetter(0)
_EXACT = 1 << 53
"""Up to here each whole number is a float, too."""
_STEADY = frozenset((str, type(None)))
_NESTS = frozenset((list, dict))
_SPECIAL = ("nan", "inf", "-inf")
_SPECIAL_TREES = [{"f": word} for word in _SPECIAL]
_LEAVES: dict[str, Callable[[Any], bool]] = {
    "b": lambda body: bytes.fromhex(body).hex() == body,
    "i": lambda body: hex(int(body, 16)) == body and not -BEYOND_PLAIN < int(body, 16) < BEYOND_PLAIN,
    "f": lambda body: body in _SPECIAL,
    "c": lambda body: [type(part) is float or part in _SPECIAL_TREES for part in _pair(body)] == [True, True],
    "o": lambda body: type(body) is str,
}
"""Tag of what holds no values -> whether this may stand under it."""
