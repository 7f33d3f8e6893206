"""``evaluation_report.json``: one pack of programs in figures, with what each figure means.

Every figure is computed from the journal; one that cannot be known is null, or ``n/a`` for a k of which
too few attempts were judged. `FIELDS` says what each means and stands in the file too.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Outcome, Result
from pytest_llmbench.reports.artefact_files import attempt_folder, programs_run
from pytest_llmbench.reports.attempts import UNKNOWN
from pytest_llmbench.reports.evalplus_files import task_name
from pytest_llmbench.summary import Counted, Estimate, Estimates, PackSummary, RunFacts, pass_estimates, shown_k

ALWAYS_K = (1, 5, 10, 100)
"""The k that stand in every file, whether or not so many attempts were made."""

HALF_TOKENS = 1000.0
"""Completion tokens at which a passed attempt counts half in the efficiency score."""

_DETAIL_LIMIT = 1000

FIELDS = {
    "dataset": "the public benchmark whose whole task set the pack asks, else the pack's id",
    "model_name": "the model as the server or the user names it",
    "timestamp": "when the run started, UTC",
    "canonical": "whether the score compares with other runs; `note` says why not",
    "note": "what was changed of the pack's own sampling and limits, or that no model answered",
    "complete": "whether every task of the pack was asked and has a verdict",
    "pack_size": "tasks of the whole pack",
    "total_tasks": "tasks that were to run",
    "successful_tasks": "tasks whose first attempt gave a program that could be run, right or wrong",
    "passed_tests": "tasks whose first attempt passed all its tests",
    "errors": "attempts without a verdict, through no fault of the model; left out of every figure but this",
    "pass_at_1": "share of attempts that passed, as a mean over tasks",
    "pass_at_k": f"chance that at least one of k attempts passes, unbiased (arXiv:2107.03374), mean over tasks; "
    f"{UNKNOWN} where a task has fewer than k judged attempts",
    "pass_hat_k": "chance that all of k attempts pass (pass^k, arXiv:2406.12045), mean over tasks",
    "base_pass_at_k": "pass@k by the base inputs alone; only for packs with plus inputs",
    "interval_95": "95 % interval of pass_at_1; the attempts of one task are one cluster",
    "average_execution_time": "seconds per attempt from taking a slot to the last answer, and judging it",
    "average_iterations": "requests to the model per attempt",
    "average_commands": "programs run in the sandbox per attempt",
    "average_tokens": "completion tokens per attempt, as the server counted them",
    "efficiency_score": f"mean over attempts of 1 / (1 + completion tokens / {HALF_TOKENS:.0f}) where the attempt "
    "passed, 0 where it failed: 1 would be all passed for no tokens; null where the server counted none",
    "task_results": "one entry for each judged attempt, in the order of the tasks",
}
"""What each key of the file means."""


class Figures:
    """What the averages of the file are made of; 40 bytes an attempt."""

    def __init__(self) -> None:
        self.programs = 0
        self._columns = {name: array("d") for name in ("seconds", "turns", "commands", "tokens", "efficiency")}

    def add(self, result: Result) -> None:
        """Take in one judged attempt."""
        self.programs += result.key.attempt == 1 and programs_run(result) > 0
        for name, value in _measures(result).items():
            self._columns[name].append(math.nan if value is None else value)

    def mean(self, name: str) -> float | None:
        """Return the mean of what is known, in whatever order it came; None where nothing is."""
        known = [value for value in self._columns[name] if not math.isnan(value)]
        return math.fsum(known) / len(known) if known else None

    def efficiency(self) -> float | None:
        """Return the efficiency score; None where an attempt passed for nobody knows how many tokens."""
        column = self._columns["efficiency"]
        return None if any(map(math.isnan, column)) else self.mean("efficiency")


def report_head(
    run: RunFacts, pack: PackSummary, figures: Figures, *, base: Sequence[Counted] | None
) -> dict[str, Any]:
    """Return all of the file but its last entry, ``task_results``; `base` has the counts of the base inputs."""
    first = pack.pass_at.get(1)
    return {
        "fields": {name: text for name, text in FIELDS.items() if base is not None or name != "base_pass_at_k"},
        "dataset": pack.facts.benchmark or pack.facts.id,
        "model_name": run.model,
        "timestamp": datetime.fromtimestamp(run.started_at, UTC).isoformat(),
        "canonical": run.canonical,
        "note": run.note,
        "complete": pack.complete,
        "pack_size": pack.size,
        "total_tasks": pack.selected,
        "successful_tasks": figures.programs,
        "passed_tests": pack.passed,
        "errors": pack.errors + pack.repeat_errors,
        "pass_at_1": first.value if first else None,
        "pass_at_k": _by_k(pack.pass_at, ALWAYS_K),
        "pass_hat_k": _by_k(pack.pass_hat, ALWAYS_K),
        **({} if base is None else {"base_pass_at_k": _base(base, pack.attempts)}),
        "interval_95": first.interval if first else None,
        "average_execution_time": figures.mean("seconds"),
        "average_iterations": figures.mean("turns"),
        "average_commands": figures.mean("commands"),
        "average_tokens": figures.mean("tokens"),
        "efficiency_score": figures.efficiency(),
    }


def task_row(result: Result) -> dict[str, Any]:
    """Return one entry of ``task_results``; the folder is relative to the file's."""
    verdict, measures = result.verdict, _measures(result)
    return {
        "task_id": task_name(result),
        "attempt": result.key.attempt,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "detail": printable(verdict.detail, _DETAIL_LIMIT),
        "execution_time": measures["seconds"],
        "iterations": result.turns,
        "commands": measures["commands"],
        "tokens": result.completion_tokens,
        "efficiency": measures["efficiency"],
        "finish_reason": result.finish_reason,
        "metrics": verdict.metrics,
        "folder": attempt_folder(result).as_posix() if any(verdict.artefacts.values()) else None,
    }


def _measures(result: Result) -> dict[str, float | None]:
    metrics, tokens = result.verdict.metrics, result.completion_tokens
    latency_s = result.latency_s
    worth = None if tokens is None else 1 / (1 + tokens / HALF_TOKENS)
    return {
        "seconds": None if latency_s is None else latency_s + metrics.get("judge_s", 0.0),
        "turns": result.turns,
        "commands": programs_run(result),
        "tokens": tokens,
        "efficiency": worth if result.verdict.outcome is Outcome.PASS else 0.0,
    }


def _base(base: Sequence[Counted], attempts: int) -> dict[str, float | str]:
    return _by_k(pass_estimates(base, shown_k(attempts))[0], ALWAYS_K)


def _by_k(found: Estimates, always: Iterable[int]) -> dict[str, float | str]:
    return {str(k): _value(found.get(k)) for k in sorted({*found, *always})}


def _value(estimate: Estimate | None) -> float | str:
    return UNKNOWN if estimate is None else estimate.value
