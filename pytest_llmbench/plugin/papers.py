"""What a run leaves in its folder, and the Quality line it puts into somebody's compose file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_llmbench import gate, manifest
from pytest_llmbench.errors import LlmbenchError, UsageProblem
from pytest_llmbench.journal import JournalReader
from pytest_llmbench.reports import write_reports
from pytest_llmbench.reports.code_report import write_code_reports
from pytest_llmbench.reports.quality_line import check_quality_target, write_quality
from pytest_llmbench.reports.results_json import write_results
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.sampling import is_canonical
from pytest_llmbench.settings import Settings
from pytest_llmbench.summary import Summary


def refuse_early(settings: Settings) -> None:
    """Refuse before the run what could only be refused after it; raises `pytest.UsageError`."""
    try:
        gate.check_gate(settings.gate)
        if settings.write_quality:
            check_quality_target(Path(settings.write_quality))
    except UsageProblem as problem:
        raise pytest.UsageError(str(problem)) from None


def write_papers(folder: RunFolder, summary: Summary, reader: JournalReader) -> list[Path]:
    """Write all files of a run and return them. Raises OSError and `LlmbenchError`."""
    write_results(folder.results_path, summary, manifest.read(folder), reader.entries())
    reports = write_reports(summary, folder.path)
    return [folder.results_path, *reports, *write_code_reports(folder, summary, reader)]


def quality_notes(target: str, summary: Summary, short: Callable[[Path], str]) -> list[str]:
    """Write the Quality line into the file `target`, if one is named; return what is to be told of it."""
    if not target:
        return []
    try:
        write_quality(Path(target), summary)
    except LlmbenchError as error:
        return [f"  no Quality line: {error}"]
    return [f"  {short(Path(target))} (Quality line)"]


def why_not_canonical(settings: Settings) -> str:
    """Say in a few words why the scores of this run do not compare with others, or return ""."""
    if settings.endpoint in ("gold", "broken"):
        return "recorded answers, no model"
    if settings.sampling_from_server:
        return "sampling: the server's defaults"
    if is_canonical(settings):
        return ""
    own = {**(settings.sampling or {}), "max_tokens": settings.max_tokens, "timeout_s": settings.timeout_s}
    return "own " + ", ".join(f"{name}={value}" for name, value in own.items() if value is not None)
