"""results.json: everything about a run for programs. Its JSON Schema is ``results.schema.json`` beside this file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pytest_llmbench.records import Message, Result, TrialKey, Turn
from pytest_llmbench.reports.files import json_line, replace_file
from pytest_llmbench.reports.quality_line import quality_line
from pytest_llmbench.reports.table import run_label
from pytest_llmbench.summary import Counts, PackSummary, Summary, score_text

FORMAT = 1
"""Version of the layout; a change that breaks readers raises it."""

FILENAME = "results.json"
SCHEMA_PATH = Path(__file__).with_name("results.schema.json")


class ResultEntry(Protocol):
    """One trial as the journal has it; `result` is None where it was answered but never judged."""

    @property
    def key(self) -> TrialKey:
        """The trial."""
        ...

    @property
    def result(self) -> Result | None:
        """Its latest verdict."""
        ...

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The talk that led there."""
        ...


def write_results(path: Path, summary: Summary, manifest: Mapping[str, Any], entries: Iterable[ResultEntry]) -> None:
    """Write the file, one trial per line and one in memory at a time. Raises OSError.

    Valid JSON in UTF-8 whatever the model wrote: lone surrogates are replaced, NaN and infinities
    are null. The file appears whole or not at all.
    """
    head = {
        "llmbench_results": FORMAT,
        "quality": quality_line(summary),
        "run": _run(summary),
        "total": _counts(summary.total),
        "packs": [_pack(pack) for pack in summary.packs],
        "manifest": manifest,
    }
    with replace_file(path) as file:
        # the head ends in "}", which gives way to the list of trials
        file.write(json_line(head)[:-1] + b',\n"trials":[')
        for line in _separated(map(_trial, entries)):
            file.write(line)
        file.write(b"\n]}\n")


def _separated(trials: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    between = b"\n"
    for trial in trials:
        yield between + json_line(trial)
        between = b",\n"


def _run(summary: Summary) -> dict[str, Any]:
    run = summary.run
    plain = {item.name: getattr(run, item.name) for item in dataclasses.fields(run) if item.name != "tag_totals"}
    times = {name: datetime.fromtimestamp(plain[name], UTC).isoformat() for name in ("started_at", "finished_at")}
    return {**plain, **times, "label": run_label(summary), "status": summary.status, "thinking": summary.thinking}


def _counts(counts: Counts) -> dict[str, Any]:
    names = [item.name for item in dataclasses.fields(Counts)]
    return {
        **{name: getattr(counts, name) for name in names},
        "counted": counts.counted,
        "score": counts.score,
        "interval_95": counts.interval,
        "complete": counts.complete,
        "text": score_text(counts),
    }


def _pack(pack: PackSummary) -> dict[str, Any]:
    own = {item.name for item in dataclasses.fields(PackSummary)} - {item.name for item in dataclasses.fields(Counts)}
    figures = {name: getattr(pack, name) for name in sorted(own - {"facts"})}
    return {"id": pack.facts.id, "status": pack.status, **_counts(pack), **figures, "facts": pack.facts}


def _trial(entry: ResultEntry) -> dict[str, Any]:
    first = entry.turns[0].request if entry.turns else None
    return {
        **dataclasses.asdict(entry.key),
        **_verdict(entry.result),
        "prompt": _prompt(entry),
        "seed": first.sampling.seed if first else None,
        "sampling": first.sampling if first else None,
        "max_tokens": first.max_tokens if first else None,
        "exchange": entry.turns,
    }


def _prompt(entry: ResultEntry) -> tuple[Message, ...]:
    return entry.turns[0].request.messages if entry.turns else ()


def _verdict(result: Result | None) -> dict[str, Any]:
    if result is None:
        return {"outcome": None, "reason": None, "detail": "answered, but the run ended before it was judged"}
    verdict = result.verdict
    return {
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "detail": verdict.detail,
        "expected": verdict.expected,
        "got": verdict.got,
        "score": verdict.score,
        "metrics": verdict.metrics,
        "checks": verdict.checks,
        "nodeid": result.nodeid,
        "title": result.title,
        "task_id": result.task_id,
        "purpose": result.purpose,
        "started_at": datetime.fromtimestamp(result.started_at, UTC).isoformat(),
        "usage": {
            "prompt_tokens": result.prompt_tokens,
            "completion_tokens": result.completion_tokens,
            "cached_tokens": result.cached_tokens,
        },
        "timing": {
            "latency_s": result.latency_s,
            "first_token_s": result.first_token_s,
            "decode_tps": result.decode_tps,
            "prefill_tps": result.prefill_tps,
        },
        "turns": result.turns,
        "retries": result.retries,
        "finish_reason": result.finish_reason,
        "thinking": result.thinking,
        "thought": result.thought,
        "resumed": result.resumed,
    }
