"""Asks again what flipped against the baseline, before the server stops: a flaky scenario is told from a broken one.

The trials go to the server from the process that owns it, with a journal of their own in the run folder, so that no
count of the run can come near them. Their attempts have numbers after those of the run: where sampling has a seed,
each gets a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pytest_llmbench.against import TIMES
from pytest_llmbench.assemble import Bench, build_endpoint, build_kit, build_sandbox
from pytest_llmbench.contracts import Families
from pytest_llmbench.datasets import read_pack
from pytest_llmbench.errors import LlmbenchError
from pytest_llmbench.journal import Journal, JournalReader
from pytest_llmbench.lookup import find
from pytest_llmbench.pack_rules import facts_as_judged
from pytest_llmbench.plugin.demand import Wanted
from pytest_llmbench.plugin.legs import Leg
from pytest_llmbench.plugin.ready import Ready, plan_of
from pytest_llmbench.plugin.unrun import Known, trial_keys
from pytest_llmbench.pump import INFRA_LIMIT
from pytest_llmbench.records import Outcome, Purpose, Scenario, Trial
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.summary import plural
from pytest_llmbench.trial import Kit, run_trial

_LOOK_S = 0.2
"""Seconds until it is noticed that the session ends."""


class Placed(Known, Protocol):
    """A selected scenario, and where its pack is."""

    @property
    def pack_path(self) -> Path:
        """The pack's folder, or the foreign file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedServer:
    """Who is asked: a leg that is ready, `limit` trials at a time, until `stopped` says that the session ends."""

    leg: Leg
    ready: Ready
    families: Families
    limit: Callable[[], int]
    stopped: Callable[[], bool]


def all_heard(folder: RunFolder, wanted: Iterable[Wanted], *, after: int) -> bool:
    """Tell whether each of these has all its further verdicts; `after` is how often the run itself asked it."""
    reader = JournalReader(folder.confirm_dir)
    keys = (key for key in trial_keys(wanted, after + TIMES) if key.attempt > after)
    return all(map(reader.finished, keys))


def confirm(wanted: Sequence[Placed], asked: AskedServer, *, say: Callable[[str], None]) -> None:
    """Ask these scenarios again, `TIMES` times each; the answers are kept in the run folder.

    What was asked already is not asked once more. Raises `LlmbenchError` where nothing can be asked or kept.
    """
    after = asked.leg.settings.repeat
    if asked.stopped() or all_heard(RunFolder(path=asked.ready.folder), wanted, after=after):
        return
    what = "those that flipped and as many that did not"
    say(f"asking {plural(len(wanted), 'scenario')} again, {TIMES} times each ({what}), before the verdict")
    _run(list(_trials(wanted, asked.families, after=after)), asked, say)


def _trials(wanted: Sequence[Placed], families: Families, *, after: int) -> Iterator[Trial]:
    scenarios = _scenarios(wanted, families)
    for attempt in range(after + 1, after + TIMES + 1):
        for one in wanted:
            yield Trial(
                nodeid=one.nodeid,
                pack=one.facts,
                scenario=scenarios[one.pack_path, one.scenario_id],
                attempt=attempt,
                purpose=Purpose.CONFIRM,
                pack_path=one.pack_path,
                profile=one.profile,
            )


def _scenarios(wanted: Iterable[Placed], families: Families) -> dict[tuple[Path, str], Scenario]:
    """Return the scenarios, read from their packs once more: the process that owns the server may hold no items."""
    found: dict[tuple[Path, str], Scenario] = {}
    for path, ours in _by_pack(wanted).items():
        pack = read_pack(path)
        used = {name: find("verifier", name, families.verifiers) for name in {one.verifier for one in pack.scenarios}}
        if {one.facts.content_hash for one in ours} != {facts_as_judged(pack, used.values()).content_hash}:
            raise LlmbenchError(f"{path} was changed while its scenarios were asked")
        names = {one.scenario_id for one in ours}
        found |= {(path, scenario.id): scenario for scenario in pack.scenarios if scenario.id in names}
    return found


def _by_pack(wanted: Iterable[Placed]) -> dict[Path, list[Placed]]:
    found: dict[Path, list[Placed]] = {}
    for one in wanted:
        found.setdefault(one.pack_path, []).append(one)
    return found


def _run(trials: Sequence[Trial], asked: AskedServer, say: Callable[[str], None]) -> None:
    folder, settings = RunFolder(path=asked.ready.folder), asked.leg.settings
    with contextlib.ExitStack() as closing:
        journal = closing.enter_context(contextlib.closing(Journal(folder.confirm_dir, worker="confirm")))
        sandbox = closing.enter_context(contextlib.closing(build_sandbox(settings.sandbox)))
        judges = ThreadPoolExecutor(thread_name_prefix="llmbench-confirm")
        closing.callback(judges.shutdown, wait=False, cancel_futures=True)
        bench = Bench(
            families=asked.families,
            settings=settings,
            sandbox=sandbox,
            judges=judges,
            switch=asked.ready.switch,
            start_tps=asked.ready.start_tps,
            say=say,
        )
        endpoint = build_endpoint(asked.ready.endpoint, asked.families, plan_of(asked.ready, settings))
        kit = build_kit(endpoint, bench, model=asked.ready.model, recorder=journal)
        asyncio.run(_Asking(dataclasses.replace(kit, recall=JournalReader(folder.confirm_dir)), asked).all(trials))


class _Asking:
    """Keeps as many trials in flight as the server takes; stops with the session, and where there are only errors."""

    def __init__(self, kit: Kit, asked: AskedServer) -> None:
        self._kit = kit
        self._asked = asked
        self._in_flight = 0
        self._errors = 0

    async def all(self, trials: Sequence[Trial]) -> None:
        left, running = iter(trials), set[asyncio.Task[None]]()
        try:
            while not (self._asked.stopped() or self._errors >= INFRA_LIMIT):
                while self._in_flight < self._asked.limit() and (trial := next(left, None)) is not None:
                    self._in_flight += 1
                    running.add(asyncio.create_task(self._one(trial)))
                if not running:
                    break
                done, running = await asyncio.wait(running, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # what cannot be written down is not to be asked for
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await self._kit.endpoint.close()

    async def _one(self, trial: Trial) -> None:
        try:
            result = await run_trial(trial, self._kit, talked=lambda: None)
        finally:
            self._in_flight -= 1
        self._errors = self._errors + 1 if result.verdict.outcome is Outcome.ERROR else 0
