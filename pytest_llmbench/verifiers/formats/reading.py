"""What a format is, and what reading a document in it gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from pytest_llmbench.nesting import is_deeper
from pytest_llmbench.verifiers.extraction import Document, TextFault, find_document

DEPTH_LIMIT = 100
"""Levels of lists and mappings inside each other; a document that goes deeper is refused."""
LENGTH_LIMIT = 2_000_000
"""Characters of a document; far beyond any answer, and what is read in seconds."""
_BLANK_LINES = re.compile(r"(?:[ \t]*+\n)*+")
_LAST_PARAGRAPHS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A document as values: None, bool, int, float, str, list and dict with texts as keys, as in JSON.

    `columns` are the column names of a table in their order, `root` is the outermost element of XML.
    """

    value: Any
    columns: tuple[str, ...] | None = None
    root: Element | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format. `title` completes "a document in ..."; `tags` stand behind opening fences, in lower case.

    `parse` reads a whole text or raises TextFault. `spans` finds documents amid prose. `is_prose` says that
    a text, though it can be parsed, begins with a line that was meant for the reader. `fills_fence`: what stands in
    a closed fence with one of the tags is the document as a whole, or none.
    """

    title: str
    tags: frozenset[str]
    parse: Callable[[str], Reading]
    spans: Callable[[str], Iterable[tuple[int, int]]]
    is_prose: Callable[[str], bool] = lambda _: False
    fills_fence: bool = True

    def read(self, text: str) -> Reading:
        """Return the document that `text` is. Raises TextFault; a byte order mark and blank lines at the ends go."""
        body = _trimmed(text)
        if not body:
            raise TextFault("is empty")
        if len(body) > LENGTH_LIMIT:
            raise TextFault(f"is longer than {LENGTH_LIMIT} characters")
        reading = self.parse(body)
        if is_deeper(reading.value, DEPTH_LIMIT):
            raise TextFault(f"is nested more than {DEPTH_LIMIT} levels deep")
        return reading

    def reads(self, text: str) -> bool:
        """Whether the whole of `text` is a document."""
        return can_read(self.read, text) and not self.is_prose(_trimmed(text))

    def find(self, text: str) -> Document:
        """Return the document in the answer `text`, and what stands around it; also looks into an open fence."""
        text = text.removeprefix("\ufeff")
        outer = find_document(text, tags=self.tags, reads=self.reads, spans=self.spans)
        if not outer.fenced or (outer.closed and self.fills_fence) or can_read(self.read, outer.body):
            return outer
        inner = find_document(outer.body, tags=self.tags, reads=self.reads, spans=self.spans)
        return Document(
            body=inner.body,
            before=f"{outer.before}\n{inner.before}",
            after=f"{inner.after}\n{outer.after}",
            fenced=True,
            closed=outer.closed and inner.closed,
        )


def can_read(read: Callable[[str], Reading], text: str) -> bool:
    """Whether `read` takes `text`."""
    try:
        read(text)
    except TextFault:
        return False
    return True


def _trimmed(text: str) -> str:
    text = text.removeprefix("\ufeff")
    end = text.find("\n", len(text.rstrip()))
    blank = _BLANK_LINES.match(text)
    return text[blank.end() if blank else 0 : end if end >= 0 else len(text)] if text.strip() else ""


def spans_from(text: str, first_line: re.Pattern[str], reads: Callable[[str], bool]) -> list[tuple[int, int]]:
    """Return (start, end) of what can be read from the first line that fits `first_line` on.

    Up to three paragraphs at the end that do not begin like a document, nor with a blank, are taken for prose.
    """
    found = first_line.search(text)
    if found is None:
        return []
    start, end = found.start(), len(text)
    for _ in range(_LAST_PARAGRAPHS + 1):
        if reads(text[start:end]):
            return [(start, end)]
        gap = text.rfind("\n\n", start, len(text[:end].rstrip()))
        if gap < 0 or text[gap + 2] in " \t" or first_line.match(text, gap + 2):
            break
        end = gap
    return []


def line_runs(text: str, belongs: Callable[[str], bool]) -> list[tuple[int, int]]:
    """Return (start, end) of the runs of consecutive lines that all `belongs`."""
    runs: list[tuple[int, int]] = []
    start, is_open = 0, False
    for row in text.split("\n"):
        end = start + len(row)
        if not belongs(row):
            is_open = False
        elif is_open:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
            is_open = True
        start = end + 1
    return runs
