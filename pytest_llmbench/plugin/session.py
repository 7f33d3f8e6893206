"""The items' side of a session: starts their trials, hands them their results, puts those on the reports."""

from __future__ import annotations

import dataclasses
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.assemble import Bench, build_endpoint, build_kit, build_sandbox
from pytest_llmbench.contracts import Endpoint, Families
from pytest_llmbench.errors import LlmbenchError, TrialError, UsageProblem
from pytest_llmbench.journal import Journal, JournalReader
from pytest_llmbench.plugin.asking import DIALOGUE, LLM, VERIFIER, AskedDialogue, Question, Unjudged, row_of
from pytest_llmbench.plugin.collect import BENCH, ScenarioItem, families_of, tag_totals
from pytest_llmbench.plugin.crew import Batch, Crew, LocalCrew
from pytest_llmbench.plugin.demand import demand_of, needs_of
from pytest_llmbench.plugin.desk import Desk
from pytest_llmbench.plugin.hooks import BenchHooks, DeskHooks
from pytest_llmbench.plugin.host import Host, Ready
from pytest_llmbench.plugin.options import read_settings
from pytest_llmbench.plugin.proofs import Proofs
from pytest_llmbench.records import Purpose, Response, Result, to_plain
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.settings import Settings
from pytest_llmbench.trial import Kit

_LATER = ("skip", "skipif")
"""Marks that pytest evaluates when the item starts: such a trial must not run ahead of that."""


def open_bench(session: pytest.Session) -> None:
    """Make this process's bench, in the role it has: alone, or as a worker of xdist."""
    config = session.config
    if hasattr(config, "workerinput"):
        from pytest_llmbench.plugin.remote import open_worker_bench

        open_worker_bench(session)
        return
    settings = read_settings(config)
    families = families_of(config)
    desk = Desk(config, settings)
    host = Host(settings, families, base=runs_dir(config), say=desk.say)
    bench = BenchSession(session.items, crew_for=_Alone(settings, families, desk=desk, host=host))
    desk.expect(bench.items, tag_totals(config))
    desk.closing = partial(_close_both, bench, host)
    install(config, bench, desk)


def _close_both(bench: BenchSession, host: Host) -> None:
    bench.stop()
    host.close()


def install(config: pytest.Config, bench: BenchSession | None, desk: Desk | None) -> None:
    """Register the hooks of what this process has."""
    if desk is not None:
        config.pluginmanager.register(DeskHooks(desk), "llmbench_desk")
        _link_html(config, desk)
    if bench is not None:
        config.stash[BENCH] = bench
        config.pluginmanager.register(BenchHooks(bench), "llmbench_bench")


def _link_html(config: pytest.Config, desk: Desk) -> None:
    remembered = config.pluginmanager.get_plugin("llmbench_html_page")
    page = remembered.page if remembered is not None else None
    if page is not None:
        from pytest_llmbench.plugin.html_link import HtmlLink

        link = HtmlLink(desk.summary_html)
        link.join(page)
        config.pluginmanager.register(link, "llmbench_html")


def runs_dir(config: pytest.Config) -> Path:
    """Return the folder that run folders are made in."""
    return config.invocation_params.dir / ".llmbench" / "runs"


def runs_ahead(item: ScenarioItem) -> bool:
    """Tell whether the item's trial may run before the item starts."""
    never = any(mark.kwargs.get("run") is False for mark in item.iter_markers("xfail"))
    return not never and not any(item.get_closest_marker(name) is not None for name in _LATER)


