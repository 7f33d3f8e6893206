"""``llmbench import FILE``: results that benchlocal-cli saved become a run folder, for inspect, compare and history."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_llmbench import __version__, manifest
from pytest_llmbench.commands import saved
from pytest_llmbench.datasets.benchlocal_results import ORIGIN, ForeignRun, read_foreign_run
from pytest_llmbench.errors import LlmbenchError, UsageProblem
from pytest_llmbench.journal import Journal
from pytest_llmbench.journal_reader import JournalReader
from pytest_llmbench.redaction import redacted, redacted_data
from pytest_llmbench.reports.papers import write_papers
from pytest_llmbench.reports.quality_line import quality_line
from pytest_llmbench.rescoring.rejudging import as_trial
from pytest_llmbench.runfolder import RunFolder, create
from pytest_llmbench.summary import CUSTOM, RunFacts, Summary
from pytest_llmbench.tally import Tally

HELP = f"make a run folder of a result file that {ORIGIN} saved"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    parser.add_argument("file", type=Path, metavar="FILE", help=f"a JSON file that {ORIGIN} saved")
    parser.add_argument("--out", type=Path, metavar="DIR", help="exactly this folder (default: a new one in --runs)")
    saved.add_base(parser)


def run(options: argparse.Namespace) -> int:
    """Write the run folder and return 0; raises `LlmbenchError`."""
    foreign = read_foreign_run(options.file)
    digest = hashlib.sha256(options.file.read_bytes()).hexdigest()
    _refuse_twice(options.runs, digest)
    began = datetime.fromtimestamp(foreign.started_at or options.file.stat().st_mtime, UTC)
    folder = create(options.runs, model=foreign.model, now=began, out=options.out)
    try:
        summary, files = _written(folder, foreign, began, {"file": options.file.name, "sha256": digest})
    except OSError as error:
        raise LlmbenchError(f"{folder.path} cannot be written: {error.strerror or error}") from error
    notices = [*foreign.notices, *_other_totals(foreign, summary)]
    if options.json:
        told = {"run": folder.path, "trials": len(foreign.trials), "notices": notices, "written": files}
        saved.print_json(told)
        return 0
    print(*notices, sep="\n", end="\n" if notices else "", file=sys.stderr)
    print(f"{len(foreign.trials):,} results of {foreign.model or 'an unnamed model'}", quality_line(summary), sep="\n")
    print("Written:", *(f"  {path}" for path in files), f"next: llmbench inspect {folder.path} --failed", sep="\n")
    return 0


def _refuse_twice(base: Path, digest: str) -> None:
    for path in base.glob("*/manifest.json"):
        try:
            known = json.loads(path.read_bytes()).get("imported", {}).get("sha256")
        except (OSError, ValueError, AttributeError):
            continue
        if known == digest:
            raise UsageProblem(f"this file was imported before, as {path.parent}")


def _written(
    folder: RunFolder, foreign: ForeignRun, began: datetime, source: dict[str, str]
) -> tuple[Summary, list[Path]]:
    journal = Journal(folder.journal_dir, worker="import")
    tally = Tally()
    try:
        for result, turns in foreign.trials:
            placed = dataclasses.replace(result, started_at=began.timestamp())
            for number, turn in enumerate(turns):
                journal.turn(as_trial(placed.key, placed, None), number, turn)
            journal.result(placed)
            tally.add(placed)
    finally:
        journal.close()
    said = _manifest(foreign, tally, began, source)
    summary = tally.summary(_facts(foreign, said, folder))
    summary = dataclasses.replace(summary, label=foreign.mode or CUSTOM)
    manifest.write(folder, said)
    return summary, write_papers(folder, summary, said, JournalReader(folder.journal_dir))


def _facts(foreign: ForeignRun, said: dict[str, Any], folder: RunFolder) -> RunFacts:
    return RunFacts(
        model=foreign.model,
        url=said["url"],
        canonical=said["sampling"]["canonical"],
        note=said["sampling"].get("deviations", ""),
        started_at=datetime.fromisoformat(said["started_at"]).timestamp(),
        finished_at=datetime.fromisoformat(said["finished_at"]).timestamp(),
        run_dir=str(folder.path),
    )


def _manifest(foreign: ForeignRun, tally: Tally, began: datetime, source: dict[str, str]) -> dict[str, Any]:
    """Return what can be known, in the layout of our own; neither server nor machine are told."""
    ended = datetime.fromtimestamp(foreign.finished_at or began.timestamp(), UTC)
    warm = [f"temperature={value:g}" for value in foreign.temperatures if value]
    sampling: dict[str, Any] = {"canonical": not warm, "from_server": False}
    packs = tally.summary(RunFacts()).packs
    plain: dict[str, Any] = redacted_data(
        {
            "format": manifest.FORMAT,
            "version": __version__,
            "imported": {"tool": ORIGIN, **source},
            "model": foreign.model,
            "url": redacted(foreign.url),
            "endpoint": "",
            "engine": {"name": ""},
            "started_at": began.isoformat(timespec="milliseconds"),
            "finished_at": ended.isoformat(timespec="milliseconds"),
            "packs": [
                {
                    "id": pack.facts.id,
                    "version": pack.facts.version,
                    "content_hash": pack.facts.content_hash,
                    "size": pack.facts.size,
                    "selected": pack.selected,
                }
                for pack in packs
            ],
            "sampling": sampling | ({"deviations": f"own {', '.join(warm)}"} if warm else {}),
            "thinking": {"asked": foreign.thinking or "unknown", "switch": "unknown"},
        }
    )
    return plain


def _other_totals(foreign: ForeignRun, summary: Summary) -> list[str]:
    total = summary.total
    if foreign.said is None or foreign.said == (total.passed, total.selected):
        return []
    passed, count = foreign.said
    errors = f", {total.errors} of them errors that {ORIGIN} counts as wrong answers" if total.errors else ""
    return [f"the file says {passed}/{count}; by its scenarios it is {total.passed}/{total.selected}{errors}"]
