"""The reporting side of a session: counts results, prints, writes the reports, settles the exit code."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from pytest_llmbench import gate, manifest
from pytest_llmbench.assemble import SERVED
from pytest_llmbench.errors import Cancelled, LlmbenchError, TrialError
from pytest_llmbench.journal import JournalReader
from pytest_llmbench.plugin.last_run import LastRun
from pytest_llmbench.plugin.papers import quality_notes, refuse_early, why_not_canonical, write_papers
from pytest_llmbench.plugin.progress import Progress, duration
from pytest_llmbench.plugin.unrun import Known, Unrun, never_asked, outside_fault
from pytest_llmbench.records import Outcome, Result, from_plain
from pytest_llmbench.reports.html_block import html_block
from pytest_llmbench.reports.quality_line import quality_line
from pytest_llmbench.reports.terminal import breakdown_lines, table_lines
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.settings import Settings
from pytest_llmbench.summary import RunFacts, Summary, plural
from pytest_llmbench.tally import Tally

if TYPE_CHECKING:
    from pytest_llmbench.plugin.host import Host, Ready


class Expected(Known, Protocol):
    """A scenario the desk waits for: an item, or what a worker said of one."""

    @property
    def own_tags(self) -> tuple[str, ...]:
        """The scenario's tags beside its pack's."""


class Desk:
    """One per session, in the process that owns the terminal."""

    def __init__(self, config: pytest.Config, settings: Settings, *, direct: bool = False) -> None:
        self._config = config
        self._settings = settings
        self._terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
        refuse_early(settings)
        self._tally = Tally()
        self._unrun = Unrun()
        self._tag_totals: Mapping[str, int] = {}
        self._expected: dict[str, Expected] = {}
        self._crashed: list[Expected] = []
        self._ready: Ready | None = None
        self._host: Host | None = None
        self._problem: TrialError | None = None
        self._summary: Summary | None = None
        self._verdict: gate.GateVerdict | None = None
        self._exit_line = ""
        self._written: list[str] = []
        self._started_at = time.time()
        self._ordinary_failures = 0
        self._failures = 0
        self._stopped_by_user = False
        self._stopped_early = ""
        self._finished = False
        self.items: Sequence[Any] = ()
        self.writing = (
            threading.RLock()
        )  # with workers, progress lines are written by a thread: never into pytest's own
        self.closing: Callable[[], None] = lambda: None
        self.progress = Progress(self._progress_line, live=self._is_terminal(), direct=direct)
        self.progress.enabled = self._verbosity == 0
        self.last_run = LastRun(getattr(config, "cache", None))

    @property
    def _verbosity(self) -> int:
        return int(self._config.getoption("verbose", 0))  # absent with -p no:terminal

    def expect(self, scenarios: Sequence[Expected], tag_totals: Mapping[str, int]) -> None:
        """Count the scenarios that were collected and selected; `tag_totals` are those there are."""
        self.items = scenarios
        self._tag_totals = tag_totals
        for one in scenarios:
            self._expected[one.nodeid] = one
            self._tally.expect(one.facts, one.scenario_id, one.nodeid, one.own_tags)
        self.progress.begin(len(scenarios) * self._settings.repeat)

    def opened(self, ready: Ready, host: Host) -> None:
        """Take note of the server and the run folder; say where things are."""
        self._ready, self._host = ready, host
        self._unrun.open(RunFolder(path=ready.folder))
        self.last_run.begin()
        trials, folder = plural(self.progress.total, "trial"), self._short(ready.folder)
        self.say(f"{trials} of {ready.model}, {ready.limit} at a time, into {folder}")
        if ready.resume:
            reader = JournalReader(RunFolder(path=ready.folder).journal_dir)
            done = sum(reader.finished(key) for key in reader.keys())  # noqa: SIM118 - a journal is no dict
            for notice in reader.notices:
                self.say(notice)
            self.say(f"resuming: {done} trials have their verdict already and are not asked again")

    def problem(self, error: TrialError) -> None:
        """Take note that the server cannot be measured, and say why, once."""
        self._problem = error
        for one in self._expected.values():
            self._tally.add(never_asked(one, error))
        self.say(f"{error.reason}: {error}", red=True)

    def announcement(self) -> list[str]:
        """Return the line for the end of collection."""
        if not self._expected:
            return []
        packs = {one.facts.id for one in self._expected.values()}
        scenarios, total = plural(len(self._expected), "scenario"), plural(self.progress.total, "trial")
        line = f"llmbench: {total} ({scenarios} of {plural(len(packs), 'pack')})"
        took_s = self.last_run.seconds(self._expected, self._settings.repeat)
        return [f"{line}; the last run of them took {duration(took_s)}" if took_s else line]

    def say(self, line: str, *, red: bool = False) -> None:
        """Print a line of ours at once, whoever captures output just now."""
        if self._terminal is not None and self._verbosity > -2:
            self._print(f"llmbench: {line}", red=red)

    def flush(self) -> None:
        """Let everything printed so far be seen, into a pipe too: starting a server may take minutes."""
        if self._terminal is not None:
            self._terminal.flush()

    def starting(self, nodeid: str) -> None:
        """Let pytest print file names for ordinary tests only, where progress lines stand for ours."""
        if self._terminal is not None and self._verbosity == 0:
            self._terminal.showfspath = nodeid not in self._expected

    def status(self, report: Any) -> tuple[str, str, str] | None:
        """Return an empty letter for what a progress line has told; the counts at the end stay."""
        ours = report.nodeid in self._expected and (report.failed or (report.passed and report.when == "call"))
        if self._verbosity != 0 or self._finished or not ours or hasattr(report, "wasxfail"):
            return None
        return ("error" if report.when == "setup" and report.failed else report.outcome), "", ""

    def count(self, report: pytest.TestReport) -> None:
        """Book what a report says."""
        results = [from_plain(Result, plain) for plain in getattr(report, "llmbench", {}).get("results", ())]
        for result in results:
            self._tally.add(result)
            self._unrun.keep(result)
        expected = self._expected.get(report.nodeid)
        if report.failed:
            self._failures += 1
            self._failed(report, expected, results)
        elif report.skipped and expected is not None:
            self._tally.withdraw(expected.facts, expected.scenario_id)
        self.progress.flush()

    def _failed(self, report: pytest.TestReport, expected: Expected | None, results: Sequence[Result]) -> None:
        """Tell a scenario's own failure from those of ordinary tests, of hooks and of workers."""
        passed = bool(results) and results[0].verdict.outcome is Outcome.PASS
        if expected is None or passed or report.when == "teardown":
            self._ordinary_failures += 1
        elif not results:
            result = never_asked(expected, outside_fault(report))
            self._crashed.append(expected)
            self._tally.add(result)
            self._unrun.keep_crashed(result)

    def release(self, report: pytest.TestReport) -> None:
        """Let go of the results: pytest keeps every report to the end."""
        if hasattr(report, "llmbench"):
            del report.llmbench

    def interrupted(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember who stopped the run."""
        # pytest and xdist derive their own reasons to stop from KeyboardInterrupt
        # a worker that was reached first ends before them all, and xdist tells of that one
        self._stopped_by_user = excinfo.type is KeyboardInterrupt or "keyboard-interrupt" in str(excinfo.value)

    def finish(self, session: pytest.Session) -> None:
        """Stop the server, write the reports, settle the exit code."""
        self._finished = True
        self.progress.flush()
        self._stopped_early = self._early(session)
        self._host_down()
        self._unrun.close()
        self._forgive_interrupted()
        self._count_unreported()
        self._summary = self._tally.summary(self._run_facts())
        self._verdict = gate.decide(self._summary, self._settings.gate)
        exit_ = gate.exit_code(
            self._summary,
            self._verdict,
            pytest_status=int(session.exitstatus),
            ordinary_failures=self._ordinary_failures,
        )
        session.exitstatus = exit_.code
        self._exit_line = exit_.sentence
        if self._ready is not None:
            try:
                self._write(RunFolder(path=self._ready.folder), exit_.code)
            except (OSError, LlmbenchError) as error:
                session.exitstatus = gate.INCOMPLETE
                self._written = [f"The reports could not be written: {error}"]
                self._exit_line = f"exit {gate.INCOMPLETE}: the reports could not be written; what was answered is safe"

    def _forgive_interrupted(self) -> None:
        """A worker that the user's Ctrl-C ended has not crashed: what it ran was not run."""
        for one in self._crashed if self._stopped_by_user else ():
            self._tally.add(never_asked(one, Cancelled("the run was interrupted")))

    def _count_unreported(self) -> None:
        """Book trials that were finished when the run was stopped, before their items could report them."""
        if self._ready is None or not self._tally.summary(self._run_facts()).total.not_run:
            return
        reader = JournalReader(RunFolder(path=self._ready.folder).journal_dir)
        wanted = {(one.facts.id, one.facts.content_hash, one.scenario_id): one for one in self._expected.values()}
        for key in reader.keys():  # noqa: SIM118 - a journal is no dict
            one = wanted.get((key.pack, key.pack_hash, key.scenario))
            result = reader.result(key) if one is not None and key.attempt <= self._settings.repeat else None
            if one is not None and result is not None:
                self._tally.add(dataclasses.replace(result, nodeid=one.nodeid, pack=one.facts))

    def show(self, terminal: Any) -> None:
        """Print the table, the failures and the Quality line."""
        if self._summary is None or self._ready is None:
            return
        terminal.write_sep("=", f"llmbench: {self._ready.model}")
        summary = self._summary
        told = [table_lines(summary), breakdown_lines(summary), self._gate_lines()]
        blocks = [*told, [quality_line(summary)], self._written]
        for block in filter(None, blocks):
            for line in block:
                terminal.write_line(line)
            terminal.write_line("")

    def last_line(self, session: pytest.Session) -> None:
        """Print the exit sentence as the very last line."""
        if self._terminal is not None and self._exit_line:
            self._terminal.write_line(self._exit_line, red=session.exitstatus != 0, green=session.exitstatus == 0)

    def close(self) -> None:
        """Stop the server."""
        self._host_down()

    def summary_html(self) -> str:
        """Return the summary for the top of the HTML report."""
        return html_block(self._summary or self._tally.summary(self._run_facts()))

    def _gate_lines(self) -> list[str]:
        if self._verdict is None or not self._verdict.lines:
            return []
        return [f"Gate {self._verdict.name}:", *(f"- {line}" for line in self._verdict.lines)]

    def _host_down(self) -> None:
        closing, self.closing = self.closing, lambda: None
        closing()

    def _early(self, session: pytest.Session) -> str:
        maxfail = int(self._config.option.maxfail or 0)
        if not maxfail or self._failures < maxfail or self._stopped_by_user:
            return ""
        if not session.shouldfail and session.exitstatus != pytest.ExitCode.INTERRUPTED:
            return ""
        return "-x" if maxfail == 1 else f"--maxfail={maxfail}"

    def _run_facts(self) -> RunFacts:
        ready = self._ready
        note = why_not_canonical(self._settings)
        return RunFacts(
            model=ready.model if ready else "",
            url=ready.url if ready else "",
            endpoint=ready.endpoint if ready else "",
            engine=ready.engine if ready else "",
            concurrency=ready.limit if ready else None,
            canonical=not note,
            note=note,
            started_at=self._started_at,
            finished_at=time.time(),
            resumed_from=str(ready.folder) if ready and ready.resume else "",
            run_dir=str(ready.folder) if ready else "",
            interrupted=self._stopped_by_user,
            stopped_early=self._stopped_early,
            problem=f"the server could not be measured ({self._problem.reason})" if self._problem else "",
            tag_totals=self._tag_totals,
        )

    def _write(self, folder: RunFolder, code: int) -> None:
        summary = self._summary
        assert summary is not None  # noqa: S101 - called by finish only
        manifest.update(folder, finished_at=summary.run.finished_at, exit_code=code, exit_sentence=self._exit_line)
        reader = JournalReader(folder.journal_dir)
        if self._ready is not None and self._ready.endpoint == SERVED:
            self.last_run.keep(reader, self._expected, self._settings.repeat)
        paths = write_papers(folder, summary, reader)
        self._written = ["Written:", *(f"  {self._short(path)}" for path in paths)]
        self._written += quality_notes(self._settings.write_quality, summary, self._short)

    def _progress_line(self, line: str) -> None:
        if self._terminal is not None:
            self._print(line)

    def _print(self, line: str, *, red: bool = False) -> None:
        with self.writing, self._uncaptured():
            self._terminal.ensure_newline()
            self._terminal.write_line(line, red=red)
            self._terminal.flush()  # into a pipe or a file, too, a line shall come when it is written

    @contextlib.contextmanager
    def _uncaptured(self) -> Iterator[None]:
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            yield

    def _is_terminal(self) -> bool:
        return bool(self._terminal is not None and self._terminal.isatty)

    def _short(self, path: Path) -> str:
        with contextlib.suppress(ValueError):
            return str(path.relative_to(self._config.invocation_params.dir))
        return str(path)
