"""The items' side of a session: starts their trials, hands them their results, puts those on the reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.errors import LlmbenchError, TrialError, UsageProblem
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.plugin.alone import Alone
from pytest_llmbench.plugin.asking import LLM, Question, row_of
from pytest_llmbench.plugin.collect import BENCH, ScenarioItem, families_of, tag_totals
from pytest_llmbench.plugin.crew import Batch, Crew
from pytest_llmbench.plugin.crew_maker import CrewMaker
from pytest_llmbench.plugin.desk import Desk
from pytest_llmbench.plugin.hooks import BenchHooks, DeskHooks
from pytest_llmbench.plugin.host import Host
from pytest_llmbench.plugin.legs import legs_of, profile_of
from pytest_llmbench.records import Purpose, Response, Result

_LATER = ("skip", "skipif")
"""Marks that pytest evaluates when the item starts: such a trial must not run ahead of that."""


def open_bench(session: pytest.Session) -> None:
    """Make this process's bench, in the role it has: alone, or as a worker of xdist."""
    config = session.config
    if hasattr(config, "workerinput"):
        from pytest_llmbench.plugin.remote import open_worker_bench

        open_worker_bench(session)
        return
    legs, families = legs_of(config), families_of(config)
    desk = Desk(config, legs)
    hosts = {leg.name: Host(leg, families, base=runs_dir(config), say=desk.say) for leg in legs}
    check_all(hosts.values())
    bench = BenchSession(session.items, crew_for=Alone(legs, families, desk=desk, hosts=hosts))
    desk.hosts = hosts
    desk.expect(bench.items, tag_totals(config))
    desk.closing = partial(_close_all, bench, hosts.values())
    install(config, bench, desk)


def check_all(hosts: Iterable[Host]) -> None:
    """Raise `pytest.UsageError` for what would only be found out when a server's turn has come."""
    try:
        for host in hosts:
            host.check()
    except UsageProblem as problem:
        raise pytest.UsageError(str(problem)) from None


def _close_all(bench: BenchSession, hosts: Iterable[Host]) -> None:
    for host in hosts:
        host.halt()
    bench.stop()
    for host in hosts:
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


def runs_ahead(item: pytest.Item) -> bool:
    """Tell whether the item asks nothing, or something that may be asked before it starts."""
    if not isinstance(item, ScenarioItem):
        return "llm" not in getattr(item, "fixturenames", ())
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
        self._late = {item: number for number, item in enumerate(items) if not runs_ahead(item)}
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
        ahead = [item for item in self.items if item not in self._late]
        for item in ahead:
            self._planned[item.number] = True
        self._batch = self._crew.expect(ahead)
        self._crew_for.start(ahead, {number: profile_of(item) for item, number in self._late.items()})
        return None

    def run_trials(self, posed: Sequence[Any], *, attempts: int, purpose: Purpose = Purpose.ITEM) -> Batch:
        """Start trials beside those that run ahead of their items."""
        if self._crew is None:
            raise UsageProblem("nothing can be asked before the run has begun or after it has ended")
        return self._crew.run_trials(posed, attempts=attempts, purpose=purpose)

    def results_for(self, item: ScenarioItem) -> list[Result]:
        """Wait for the results of an item; one that is run a second time is asked again."""
        attempts = self._crew_for.attempts(item.profile)
        if self._planned[item.number] and self._batch is not None:
            self._planned[item.number] = False
            return self._batch.results(item.number, attempts)
        return self.run_trials([item], attempts=attempts).results(item.number, attempts)

    @property
    def late(self) -> Iterable[pytest.Item]:
        """Items that ask when they start, so that their server must wait for them."""
        return self._late

    def passed(self, item: pytest.Item) -> None:
        """Take note that an item is over: the server of its leg may be waiting for it."""
        if item in self._late:
            self._crew_for.passed(self._late[item])

    def ask(self, question: Question) -> tuple[Result, Response | None]:
        """Ask a hand-written test's question; waits for the answer."""
        batch = self.run_trials([question], attempts=1, purpose=Purpose.FIXTURE)
        result = batch.results(question.number, 1)[0]
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
            self._crew_for.ending()
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
