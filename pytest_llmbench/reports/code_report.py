"""What a run leaves of the programs that models wrote: a folder below ``code/`` for each pack of them."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Protocol

from pytest_llmbench.records import Outcome, Purpose, Result, TrialKey
from pytest_llmbench.reports.artefact_files import PROGRAM, PROGRAMS_METRIC, file_name, write_artefacts
from pytest_llmbench.reports.evalplus_files import EvalResultsFile, SamplesFile
from pytest_llmbench.reports.evaluation_report import Figures, report_head, task_row
from pytest_llmbench.reports.files import json_line, replace_file
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.summary import PackSummary, Summary

SAMPLES, EVAL_RESULTS, EVALUATION = "samples.jsonl", "eval_results.json", "evaluation_report.json"

PLUS_METRIC = "plus_passed"
"""The metric that a pack with plus inputs has."""

_LOOKED_AT = 20


class Results(Protocol):
    """The journal, as far as it is read here."""

    def keys(self) -> tuple[TrialKey, ...]:
        """Return all trials."""
        ...

    def result(self, key: TrialKey) -> Result | None:
        """Return the latest result of a trial, with its artefacts."""
        ...


def write_code_reports(folder: RunFolder, summary: Summary, results: Results) -> list[Path]:
    """Write ``code/<pack>/`` for each pack whose answers are programs; return the files made for programs to read.

    These are ``samples.jsonl``, ``eval_results.json`` and ``evaluation_report.json``; beside them stands
    ``<task>/attempt-<n>/`` with the program, its output and where it failed. One attempt is in memory at a time.
    Raises OSError; each of the three files then is whole or not there.
    """
    by_pack: dict[tuple[str, str], list[TrialKey]] = {}
    for key in results.keys():  # noqa: SIM118 - a journal is no dict
        by_pack.setdefault((key.pack, key.pack_hash), []).append(key)
    written: list[Path] = []
    for pack in summary.packs:
        keys = by_pack.get((pack.facts.id, pack.facts.content_hash), []) if pack.purpose is Purpose.ITEM else []
        if _has_programs(results, pack, keys):
            keys.sort(key=lambda key: (_natural(key.scenario), key.attempt))
            place = _place(folder, pack, written)
            written += _write_pack(place, summary, pack, _told(results, keys, place))
    return written


def _has_programs(results: Results, pack: PackSummary, keys: Sequence[TrialKey]) -> bool:
    """Tell by the figures of the pack, or by the first attempts where all of them failed before any program ran."""
    if keys and not pack.metrics.keys().isdisjoint((PROGRAMS_METRIC, PLUS_METRIC)):
        return True
    looked_at = filter(None, map(results.result, keys[:_LOOKED_AT]))
    return any(PROGRAM in result.verdict.artefacts for result in looked_at)


def _place(folder: RunFolder, pack: PackSummary, written: Sequence[Path]) -> Path:
    place = folder.code_dir / file_name(pack.facts.id)
    if any(path.parent == place for path in written):  # two versions of one pack in one run
        place = folder.code_dir / file_name(f"{pack.facts.id}-{pack.facts.content_hash[:8]}")
    place.mkdir(parents=True, exist_ok=True)
    return place


def _told(results: Results, keys: Sequence[TrialKey], place: Path) -> Iterator[Result]:
    """Yield the attempts that have a verdict, and write the artefacts of all."""
    for key in keys:
        result = results.result(key)
        if result is not None:
            write_artefacts(result, place)
            if result.verdict.outcome is not Outcome.ERROR:
                yield result


def _write_pack(place: Path, summary: Summary, pack: PackSummary, results: Iterator[Result]) -> list[Path]:
    paths = [place / name for name in (SAMPLES, EVAL_RESULTS, EVALUATION)]
    plus = PLUS_METRIC in pack.metrics
    figures = Figures()
    with ExitStack() as stack:
        samples_file, evals_file, report_file = (stack.enter_context(replace_file(path)) for path in paths)
        rows = stack.enter_context(tempfile.TemporaryFile(dir=place))
        samples = SamplesFile(samples_file)
        evals = EvalResultsFile(evals_file, pack.facts, summary.run.finished_at, plus=plus)
        for result in results:
            samples.add(result)
            evals.add(result)
            figures.add(result)
            rows.write((b",\n" if rows.tell() else b"\n") + json_line(task_row(result)))
        evals.close()
        head = report_head(summary.run, pack, figures, base=evals.base_counts if plus else None)
        _write_report(report_file, json_line(head), rows)
    return paths


def _write_report(file: IO[bytes], head: bytes, rows: IO[bytes]) -> None:
    rows.seek(0)
    file.write(head[:-1] + b',\n"task_results":[')
    shutil.copyfileobj(rows, file)
    file.write(b"\n]}\n")


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key by which ``HumanEval-2`` comes before ``HumanEval-10``."""
    parts = (part.lstrip("0") if part.isdecimal() else part for part in re.split(r"([0-9]+)", name))
    return [(len(part), part) if at % 2 else (0, part) for at, part in enumerate(parts)]
