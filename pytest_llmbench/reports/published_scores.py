"""A run's scores beside published ones: ``reference_scores.json`` with the local result among its rows."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmbench.reports.table import pack_name, pack_title
from pytest_llmbench.reports.wording import markdown
from pytest_llmbench.settings import RECORDED
from pytest_llmbench.statistics import wilson_interval
from pytest_llmbench.summary import PackSummary, RunFacts, Summary, count_text

SCORES_PATH = Path(__file__).with_name("reference_scores.json")

CAVEAT = (
    "Published scores come from other prompts, samplings and servers, which move a score by several points: a row "
    "whose interval overlaps that of this run may be equally good. Published intervals are computed here, "
    "from the number of tasks alone."
)

_HEADERS = ("Model", "pass@1", "95% interval", "Source", "Protocol")


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A published column that a benchmark's tasks stand beside; `base` where they do by their base inputs alone.

    `caution` is what a reader must know where the tasks are not quite the same.
    """

    column: str
    title: str
    base: bool = False
    caution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One line of a table: share of tasks (0 to 1), its interval, and where it is from."""

    model: str
    score: float
    interval: tuple[float, float]
    source: str
    protocol: str
    local: bool = False


def published_lines(summary: Summary) -> list[str]:
    """Return the Markdown section, or nothing where no pack of a public benchmark ran."""
    refused = list(_refusals(summary))
    pairs = [(board, local) for pack in summary.packs for board, local in _boards(summary.run, pack)]
    if not refused and not pairs:
        return []
    tables = [line for column in _columns(pairs) for line in _table(column)]
    caveat = [markdown(CAVEAT), ""] if pairs else []
    return ["## Beside published scores", "", *refused, *caveat, *tables, *_sources(board for board, _ in pairs)]


def _refusals(summary: Summary) -> Iterator[str]:
    """Yield why packs made from public data stand beside no published score."""
    for pack in summary.packs:
        refusal = _refusal(summary.run, pack)
        if refusal:
            yield from (markdown(f"{pack_title(pack)} is not compared with published scores: {refusal}."), "")


def _refusal(run: RunFacts, pack: PackSummary) -> str:
    if not pack.facts.benchmark:
        return "it asks only some of the data set's tasks" if pack.facts.data_md5 else ""
    if pack.facts.benchmark not in _reference()["benchmarks"]:
        return ""
    if run.endpoint in RECORDED:
        return "recorded answers, no model"
    return "" if pack.complete else f"only a whole run without errors is, and this one has {count_text(pack)}"


def _boards(run: RunFacts, pack: PackSummary) -> Iterator[tuple[Board, ScoreRow]]:
    boards = [] if _refusal(run, pack) else _reference()["benchmarks"].get(pack.facts.benchmark, [])
    for board in (Board(**plain) for plain in boards):
        local = _local(run, pack, base=board.base)
        if local is not None:
            yield board, local


def _columns(pairs: Iterable[tuple[Board, ScoreRow]]) -> list[list[tuple[Board, ScoreRow]]]:
    """Put together what stands beside the same published column, in the order of the packs."""
    columns: dict[str, list[tuple[Board, ScoreRow]]] = {}
    for board, local in pairs:
        columns.setdefault(board.column, []).append((board, local))
    return list(columns.values())


def _table(pairs: Sequence[tuple[Board, ScoreRow]]) -> list[str]:
    """Return one published column with all rows of this run that stand beside it."""
    boards = list(dict.fromkeys(board for board, _ in pairs))
    ours = [local for _, local in pairs]
    rows = sorted((*_published(boards[0].column), *ours), key=lambda row: (-row.score, row.model, row.protocol))
    title = "; ".join(board.title for board in boards)
    head = [f"| {' | '.join(map(markdown, _HEADERS))} |", "| --- | ---: | ---: | --- | --- |"]
    return [f"### {markdown(title)}", "", *_cautions(boards), *head, *map(_row, rows), ""]


def _cautions(boards: Sequence[Board]) -> Iterator[str]:
    """Yield each caution once, with the boards it is for where there are others."""
    for caution in dict.fromkeys(board.caution for board in boards if board.caution):
        warned = [board.title for board in boards if board.caution == caution]
        yield from (markdown(caution if len(warned) == len(boards) else f"{', '.join(warned)}: {caution}"), "")


def _sources(boards: Iterable[Board]) -> list[str]:
    columns, data = {board.column for board in boards}, _reference()
    used = {row["source"] for row in data["rows"] if columns & set(row["scores"])}
    lines = [f"- {markdown(source['full'])}" for name, source in data["sources"].items() if name in used]
    return ["Sources:", "", *lines, ""] if lines else []


def _row(row: ScoreRow) -> str:
    low, high = (f"{100 * end:.0f}" for end in row.interval)
    cells = (row.model, f"{100 * row.score:.1f}", f"{low}-{high}", row.source, row.protocol)
    mark = "**" if row.local else ""
    return f"| {' | '.join(f'{mark}{markdown(cell, 300)}{mark}' for cell in cells)} |"


def _local(run: RunFacts, pack: PackSummary, *, base: bool) -> ScoreRow | None:
    """Return this run's row, of all attempts; None where it has no figure for the board."""
    found = (pack.base_at if base else pack.pass_at).get(1)
    if found is None:
        return None
    part = ["base inputs alone"] if base else []
    told = [pack_name(pack), *part, f"all of {pack.attempts} attempts each" if pack.attempts > 1 else "first attempts"]
    if not run.canonical:
        told.append(f"not canonical: {run.note}" if run.note else "not canonical")
    model = f"{run.model or 'unnamed model'} (this run)"
    source, protocol = "this run", ", ".join(told)
    return ScoreRow(
        model=model, score=found.value, interval=found.interval, source=source, protocol=protocol, local=True
    )


def _published(column: str) -> list[ScoreRow]:
    data = _reference()
    tasks = data["tasks"][column]
    return [
        ScoreRow(
            model=row["model"],
            score=row["scores"][column] / 100,
            interval=wilson_interval(round(row["scores"][column] / 100 * tasks), tasks) or (0, 1),
            source=data["sources"][row["source"]]["short"],
            protocol=data["protocols"][row["protocol"]],
        )
        for row in data["rows"]
        if column in row["scores"]
    ]


@functools.cache
def _reference() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(SCORES_PATH.read_text("utf-8"))
    return data
