"""One scenario, one attempt: what becomes of slow, cut-off, broken and hostile answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from pytest_llmbench import errors
from pytest_llmbench.contracts import Problem, Progress
from pytest_llmbench.dialogues import DIALOGUES
from pytest_llmbench.pace import REFERENCE_TPS, Pace
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import (
    Exchange,
    Message,
    Outcome,
    PackFacts,
    Reason,
    Request,
    Response,
    Result,
    Scenario,
    ServerFacts,
    Timing,
    Tool,
    ToolCall,
    Trial,
    TrialKey,
    Turn,
    Usage,
    Verdict,
)
from pytest_llmbench.settings import Settings
from pytest_llmbench.thinking_switch import ThinkingSwitch
from pytest_llmbench.trial import Kit, error_result, run_trial

SCENARIO = Scenario(
    id="S-1",
    title="one",
    messages=(Message(role="user", content="2 + 2?"),),
    dialogue="single_turn",
    verifier="four",
    timeout_s=0.2,
)
TRIAL = Trial(
    nodeid="pack.yaml::S-1",
    pack=PackFacts(id="p", title="P", version="1", content_hash="h", size=1),
    scenario=SCENARIO,
)
FOUR = Response(
    content="4",
    finish_reason="stop",
    usage=Usage(prompt_tokens=5, completion_tokens=1),
    timing=Timing(total_s=0.5, first_token_s=0.1, decode_tps=20.0),
)

Answering = Callable[[Request, Progress], Awaitable[Response]]


class Scripted:
    """An endpoint that does as the test says."""

    name = "scripted"

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self.requests: list[Request] = []

    def facts(self, *, wait_s: float) -> ServerFacts:
        """Say nothing."""
        return ServerFacts()

    async def ask(self, request: Request, *, trial: Trial, turn: int, progress: Progress) -> Response:
        """Answer as the test says."""
        self.requests.append(request)
        return await self._answer(request, progress)

    async def close(self) -> None:
        """Nothing is open."""


class Four:
    """Passes "4", raises on "?"."""

    name = "four"
    rules_version = "1"

    def problems(self, scenario: Scenario) -> Iterable[Problem]:
        """Find none."""
        return ()

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """Judge the last answer."""
        if exchange.answer == "?":
            raise ZeroDivisionError("the verifier's own bug")
        if exchange.answer == "4":
            return Verdict(outcome=Outcome.PASS)
        return Verdict(outcome=Outcome.FAIL, reason=Reason.WRONG_ANSWER, detail=exchange.answer)


class Notes:
    """A recorder and a recall in one."""

    def __init__(self) -> None:
        self.turns: dict[tuple[TrialKey, int], tuple[str, Response]] = {}
        self.results: dict[TrialKey, Result] = {}

    def turn(self, *given: Any) -> Any:
        """Keep a turn (trial, number, turn), or find one (key, number)."""
        if len(given) == 2:
            return self.turns.get(given)
        trial, number, turn = given
        assert isinstance(turn, Turn)
        self.turns[trial.key, number] = (turn.request.fingerprint(), turn.response)
        return None

    def result(self, given: Any) -> Any:
        """Keep a result, or find one by its key."""
        if isinstance(given, TrialKey):
            return self.results.get(given)
        self.results[given.key] = given
        return None


def run(
    answer: Answering | Response,
    trial: Trial = TRIAL,
    *,
    notes: Notes | None = None,
    recall: bool = False,
    settings: Settings | None = None,
    pace: Pace | None = None,
) -> Result:
    """Run a trial and return its result; the slot must have been given back exactly once."""
    notes = notes or Notes()
    endpoint = Scripted(answer if callable(answer) else _always(answer))
    given_back: list[int] = []

    async def main() -> Result:
        with ThreadPoolExecutor(1) as judges:
            kit = Kit(
                endpoint=endpoint,
                dialogues=DIALOGUES,
                verifiers={"four": Four()},
                settings=settings or Settings(),
                model="m",
                recorder=notes,
                judges=judges,
                recall=notes if recall else None,
                pace=pace or Pace(),
                switch=ThinkingSwitch(key="enable_thinking"),
            )
            return await run_trial(trial, kit, talked=lambda: given_back.append(1))

    result = asyncio.run(main())
    assert given_back == [1]
    return result


def _always(response: Response) -> Answering:
    async def answer(request: Request, progress: Progress) -> Response:
        return response

    return answer


def says(result: Result) -> tuple[Outcome, Reason | None]:
    """Return what a result comes to."""
    return result.verdict.outcome, result.verdict.reason


def test_a_right_answer_passes_with_its_figures() -> None:
    """Tokens and times come from the response."""
    result = run(FOUR)
    assert says(result) == (Outcome.PASS, None)
    assert (result.prompt_tokens, result.completion_tokens, result.decode_tps) == (5, 1, 20.0)
    assert result.first_token_s == 0.1
    assert result.latency_s is not None
    assert (result.prompt, result.answer, result.turns) == ("2 + 2?", "4", 1)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (replace(FOUR, finish_reason="length"), Reason.TOKEN_LIMIT),
        (replace(FOUR, content="", reasoning="4", finish_reason="length"), Reason.THINKING_RUNAWAY),
        (replace(FOUR, content="", finish_reason="length"), Reason.TOKEN_LIMIT),
    ],
)
def test_a_cut_off_answer_never_passes(response: Response, reason: Reason) -> None:
    """Not even where the part that arrived is right; a draft in the thinking is no answer."""
    assert says(run(response)) == (Outcome.FAIL, reason)


def test_a_deadline_without_a_byte_is_the_servers_fault() -> None:
    """Nothing is known of the model then."""

    async def hang(request: Request, progress: Progress) -> Response:
        await asyncio.sleep(60)
        return FOUR

    assert says(run(hang)) == (Outcome.ERROR, Reason.SERVER_ERROR)


async def drip(request: Request, progress: Progress) -> Response:
    """Begin to talk and never end."""
    progress.characters += 10
    await asyncio.sleep(60)
    return FOUR


@pytest.mark.parametrize(
    ("settings", "pace", "said"),
    [
        (Settings(), Pace(), "still answering after 0.2 s (limit: pack)"),
        (Settings(timeout_s=0.05), Pace(1.0), "still answering after 0.05 s (limit: manual)"),
        (Settings(), Pace(REFERENCE_TPS / 2), "still answering after 0.4 s (limit: measured 15.0 tok/s)"),
    ],
    ids=["pack", "manual", "measured"],
)
def test_a_timeout_says_where_its_limit_comes_from(settings: Settings, pace: Pace, said: str) -> None:
    """Whoever reads it must know whether to ask the user, the pack or the server."""
    result = run(drip, settings=settings, pace=pace)
    assert says(result) == (Outcome.FAIL, Reason.TIMEOUT)
    assert result.verdict.detail == f"{said}, 0 finished turns"


def test_a_limit_is_fixed_when_its_trial_starts() -> None:
    """What is measured meanwhile is for those that start later."""
    pace = Pace()

    async def slow(request: Request, progress: Progress) -> Response:
        for _ in range(9):
            pace.note(Timing(decode_tps=0.1), Usage(completion_tokens=100))
        return await drip(request, progress)

    result = run(slow, pace=pace)
    assert "after 0.2 s (limit: pack)" in result.verdict.detail
    assert pace.tps == 0.1


def test_each_turn_that_was_asked_tells_how_fast_the_server_is() -> None:
    """One from the journal tells what it once was."""
    pace, notes = Pace(), Notes()
    heard = replace(FOUR, usage=Usage(completion_tokens=100), timing=Timing(decode_tps=20.0))
    run(heard, notes=notes, pace=pace)
    assert pace.tps == 20.0
    notes.results.clear()
    later = Pace()
    run(heard, notes=notes, recall=True, pace=later)
    assert later.tps is None


def test_rates_are_means_over_tokens() -> None:
    """Each of the tokens it is a rate of: what was in the cache was not read."""
    scenario = replace(SCENARIO, followups=("and 3 + 1?",), timeout_s=5)
    turns = iter(
        [
            (Usage(prompt_tokens=300, completion_tokens=10), Timing(decode_tps=10.0, prefill_tps=100.0)),
            (
                Usage(prompt_tokens=400, completion_tokens=30, cached_tokens=300),
                Timing(decode_tps=30.0, prefill_tps=50.0),
            ),
        ]
    )

    async def answer(request: Request, progress: Progress) -> Response:
        usage, timing = next(turns)
        return replace(FOUR, usage=usage, timing=timing)

    result = run(answer, replace(TRIAL, scenario=scenario))
    assert result.decode_tps == pytest.approx(40 / (10 / 10 + 30 / 30))
    assert result.prefill_tps == pytest.approx(400 / (300 / 100 + 100 / 50))
    assert run(FOUR).prefill_tps is None


@pytest.mark.parametrize(
    ("asked", "of_the_pack", "arm"), [("pack", "", ""), ("pack", "on", "on"), ("off", "on", "off"), ("on", "", "on")]
)
def test_a_result_says_whether_it_was_asked_to_think_and_whether_it_did(asked: str, of_the_pack: str, arm: str) -> None:
    """The request carries the switch, the result both sides."""
    requests: list[Request] = []

    async def answer(request: Request, progress: Progress) -> Response:
        requests.append(request)
        return replace(FOUR, reasoning="hm")

    trial = replace(TRIAL, scenario=replace(SCENARIO, thinking=of_the_pack), profile="A")
    result = run(answer, trial, settings=Settings(thinking=asked))
    assert (result.thinking, result.thought, result.key.profile) == (arm, True, "A")
    assert bool(requests[0].extra) == bool(arm)
    assert not run(FOUR).thought


@pytest.mark.parametrize("kind", errors.TrialError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_trial_error_is_booked_under_its_reason(kind: type[errors.TrialError]) -> None:
    """Each reason an exception carries is one of the closed set."""

    async def fail(request: Request, progress: Progress) -> Response:
        raise kind("what went wrong")

    if kind.__module__ != errors.__name__:
        pytest.skip("a private wrapper")
    result = run(fail)
    assert says(result) == (Outcome.ERROR, Reason(kind.reason))
    assert result.verdict.detail == "what went wrong"


def test_a_verifier_that_raises_is_an_error_of_its_scenario() -> None:
    """The answer stays unjudged, and the message says where it broke."""
    result = run(replace(FOUR, content="?"))
    assert says(result) == (Outcome.ERROR, Reason.VERIFIER_ERROR)
    assert "ZeroDivisionError" in result.verdict.detail


def test_an_endless_tool_loop_fails_the_model() -> None:
    """After max_turns requests."""
    tool = Tool(name="look", description="Looks.", parameters={"type": "object"})
    scenario = replace(SCENARIO, dialogue="tool_loop", tools=(tool,), max_turns=3, timeout_s=5)
    calling = Response(tool_calls=(ToolCall(id="1", name="look", arguments="{}"),), finish_reason="tool_calls")
    result = run(calling, replace(TRIAL, scenario=scenario))
    assert says(result) == (Outcome.FAIL, Reason.AGENT_LOOP_EXHAUSTED)
    assert result.turns == 3


def test_what_was_heard_before_is_not_asked_again() -> None:
    """A dialogue that was interrupted goes on at the next turn."""
    scenario = replace(SCENARIO, followups=("and 3 + 1?",), timeout_s=5)
    trial = replace(TRIAL, scenario=scenario)
    notes = Notes()
    run(FOUR, trial, notes=notes)
    del notes.turns[trial.key, 1]
    notes.results.clear()
    asked: list[Request] = []

    async def second(request: Request, progress: Progress) -> Response:
        asked.append(request)
        return FOUR

    result = run(second, trial, notes=notes, recall=True)
    assert says(result) == (Outcome.PASS, None)
    assert [request.messages[-1].content for request in asked] == ["and 3 + 1?"]


def test_a_finished_trial_is_taken_as_it_was_and_an_error_is_tried_again() -> None:
    """Only a verdict counts as finished."""

    async def never(request: Request, progress: Progress) -> Response:
        raise AssertionError("it was asked again")

    async def down(request: Request, progress: Progress) -> Response:
        raise errors.EndpointUnreachable("down")

    notes = Notes()
    run(FOUR, notes=notes)
    again = run(never, notes=notes, recall=True)
    assert again.resumed
    assert says(again) == (Outcome.PASS, None)
    failed = Notes()
    run(down, notes=failed)
    assert says(run(FOUR, notes=failed, recall=True)) == (Outcome.PASS, None)


def test_an_answer_to_another_question_is_not_recalled() -> None:
    """A changed prompt is asked."""
    notes = Notes()
    run(replace(FOUR, content="5"), notes=notes)
    notes.results.clear()
    other = replace(TRIAL, scenario=replace(SCENARIO, messages=(Message(role="user", content="1 + 3?"),)))
    assert says(run(FOUR, other, notes=notes, recall=True)) == (Outcome.PASS, None)


def test_what_was_answered_but_not_judged_is_judged() -> None:
    """Without asking again."""

    async def never(request: Request, progress: Progress) -> Response:
        raise AssertionError("it was asked again")

    notes = Notes()
    run(FOUR, notes=notes)
    notes.results.clear()
    result = run(never, notes=notes, recall=True)
    assert says(result) == (Outcome.PASS, None)
    assert result.latency_s == 0.5


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "x" * 10_000_000], ids=["surrogate", "nul", "10 MB"])
def test_what_a_model_may_write_leaves_the_process_as_plain_text(text: str) -> None:
    """Excerpts are bounded and printable."""
    plain = to_plain(run(replace(FOUR, content=text)))
    assert len(plain["answer"]) < 5000
    plain["answer"].encode("utf-8")


def test_a_trial_that_never_ran_is_an_error() -> None:
    """With the reason it is given."""
    assert says(error_result(TRIAL, errors.Cancelled("stopped"))) == (Outcome.ERROR, Reason.CANCELLED)


def test_every_error_reason_is_a_known_one() -> None:
    """The exception tree and the closed set of reasons agree."""
    kinds = [kind for kind in errors.TrialError.__subclasses__() if kind.__module__ == errors.__name__]
    assert {Reason(kind.reason) for kind in kinds} <= set(Reason)
