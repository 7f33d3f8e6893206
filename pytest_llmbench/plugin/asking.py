"""What stands behind the fixtures: questions of hand-written tests become trials like all others."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmbench.contracts import Problem, Talk, Verifier
from pytest_llmbench.errors import TrialError, UsageProblem
from pytest_llmbench.lookup import find
from pytest_llmbench.plugin.collect import BENCH
from pytest_llmbench.plugin.crew import FIRST_GUEST
from pytest_llmbench.plugin.legs import profile_of
from pytest_llmbench.records import (
    Ending,
    Exchange,
    Message,
    Outcome,
    PackFacts,
    Purpose,
    Reason,
    Request,
    Response,
    Result,
    Scenario,
    Tool,
    ToolCall,
    TrialKey,
    Turn,
    Verdict,
)
from pytest_llmbench.sampling import CANONICAL, overlay

if TYPE_CHECKING:
    from pytest_llmbench.plugin.session import BenchSession

LLM: pytest.StashKey[Llm] = pytest.StashKey()
DIALOGUE = "asked"
VERIFIER = "unjudged"
_numbers = itertools.count(FIRST_GUEST)


class AskedDialogue:
    """One question, one answer, kept for the test that asked."""

    name = DIALOGUE

    def __init__(self) -> None:
        self._heard: dict[str, Response] = {}

    async def hold(self, scenario: Scenario, talk: Talk) -> Ending:
        """Ask, and keep the answer until `pick_up`."""
        self._heard[scenario.id] = await talk.say(scenario.messages)
        return Ending.ANSWERED

    def pick_up(self, scenario: Scenario) -> Response | None:
        """Return the answer to a question and forget it; None where none came."""
        return self._heard.pop(scenario.id, None)


class Unjudged:
    """Passes any answer: the test that asked judges it."""

    name = VERIFIER
    rules_version = "1"

    def problems(self, scenario: Scenario) -> Iterable[Problem]:
        """Find none."""
        del scenario
        return ()

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """Pass."""
        del scenario, exchange
        return Verdict(outcome=Outcome.PASS)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reply:
    """An answer to a hand-written test. ``str(reply)`` is its text."""

    text: str
    response: Response
    request: Request
    latency_s: float

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls the model made, arguments as it wrote them."""
        return self.response.tool_calls

    @property
    def truncated(self) -> bool:
        """Whether the token limit cut the answer off."""
        return self.response.finish_reason == "length"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Reply({self.text!r})"


@dataclass(kw_only=True)
class Question:
    """A question as the crew wants it."""

    number: int
    nodeid: str
    facts: PackFacts
    pack_path: Path
    scenario: Scenario
    profile: str = ""


@dataclass(kw_only=True, repr=False)
class Llm:
    """Asks the measured server on behalf of one test."""

    bench: BenchSession
    nodeid: str
    name: str
    facts: PackFacts
    path: Path
    profile: str = ""
    asked: list[Result] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)

    def __call__(
        self,
        prompt: str | Sequence[Message],
        *,
        system: str = "",
        tools: Sequence[Tool] = (),
        max_tokens: int = 1024,
        timeout_s: float = 120.0,
        **sampling: Any,
    ) -> Reply:
        """Ask one question and return the answer.

        `prompt` is the user's text or a whole conversation. Greedy with a fixed seed unless
        `sampling` (``temperature=0.8``, ``top_p``, ``seed``, ``top_k``, ``min_p``) says otherwise. Raises
        `TrialError` where the server is at fault, TimeoutError where the model was too slow.
        """
        messages = (Message(role="user", content=prompt),) if isinstance(prompt, str) else tuple(prompt)
        scenario = Scenario(
            id=f"{self.name}#{len(self.asked) + 1}",
            title=self.name,
            messages=(Message(role="system", content=system), *messages) if system else messages,
            dialogue=DIALOGUE,
            verifier=VERIFIER,
            tools=tuple(tools),
            tool_choice="auto" if tools else None,
            sampling=overlay(CANONICAL, sampling),
            max_tokens=max_tokens,
            timeout_s=timeout_s,
            stream=not tools,
        )
        return self._ask(scenario)

    def __repr__(self) -> str:
        return "llm"

    def metric(self, name: str, value: float) -> None:
        """Put a number beside this test in the JSON and, as the pack's mean, in the table."""
        self.metrics[name] = float(value)

    def _ask(self, scenario: Scenario) -> Reply:
        question = Question(
            number=next(_numbers),
            nodeid=self.nodeid,
            facts=self.facts,
            pack_path=self.path.parent,
            scenario=scenario,
            profile=self.profile,
        )
        result, response = self.bench.ask(question)
        self.asked.append(result)
        if result.verdict.outcome is Outcome.ERROR:
            raise NoAnswer(result.verdict)
        if response is None:
            raise TimeoutError(result.verdict.detail)
        request = Request(model=response.model, messages=scenario.messages, tools=scenario.tools)
        return Reply(text=response.content, response=response, request=request, latency_s=result.latency_s or 0.0)


