"""Markdown: the pipe table and the list.

A table is a list of mappings from column to cell; emphasis, code marks and backslash escapes in cells are taken off.
Refused: rows with more or fewer cells than the header (a renderer would pad or cut them without a word), a column
without a name or named twice. A list is a list of {text, items}, where items are those below it, in the same form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pytest_llmbench.verifiers.extraction import TextFault
from pytest_llmbench.verifiers.formats.reading import Format, Reading, line_runs
from pytest_llmbench.verifiers.formats.tables import table
from pytest_llmbench.verifiers.text import ListItem, item_mark, list_items, without_emphasis

_MARKS = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_HIDDEN = 0xE000
"""Escaped characters stand in a private-use area while marks are taken off."""
_SHOWN = {_HIDDEN + code: chr(code) for code in range(0x21, 0x7F)}


def _table(text: str) -> Reading:
    rows = text.split("\n")
    if len(rows) < 2 or not _is_head(rows[0], rows[1]):
        raise TextFault("is not a Markdown table: it does not begin with a header row and a row of dashes")
    if (number := next((number for number, row in enumerate(rows, 1) if "|" not in row), 0)) > 0:
        raise TextFault(f"is not a Markdown table: line {number} is no row")
    return table([_cells(rows[0]), *map(_cells, rows[2:])], "Markdown")


def _is_head(header: str, marks: str) -> bool:
    pipes = "|" in header and "|" in marks and _MARKS.fullmatch(marks) is not None
    return pipes and len(_cells(header)) == len(_cells(marks))


def _cells(row: str) -> list[str]:
    hidden = _ESCAPE.sub(lambda found: chr(_HIDDEN + ord(found[1])), row.strip())
    inner = hidden.removeprefix("|").removesuffix("|")
    return [without_emphasis(cell.strip()).strip().translate(_SHOWN) for cell in inner.split("|")]


def _table_spans(text: str) -> list[tuple[int, int]]:
    """Return the runs of lines with a pipe, each from the line above its first row of dashes on.

    Rows that go on below blank lines, without a head of their own, belong to the table above them, which they break.
    """
    found: list[tuple[int, int]] = []
    for start, end in line_runs(text, lambda row: "|" in row):
        at = _head_at(text, start, end)
        if at is not None:
            found.append((at, end))
        elif found and text[start:end].lstrip().startswith("|") and not text[found[-1][1] : start].strip():
            found[-1] = (found[-1][0], end)
    return found


def _head_at(text: str, start: int, end: int) -> int | None:
    """Return where the first header row between `start` and `end` begins."""
    rows = text[start:end].split("\n")
    for place in range(len(rows) - 1):
        if _is_head(rows[place], rows[place + 1]):
            return start
        start += len(rows[place]) + 1
    return None


def _list(text: str) -> Reading:
    rows = text.split("\n")
    if item_mark(rows[0]) is None:
        raise TextFault("is not a Markdown list: it does not begin with an item")
    if (number := next((number for number, row in enumerate(rows, 1) if not _in_list(row)), 0)) > 0:
        raise TextFault(f"is not a Markdown list: line {number} belongs to no item")
    return Reading(value=_tree(list_items(text)))


def _in_list(row: str) -> bool:
    return not row.strip() or row[0] in " \t" or item_mark(row) is not None


def _tree(items: Sequence[ListItem]) -> list[dict[str, Any]]:
    top: list[dict[str, Any]] = []
    open_lists = [top]
    for item in items:
        node: dict[str, Any] = {"text": item.text, "items": []}
        del open_lists[item.level :]
        open_lists[-1].append(node)
        open_lists.append(node["items"])
    return top


def _list_spans(text: str) -> Iterable[tuple[int, int]]:
    """Yield the runs of lines that belong to a list, each from its first item on."""
    for start, end in line_runs(text, _in_list):
        at = start
        for row in text[start:end].split("\n"):
            if item_mark(row):
                yield at, end
                break
            at += len(row) + 1


_TAGS = frozenset({"markdown", "md"})
MARKDOWN_TABLE = Format(title="a Markdown table", tags=_TAGS, parse=_table, spans=_table_spans, fills_fence=False)
MARKDOWN_LIST = Format(title="a Markdown list", tags=_TAGS, parse=_list, spans=_list_spans, fills_fence=False)
