"""A header and rows of cells as a list of mappings from column to cell."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llmbench.verifiers.extraction import TextFault
from pytest_llmbench.verifiers.formats.reading import Reading


def table(rows: Sequence[Sequence[str]], title: str) -> Reading:
    """Return `rows`, the first of which is the header, by column.

    Raises TextFault for a row that has more or fewer cells than the header, and for a column without a name
    or named twice.
    """
    header = tuple(rows[0])
    for name in header:
        if not name.strip():
            raise TextFault(f"is not a valid {title} table: a column has no name")
    if len(set(header)) != len(header):
        twice = next(name for place, name in enumerate(header) if name in header[:place])
        raise TextFault(f'gives the column "{twice}" twice')
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(header):
            raise TextFault(
                f"is not a valid {title} table: row {number} has {len(row)} cells, the header {len(header)}"
            )
    return Reading(value=[dict(zip(header, row, strict=True)) for row in rows[1:]], columns=header)
