"""``llmbench export``: a run in the formats of other tools."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Mapping
from pathlib import Path

from pytest_llmbench.commands import saved
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import Purpose, Result
from pytest_llmbench.reports import csv_export
from pytest_llmbench.reports.evalplus_export import write_evalplus
from pytest_llmbench.reports.files import json_line, replace_file
from pytest_llmbench.reports.inspect_log import inspect_log, log_name
from pytest_llmbench.saved_run import SavedRun
from pytest_llmbench.saved_summary import run_facts
from pytest_llmbench.summary import PackSummary

HELP = "write a run in the format of another tool: EvalPlus, Inspect logs, CSV"
FOLDER = "export"
"""Where the files go, below the run's folder, unless another place is named."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    saved.add_run(parser)
    parser.add_argument(
        "--format",
        required=True,
        choices=sorted(_FORMATS),
        help="evalplus: samples.jsonl and eval_results.json for each pack of programs; inspect: a log for each pack, "
        "for inspect view; csv: a row for each attempt",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help=f"the folder to write into (default: {FOLDER}/FORMAT in the run's)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the files, name them, return 0; raises `UsageProblem`."""
    found = saved.opened(options.run, options)
    if not found.results:
        raise UsageProblem(f"{found.folder.path}: no trial has a result yet, so there is nothing to export")
    folder = options.out or found.folder.path / FOLDER / options.format
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = _FORMATS[options.format](found, folder)
    except OSError as error:
        raise UsageProblem(f"{folder} cannot be written into: {error.strerror or error}") from error
    if options.json:
        saved.print_json({"run": found.folder.path, "format": options.format, "written": written})
    else:
        print("Written:", *(f"  {path}" for path in written), sep="\n")
    return 0


def _csv(found: SavedRun, folder: Path) -> list[Path]:
    text = io.StringIO(newline="")
    csv_export.write_csv(text, found.results, run=found.name, model=found.model, profile=found.profile)
    path = folder / csv_export.FILENAME
    with replace_file(path) as file:
        file.write(text.getvalue().encode("utf-8"))
    return [path]


def _inspect(found: SavedRun, folder: Path) -> list[Path]:
    summary, written = saved.counted(found), []
    for pack in summary.packs:
        results = [result for result in found.results if _is_of(result, pack)]
        if results and pack.purpose is Purpose.ITEM:
            path = folder / log_name(summary.run, pack)
            with replace_file(path) as file:
                file.write(json_line(inspect_log(summary.run, pack, results, found.turns)) + b"\n")
            written.append(path)
    return written


def _is_of(result: Result, pack: PackSummary) -> bool:
    return (result.pack.id, result.pack.content_hash) == (pack.facts.id, pack.facts.content_hash)


def _evalplus(found: SavedRun, folder: Path) -> list[Path]:
    written = write_evalplus(folder, found.results, run_facts(found).finished_at)
    if not written:
        raise UsageProblem(
            f"{found.folder.path} holds no programs, and EvalPlus is about programs: take --format csv or inspect"
        )
    return written


_FORMATS: Mapping[str, Callable[[SavedRun, Path], list[Path]]] = {
    "csv": _csv,
    "evalplus": _evalplus,
    "inspect": _inspect,
}
