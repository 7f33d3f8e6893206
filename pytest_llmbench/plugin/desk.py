"""The reporting side of a session: counts results, prints, has the reports written, settles the exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmbench import gate
from pytest_llmbench.assemble import SERVED
from pytest_llmbench.errors import Cancelled, LlmbenchError, TrialError
from pytest_llmbench.journal import JournalReader
from pytest_llmbench.plain_data import from_plain
from pytest_llmbench.plugin.comparing import SideBySide
from pytest_llmbench.plugin.console import Console
from pytest_llmbench.plugin.echoes import Echoes
from pytest_llmbench.plugin.last_run import LastRun
from pytest_llmbench.plugin.legs import Leg
from pytest_llmbench.plugin.papers import refuse_early
from pytest_llmbench.plugin.progress import Progress, duration
from pytest_llmbench.plugin.ready import Ready
from pytest_llmbench.plugin.resuming import resuming
from pytest_llmbench.plugin.sheet import Expected, SessionEnd, Sheet
from pytest_llmbench.plugin.typed import misspelt_variables
from pytest_llmbench.plugin.unrun import outside_fault
from pytest_llmbench.records import Outcome, Result
from pytest_llmbench.reports.github_report import GithubJob
from pytest_llmbench.reports.html_block import html_block
from pytest_llmbench.summary import plural

if TYPE_CHECKING:
    from pytest_llmbench.plugin.host import Host


class Desk:
    """One per session, in the process that owns the terminal. `legs` are the servers, each with a sheet of its own."""

    def __init__(self, config: pytest.Config, legs: Sequence[Leg], *, direct: bool = False) -> None:
        self._config = config
        self._legs = legs
        self._console = Console(config)
        self.say, self.flush, self.writing = self._console.say, self._console.flush, self._console.writing
        refuse_early([leg.settings for leg in legs])
        self._sheets = {leg.name: Sheet(leg, tag_totals={}) for leg in legs}
        self._echoes = Echoes()
        self._expected: dict[str, Expected] = {}
        self._exit_line = ""
        self._side_by_side = SideBySide(legs[0].settings.out, base=config.invocation_params.dir)
        self._ordinary_failures = 0
        self._failures = 0
        self._scenario_failures = 0
        self._stopped_by_user = False
        self._finished = False
        self.items: Sequence[Any] = ()
        self.hosts: Mapping[str, Host] = {}
        self.closing: Callable[[], None] = lambda: None
        self.progress = Progress(lambda line: self._console.print([line]), live=self._console.is_live, direct=direct)
        self.progress.enabled = self._console.verbosity == 0
        self.last_run = LastRun(getattr(config, "cache", None))
        self._github = GithubJob(os.environ)
        self._console.print(self._github.first_lines())

    @property
    def _attempts(self) -> int:
        return max(leg.settings.repeat for leg in self._legs)

    def expect(self, scenarios: Sequence[Expected], tag_totals: Mapping[str, int]) -> None:
        """Count the scenarios that were collected and selected; `tag_totals` are those there are."""
        self.items = scenarios
        self._sheets = {
            leg.name: Sheet(leg, tag_totals=tag_totals, against=self.hosts[leg.name].against) for leg in self._legs
        }
        for one in scenarios:
            self._expected[one.nodeid] = one
            self._sheets[one.profile].expect(one)
        self._check_gates()
        trials = sum(len(sheet.expected) * sheet.leg.settings.repeat for sheet in self._sheets.values())
        self.progress.begin(trials)

    def _check_gates(self) -> None:
        try:
            for sheet in self._sheets.values():
                sheet.check_gate()
        except LlmbenchError as problem:
            raise pytest.UsageError(str(problem)) from None

    def opened(self, ready: Ready) -> None:
        """Take note of a leg's server and run folder; say where things are."""
        if not any(sheet.ready for sheet in self._sheets.values()):
            self.last_run.begin()
        sheet = self._sheets[ready.leg]
        sheet.opened(ready)
        self.progress.go_on()
        trials, folder = len(sheet.expected) * sheet.leg.settings.repeat, self._console.short(ready.folder)
        name = f"{ready.leg}: " if ready.leg else ""
        self.say(f"{name}{plural(trials, 'trial')} of {ready.model}, {ready.limit} at a time, into {folder}")
        if ready.resume:
            for line in resuming(sheet.reader(), sheet.expected.values(), sheet.leg.settings.repeat):
                self.say(line)

    def confirm_last(self) -> None:
        """Ask the one server again before it is stopped; of several each is asked at its own end, which is awaited."""
        if len(self._sheets) == 1:
            self._confirm(*self._sheets)
            return
        for sheet in self._sheets.values():
            sheet.wait_for_end()

    def _confirm(self, name: str) -> None:
        prefix = f"{name}: " if name else ""
        self._sheets[name].confirm(self.hosts[name].asked_server, lambda line: self.say(f"{prefix}{line}"))

    def ended(self, name: str) -> None:
        """Ask a leg's server what is left to be asked, and take note that it is not needed any more."""
        try:
            self._confirm(name)
        finally:
            self._sheets[name].ended()
        self.progress.pause()

    def problem(self, name: str, error: TrialError) -> None:
        """Take note that a leg's server cannot be measured, and say why, once."""
        if name and isinstance(error, Cancelled):
            return  # the session ended before this server's turn: nothing is wrong with it
        sheet = self._sheets[name]
        sheet.problem(error)
        self.progress.drop(len(sheet.expected) * sheet.leg.settings.repeat)
        first, _, more = str(error).partition("\n")
        if name:  # its scenarios are errors, which show the whole of it
            self.say(f"{name}: {error.reason}: {first}{' (more below)' if more else ''}", red=True)
        else:
            self.say(f"{error.reason}: {error}", red=True)

    def announcement(self) -> list[str]:
        """Return the lines for the end of collection."""
        if not self._expected:
            return []
        packs = {one.facts.id for one in self._expected.values()}
        scenarios, total = plural(len(self._expected), "scenario"), plural(self.progress.total, "trial")
        legs = f" on {len(self._legs)} servers, one after the other" if len(self._legs) > 1 else ""
        line = f"llmbench: {total} ({scenarios} of {plural(len(packs), 'pack')}{legs})"
        took_s = self.last_run.seconds(self._expected, self._attempts)
        return [
            f"{line}; the last run of them took {duration(took_s)}" if took_s else line,
            *misspelt_variables(os.environ),
        ]

    def starting(self, nodeid: str) -> None:
        """Let pytest print file names for ordinary tests only, where progress lines stand for ours."""
        if self._console.terminal is not None and self._console.verbosity == 0:
            self._console.terminal.showfspath = nodeid not in self._expected

    def status(self, report: Any) -> tuple[str, str, str] | None:
        """Return an empty letter for what a progress line has told; the counts at the end stay."""
        ours = report.nodeid in self._expected and (report.failed or (report.passed and report.when == "call"))
        if self._console.verbosity != 0 or self._finished or not ours or hasattr(report, "wasxfail"):
            return None
        return ("error" if report.when == "setup" and report.failed else report.outcome), "", ""

    def count(self, report: pytest.TestReport) -> None:
        """Book what a report says."""
        results = [from_plain(Result, plain) for plain in getattr(report, "llmbench", {}).get("results", ())]
        for result in results:
            self._sheets[result.key.profile].book(result)
        expected = self._expected.get(report.nodeid)
        if report.failed:
            if results:
                self._echoes.shorten(report, results[0])
            self._failures += 1
            self._failed(report, expected, results)
        elif report.skipped and expected is not None:
            self._sheets[expected.profile].withdraw(expected)
        self.progress.flush()

    def _failed(self, report: pytest.TestReport, expected: Expected | None, results: Sequence[Result]) -> None:
        """Tell a scenario's own failure from those of ordinary tests, of hooks and of workers."""
        passed = bool(results) and results[0].verdict.outcome is Outcome.PASS
        if expected is None or passed or report.when == "teardown":
            self._ordinary_failures += 1
            return
        self._scenario_failures += 1
        if not results:
            self._sheets[expected.profile].crashed(expected, outside_fault(report))

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
        """Stop the servers, write the reports, settle the exit code."""
        self._finished = True
        self.progress.flush()
        early = self._early(session)
        self._host_down()
        status = int(session.exitstatus)
        if status == gate.FAILED and len(self._sheets) > 1 and self._scenario_failures:
            status = gate.COMPLETE  # it stems from some leg's scenarios, which each leg counts for itself
        end = SessionEnd(
            pytest_status=status,
            ordinary_failures=self._ordinary_failures,
            interrupted=self._stopped_by_user,
            stopped_early=early,
        )
        for sheet in self._sheets.values():
            sheet.finish(end)
        wanted = {name: sheet.exit for name, sheet in self._sheets.items() if sheet.is_wanted}
        exit_ = gate.combined(wanted or {name: sheet.exit for name, sheet in self._sheets.items()})
        self._remember_durations()
        exit_ = self._write(exit_)
        session.exitstatus = exit_.code
        self._exit_line = exit_.sentence

    def show(self, terminal: Any) -> None:
        """Print each leg's table, and all of them side by side."""
        for sheet in self._sheets.values():
            sheet.show(terminal)
        self._side_by_side.show(terminal)

    def last_line(self, session: pytest.Session) -> None:
        """Print the exit sentence as the very last line, but for what a CI job is told beside the log."""
        terminal = self._console.terminal
        if terminal is None or not self._exit_line:
            return
        terminal.write_line(self._exit_line, red=session.exitstatus != 0, green=session.exitstatus == 0)
        told = (sheet.measured for sheet in self._sheets.values() if sheet.is_wanted)
        self._console.print(self._github.last_lines([one for one in told if one is not None]))

    def close(self) -> None:
        """Stop the servers."""
        self._host_down()

    def summary_html(self) -> str:
        """Return the summaries for the top of the HTML report."""
        return "\n".join(html_block(sheet.so_far()) for sheet in self._sheets.values() if sheet.is_wanted)

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

    def _remember_durations(self) -> None:
        served = [sheet for sheet in self._sheets.values() if sheet.ready and sheet.ready.endpoint == SERVED]
        if served:
            readers: list[JournalReader] = [sheet.reader() for sheet in served]
            self.last_run.keep(readers, self._expected, self._attempts)

    def _write(self, exit_: gate.Exit) -> gate.Exit:
        """Write every leg's papers; where one cannot be written the others still are."""
        for sheet in self._sheets.values():
            try:
                sheet.write(exit_ if len(self._sheets) == 1 else sheet.exit, self._console.short)
            except (OSError, LlmbenchError) as error:
                sheet.unwritten(error)
                sheet.exit = exit_ = gate.UNWRITTEN
        if len(self._sheets) > 1:
            known = {name: sheet.summary for name, sheet in self._sheets.items() if sheet.is_wanted}
            summaries = {name: summary for name, summary in known.items() if summary is not None}
            self._side_by_side.write(summaries, self._console.short)
        return exit_