class BenchSession:
    """What the items and fixtures of this process talk to.

    `crew_for` makes the crew when the run starts; it raises what `Host.open` raises.
    """

    def __init__(self, items: Sequence[pytest.Item], *, crew_for: CrewMaker) -> None:
        self._crew_for = crew_for
        self._crew: Crew | None = None
        self._batch: Batch | None = None
        self._planned = bytearray(len(items))
        self.at: pytest.Item | None = None
        self.items = [item for item in items if isinstance(item, ScenarioItem)]
        for number, item in enumerate(items):
            if isinstance(item, ScenarioItem):
                item.number = number

    def begin(self, session: pytest.Session) -> bool | None:
        """Start the trials. True where the server cannot be measured and nothing else is to be run."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return None
        try:
            self._crew = self._crew_for()
        except TrialError as error:
            return self._without_server(session, error)
        except LlmbenchError as problem:
            raise pytest.UsageError(str(problem)) from None
        ahead = [item for item in self.items if runs_ahead(item)]
        for item in ahead:
            self._planned[item.number] = True
        self._batch = self.run_trials(ahead, attempts=self._crew_for.settings.repeat)
        return None

    def run_trials(self, posed: Sequence[Any], *, attempts: int, purpose: Purpose = Purpose.ITEM) -> Batch:
        """Start trials; the one way in for items, fixtures and whoever comes next."""
        if self._crew is None:
            raise UsageProblem("nothing can be asked before the run has begun or after it has ended")
        return self._crew.run_trials(posed, attempts=attempts, purpose=purpose)

    def results_for(self, item: ScenarioItem) -> list[Result]:
        """Wait for the results of an item; one that is run a second time is asked again."""
        if self._planned[item.number] and self._batch is not None:
            self._planned[item.number] = False
            return self._batch.results(item.number)
        return self.run_trials([item], attempts=self._crew_for.settings.repeat).results(item.number)

    def ask(self, question: Question) -> tuple[Result, Response | None]:
        """Ask a hand-written test's question; waits for the answer."""
        batch = self.run_trials([question], attempts=1, purpose=Purpose.FIXTURE)
        result = batch.results(question.number)[0]
        return result, self._crew_for.asked.pick_up(question.scenario)

    def attach(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Put results on the report that decides the item."""
        if isinstance(item, ScenarioItem):
            decides = report.when == "call" or (report.when == "setup" and not report.passed)
            plain = item.plain_results() if decides else None
        else:
            plain = self._row(item, report)
        if plain is not None:
            report.llmbench = {"results": plain}  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Cancel what is in flight and close the journal."""
        crew, self._crew = self._crew, None
        if crew is not None:
            crew.stop()
            self._crew_for.closed()

    def close(self) -> None:
        """Do what `stop` does where the session ended without it."""
        self.stop()

    def _row(self, item: pytest.Item, report: pytest.TestReport) -> list[Any] | None:
        llm = item.stash.get(LLM, None)
        says_nothing = report.skipped or hasattr(report, "wasxfail")  # of the model
        if llm is None or not llm.asked or report.when != "call" or says_nothing:
            return None
        row = row_of(llm, report)
        self._crew_for.record(row)
        return [to_plain(row)]

    def _without_server(self, session: pytest.Session, error: TrialError) -> bool | None:
        self._crew_for.failed(error)
        session.items = [item for item in session.items if not isinstance(item, ScenarioItem)]
        session.items = [item for item in session.items if "llm" not in getattr(item, "fixturenames", ())]
        return None if session.items else True


class CrewMaker(ABC):
    """Makes the crew of a process and owns what it works with: the kit and the journal."""

    def __init__(self, settings: Settings, families: Families) -> None:
        self.settings = settings
        self.asked = AskedDialogue()
        self._families = _with_asking(families, self.asked)
        self._journal: Journal | None = None
        self._sandbox = build_sandbox(settings.sandbox)

    @abstractmethod
    def __call__(self) -> Crew:
        """Return the crew, ready to run trials; raises what `Host.open` raises."""

    @abstractmethod
    def failed(self, error: TrialError) -> None:
        """Take note that there will be no crew."""

    def kit(self, ready: Ready, *, worker: str, say: Callable[[str], None]) -> Kit:
        """Return the kit of this process, writing to a journal of its own in the run folder.

        `say` gets lines for the user while data are fetched.
        """
        folder = RunFolder(path=ready.folder)
        self._journal = Journal(folder.journal_dir, worker=worker)
        recall = JournalReader(folder.journal_dir) if ready.resume else None
        bench = Bench(families=self._families, settings=self.settings, sandbox=self._sandbox, judges=_judges(), say=say)
        kit = build_kit(self._endpoint(ready), bench, model=ready.model, recorder=self._journal)
        return dataclasses.replace(kit, recall=recall, proof=Proofs(kit))

    def _endpoint(self, ready: Ready) -> Endpoint:
        return build_endpoint(
            ready.endpoint, self._families, base_url=ready.base_url, model=ready.model, data=self.settings.data
        )

    def record(self, row: Result) -> None:
        """Journal the row of a hand-written test."""
        if self._journal is not None:
            self._journal.result(row)

    def closed(self) -> None:
        """Close the journal and the sandboxes."""
        self._sandbox.close()
        if self._journal is not None:
            self._journal.close()


class _Alone(CrewMaker):
    """The crew of a session without xdist."""

    def __init__(self, settings: Settings, families: Families, *, desk: Desk, host: Host) -> None:
        super().__init__(settings, families)
        self._desk = desk
        self._host = host

    def __call__(self) -> Crew:
        items = self._desk.items
        self._desk.flush()
        ready = self._host.open(demand_of(items, needs_of(items, self._families)))
        self._desk.opened(ready, self._host)
        kit = self.kit(ready, worker="main", say=self._desk.progress.tell)
        return LocalCrew(
            kit,
            limit=ready.limit,
            durations=self._desk.last_run.durations,
            probe=self._host.probe,
            progress=self._desk.progress,
        )

    def failed(self, error: TrialError) -> None:
        self._desk.problem(error)


def _judges() -> int:
    """Return how many verdicts this process gives at once: its share of the cores."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1, (os.cpu_count() or 1) // workers)


def _with_asking(families: Families, asked: AskedDialogue) -> Families:
    return dataclasses.replace(
        families,
        dialogues={**families.dialogues, DIALOGUE: asked},
        verifiers={**families.verifiers, VERIFIER: Unjudged()},
    )
