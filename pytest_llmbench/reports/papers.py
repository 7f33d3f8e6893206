"""All files that a run leaves for its readers, from its journal: at its end, or again at any time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_llmbench.journal_reader import JournalReader
from pytest_llmbench.reports import write_reports
from pytest_llmbench.reports.code_report import write_code_reports
from pytest_llmbench.reports.results_json import write_results
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.summary import Summary


def write_papers(folder: RunFolder, summary: Summary, manifest: Mapping[str, Any], reader: JournalReader) -> list[Path]:
    """Write results.json, REPORT.md, quality.txt and the code reports; return the files. Raises OSError."""
    known = {(pack.facts.id, pack.facts.content_hash) for pack in summary.packs}
    entries = (entry for entry in reader.entries() if (entry.key.pack, entry.key.pack_hash) in known)
    write_results(folder.results_path, summary, manifest, entries)  # a pack that was changed since is another one
    reports = write_reports(summary, folder.path)
    return [folder.results_path, *reports, *write_code_reports(folder, summary, reader)]
