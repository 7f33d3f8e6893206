"""ONE scenario, ONE attempt: hold the dialogue, judge the exchange, return a `Result`.

The trial owns the deadline: it starts when the trial is started, which is when a slot was taken.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Protocol

from pytest_llmbench.contracts import Dialogue, Endpoint, Progress, Verifier
from pytest_llmbench.errors import JournalError, ServerError, TrialError, VerifierError
from pytest_llmbench.lookup import find
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
    printable,
)
from pytest_llmbench.sampling import deadline_for, request_for
from pytest_llmbench.settings import Settings
from pytest_llmbench.verdicts import EXCERPT, brief, cut_short, error_verdict, exhausted, judged


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
    """What trials of one process work with."""

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
    result = _result(trial, talk, verdict, started_at=started_at, latency_s=latency_s)
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
        task_id=_task_id(trial),
    )


def _task_id(trial: Trial) -> str:
    return trial.scenario.task.task_id if trial.scenario.task is not None else ""


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
    return _without_artefacts(replace(earlier, nodeid=trial.nodeid, pack=trial.pack, resumed=True))


async def _converse(trial: Trial, kit: Kit, talk: _Talk) -> Exchange | Verdict:
    limit_s = deadline_for(trial.scenario, kit.settings)
    dialogue = find("dialogue", trial.scenario.dialogue, kit.dialogues)
    try:
        async with asyncio.timeout(limit_s):
            ending = await dialogue.hold(trial.scenario, talk)
    except TimeoutError:
        return _timeout_verdict(talk, limit_s)
    except TrialError as error:
        return error_verdict(error)
    except (JournalError, asyncio.CancelledError):
        raise
    except BaseException as error:  # noqa: BLE001 - a dialogue or endpoint of a third party may raise anything, exits included
        return error_verdict(VerifierError(f"dialogue {dialogue.name} raised {brief(error)}"))
    return (
        cut_short(talk.turns) or exhausted(ending, trial.scenario) or Exchange(turns=tuple(talk.turns), ending=ending)
    )


def _timeout_verdict(talk: _Talk, limit_s: float) -> Verdict:
    if not talk.flowing:
        detail = f"nothing of answer {len(talk.turns) + 1} came before the deadline of {limit_s:g} s"
        return Verdict(outcome=Outcome.ERROR, reason=Reason.SERVER_ERROR, detail=detail)
    detail = f"still answering after {limit_s:g} s ({len(talk.turns)} finished turns)"
    return Verdict(outcome=Outcome.FAIL, reason=Reason.TIMEOUT, detail=detail)


async def _judge(trial: Trial, kit: Kit, exchange: Exchange) -> Verdict:
    verifier = find("verifier", trial.scenario.verifier, kit.verifiers)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(kit.judges, judged, verifier, trial.scenario, exchange)


def _result(trial: Trial, talk: _Talk, verdict: Verdict, *, started_at: float, latency_s: float) -> Result:
    responses = [turn.response for turn in talk.turns]
    first = responses[0].timing.first_token_s if responses else None
    return Result(
        key=trial.key,
        nodeid=trial.nodeid,
        title=trial.scenario.title,
        purpose=trial.purpose,
        pack=trial.pack,
        verdict=verdict,
        started_at=started_at,
        latency_s=latency_s if not talk.replayed else _recalled_latency(responses),
        first_token_s=first,
        decode_tps=_decode_tps(responses),
        prompt_tokens=_total(response.usage.prompt_tokens for response in responses),
        completion_tokens=_total(response.usage.completion_tokens for response in responses),
        cached_tokens=_total(response.usage.cached_tokens for response in responses),
        turns=len(responses),
        retries=sum(response.retries for response in responses),
        finish_reason=responses[-1].finish_reason if responses else "",
        thought=any(response.reasoning for response in responses),
        prompt=_prompt_excerpt(trial),
        answer=_answer_excerpt(responses),
        task_id=_task_id(trial),
    )


def _recalled_latency(responses: Sequence[Response]) -> float | None:
    return sum(response.timing.total_s for response in responses) if responses else None


def _decode_tps(responses: Sequence[Response]) -> float | None:
    """Tokens-weighted mean over the turns that have a rate, so that a one-word turn hardly counts."""
    rated = [
        (response.timing.decode_tps, response.usage.completion_tokens or 1)
        for response in responses
        if response.timing.decode_tps
    ]
    seconds = sum(tokens / rate for rate, tokens in rated)
    return sum(tokens for _, tokens in rated) / seconds if seconds else None


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _prompt_excerpt(trial: Trial) -> str:
    texts = [message.content for message in trial.scenario.messages if message.role == "user"]
    text = "\n".join([*texts, *trial.scenario.followups])
    return printable(text if len(text) <= EXCERPT else f"... {text[-EXCERPT:]}", None)


def _answer_excerpt(responses: Sequence[Response]) -> str:
    parts: list[str] = []
    for response in responses:
        parts.extend(f"{call.name}({call.arguments[:EXCERPT]})" for call in response.tool_calls)
        if response.content:
            parts.append(response.content[: EXCERPT + 1])
    return printable("\n".join(parts), EXCERPT)
