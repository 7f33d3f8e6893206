"""Runs trials in this process: a feeder, a pump and a shelf on one loop."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from pytest_llmbench.errors import Cancelled, JournalError, TrialError, VerifierError
from pytest_llmbench.loop import Loop
from pytest_llmbench.ordering import PREFIX_CHARACTERS, Job, order_jobs
from pytest_llmbench.plugin.progress import Progress
from pytest_llmbench.pump import Feeder, Key, Pump, Shelf
from pytest_llmbench.records import PackFacts, Purpose, Result, Scenario, Trial
from pytest_llmbench.trial import Kit, error_result, run_trial

FIRST_GUEST = 1 << 40
"""Numbers from here on are questions of hand-written tests, which exist in one process only."""

_LEAVE_S = 2.0
"""Seconds for closing the connections to a server that is about to be stopped."""


class Posed(Protocol):
    """A scenario somebody waits for. `number` is the same in all processes of a session.

    `profile` names the leg it belongs to, "" where only one server is measured.
    """

    number: int
    profile: str

    @property
    def nodeid(self) -> str:
        """The test item's node id."""

    @property
    def facts(self) -> PackFacts:
        """The pack."""

    @property
    def pack_path(self) -> Path:
        """The pack's folder."""

    @property
    def scenario(self) -> Scenario:
        """The scenario."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The results of scenarios that are run, fetched scenario by scenario."""

    fetch: Callable[[Key], Result]

    def results(self, number: int, attempts: int) -> list[Result]:
        """Wait for all attempts of the scenario with that number, first attempt first."""
        return [self.fetch((number, attempt)) for attempt in range(1, attempts + 1)]


class Crew(Protocol):
    """Whoever runs the trials of this process's items."""

    def expect(self, posed: Sequence[Posed]) -> Batch:
        """Have these trials run once their server is there; the tour, or the controller, says when."""
        ...

    def run_trials(self, posed: Sequence[Posed], *, attempts: int, purpose: Purpose) -> Batch:
        """Start `attempts` trials of each scenario beside those, as slots allow."""
        ...

    def stop(self) -> None:
        """Cancel what is in flight, within a second, and let nobody wait any longer."""
        ...


def job_of(posed: Posed) -> Job:
    """Return what the feeder must know of a scenario."""
    scenario = posed.scenario
    return Job(posed.number, posed.nodeid, scenario.max_tokens, _prefix(scenario))


def _prefix(scenario: Scenario) -> str:
    """Hash what comes before the user's words in the prompt, where it is long enough to be worth caching."""
    system = [message.content for message in scenario.messages if message.role == "system"]
    tools = [f"{tool.name}{tool.description}{tool.parameters}" for tool in scenario.tools]
    text = "\n".join([*system, *tools])
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:12] if len(text) >= PREFIX_CHARACTERS else ""


def trial_of(posed: Posed, attempt: int, purpose: Purpose) -> Trial:
    """Return the trial of one attempt."""
    return Trial(
        nodeid=posed.nodeid,
        pack=posed.facts,
        scenario=posed.scenario,
        attempt=attempt,
        purpose=purpose,
        pack_path=posed.pack_path,
        profile=posed.profile,
    )


@dataclass(frozen=True, slots=True)
class _Stand:
    """What one server's trials are run with."""

    kit: Kit
    feeder: Feeder


