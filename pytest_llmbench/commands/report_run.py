"""``llmbench report``: writes the reports of a run anew from its journal."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_llmbench.commands import saved
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.journal_reader import JournalReader
from pytest_llmbench.reports import write_reports
from pytest_llmbench.reports.files import replace_file
from pytest_llmbench.reports.html_page import html_page
from pytest_llmbench.reports.papers import write_papers
from pytest_llmbench.reports.quality_line import quality_line
from pytest_llmbench.reports.terminal import breakdown_lines, table_lines
from pytest_llmbench.saved_run import SavedRun
from pytest_llmbench.summary import Summary

HELP = "write the reports of a run anew from its journal, also of one that was killed"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    saved.add_run(parser)
    parser.add_argument(
        "--html", action="store_true", help="also report.html: the table and every trial for a browser, in one file"
    )


def run(options: argparse.Namespace) -> int:
    """Write the files, print the table, return 0; raises `UsageProblem`."""
    found = saved.opened(options.run, options)
    summary = saved.counted(found)
    written = rewritten(found, summary)
    if options.html:
        written.append(_page(found, summary))
    if options.json:
        saved.print_json({"run": found.folder.path, "is_whole": found.is_whole, "written": written})
        return 0
    lines = [*table_lines(summary), "", *breakdown_lines(summary), "", quality_line(summary), "", "Written:"]
    print(*lines, *(f"  {path}" for path in written), sep="\n")
    return 0


def _page(found: SavedRun, summary: Summary) -> Path:
    """Write the page and return its path; raises `UsageProblem`."""
    path = found.folder.html_path
    try:
        with replace_file(path) as file:
            for line in html_page(summary, found.every, found.turns, run=str(found.folder.path)):
                file.write(f"{line}\n".encode())
    except OSError as error:
        raise UsageProblem(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def rewritten(found: SavedRun, summary: Summary) -> list[Path]:
    """Write what can be written from what there is: all of it from a journal, the texts from results.json alone.

    The manifest is left as it is, so a run that was killed can still be gone on with.
    """
    folder = found.folder
    try:
        reader = JournalReader(folder.journal_dir)
        if reader.keys():
            return write_papers(folder, summary, found.manifest, reader)
        return write_reports(summary, folder.path)
    except OSError as error:
        raise UsageProblem(f"{folder.path}: the reports cannot be written: {error}") from error
