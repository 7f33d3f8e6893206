"""What a job of GitHub Actions is told beside the log: its page and its annotations."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_llmbench.reports.annotations import MOST, annotations_of, resume_commands, stop_commands, warning
from pytest_llmbench.reports.job_summary import LIMIT, job_summary, within
from pytest_llmbench.reports.measured import Measured

PAGE = "GITHUB_STEP_SUMMARY"
"""The variable that names the file of the page."""


class GithubJob:
    """The job this process belongs to, by its `environment`. Outside of GitHub nothing is written nor returned."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._is_there = environment.get("GITHUB_ACTIONS") == "true"
        self._page = environment.get(PAGE, "")
        self._token = secrets.token_hex(16)

    def first_lines(self) -> list[str]:
        """Return what to print before anything that a model or a server wrote: from here on nothing is a command."""
        return [stop_commands(self._token)] if self._is_there else []

    def last_lines(self, measured: Sequence[Measured]) -> list[str]:
        """Write the page and return what to print after everything else: the annotations of all servers."""
        if not self._is_there:
            return []
        share = max(1, MOST // max(1, len(measured)))
        told = [line for one in measured for line in annotations_of(one, most=share)]
        return [resume_commands(self._token), *told, *self._page_written(measured)]

    def _page_written(self, measured: Sequence[Measured]) -> list[str]:
        """Append a part for each server to the job's page; return the warning that it could not be, if so."""
        if not self._page or not measured:
            return []
        try:
            with Path(self._page).open("a", encoding="utf-8", newline="\n") as file:
                file.write(within("\n".join(map(job_summary, measured)), LIMIT))
        except OSError as error:
            return [warning(f"the page of this job could not be written: {error}")]
        return []
