"""Summary -> text, one small file per kind of reader.

To add a report: write a class with `name`, `filename` and `render` in a file of its own and put
it into `REPORTS`; every run then writes it into its folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_llmbench.contracts import Report
from pytest_llmbench.reports.files import replace_file
from pytest_llmbench.reports.markdown_table import MarkdownTable
from pytest_llmbench.reports.openmetrics import OpenMetrics
from pytest_llmbench.reports.quality_line import QualityLine
from pytest_llmbench.summary import Summary

REPORTS: Mapping[str, Report] = {report.name: report for report in (QualityLine(), MarkdownTable(), OpenMetrics())}
"""What a run folder gets. `terminal`, `html_block`, `results_json` and `code_report` have readers of their own."""


def write_reports(summary: Summary, folder: Path) -> list[Path]:
    """Write every report into `folder` and return the files. Raises OSError."""
    written = []
    for report in REPORTS.values():
        path = folder / report.filename
        with replace_file(path) as file:
            file.write(report.render(summary).encode("utf-8", "replace"))
        written.append(path)
    return written
