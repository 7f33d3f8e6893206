"""Results that no trial left: of scenarios that were never asked, or whose process died under them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import pytest

from pytest_llmbench.errors import BadConfiguration, LlmbenchError, TrialError, WorkerCrashed
from pytest_llmbench.journal import Journal
from pytest_llmbench.plugin.demand import Wanted
from pytest_llmbench.records import Outcome, Purpose, Reason, Result, TrialKey, Verdict
from pytest_llmbench.runfolder import RunFolder


class Known(Wanted, Protocol):
    """A selected scenario."""

    @property
    def nodeid(self) -> str:
        """The test item's node id."""

    @property
    def profile(self) -> str:
        """The leg it belongs to, "" where only one server is measured."""


def trial_keys(scenarios: Iterable[Wanted], attempts: int) -> Iterator[TrialKey]:
    """Yield the keys of all attempts of these scenarios, as a journal knows them."""
    for one in scenarios:
        for attempt in range(1, attempts + 1):
            yield TrialKey(
                pack=one.facts.id, pack_hash=one.facts.content_hash, scenario=one.scenario_id, attempt=attempt
            )


class Unrun:
    """Puts such results into the journal: results.json is written from it and shall hold what the table counts."""

    def __init__(self) -> None:
        self._folder: RunFolder | None = None
        self._journal: Journal | None = None
        self._crashed: list[Result] = []

    def open(self, folder: RunFolder) -> None:
        """Take note of where the journal is."""
        self._folder = folder

    def keep(self, result: Result) -> None:
        """Write down a result that the process that made it has not: one of a trial that never started."""
        if result.started_at or result.verdict.reason is Reason.CANCELLED or self._folder is None:
            return
        with contextlib.suppress(LlmbenchError):  # the disk is full: whoever ran trials has said so
            self._journal = self._journal or Journal(self._folder.journal_dir, worker="desk")
            self._journal.result(result)

    def keep_crashed(self, result: Result) -> None:
        """Write a result down at the end: another worker may run the trial once more, but its item is lost."""
        self._crashed.append(result)

    def close(self) -> None:
        """Write what is left and close the journal."""
        for result in self._crashed:
            self.keep(result)
        self._crashed.clear()
        if self._journal is not None:
            self._journal.close()


def never_asked(one: Known, error: TrialError) -> Result:
    """Return the ERROR result of a scenario without a trial."""
    return never_ran(one, error.reason, str(error))


def never_ran(one: Known, reason: str, text: str, *, attempt: int = 1) -> Result:
    """Return the ERROR result of a trial that was not run to its end, under a `Reason` given by its value."""
    return Result(
        key=TrialKey(
            pack=one.facts.id,
            pack_hash=one.facts.content_hash,
            scenario=one.scenario_id,
            attempt=attempt,
            profile=one.profile,
        ),
        nodeid=one.nodeid,
        title="",
        purpose=Purpose.ITEM,
        verdict=Verdict(outcome=Outcome.ERROR, reason=Reason(reason), detail=text),
        pack=one.facts,
    )


def outside_fault(report: pytest.TestReport) -> TrialError:
    """Return what befell an item before or beside its trial: its worker died, or somebody else's hook raised."""
    text = str(report.longrepr or "").strip()
    line = text.splitlines()[-1] if text else "it failed without a word"
    if report.when in ("setup", "call", "teardown"):
        return BadConfiguration(f"failed outside the trial, in {report.when}: {line}")
    return WorkerCrashed(line)
