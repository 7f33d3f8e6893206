"""What the verbs on saved runs share: how a run is named on the command line, and how it is counted again."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_llmbench import telemetry
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.resources import Resources
from pytest_llmbench.runfolder import DEFAULT_BASE
from pytest_llmbench.saved_run import LATEST, SavedRun, find_run
from pytest_llmbench.saved_summary import summary_of
from pytest_llmbench.summary import Summary
from pytest_llmbench.telemetry.figures import Figures
from pytest_llmbench.telemetry.summing_up import summarise
from pytest_llmbench.web import is_loopback

RUN_HELP = "a run folder or its results.json, a part of its name, or latest"


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the run that is meant, the newest one unless another is named, and where runs are."""
    parser.add_argument("run", nargs="?", default=LATEST, metavar="RUN", help=f"{RUN_HELP} (default: {LATEST})")
    add_base(parser)


def add_base(parser: argparse.ArgumentParser) -> None:
    """Add where runs are, and output for programs."""
    parser.add_argument(
        "--runs", type=Path, default=DEFAULT_BASE, metavar="DIR", help=f"where runs are kept (default: {DEFAULT_BASE})"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def opened(text: str, options: argparse.Namespace) -> SavedRun:
    """Return the run that `text` means and say on stderr what is missing of it; raises `UsageProblem`."""
    run = find_run(text, options.runs)
    for notice in run.notices:
        print(notice, file=sys.stderr)
    if not run.is_whole:
        print(f"{run.folder.path}: this run is not finished; this is what its journal holds so far", file=sys.stderr)
    return run


def counted(run: SavedRun) -> Summary:
    """Return the summary of a run; of one without results.json with what its timeline tells of server and machine."""
    if run.head:
        return summary_of(run)
    return summary_of(run, resources=_resources(run))


def _resources(run: SavedRun) -> Resources | None:
    path = run.folder.path / telemetry.FILENAME
    if not path.is_file():
        return None
    figures = Figures()
    for result in run.every:
        figures.add(result)
    said = run.manifest
    is_here = said.get("engine", {}).get("name") != "external" or is_loopback(urlsplit(said["url"]).hostname or "")
    return summarise(path, figures, slots=said.get("server", {}).get("slots"), local=is_here)


def print_json(value: Any) -> None:
    """Print records or plain data as JSON of which every text is whole."""
    print(json.dumps(to_plain(value, text_limit=sys.maxsize), indent=2))
