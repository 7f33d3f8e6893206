"""The table as an HTML fragment, for the head of a page somebody else lays out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pytest_llmbench.reports.cautions import caution_blocks
from pytest_llmbench.reports.quality_line import quality_line
from pytest_llmbench.reports.table import INTERVAL_NOTE, measured_text, notes, pack_table
from pytest_llmbench.reports.telemetry_text import resource_lines
from pytest_llmbench.reports.wording import gate_lines, gate_text, single_line
from pytest_llmbench.summary import RunFacts, Summary

_CELL = 'style="padding: 2px 10px; text-align: {side}; border-bottom: 1px solid #e6e6e6"'


def html_block(summary: Summary) -> str:
    """Return a heading, what was measured, the table of packs, notes, speed, cautions and the Quality line."""
    table = pack_table(summary)
    rows = [_row("th", table.headers), *(_row("td", row) for row in table.rows), _row("th", table.total)]
    texts = [*notes(summary), INTERVAL_NOTE, *resource_lines(summary.run.resources)]
    return "\n".join(
        [
            '<div class="llmbench">',
            f"<h2>{_safe(_heading(summary.run))}</h2>",
            f"<p>{_safe(_measured(summary))}</p>",
            *_gates(summary.run),
            '<table style="border-collapse: collapse">',
            *rows,
            "</table>",
            *(f"<p>{_safe(text)}</p>" for text in texts),
            *_cautions(summary),
            f'<pre style="white-space: pre-wrap">{_safe(quality_line(summary))}</pre>',
            "</div>",
        ]
    )


def _heading(run: RunFacts) -> str:
    """Name the server where there may be several."""
    named = [run.profile, run.model] if run.profile else []
    return ": ".join(filter(None, ["Model quality", *named]))


def _measured(summary: Summary) -> str:
    """Say what was measured, or why it was not."""
    problem = f"Not measured: {summary.run.problem}" if summary.run.problem else ""
    return ". ".join(filter(None, [problem, measured_text(summary) if summary.run.model or not problem else ""]))


def _gates(run: RunFacts) -> list[str]:
    """Say before all figures what the gates and the baseline said; how that was decided is folded away."""
    if not run.gate.get("name"):
        return []
    items = (f"<li>{_safe(line)}</li>" for line in gate_lines(run.gate, run.baseline))
    return [
        f"<p><strong>{_safe(gate_text(run.gate))}</strong></p>",
        "<details><summary>How it was decided</summary>",
        *("<ul>", *items, "</ul>", "</details>"),
    ]


def _cautions(summary: Summary) -> list[str]:
    lines = []
    for heading, told in caution_blocks(summary):
        lines += [f"<p>{_safe(heading)}</p>", "<ul>", *(f"<li>{_safe(text)}</li>" for text in told), "</ul>"]
    return lines


def _row(tag: str, cells: Sequence[str]) -> str:
    last = len(cells) - 1
    return "<tr>" + "".join(_cell(tag, text, figure=0 < at < last) for at, text in enumerate(cells)) + "</tr>"


def _cell(tag: str, text: str, *, figure: bool) -> str:
    return f"<{tag} {_CELL.format(side='right' if figure else 'left')}>{_safe(text)}</{tag}>"


def _safe(text: str) -> str:
    return escape(single_line(text))