class LocalCrew:
    """Runs all trials of a session without xdist workers: a pump and a shelf for all servers, a feeder for each."""

    def __init__(self, *, durations: Mapping[str, float], progress: Progress) -> None:
        self._durations = durations
        self._progress = progress
        self._posed: dict[int, Posed] = {}
        self._stands: dict[str, _Stand] = {}
        self._over: dict[str, TrialError] = {}
        self._shelf: Shelf[Result] = Shelf(self._overtaken)
        self._loop = Loop("llmbench-pump")
        self._pump = Pump(self._loop, run=self._run, talked=self._talked, done=self._done, fallen=self._fallen)

    def serve(
        self,
        name: str,
        kit: Kit,
        *,
        limit: int,
        probe: Callable[[], Awaitable[None]],
        idle: Callable[[], None] = lambda: None,
    ) -> Feeder:
        """Have the trials of leg `name` run with `kit`; `idle` is told whenever nothing needs the server."""
        broken = partial(self._broken, name)
        feeder = Feeder(limit=limit, launch=self._pump.launch, probe=probe, broken=broken, idle=idle)
        self._stands[name] = _Stand(kit, feeder)
        return feeder

    def resize(self, name: str, limit: int) -> None:
        """Change how many trials of a leg may be in flight; from any thread."""
        self._loop.call(self._stands[name].feeder.resize, limit)

    def is_judging(self, name: str) -> bool:
        """Tell whether a leg has trials that were begun and have no result yet."""
        stand = self._stands.get(name)
        return stand is not None and bool(stand.feeder.begun) and name not in self._over

    def expect(self, posed: Sequence[Posed]) -> Batch:
        """Take note of the items that will come; see `Crew`."""
        self._posed.update((one.number, one) for one in posed)
        return Batch(fetch=self._fetch)

    def plan(self, name: str, posed: Sequence[Posed], attempts: int) -> None:
        """Start the trials of the items of a leg that is served."""
        order = order_jobs([job_of(one) for one in posed], self._durations)
        self._loop.call(self._stands[name].feeder.plan, order, attempts)

    def refuse(self, name: str, error: TrialError) -> None:
        """Let nobody wait for the trials of a leg, but for those that are under way."""
        self._over.setdefault(name, error)
        self._shelf.wake()

    def leave(self, name: str) -> None:
        """Ask nothing more of a leg's server: the tour goes on."""
        self.refuse(name, Cancelled(f"the server of profile {name} has been stopped: run it alone to ask again"))
        if name in self._stands:
            with contextlib.suppress(RuntimeError, TimeoutError, CancelledError):  # the session may be ending
                self._loop.submit(self._leave(self._stands[name])).result(_LEAVE_S)

    def run_trials(self, posed: Sequence[Posed], *, attempts: int, purpose: Purpose = Purpose.ITEM) -> Batch:
        """Start further trials; see `Crew`."""
        self._posed.update((one.number, one) for one in posed)
        for one, attempt in itertools.product(posed, range(1, attempts + 1)):
            key = (one.number, attempt)
            if purpose is Purpose.ITEM:
                self._loop.call(self._again, key)
            else:
                self._loop.submit(self._guest(key, purpose))
        return Batch(fetch=self._fetch)

    def stop(self) -> None:
        """Cancel what is in flight."""
        self._shelf.close(self._never(Cancelled("the run ended before this trial was finished")))
        for stand in self._stands.values():
            self._loop.call(stand.feeder.close)
        self._loop.stop(self._farewell())

    def _fetch(self, key: Key) -> Result:
        return self._shelf.take(key, self._progress.flush)

    def _stand_of(self, key: Key) -> _Stand:
        return self._stands[self._posed[key[0]].profile]

    async def _run(self, key: Key, told: Callable[[], None]) -> Result:
        kit = self._stand_of(key).kit
        return await run_trial(trial_of(self._posed[key[0]], key[1], Purpose.ITEM), kit, talked=told)

    def _talked(self, key: Key) -> None:
        self._stand_of(key).feeder.talked(key)

    def _fallen(self, key: Key, error: BaseException) -> Result:
        if isinstance(error, JournalError):
            self._broken(self._posed[key[0]].profile, error)  # what is asked from now on would be lost
        return error_result(trial_of(self._posed[key[0]], key[1], Purpose.ITEM), as_trial_error(error))

    def _again(self, key: Key) -> None:
        if self._posed[key[0]].profile not in self._over:
            self._stand_of(key).feeder.again(key)

    async def _guest(self, key: Key, purpose: Purpose) -> None:
        stand = self._stand_of(key)
        await stand.feeder.slot()
        trial = trial_of(self._posed[key[0]], key[1], purpose)
        try:
            result = await run_trial(trial, stand.kit, talked=lambda: None)
        except Exception as error:  # noqa: BLE001 - a test waits for this key
            result = self._fallen(key, error)
        finally:
            stand.feeder.leave()
        self._shelf.put(key, result)

    def _done(self, key: Key, result: Result) -> None:
        self._progress.finished(result)
        self._shelf.put(key, compact(result))  # before it counts as done: what is neither has been overtaken
        self._stand_of(key).feeder.done(key, result)

    def _broken(self, name: str, error: Exception) -> None:
        self._stands[name].feeder.close()
        self.refuse(name, as_trial_error(error))

    def _overtaken(self, key: Key) -> Result | None:
        """Return the result of a trial whose leg is over and that is not under way."""
        name = self._posed[key[0]].profile
        error, stand = self._over.get(name), self._stands.get(name)
        if error is None or (stand is not None and key in stand.feeder.begun):
            return None
        return self._never(error)(key)

    async def _leave(self, stand: _Stand) -> None:
        stand.feeder.close()
        await stand.kit.endpoint.close()

    async def _farewell(self) -> None:
        for stand in self._stands.values():
            await stand.kit.endpoint.close()

    def _never(self, error: TrialError) -> Callable[[Key], Result]:
        return lambda key: error_result(trial_of(self._posed[key[0]], key[1], Purpose.ITEM), error)


def compact(result: Result) -> Result:
    """Return a later attempt without its texts: only the first one is shown, the journal has them all."""
    if result.key.attempt == 1:
        return result
    values = {name: getattr(result, name) for name in result.__slots__}
    return Result(**{**values, "prompt": "", "answer": ""})


def as_trial_error(error: BaseException) -> TrialError:
    """Return `error`, wrapped where it is no `TrialError` yet."""
    if isinstance(error, TrialError):
        return error
    if isinstance(error, JournalError):
        return Cancelled(str(error))
    return VerifierError(f"{type(error).__name__}: {error}")
