"""A run as a table for spreadsheets and data frames: one row for each attempt."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Any, TextIO

from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Result
from pytest_llmbench.reports.wording import moment

FILENAME = "results.csv"
COLUMNS = (
    "run",
    "model",
    "profile",
    "pack",
    "pack_version",
    "scenario",
    "attempt",
    "title",
    "task_id",
    "outcome",
    "reason",
    "detail",
    "score",
    "started_at",
    "latency_s",
    "first_token_s",
    "decode_tps",
    "prompt_tokens",
    "completion_tokens",
    "turns",
    "retries",
    "finish_reason",
    "thinking",
    "thought",
)
"""The columns that every file has; one for each metric follows them."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(file: TextIO, results: Iterable[Result], *, run: str, model: str, profile: str) -> None:
    """Write the header and a row for each result; unknown figures are empty.

    A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, "CSV Injection"): details
    quote what a model wrote.
    """
    rows = list(results)
    metrics = sorted({name for result in rows for name in result.verdict.metrics})
    writer = csv.writer(file)
    writer.writerow([*COLUMNS, *(_safe(f"metric_{name}") for name in metrics)])
    for result in rows:
        cells = {"run": run, "model": model, "profile": profile, **_cells(result)}
        values = [cells[name] for name in COLUMNS] + [result.verdict.metrics.get(name) for name in metrics]
        writer.writerow([_safe(value) if isinstance(value, str) else value for value in values])


def _cells(result: Result) -> dict[str, Any]:
    verdict, key = result.verdict, result.key
    figures = ("latency_s", "first_token_s", "decode_tps", "prompt_tokens", "completion_tokens")
    others = ("title", "task_id", "turns", "retries", "finish_reason", "thinking", "thought")
    return {
        "pack": key.pack,
        "pack_version": result.pack.version,
        "scenario": key.scenario,
        "attempt": key.attempt,
        "outcome": str(verdict.outcome),
        "reason": str(verdict.reason or ""),
        "detail": verdict.detail,
        "score": verdict.score,
        "started_at": moment(result.started_at) if result.started_at else "",
        **{name: getattr(result, name) for name in (*figures, *others)},
    }


def _safe(text: str) -> str:
    """Return `text` without what no file can hold, and never as a formula."""
    plain = printable(text, None).replace("\0", "")
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
