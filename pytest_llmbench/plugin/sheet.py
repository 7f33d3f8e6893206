"""One leg's counts and papers: what was expected of a server, what came of it, what is written down."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from pytest_llmbench import gate, manifest, telemetry
from pytest_llmbench.against import Against, Held
from pytest_llmbench.assemble import SERVED
from pytest_llmbench.errors import Cancelled, LlmbenchError, TrialError
from pytest_llmbench.journal import JournalReader
from pytest_llmbench.plugin.confirming import AskedServer, Placed
from pytest_llmbench.plugin.holding import Holding
from pytest_llmbench.plugin.legs import Leg
from pytest_llmbench.plugin.papers import quality_notes, why_not_canonical
from pytest_llmbench.plugin.unrun import Unrun, never_asked
from pytest_llmbench.records import Result
from pytest_llmbench.reports.measured import Measured
from pytest_llmbench.reports.papers import write_papers
from pytest_llmbench.reports.quality_line import quality_line
from pytest_llmbench.reports.terminal import breakdown_lines, table_lines
from pytest_llmbench.resources import Resources
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.saved_summary import begun_at
from pytest_llmbench.summary import RunFacts, Summary
from pytest_llmbench.tally import Tally
from pytest_llmbench.telemetry.figures import Figures
from pytest_llmbench.telemetry.summing_up import summarise
from pytest_llmbench.web import is_loopback

if TYPE_CHECKING:
    from pytest_llmbench.plugin.ready import Ready


class Expected(Placed, Protocol):
    """A scenario the desk waits for: an item, or what a worker said of one."""

    @property
    def own_tags(self) -> tuple[str, ...]:
        """The scenario's tags beside its pack's."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnd:
    """How the whole session ended. `pytest_status` is pytest's own exit code."""

    pytest_status: int = 0
    ordinary_failures: int = 0
    interrupted: bool = False
    stopped_early: str = ""


