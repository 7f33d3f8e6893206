"""Name -> member of a family, or `UnknownName` with the nearest match."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from pytest_llmbench.errors import UnknownName

T = TypeVar("T")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the valid name closest to `name`, or None where none is close."""
    matches = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return matches[0] if matches else None


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return `did you mean "x"?` or the list of valid names, for the end of an error message."""
    known = sorted(names)
    match = nearest(name, known)
    if match is not None:
        return f'did you mean "{match}"?'
    return "valid names: " + ", ".join(known) if known else "there are none"


def find(kind: str, name: str, members: Mapping[str, T]) -> T:
    """Return the member called `name`; `kind` is the word for the family in the error."""
    try:
        return members[name]
    except KeyError:
        raise UnknownName(f'unknown {kind} "{name}": {suggestion(name, members)}') from None
