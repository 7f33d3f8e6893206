"""What a format is to the mutators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Check = Mapping[str, Any]
"""The `document` check, which may carry `types` and `delimiter`."""

Spelling = tuple[str, str]
"""A note and a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One format.

    `read` raises ValueError where a text is not in the format; `write` may, where data cannot be
    written in it; `respell` yields candidates for other ways to write the same document, `spoil` for
    texts that are not in the format any more. `bare` tells whether a document is
    recognised amid prose without a fence, `keyed` whether keys of mappings are the writer's own.
    """

    tag: str
    read: Callable[[str, Check], Any]
    write: Callable[[Any, Check], str]
    respell: Callable[[str, Any, Check], Iterator[Spelling]]
    spoil: Callable[[str, Any], Iterator[Spelling]]
    bare: bool = False
    keyed: bool = True
    tabular: bool = False
