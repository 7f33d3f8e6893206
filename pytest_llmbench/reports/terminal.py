"""The table and the breakdown as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llmbench.reports.cautions import caution_blocks
from pytest_llmbench.reports.table import INTERVAL_NOTE, errors, failures, measured_text, notes, pack_table
from pytest_llmbench.reports.telemetry_text import resource_lines
from pytest_llmbench.reports.wording import pad, single_line, width
from pytest_llmbench.summary import Summary

BREAKDOWN_LIMIT = 50
"""Lines of each breakdown on a terminal; REPORT.md has more and results.json all."""

_METRIC_COLUMNS = 4


def table_lines(summary: Summary) -> list[str]:
    """Return what was measured, the aligned table with its TOTAL, and the notes on it."""
    table = pack_table(summary, metrics=_METRIC_COLUMNS)
    cells = [table.headers, *table.rows, table.total]
    widths = [max(width(row[column]) for row in cells) for column in range(len(table.headers))]
    rule = "-+-".join("-" * columns for columns in widths)
    lines = [_aligned(row, widths) for row in cells]
    return [
        single_line(measured_text(summary)),
        *(single_line(line) for line in resource_lines(summary.run.resources)),
        "",
        lines[0],
        rule,
        *lines[1:-1],
        rule,
        lines[-1],
        "",
        *(single_line(note) for note in notes(summary)),
        INTERVAL_NOTE,
        *_cautions(summary),
    ]


def _cautions(summary: Summary) -> list[str]:
    lines = []
    for heading, told in caution_blocks(summary):
        lines += ["", heading, *(f"- {single_line(text)}" for text in told)]
    return lines


def breakdown_lines(summary: Summary, limit: int = BREAKDOWN_LIMIT) -> list[str]:
    """Return a line for each wrong answer, and apart from them one for each error; each at most `limit`."""
    return [
        *_section("Failure breakdown:", failures(summary), limit),
        *_section("Errors (not the model's fault, left out of the score):", errors(summary, whole=False), limit),
    ]


def _section(heading: str, lines: Sequence[str], limit: int) -> list[str]:
    if not lines:
        return []
    shown = [f"- {single_line(line)}" for line in lines[:limit]]
    if len(lines) > limit:
        shown.append(f"- and {len(lines) - limit:,} more, all of them in results.json")
    return [heading, *shown]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    last = len(row) - 1
    padded = [pad(text, widths[at], right=0 < at < last) for at, text in enumerate(row)]
    return " | ".join(padded).rstrip()
