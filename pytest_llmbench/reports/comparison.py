"""Several servers side by side: one column each, for a terminal, a Markdown file and programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.reports.telemetry_text import CELL_HEADERS, asking_s, resource_cells
from pytest_llmbench.reports.wording import MISSING, duration, markdown, pad, rate, seconds, single_line, width
from pytest_llmbench.summary import Counts, PackSummary, RunFacts, Summary, count_text, percent

Rows = list[tuple[str, ...]]

NOTE = "Scores whose 95% intervals overlap widely may be equally good."
SAME_SCENARIOS = (
    "The scenarios are the same, so what differs between two servers says more than the two scores: "
    "results.json has every verdict."
)


def comparison_lines(summaries: Mapping[str, Summary]) -> list[str]:
    """Return the table as aligned lines; `summaries` are by the name of the profile, in the order they ran."""
    rows = _rows(summaries)
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [" | ".join(pad(text, widths[at], right=at > 0) for at, text in enumerate(row)).rstrip() for row in rows]
    return [lines[0], "-+-".join("-" * columns for columns in widths), *lines[1:], "", _note(summaries)]


def comparison_markdown(summaries: Mapping[str, Summary]) -> str:
    """Return the table as a Markdown page with links to each run."""
    head, *rows = _rows(summaries)
    table = [_cells(head), _cells(["---", *["---:"] * (len(head) - 1)]), *map(_cells, rows)]
    runs = [f"- {name}: {_outcome(summary.run)}" for name, summary in summaries.items()]
    return "\n".join(["# Side by side", "", *table, "", _note(summaries), "", "Runs:", "", *runs, ""])


def _note(summaries: Mapping[str, Summary]) -> str:
    asked = {
        frozenset((pack.facts.id, pack.facts.content_hash, pack.selected) for pack in summary.packs)
        for summary in summaries.values()
        if summary.packs
    }
    return f"{NOTE} {SAME_SCENARIOS}" if len(asked) == 1 else NOTE


def _outcome(run: RunFacts) -> str:
    """Say where a run is, and why it was not measured."""
    why = f"not measured: {markdown(run.problem)}" if run.problem else ""
    return "; ".join(filter(None, [run.run_dir, why])) or "not measured"


def comparison_json(summaries: Mapping[str, Summary]) -> str:
    """Return the figures as JSON: a list with one object per profile, scores from 0 to 1, null where unknown."""
    return json.dumps({"llmbench_comparison": 1, "profiles": [_plain(*pair) for pair in summaries.items()]}, indent=2)


def _rows(summaries: Mapping[str, Summary]) -> Rows:
    every = list(summaries.values())
    packs = sorted({pack.facts.id: pack.facts.title for summary in every for pack in summary.packs}.items())
    return [
        ("", *(single_line(name, 40) for name in summaries)),
        ("Model", *(single_line(summary.run.model or MISSING, 40) for summary in every)),
        *_about(every),
        *((single_line(title, 60), *(_score(_pack(summary, name)) for summary in every)) for name, title in packs),
        ("TOTAL", *(_score(summary.total) for summary in every)),
        ("95% interval", *(_interval(summary.total) for summary in every)),
        ("p50 latency", *(seconds(_middle(summary, "latency_p50_s")) for summary in every)),
        ("tokens/s, one answer", *(rate(_middle(summary, "decode_tps")) for summary in every)),
        *_resources(every),
        ("Requests at once", *(str(summary.run.concurrency or MISSING) for summary in every)),
        ("Took", *(_took(summary) for summary in every)),
        ("Status", *(_status(summary) for summary in every)),
        *_notes(every),
    ]


def _about(every: Sequence[Summary]) -> Rows:
    """Return a row for each thing that is known of any of the servers."""
    names = dict.fromkeys(name for summary in every for name in summary.run.about)
    return [(name, *(summary.run.about.get(name, MISSING) for summary in every)) for name in names]


def _resources(every: Sequence[Summary]) -> Rows:
    """Return a row for each figure of what a run took that is known of any of them."""
    cells = [resource_cells(summary.run.resources) for summary in every]
    rows = [(header, *column) for header, column in zip(CELL_HEADERS, zip(*cells, strict=True), strict=True)]
    return [row for row in rows if any(cell != MISSING for cell in row[1:])]


def _notes(every: Sequence[Summary]) -> Rows:
    """Return a row of why scores do not compare, where any do not."""
    cells = [single_line("; ".join(_doubts(summary)), 80) or MISSING for summary in every]
    return [("Note", *cells)] if any(cell != MISSING for cell in cells) else []


def _doubts(summary: Summary) -> Iterator[str]:
    if not summary.thinking_valid:
        yield f"INVALID: thinking {summary.thinking.validity}"
    if not summary.run.canonical:
        yield f"not canonical: {summary.run.note}" if summary.run.note else "not canonical"


def _pack(summary: Summary, name: str) -> PackSummary | None:
    return next((pack for pack in summary.packs if pack.facts.id == name), None)


def _score(counts: Counts | None) -> str:
    if counts is None or not counts.selected:
        return MISSING
    share = f" {percent(counts.score)}" if counts.complete and counts.score is not None else ""
    return f"{count_text(counts)}{share}"


def _interval(counts: Counts) -> str:
    interval = counts.interval if counts.complete else None
    return MISSING if interval is None else f"{interval[0] * 100:.0f}-{interval[1] * 100:.0f}%"


def _middle(summary: Summary, name: str) -> float | None:
    """Return the mean of a figure over the packs, each weighted by its scenarios with a verdict."""
    known = [(getattr(pack, name), pack.counted) for pack in summary.packs if getattr(pack, name) is not None]
    weight = sum(count for _, count in known)
    return sum(value * count for value, count in known) / weight if weight else None


def _took(summary: Summary) -> str:
    return duration(asking_s(summary.run)) if summary.run.run_dir else MISSING


def _status(summary: Summary) -> str:
    return "not measured" if summary.run.problem else str(summary.status)


def _plain(name: str, summary: Summary) -> dict[str, Any]:
    run, total = summary.run, summary.total
    return {
        "profile": name,
        "model": run.model,
        "run_dir": run.run_dir,
        "problem": run.problem,
        "canonical": run.canonical,
        "note": run.note,
        "about": dict(run.about),
        "concurrency": run.concurrency,
        "score": total.score,
        "interval": total.interval,
        "passed": total.passed,
        "counted": total.counted,
        "selected": total.selected,
        "errors": total.errors,
        "latency_p50_s": _middle(summary, "latency_p50_s"),
        "decode_tps": _middle(summary, "decode_tps"),
        "resources": to_plain(run.resources),
        "packs": {
            pack.facts.id: {"passed": pack.passed, "counted": pack.counted, "score": pack.score, "errors": pack.errors}
            for pack in summary.packs
        },
    }


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