class NoAnswer(TrialError):
    """A question without an answer, and not by the model's fault."""

    __module__ = "builtins"  # pytest prints the name with its module, unless it is this one

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"{verdict.reason}: {verdict.detail}")


def llm_for(item: pytest.Item) -> Llm:
    """Return the asker of a test; its results are read by `row_of` when the test is over."""
    bench = item.config.stash.get(BENCH, None)
    if bench is None:
        pytest.skip("the llm fixture was asked for by name only; list it in the test's parameters")
    module, _, name = item.nodeid.partition("::")
    module = module.removesuffix(".py")
    facts = PackFacts(id=module, title=item.path.stem, version="", content_hash="", size=0)
    profile = profile_of(item)
    name = (name or item.name).replace(f"[{profile}]", "") if profile else name or item.name
    llm = Llm(bench=bench, nodeid=item.nodeid, name=name, facts=facts, path=item.path, profile=profile)
    item.stash[LLM] = llm
    return llm


def row_of(llm: Llm, report: pytest.TestReport) -> Result:
    """Return what the test's outcome says of the model, as a row beside the packs'."""
    return Result(
        key=TrialKey(pack=llm.facts.id, pack_hash="", scenario=llm.name, attempt=1, profile=llm.profile),
        nodeid=llm.nodeid,
        title=llm.name,
        purpose=Purpose.FIXTURE,
        pack=llm.facts,
        verdict=_verdict(llm, report),
        started_at=llm.asked[0].started_at,
        latency_s=sum(result.latency_s or 0.0 for result in llm.asked),
        first_token_s=llm.asked[0].first_token_s,
        decode_tps=llm.asked[-1].decode_tps,
        prompt_tokens=_sum(result.prompt_tokens for result in llm.asked),
        completion_tokens=_sum(result.completion_tokens for result in llm.asked),
        turns=len(llm.asked),
        retries=sum(result.retries for result in llm.asked),
        prompt=llm.asked[-1].prompt,
        answer=llm.asked[-1].answer,
    )


def verify_with(
    verifiers: Mapping[str, Verifier],
    answer: Any,
    name: str,
    *,
    checks: Sequence[Mapping[str, Any]],
    prompt: str,
) -> Verdict:
    """Judge `answer` (text or a `Reply`) by the verifier called `name`. Raises `UsageProblem` for a bad check."""
    verifier = find("verifier", name, verifiers)
    tools = answer.request.tools if isinstance(answer, Reply) else ()
    messages = (Message(role="user", content=prompt),)
    scenario = Scenario(
        id="verify", title="verify", messages=messages, dialogue="", verifier=name, tools=tools, checks=tuple(checks)
    )
    for problem in verifier.problems(scenario):
        where = ".".join(str(part) for part in problem.path)
        raise UsageProblem(f"verify: {where}: {problem.message}" if where else f"verify: {problem.message}")
    return verifier.judge(scenario, Exchange(turns=(_turn(answer, messages),)))


def _turn(answer: Any, messages: tuple[Message, ...]) -> Turn:
    if isinstance(answer, Reply):
        return Turn(request=answer.request, response=answer.response)
    return Turn(
        request=Request(model="", messages=messages), response=Response(content=str(answer), finish_reason="stop")
    )


def _verdict(llm: Llm, report: pytest.TestReport) -> Verdict:
    errored = next((result.verdict for result in llm.asked if result.verdict.outcome is Outcome.ERROR), None)
    if errored is not None:
        return errored
    if report.passed:
        return Verdict(outcome=Outcome.PASS, metrics=dict(llm.metrics))
    crash = getattr(report.longrepr, "reprcrash", None)
    detail = crash.message.splitlines()[0] if crash and crash.message else "the test failed"
    return Verdict(outcome=Outcome.FAIL, reason=Reason.WRONG_ANSWER, detail=detail, metrics=dict(llm.metrics))


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
