"""ONE scenario, ONE attempt: hold the dialogue, judge the exchange, return a `Result`.

The trial owns the deadline: it starts when the trial is started, which is when a slot was taken.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Protocol

from pytest_llmbench.contracts import Dialogue, Endpoint, Progress, Verifier
from pytest_llmbench.errors import JournalError, ServerError, TrialError, VerifierError
from pytest_llmbench.lookup import find
from pytest_llmbench.pace import Deadline, Pace
from pytest_llmbench.records import (
    Exchange,
    Message,
    Outcome,
    Purpose,
    Reason,
    Response,
    Result,
    Trial,
    TrialKey,
    Turn,
    Verdict,
)
from pytest_llmbench.sampling import arm_of, request_for
from pytest_llmbench.settings import Settings
from pytest_llmbench.talk_figures import result_of, task_id_of
from pytest_llmbench.thinking_switch import UNKNOWN, ThinkingSwitch
from pytest_llmbench.verdicts import brief, cut_short, error_verdict, exhausted, judged


class Recorder(Protocol):
    """Where turns and results are written as they come (the journal)."""

    def turn(self, trial: Trial, number: int, turn: Turn) -> None:
        """Keep one finished turn."""

    def result(self, result: Result) -> None:
        """Keep one judged trial."""


class Recall(Protocol):
    """What an earlier process already heard (the journal, on resume)."""

    def turn(self, key: TrialKey, number: int) -> tuple[str, Response] | None:
        """Return the request's fingerprint and the response of that turn, or None."""

    def result(self, key: TrialKey) -> Result | None:
        """Return the result of that trial, or None."""


Proof = Callable[[Trial], Awaitable[TrialError | None]]
"""Says why no verdict on this trial could be believed, or None."""


async def _taken_at_its_word(_trial: Trial) -> None:
    """Nothing is known against it."""


Fill = Callable[[Trial], Awaitable[Trial]]
"""Returns a trial with all that it is asked and judged by, read from its data set where it is made from one.

Raises a `TrialError` where that cannot be had; then nothing is asked."""


async def _as_it_is(trial: Trial) -> Trial:
    """Nothing is missing."""
    return trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What the trials of one process work with, at one server: `switch` is how it is asked to think or not."""

    endpoint: Endpoint
    dialogues: Mapping[str, Dialogue]
    verifiers: Mapping[str, Verifier]
    settings: Settings
    model: str
    recorder: Recorder
    judges: Executor
    recall: Recall | None = None
    proof: Proof = _taken_at_its_word
    fill: Fill = _as_it_is
    pace: Pace = field(default_factory=Pace)
    switch: ThinkingSwitch = UNKNOWN


async def run_trial(trial: Trial, kit: Kit, *, talked: Callable[[], None]) -> Result:
    """Run `trial` and return its result; `talked` is called as soon as the server is not needed any more.

    Raises `JournalError` where the answers cannot be written down; else nothing but cancellation
    gets out: whatever goes wrong is an ERROR result.
    """
    settled = await _refused(trial, kit) or _finished_before(trial, kit)
    if settled is not None:
        talked()
        return settled
    try:
        trial = await kit.fill(trial)
    except TrialError as error:
        talked()
        return error_result(trial, error)
    talk = _Talk(trial, kit)
    started_at, clock = time.time(), time.monotonic()
    try:
        found = await _converse(trial, kit, talk)
        latency_s = time.monotonic() - clock
    finally:
        talked()
    verdict = found if isinstance(found, Verdict) else await _judge(trial, kit, found)
    measured_s = None if talk.replayed else latency_s
    result = result_of(trial, talk.turns, verdict=verdict, started_at=started_at, latency_s=measured_s)
    result = replace(result, thinking=arm_of(trial.scenario, kit.settings, kit.switch))
    kit.recorder.result(result)
    return _without_artefacts(result)


def _without_artefacts(result: Result) -> Result:
    """The journal has them; beside 100,000 results in memory they would be gigabytes."""
    return replace(result, verdict=replace(result.verdict, artefacts={})) if result.verdict.artefacts else result


def error_result(trial: Trial, error: TrialError) -> Result:
    """Return the ERROR result of a trial that never ran."""
    return Result(
        key=trial.key,
        nodeid=trial.nodeid,
        title=trial.scenario.title,
        purpose=trial.purpose,
        verdict=error_verdict(error),
        pack=trial.pack,
        task_id=task_id_of(trial),
    )


class _Talk:
    """The dialogue's voice: makes requests, keeps turns, replays those an earlier process heard."""

    def __init__(self, trial: Trial, kit: Kit) -> None:
        self._trial = trial
        self._kit = kit
        self.turns: list[Turn] = []
        self.progress = Progress()
        self.replayed = 0
        self._asked_at = time.monotonic()

    @property
    def flowing(self) -> bool:
        """Whether the model was still talking when the deadline came.

        An answer that is not streamed shows nothing before its end. It is taken to be under way while
        it has waited no longer than twice the longest of the answers before it.
        """
        if self.progress.characters > 0:
            return True
        longest_s = max((turn.response.timing.total_s for turn in self.turns), default=0.0)
        return not self.progress.streamed and time.monotonic() - self._asked_at <= 2 * longest_s

    async def say(self, messages: Sequence[Message]) -> Response:
        """Send the conversation, or take the answer from the journal if it was given before."""
        number = len(self.turns)
        request = request_for(
            self._trial.scenario,
            self._kit.settings,
            model=self._kit.model,
            attempt=self._trial.attempt,
            messages=messages,
            switch=self._kit.switch,
        )
        recalled = self._kit.recall.turn(self._trial.key, number) if self._kit.recall else None
        if recalled is not None and recalled[0] == request.fingerprint():
            self.replayed += 1
            self.turns.append(Turn(request=request, response=recalled[1]))
            return recalled[1]
        self.progress = Progress()
        self._asked_at = time.monotonic()
        response = await self._kit.endpoint.ask(request, trial=self._trial, turn=number, progress=self.progress)
        if not isinstance(response, Response):
            raise ServerError(f"the endpoint returned {type(response).__name__} in place of a Response")
        self._kit.pace.note(response.timing, response.usage)
        turn = Turn(request=request, response=response)
        self._kit.recorder.turn(self._trial, number, turn)
        self.turns.append(turn)
        return response


