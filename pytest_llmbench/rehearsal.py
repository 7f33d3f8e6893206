"""A pack judged without a model: its recorded answers, and mutants of the right ones, through the real judges.

Members of families arrive as arguments. Truncated and endless talks are judged by the trial's own rules.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_llmbench.contracts import Dialogue, Gold, GoldAnswer, Mutant, Mutator, Verifier
from pytest_llmbench.datasets import pack_fault, pack_file
from pytest_llmbench.errors import UnknownName
from pytest_llmbench.lookup import find
from pytest_llmbench.records import (
    Exchange,
    Message,
    Outcome,
    Pack,
    Reason,
    Request,
    Response,
    Scenario,
    Turn,
    Verdict,
)
from pytest_llmbench.verdicts import cut_short, exhausted, judged

LEAST_PASSING = 2
LEAST_FAILING = 4


class Part(enum.StrEnum):
    """What a judged answer is: one recorded as right, one recorded as wrong, or a mutant of a right one."""

    GOLD = "gold"
    BROKEN = "broken"
    MUTATION = "mutations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who plays in a rehearsal, each family by name; a verifier without a mutator gets no mutants."""

    dialogues: Mapping[str, Dialogue]
    verifiers: Mapping[str, Verifier]
    mutators: Mapping[str, Mutator]


class Recital:
    """A talk in which the model's part is read out: turn k of the answer to the k-th request."""

    def __init__(self, scenario: Scenario, answer: GoldAnswer) -> None:
        """Recite `answer`; its last turn ends with ``length`` where it stands for a truncated one."""
        self._scenario = scenario
        self._answer = answer
        self.turns: list[Turn] = []

    async def say(self, messages: Sequence[Message]) -> Response:
        """Return the next turn; past the last one, the last turn that was text alone is said again."""
        request = Request(
            model="recital",
            messages=tuple(messages),
            tools=self._scenario.tools,
            max_tokens=self._scenario.max_tokens,
        )
        message = self._message(len(self.turns))
        response = Response(
            content=message.content, tool_calls=message.tool_calls, finish_reason=self._finish_reason(message)
        )
        self.turns.append(Turn(request=request, response=response))
        return response

    def _message(self, number: int) -> Message:
        recorded = self._answer.turns
        if number < len(recorded):
            return recorded[number]
        texts = [turn for turn in recorded if not turn.tool_calls]
        return texts[-1] if texts else Message(role="assistant")

    def _finish_reason(self, message: Message) -> str:
        if self._answer.reason == Reason.TOKEN_LIMIT and message is self._answer.turns[-1]:
            return "length"
        return "tool_calls" if message.tool_calls else "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One answer and what became of it; `fault` is empty where that is what must."""

    part: Part
    scenario: str
    wanted: Outcome
    answer: GoldAnswer
    verdict: Verdict
    fault: str


def rehearse(scenario: Scenario, gold: Gold, cast: Cast) -> list[Rehearsed]:
    """Return what becomes of each recorded answer of one scenario, then of the mutants of those that pass."""
    return asyncio.run(_rehearse(scenario, gold, cast))


async def _rehearse(scenario: Scenario, gold: Gold, cast: Cast) -> list[Rehearsed]:
    parts = ((Part.GOLD, Outcome.PASS, gold.passing), (Part.BROKEN, Outcome.FAIL, gold.failing))
    done = [
        await _rehearsed(scenario, answer, (part, wanted), cast)
        for part, wanted, answers in parts
        for answer in answers
    ]
    right = [one.answer for one in done if one.part is Part.GOLD and not one.fault]
    for mutant in _mutants(scenario, right, cast):
        answer = GoldAnswer(turns=mutant.turns, note=mutant.note, reason=mutant.reason)
        done.append(await _rehearsed(scenario, answer, (Part.MUTATION, mutant.wanted), cast))
    return done


async def _rehearsed(scenario: Scenario, answer: GoldAnswer, must: tuple[Part, Outcome], cast: Cast) -> Rehearsed:
    part, wanted = must
    verdict = await judge(scenario, answer, cast)
    fault = _fault(wanted, answer, verdict)
    return Rehearsed(part=part, scenario=scenario.id, wanted=wanted, answer=answer, verdict=verdict, fault=fault)


async def judge(scenario: Scenario, answer: GoldAnswer, cast: Cast) -> Verdict:
    """Return the verdict on `answer`, from the scenario's own dialogue and verifier."""
    talk = Recital(scenario, answer)
    ending = await find("dialogue", scenario.dialogue, cast.dialogues).hold(scenario, talk)
    verifier = find("verifier", scenario.verifier, cast.verifiers)
    exchange = Exchange(turns=tuple(talk.turns), ending=ending)
    return cut_short(talk.turns) or exhausted(ending, scenario) or judged(verifier, scenario, exchange)


def _mutants(scenario: Scenario, answers: Sequence[GoldAnswer], cast: Cast) -> Iterator[Mutant]:
    """Yield the mutants of all `answers`, each once, and none that is itself one of the answers."""
    mutator = cast.mutators.get(scenario.verifier)
    if mutator is None:
        return
    seen = {(answer.turns, Outcome.PASS, False) for answer in answers}
    for answer in answers:
        for mutant in mutator.mutants(scenario, answer):
            key = (mutant.turns, mutant.wanted, mutant.reason == Reason.TOKEN_LIMIT)
            if key not in seen:
                seen.add(key)
                yield Mutant(
                    note=f"{answer.note}: {mutant.note}" if answer.note else mutant.note,
                    turns=mutant.turns,
                    wanted=mutant.wanted,
                    reason=mutant.reason,
                )


def gold_problems(pack: Pack, gold: Mapping[str, Gold]) -> Iterator[str]:
    """Yield what is to be said against a pack's recorded answers before any is judged: a line each."""
    ids = [scenario.id for scenario in pack.scenarios]
    for name in sorted(set(ids) ^ set(gold)):
        yield f"{name}: no recorded answers" if name in ids else f"{name}: answers recorded for no scenario"
    for name, answers in gold.items():
        if len(answers.passing) < LEAST_PASSING or len(answers.failing) < LEAST_FAILING:
            counts = f"{len(answers.passing)} passing and {len(answers.failing)} failing"
            yield f"{name}: {counts} answers, at least {LEAST_PASSING} and {LEAST_FAILING} are needed"


def scenario_problems(pack: Pack, index: int, cast: Cast) -> Iterator[str]:
    """Yield what keeps the scenario at `index` from being judged: unknown members, faulty checks."""
    scenario = pack.scenarios[index]
    try:
        find("dialogue", scenario.dialogue, cast.dialogues)
        verifier = find("verifier", scenario.verifier, cast.verifiers)
    except UnknownName as error:
        yield f"{scenario.id}: {error}"
        return
    if scenario.task is not None and not scenario.checks:
        return  # its check is made from the data set
    for problem in verifier.problems(scenario):
        yield str(pack_fault(pack_file(pack), ("scenarios", index, *problem.path), problem.message))


def _fault(wanted: Outcome, answer: GoldAnswer, verdict: Verdict) -> str:
    if verdict.outcome is not wanted:
        return f"is judged {verdict.outcome}"
    if wanted is Outcome.FAIL and answer.reason and verdict.reason != answer.reason:
        return f"must fail for {answer.reason}, fails for {verdict.reason}"
    failing = [check.name for check in verdict.checks if check.gating and not check.passed]
    if answer.check and answer.check not in failing:
        return f'must fail the check "{answer.check}", fails {failing or "none"}'
    return ""