class Sheet:
    """Fills as results come; `finish` closes it."""

    def __init__(self, leg: Leg, *, tag_totals: Mapping[str, int], against: Against | None = None) -> None:
        self.leg = leg
        self._gate = gate.check_gate(leg.settings.gate)
        self._held: Held | None = None
        self.expected: dict[str, Expected] = {}
        self._holding = Holding(leg, against, self.expected)
        self.ready: Ready | None = None
        self.summary: Summary | None = None
        self.exit = gate.Exit(code=0, sentence="")
        self._tag_totals = tag_totals
        self._tally = Tally()
        self._figures = Figures()
        self._unrun = Unrun()
        self._crashed: list[Expected] = []
        self._problem: TrialError | None = None
        self._verdict: gate.GateVerdict | None = None
        self._written: list[str] = []
        self._started_at = time.time()
        self._slots: int | None = None
        self._ended_at: float | None = None

    @property
    def folder(self) -> RunFolder | None:
        """The run folder, None where there is none."""
        return RunFolder(path=self.ready.folder) if self.ready is not None else None

    @property
    def is_wanted(self) -> bool:
        """Whether anything was to be asked of this server."""
        return bool(self.expected) or self.ready is not None

    def expect(self, one: Expected) -> None:
        """Count a scenario that was collected and selected."""
        self.expected[one.nodeid] = one
        self._tally.expect(one.facts, one.scenario_id, one.nodeid, one.own_tags)

    def check_gate(self) -> None:
        """Raise `UsageProblem` for a gate or a baseline of what is not asked; to be called when all are expected."""
        gate.check_gate_packs(self._gate, self.so_far())
        self._holding.check()

    def opened(self, ready: Ready) -> None:
        """Take note of the server and the run folder."""
        self.ready = ready
        folder = RunFolder(path=ready.folder)
        said = manifest.read(folder)
        self._started_at = begun_at(said) or time.time()
        # the server of a finished run is not started, and cannot be asked
        self._slots = ready.slots if ready.slots is not None else said.get("server", {}).get("slots")
        self._unrun.open(folder)

    def confirm(self, asked: Callable[[Ready], AskedServer], say: Callable[[str], None]) -> None:
        """Ask again what flipped against the baseline."""
        if self.ready is not None:
            self._holding.confirm(self.ready, asked, say)

    def ended(self) -> None:
        """Take note that the server is not needed any more."""
        self._ended_at = time.time()
        self._holding.ended()

    def wait_for_end(self) -> None:
        """Wait until all was asked again that is to be."""
        if self.ready is not None:
            self._holding.wait_for_end()

    def problem(self, error: TrialError) -> None:
        """Take note that the server cannot be measured."""
        self._problem = error
        for one in self.expected.values():
            self._tally.add(never_asked(one, error))

    def book(self, result: Result) -> None:
        """Count a result."""
        self._figures.add(result)
        self._tally.add(result)
        self._holding.book(result)
        self._unrun.keep(result)

    def withdraw(self, one: Expected) -> None:
        """Take back a scenario that was skipped."""
        self._tally.withdraw(one.facts, one.scenario_id)
        self._holding.withdraw(one)

    def crashed(self, one: Expected, error: TrialError) -> None:
        """Count a scenario whose item failed without a result."""
        result = never_asked(one, error)
        self._crashed.append(one)
        self._tally.add(result)
        self._unrun.keep_crashed(result)

    def finish(self, end: SessionEnd) -> None:
        """Count what is missing and settle how this leg's run ends."""
        self._unrun.close()
        for one in self._crashed if end.interrupted else ():  # what the user's Ctrl-C ended has not crashed
            self._tally.add(never_asked(one, Cancelled("the run was interrupted")))
        self._count_unreported(end)
        self._held = self._holding.held(self.folder) if self.folder is not None else None
        facts = dataclasses.replace(self._run_facts(end), resources=self._resources())
        self.summary = self._tally.summary(facts)
        self._verdict = self._judged(self.summary)
        said = {name: getattr(self._verdict, name) for name in ("name", "passed", "sentence", "lines")}
        self.summary = dataclasses.replace(self.summary, run=dataclasses.replace(facts, gate=said))
        self.exit = gate.exit_code(
            self.summary,
            self._verdict,
            pytest_status=end.pytest_status,
            ordinary_failures=end.ordinary_failures,
            strict_thinking=self.leg.settings.strict_thinking,
        )

    def _judged(self, summary: Summary) -> gate.GateVerdict:
        """Return what the gates say, of which the baseline is one."""
        return gate.decide(summary, self._gate, baseline=self._held.verdict if self._held is not None else None)

    def write(self, exit_: gate.Exit, short: Callable[[Path], str]) -> None:
        """Write the papers; raises OSError and `LlmbenchError`."""
        folder, summary = self.folder, self.summary
        if folder is None or summary is None:
            return
        finished_at = datetime.fromtimestamp(summary.run.finished_at, UTC).isoformat(timespec="milliseconds")
        manifest.update(folder, finished_at=finished_at, exit_code=exit_.code, exit_sentence=exit_.sentence)
        paths = write_papers(folder, summary, manifest.read(folder), self.reader())
        self._written = ["Written:", *(f"  {short(path)}" for path in paths)]
        self._written += quality_notes(self.leg.settings.write_quality, summary, short)

    def unwritten(self, error: OSError | LlmbenchError) -> None:
        """Take note that the papers could not be written."""
        self._written = [f"The reports could not be written: {error}"]

    def reader(self) -> JournalReader:
        """Return the journal of this run."""
        assert self.ready is not None  # noqa: S101 - asked for only where there is a folder
        return JournalReader(RunFolder(path=self.ready.folder).journal_dir)

    def show(self, terminal: Any) -> None:
        """Print the table, the failures and the Quality line."""
        if self.summary is None or self.ready is None:
            return
        name = f"{self.leg.name}: {self.ready.model}" if self.leg.name else self.ready.model
        terminal.write_sep("=", f"llmbench: {name}")
        told = [table_lines(self.summary), breakdown_lines(self.summary), self._gate_lines()]
        for block in filter(None, [*told, [quality_line(self.summary)], self._written]):
            for line in block:
                terminal.write_line(line)
            terminal.write_line("")

    @property
    def measured(self) -> Measured | None:
        """What a CI job is told of this leg; None before `finish`."""
        if self.summary is None or self._verdict is None:
            return None
        comparison = self._held.comparison if self._held is not None else None
        return Measured(summary=self.summary, verdict=self._verdict, exit_=self.exit, comparison=comparison)

    def so_far(self) -> Summary:
        """Return what is known before the end."""
        return self.summary or self._tally.summary(self._run_facts(SessionEnd()))

    def _gate_lines(self) -> list[str]:
        said = self._verdict
        if said is None or not said.name:
            return []
        return [f"Gate {said.name}: {said.sentence}", *(f"- {line}" for line in said.lines)]

    def _count_unreported(self, end: SessionEnd) -> None:
        """Book trials that were finished when the run was stopped, before their items could report them."""
        if self.ready is None or not self._tally.summary(self._run_facts(end)).total.not_run:
            return
        reader = self.reader()
        wanted = {(one.facts.id, one.facts.content_hash, one.scenario_id): one for one in self.expected.values()}
        for key in reader.keys():  # noqa: SIM118 - a journal is no dict
            one = wanted.get((key.pack, key.pack_hash, key.scenario))
            result = reader.result(key) if one is not None and key.attempt <= self.leg.settings.repeat else None
            if one is not None and result is not None:
                self._tally.add(dataclasses.replace(result, nodeid=one.nodeid, pack=one.facts))
                self._figures.add(result)

    def _resources(self) -> Resources | None:
        ready = self.ready
        if ready is None or ready.endpoint != SERVED:
            return None
        path = ready.folder / telemetry.FILENAME
        is_here = ready.engine != "external" or is_loopback(urlsplit(ready.base_url).hostname or "")
        return summarise(path, self._figures, slots=self._slots, local=is_here)

    def _problem_words(self, end: SessionEnd) -> str:
        """Say why the run cannot be judged; what was stopped on purpose needs no other reason."""
        if self._problem is not None:
            return f"the server could not be measured ({self._problem.reason})"
        return "" if end.interrupted or end.stopped_early else self._holding.problem(self._held)

    def _run_facts(self, end: SessionEnd) -> RunFacts:
        ready, settings = self.ready, self.leg.settings
        note = why_not_canonical(settings, ready.sampling_defaults if ready else {})
        return RunFacts(
            model=ready.model if ready else "",
            profile=self.leg.title,
            url=ready.url if ready else "",
            endpoint=ready.endpoint if ready else "",
            engine=ready.engine if ready else "",
            concurrency=ready.limit if ready else None,
            canonical=not note,
            note=note,
            started_at=self._started_at,
            finished_at=self._ended_at or time.time(),
            resumed_from=str(ready.folder) if ready and ready.resume else "",
            run_dir=str(ready.folder) if ready else "",
            interrupted=end.interrupted,
            stopped_early=end.stopped_early,
            problem=self._problem_words(end),
            about=ready.about if ready else {},
            thinking_switch=ready.switch.key if ready else "",
            baseline=self._held.plain() if self._held is not None else {},
            tag_totals=self._tag_totals,
        )