def _finished_before(trial: Trial, kit: Kit) -> Result | None:
    if kit.recall is None or trial.purpose is Purpose.FIXTURE:
        return None  # the test that asked wants the answer itself, which its turn holds
    earlier = kit.recall.result(trial.key)
    if earlier is None or earlier.verdict.outcome is Outcome.ERROR:
        return None
    return _relabelled(earlier, trial)


async def _refused(trial: Trial, kit: Kit) -> Result | None:
    """Ask nothing for a pack whose own recorded answers are judged wrongly."""
    error = await kit.proof(trial)
    return error_result(trial, error) if error is not None else None


def _relabelled(earlier: Result, trial: Trial) -> Result:
    return _without_artefacts(replace(earlier, key=trial.key, nodeid=trial.nodeid, pack=trial.pack, resumed=True))


async def _converse(trial: Trial, kit: Kit, talk: _Talk) -> Exchange | Verdict:
    limit = kit.pace.limit_for(trial.scenario, kit.settings, kit.switch)
    dialogue = find("dialogue", trial.scenario.dialogue, kit.dialogues)
    try:
        async with asyncio.timeout(limit.seconds):
            ending = await dialogue.hold(trial.scenario, talk)
    except TimeoutError:
        return _timeout_verdict(talk, limit)
    except TrialError as error:
        return error_verdict(error)
    except (JournalError, asyncio.CancelledError):
        raise
    except BaseException as error:  # noqa: BLE001 - a dialogue or endpoint of a third party may raise anything, exits included
        return error_verdict(VerifierError(f"dialogue {dialogue.name} raised {brief(error)}"))
    return (
        cut_short(talk.turns) or exhausted(ending, trial.scenario) or Exchange(turns=tuple(talk.turns), ending=ending)
    )


def _timeout_verdict(talk: _Talk, limit: Deadline) -> Verdict:
    after = f"{round(limit.seconds, 2):g} s (limit: {limit.source})"
    if not talk.flowing:
        detail = f"nothing of answer {len(talk.turns) + 1} came before the deadline of {after}"
        return Verdict(outcome=Outcome.ERROR, reason=Reason.SERVER_ERROR, detail=detail)
    detail = f"still answering after {after}, {len(talk.turns)} finished turns"
    return Verdict(outcome=Outcome.FAIL, reason=Reason.TIMEOUT, detail=detail)


async def _judge(trial: Trial, kit: Kit, exchange: Exchange) -> Verdict:
    verifier = find("verifier", trial.scenario.verifier, kit.verifiers)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(kit.judges, judged, verifier, trial.scenario, exchange)
