"""CSV and Markdown tables: lists of rows, each a mapping from column to cell."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_llmbench.mutations.formats.cells import typed, untyped
from pytest_llmbench.mutations.formats.form import Check, Form, Spelling

_DASHES = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?")
_UNESCAPED = re.compile(r"(?<!\\)\|")


def _records(rows: Sequence[Sequence[str]], check: Check) -> list[dict[str, Any]]:
    """Return the rows below the first one by its columns. Raises ValueError for ragged ones."""
    if not rows:
        raise ValueError("there are no rows")
    columns = [cell.strip() for cell in rows[0]]
    if len(set(columns)) != len(columns) or any(len(row) != len(columns) for row in rows):
        raise ValueError("a column is given twice, or rows differ in length")
    types = check.get("types", {})
    return [
        {column: typed(cell, types.get(column)) for column, cell in zip(columns, row, strict=True)} for row in rows[1:]
    ]


def _cells(data: Any) -> list[list[str]]:
    """Return header and rows as texts. Raises ValueError where `data` is no table."""
    if not isinstance(data, list) or not data or not all(isinstance(row, dict) for row in data):
        raise ValueError("not a list of rows")
    columns = list(data[0])
    if not columns or any(list(row) != columns for row in data):
        raise ValueError("rows differ in their columns")
    return [columns, *([untyped(value) for value in row.values()] for row in data)]


def _read_csv(text: str, check: Check) -> Any:
    lines = io.StringIO(text.strip("\n"), newline="")
    try:
        rows = list(csv.reader(lines, delimiter=check.get("delimiter", ","), strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    return _records([row for row in rows if row], check)


def _write_csv(data: Any, check: Check, quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO(newline="")
    quoting_type: Any = quoting
    writer = csv.writer(out, delimiter=check.get("delimiter", ","), lineterminator="\n", quoting=quoting_type)
    writer.writerows(_cells(data))
    return out.getvalue().rstrip("\n")


def _respell_csv(text: str, data: Any, check: Check) -> Iterator[Spelling]:
    yield "every cell in quotes", _write_csv(data, check, csv.QUOTE_ALL)
    yield "quotes where needed", _write_csv(data, check)
    yield "a line end at the end", f"{text.rstrip()}\n"


def _spoil_csv(text: str, data: Any) -> Iterator[Spelling]:
    yield "a column given twice", _twice_csv(text, data)
    yield "a cell too many in the last row", f"{text.rstrip()},more;more"
    yield "a cell too few in the last row", text.rstrip().rpartition(";" if ";" in text else ",")[0]
    yield "a quote never closed", re.sub(r"([,;])([^,;]*)$", r'\1"\2', text.rstrip())


def _twice_csv(text: str, data: Any) -> str:
    """Give the first column once more, at the end, cells and all."""
    if not data or '"' in text:
        return ""
    mark = ";" if ";" in text.split("\n", maxsplit=1)[0] else ","
    rows = [row for row in text.strip("\n").split("\n") if row]
    return "\n".join(f"{row}{mark}{row.split(mark, maxsplit=1)[0]}" for row in rows)


def _read_table(text: str, check: Check) -> Any:
    rows = [row.strip() for row in text.strip().split("\n")]
    if len(rows) < 2 or not all("|" in row for row in rows) or not _DASHES.fullmatch(rows[1]):
        raise ValueError("no pipe table")
    if any(_DASHES.fullmatch(row) for row in rows[2:]):
        raise ValueError("a second rule")
    return _records([_split(row) for number, row in enumerate(rows) if number != 1], check)


def _split(row: str) -> list[str]:
    inner = row.removeprefix("|")
    inner = inner.removesuffix("|") if not inner.endswith("\\|") else inner
    return [cell.strip().replace("\\|", "|") for cell in _UNESCAPED.split(inner)]


def _write_table(data: Any, check: Check) -> str:
    del check
    rows = [[_escaped(cell) for cell in row] for row in _cells(data)]
    return "\n".join(_piped(row) for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])


def _escaped(cell: str) -> str:
    if "\n" in cell:
        raise ValueError("a line break in a cell")
    return cell.replace("|", "\\|")


def _piped(row: Sequence[str]) -> str:
    return "| " + " | ".join(row) + " |"


def _respell_table(text: str, data: Any, check: Check) -> Iterator[Spelling]:
    rows = _write_table(data, check).split("\n")
    yield "written anew", "\n".join(rows)
    yield "no blanks beside the bars", re.sub(r"[ \t]*(?<!\\)\|[ \t]*", "|", text)
    yield "columns aligned", "\n".join([rows[0], _piped([":---:"] * len(data[0])), *rows[2:]])
    yield "cells padded", "\n".join(row.replace(" | ", "   |   ") for row in rows)
    if all(value not in ("", None) for row in data for value in row.values()):
        yield "no bars at the edges", "\n".join(row[2:-2] for row in rows) if len(data[0]) > 1 else text


def _spoil_table(text: str, data: Any) -> Iterator[Spelling]:
    rows = _write_table(data, {}).split("\n")
    if "\\|" not in text:
        yield "a column given twice", "\n".join(f"{row} {row.split('|')[1].strip()} |" for row in rows)
    yield "no rule below the heading", "\n".join([rows[0], *rows[2:]])
    yield "a cell too many in the last row", "\n".join([*rows[:-1], f"{rows[-1]} more |"])
    yield "a cell too few in the last row", "\n".join([*rows[:-1], rows[-1].rpartition(" | ")[0] + " |"])


CSV = Form(tag="csv", read=_read_csv, write=_write_csv, respell=_respell_csv, spoil=_spoil_csv, tabular=True)
MARKDOWN_TABLE = Form(
    tag="markdown",
    read=_read_table,
    write=_write_table,
    respell=_respell_table,
    spoil=_spoil_table,
    bare=True,
    tabular=True,
)
