"""Runs trials in this process: a feeder, a pump and a shelf on one loop."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
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


class Posed(Protocol):
    """A scenario somebody waits for. `number` is the same in all processes of a session."""

    number: int

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
    """The results of one `run_trials` call, fetched scenario by scenario."""

    attempts: int
    fetch: Callable[[Key], Result]

    def results(self, number: int) -> list[Result]:
        """Wait for all attempts of the scenario with that number, first attempt first."""
        return [self.fetch((number, attempt)) for attempt in range(1, self.attempts + 1)]


class Crew(Protocol):
    """Whoever runs the trials of this process's items."""

    def run_trials(self, posed: Sequence[Posed], *, attempts: int, purpose: Purpose) -> Batch:
        """Start `attempts` trials of each scenario, as slots allow; the one way in for all trials."""
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
    )


class LocalCrew:
    """Runs all trials of a session without xdist workers."""

    def __init__(
        self,
        kit: Kit,
        *,
        limit: int,
        durations: Mapping[str, float],
        probe: Callable[[], Awaitable[None]],
        progress: Progress,
    ) -> None:
        self._kit = kit
        self._durations = durations
        self._progress = progress
        self._posed: dict[int, Posed] = {}
        self._shelf: Shelf[Result] = Shelf()
        self._loop = Loop("llmbench-pump")
        self._feeder = Feeder(limit=limit, launch=self._launch, probe=probe, broken=self._broken)
        self._pump = Pump(self._loop, run=self._run, talked=self._feeder.talked, done=self._done, fallen=self._fallen)

    def run_trials(self, posed: Sequence[Posed], *, attempts: int, purpose: Purpose = Purpose.ITEM) -> Batch:
        """Start the trials; see `Crew`."""
        self._posed.update((one.number, one) for one in posed)
        if purpose is Purpose.ITEM:
            order = order_jobs([job_of(one) for one in posed], self._durations)
            self._loop.call(self._feeder.plan, order, attempts)
        else:
            for one, attempt in itertools.product(posed, range(1, attempts + 1)):
                self._loop.submit(self._guest((one.number, attempt), purpose))
        return Batch(attempts=attempts, fetch=self._fetch)

    def stop(self) -> None:
        """Cancel what is in flight."""
        self._shelf.close(self._never(Cancelled("the run ended before this trial was finished")))
        self._loop.call(self._feeder.close)
        self._loop.stop(self._kit.endpoint.close())

    def _launch(self, key: Key) -> None:
        self._pump.launch(key)

    def _fetch(self, key: Key) -> Result:
        return self._shelf.take(key, self._progress.flush)

    async def _run(self, key: Key, told: Callable[[], None]) -> Result:
        return await run_trial(trial_of(self._posed[key[0]], key[1], Purpose.ITEM), self._kit, talked=told)

    def _fallen(self, key: Key, error: BaseException) -> Result:
        if isinstance(error, JournalError):
            self._broken(error)  # what is asked from now on would be lost
        return error_result(trial_of(self._posed[key[0]], key[1], Purpose.ITEM), as_trial_error(error))

    async def _guest(self, key: Key, purpose: Purpose) -> None:
        await self._feeder.slot()
        trial = trial_of(self._posed[key[0]], key[1], purpose)
        try:
            result = await run_trial(trial, self._kit, talked=lambda: None)
        except Exception as error:  # noqa: BLE001 - a test waits for this key
            result = self._fallen(key, error)
        finally:
            self._feeder.leave()
        self._shelf.put(key, result)

    def _done(self, key: Key, result: Result) -> None:
        self._feeder.done(key, result)
        self._progress.finished(result)
        self._shelf.put(key, compact(result))

    def _broken(self, error: Exception) -> None:
        self._feeder.close()
        self._shelf.close(self._never(as_trial_error(error)))

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
