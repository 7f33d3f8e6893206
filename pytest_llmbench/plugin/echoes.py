"""Errors that many scenarios share, such as a data set that is not there: told in full once."""

from __future__ import annotations

import pytest

from pytest_llmbench.records import Outcome, Result

SHORT = 100
"""Characters of an error that may stand as often as it comes."""


class Echoes:
    """Remembers which long errors the user was told already, and by which scenario."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[str, str]] = {}

    def shorten(self, report: pytest.TestReport, result: Result) -> None:
        """Let a report whose error was told before refer to the first one; call it before anybody shows the report."""
        verdict = result.verdict
        text = f"{verdict.reason}: {verdict.detail}"
        if verdict.outcome is not Outcome.ERROR or len(text) <= SHORT:
            return
        nodeid, name = self._first.setdefault(hash(text), (report.nodeid, f"{result.pack.id} {result.key.scenario}"))
        if nodeid != report.nodeid:
            report.longrepr = f"{verdict.reason}: the same as {name}, told above"
