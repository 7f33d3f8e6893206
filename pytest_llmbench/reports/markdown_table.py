"""REPORT.md: the run as a page of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llmbench.reports.cautions import caution_blocks, thinking_note
from pytest_llmbench.reports.published_scores import published_lines
from pytest_llmbench.reports.quality_line import quality_line
from pytest_llmbench.reports.table import INTERVAL_NOTE, errors, failures, measured_text, notes, pack_table
from pytest_llmbench.reports.telemetry_text import resource_lines, resource_notes
from pytest_llmbench.reports.wording import gate_lines, gate_text, markdown, moment
from pytest_llmbench.summary import RunFacts, Summary

BREAKDOWN_LIMIT = 1000
"""Lines of each breakdown; results.json has all."""


class MarkdownTable:
    """Title, what was measured, the table, the breakdown of failures, errors apart."""

    name = "markdown_table"
    filename = "REPORT.md"

    def render(self, summary: Summary) -> str:
        """Return the page."""
        run = summary.run
        lines = [
            f"# Quality of {markdown(run.model, 200) or 'an unnamed model'}",
            "",
            f"Measured {moment(run.started_at)}: {markdown(measured_text(summary))}.",
            "",
            *_gates(run),
            *_table_lines(summary),
            "",
            *_paragraphs([*resource_lines(run.resources), *resource_notes(run.resources)]),
            *_paragraphs([*notes(summary), *filter(None, [thinking_note(summary)]), INTERVAL_NOTE]),
            *_paragraphs(_dimensions(summary)),
            *_cautions(summary),
            f"    {quality_line(summary)}",
            "",
            *published_lines(summary),
            *_section("Failure breakdown", failures(summary)),
            *_section("Errors: not the model's fault, left out of the score", errors(summary, named=20)),
            *_interrupted(summary),
        ]
        return "\n".join(lines).rstrip() + "\n"


def _gates(run: RunFacts) -> list[str]:
    """Return what the gates and the baseline said, which comes before all figures, and how that was decided."""
    if not run.gate.get("name"):
        return []
    told = [f"- {markdown(line)}" for line in gate_lines(run.gate, run.baseline)]
    return [f"**{markdown(gate_text(run.gate))}**", "", *told, *([""] if told else [])]


def _table_lines(summary: Summary) -> list[str]:
    table = pack_table(summary)
    figures = len(table.headers) - 2
    total = [f"**{cell}**" if cell else "" for cell in map(markdown, table.total)]
    return [
        _row([markdown(header) for header in table.headers]),
        _row(["---", *["---:"] * figures, "---"]),
        *(_row([markdown(cell) for cell in row]) for row in table.rows),
        _row(total),
    ]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _paragraphs(texts: Sequence[str]) -> list[str]:
    return [line for text in texts for line in (markdown(text), "")]


def _dimensions(summary: Summary) -> list[str]:
    return [
        f"{pack.facts.title} measures: {' '.join(pack.facts.dimension.split())}"
        for pack in summary.packs
        if pack.facts.dimension
    ]


def _cautions(summary: Summary) -> list[str]:
    lines = []
    for heading, told in caution_blocks(summary):
        lines += [markdown(heading), "", *(f"- {markdown(text)}" for text in told), ""]
    return lines


def _section(heading: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    shown = [f"- {markdown(line)}" for line in lines[:BREAKDOWN_LIMIT]]
    if len(lines) > BREAKDOWN_LIMIT:
        shown.append(f"- and {len(lines) - BREAKDOWN_LIMIT:,} more, all of them in results.json")
    return [f"## {heading}", "", *shown, ""]


def _interrupted(summary: Summary) -> list[str]:
    run = summary.run
    texts = []
    if run.problem:
        texts.append(f"The run met a problem: {run.problem}")
    if run.interrupted:
        texts.append("The run was interrupted; --llm-resume goes on from here.")
    elif run.stopped_early:
        texts.append(f"The run was stopped early by {run.stopped_early}.")
    return ["## How the run ended", "", *_paragraphs(texts)] if texts else []
