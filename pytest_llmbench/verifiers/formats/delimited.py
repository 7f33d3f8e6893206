"""CSV (RFC 4180) with a header row: a list of mappings from column to cell, each cell a text.

Blanks belong to a cell, as RFC 4180 has it. Refused: rows with more or fewer cells than the header, blank rows,
quotes in an unquoted cell, text behind a closing quote, a column without a name or named twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pytest_llmbench.verifiers.extraction import TextFault
from pytest_llmbench.verifiers.formats.reading import Format, Reading, line_runs, spans_from
from pytest_llmbench.verifiers.formats.tables import table
from pytest_llmbench.verifiers.text import fences

_FENCES = ("```", "~~~")


def csv_format(delimiter: str = ",") -> Format:
    """Return CSV whose cells are separated by the one character `delimiter`."""
    mark = re.escape(delimiter)
    cell = re.compile(rf'(?:"((?:[^"]++|"")*+)"|([^"\n{mark}]*+))({mark}|\n|\Z)')
    first_line = re.compile(rf"(?<![^:\n]\n)^[^\n{mark}]++{mark}", re.MULTILINE)  # not below a line of its own

    def parse(text: str) -> Reading:
        return table(list(_rows(text, cell)), "CSV")

    def has_rows(text: str) -> bool:
        try:
            reading = parse(text)
        except TextFault:
            return False
        return not _is_prose(text) and bool(reading.value) and len(reading.value[0]) > 1

    def spans(text: str) -> list[tuple[int, int]]:
        return spans_from(text, first_line, has_rows) or list(_paragraphs(text, has_rows))

    return Format(title="CSV", tags=frozenset({"csv", "tsv"}), parse=parse, spans=spans, is_prose=_is_prose)


def _is_prose(text: str) -> bool:
    """Whether the first line leads up to a table (several words and a colon), or the table stands in a fence below."""
    line = text.partition("\n")[0].rstrip()
    return (" " in line and line.endswith(":")) or bool(fences(text))


def _rows(text: str, cell: re.Pattern[str]) -> Iterator[list[str]]:
    if text.startswith(_FENCES):
        raise TextFault("is not valid CSV: it begins with a code fence")
    row: list[str] = []
    at, number = 0, 1
    while True:
        found = cell.match(text, at)
        if found is None:
            raise TextFault(f"is not valid CSV: row {number} has a quote that does not enclose a whole cell")
        row.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        at = found.end()
        if found[3] not in {"", "\n"}:
            continue
        if row == [""] and found[1] is None:
            raise TextFault(f"is not valid CSV: row {number} is blank")
        yield row
        if not found[3]:
            return
        row, number = [], number + 1


def _paragraphs(text: str, has_rows: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Yield the paragraphs that are tables, where need be without a first line that leads up to the table."""
    for start, end in line_runs(text, lambda row: bool(row.strip())):
        below = text.find("\n", start, end) + 1
        if below and has_rows(text[start:end]):
            yield start, end
        elif below and text[start:below].rstrip().endswith(":") and has_rows(text[below:end]):
            yield below, end
