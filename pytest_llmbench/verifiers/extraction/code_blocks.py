"""The fenced blocks of an answer, each with the reading that is Python, if there is one."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pytest_llmbench.verifiers.extraction.code_prose import without_prose_behind, without_tags_around
from pytest_llmbench.verifiers.extraction.code_syntax import Code, SyntaxFault, read

FENCE_LINES = 128
"""Lines with a fence that are looked at, the last ones: 64 blocks."""
_FENCE = re.compile(
    r"(?P<quotes>(?: {0,3}>[ ]?)*+)(?P<indent>[ \t]*+)(?P<items>(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]++)*+)"
    r"(?P<marks>`{3,}+|~{3,}+)(?P<info>[^`\n]*+)$"
)
_CONTAINER = re.compile(r" {0,3}> ?")
_TAB = 4
_IN_STRINGS = 8
"""Fences that may stand within the strings of one block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: `raw` without its fence's indent, and `content`, that text as code or what is wrong with it.

    `first` and `last` are the 0-based lines of the answer between its fences; `info` stands behind the
    opening fence.
    """

    raw: str
    content: Code | SyntaxFault
    info: str
    first: int
    last: int

    @property
    def is_foreign(self) -> bool:
        """Whether the opening fence names another language than Python."""
        return bool(self.info) and "py" not in self.info.lower()


@dataclass(frozen=True, slots=True)
class _Fence:
    row: int
    quotes: int
    column: int
    marks: str
    info: str
    is_item: bool

    def closes(self, opening: _Fence) -> bool:
        """Whether this line ends the block of `opening`, however far right it stands."""
        return not (self.info or self.is_item) and self.marks.startswith(opening.marks)


class Blocks:
    """The blocks of a text in order. `is_tail` tells that only the last of its fences were looked at."""

    def __init__(self, text: str) -> None:
        self._rows = text.split("\n")
        fences = list(_fences(self._rows))
        self.is_tail = len(fences) > FENCE_LINES
        self._fences = fences[-FENCE_LINES:]
        self.start = self._fences[0].row if self._fences else None
        """The line of the first fence, or None."""
        self.all = tuple(block for block in self._found() if block.raw.strip())

    def _found(self) -> Iterator[Block]:
        at = 0
        while at < len(self._fences):
            block, at = self._block(at)
            yield block

    def _block(self, at: int) -> tuple[Block, int]:
        """Return the block that the fence number `at` opens, and the number of the fence to go on with.

        The block ends at the next fence, for no line of Python looks like one; unless it stands within a string.
        """
        opening = self._fences[at]
        limit = self._container_end(opening)
        ends = [n for n in range(at + 1, min(at + 2 + _IN_STRINGS, len(self._fences))) if self._fences[n].row < limit]
        if not ends:
            return self._piece(opening, limit, closed=False), at + 1
        block = longer = self._piece(opening, self._fences[ends[0]].row)
        for last in ends:
            if last != ends[0]:
                longer = self._piece(opening, self._fences[last].row)
            if isinstance(longer.content, Code):
                return longer, last + self._fences[last].closes(opening)
            if not longer.content.is_open_string:
                break
        return block, ends[0] + self._fences[ends[0]].closes(opening)

    def _piece(self, opening: _Fence, end: int, *, closed: bool = True) -> Block:
        """Read the lines from behind `opening` up to `end`, or up to marks behind a line of code that close it."""
        rows = self._rows[opening.row + 1 : end]
        block = _read_rows(opening, rows)
        if isinstance(block.content, Code):
            return block
        glued = next((n for n, row in enumerate(rows) if row.rstrip().endswith(opening.marks)), None)
        if glued is not None:
            shorter = _read_rows(opening, [*rows[:glued], rows[glued].rstrip().rstrip(opening.marks[0])])
            return shorter if isinstance(shorter.content, Code) else block
        return block if closed else replace(block, content=without_prose_behind(block.raw))

    def _container_end(self, opening: _Fence) -> int:
        """Return the line at which the block quote around a fence ends, or the end of the text."""
        if not opening.quotes:
            return len(self._rows)
        rows = range(opening.row + 1, len(self._rows))
        return next((n for n in rows if not _CONTAINER.match(self._rows[n])), len(self._rows))


def _fences(rows: list[str]) -> Iterator[_Fence]:
    for number, row in enumerate(rows):
        found = _FENCE.match(row) if "```" in row or "~~~" in row else None
        if found:
            column = len((found["indent"] + " " * len(found["items"])).expandtabs(_TAB))
            info, is_item = found["info"].strip(), bool(found["items"])
            yield _Fence(number, found["quotes"].count(">"), column, found["marks"], info, is_item)


def _read_rows(opening: _Fence, rows: list[str]) -> Block:
    """Read the lines of a block: without its fence's indent, as they are, or without any common indent."""
    first, last = opening.row + 1, opening.row + len(rows)
    own = "\n".join(_without_quotes(row, opening.quotes) for row in rows)
    rows = without_tags_around(own.removeprefix("\ufeff")).split("\n")
    as_is, moved = "\n".join(rows), "\n".join(_without_indent(row, opening.column) for row in rows)
    is_moved = next((row for row in rows if row.strip()), "")[:1] in {" ", "\t"}
    raw = moved if is_moved else as_is
    content = read(raw)
    for reading in dict.fromkeys((as_is, moved, textwrap.dedent(raw))):
        if isinstance(content, SyntaxFault) and reading != raw:
            other = read(reading)
            content = other if isinstance(other, Code) else content
    return Block(raw=raw, content=content, info=opening.info, first=first, last=last)


def _without_quotes(row: str, depth: int) -> str:
    for _ in range(depth):
        found = _CONTAINER.match(row)
        if found is None:
            break
        row = row[found.end() :]
    return row


def _without_indent(row: str, columns: int) -> str:
    """Take up to `columns` of white space off the left of a line; a tab reaches to the next multiple of four."""
    at = column = 0
    while at < len(row) and column < columns and row[at] in " \t":
        column += 1 if row[at] == " " else _TAB - column % _TAB
        at += 1
    return row[at:]
