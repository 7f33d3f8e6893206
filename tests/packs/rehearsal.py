"""Holds a pack's recorded answers through its real dialogues and verifiers, and says which are judged wrongly.

``PYTHONPATH=. python -m tests.packs.rehearsal packs/my-pack`` prints a line per answer and exits 1
where one is judged wrongly or the pack itself is faulty.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_llmbench.contracts import Gold, GoldAnswer
from pytest_llmbench.datasets import READERS, load_gold, locate
from pytest_llmbench.dialogues import DIALOGUES
from pytest_llmbench.errors import LlmbenchError
from pytest_llmbench.lookup import find
from pytest_llmbench.records import (
    Ending,
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
from pytest_llmbench.verifiers import VERIFIERS

LEAST_PASSING = 2
LEAST_FAILING = 4


class Recital:
    """A talk in which the model's part is read out: turn k of the answer to the k-th request."""

    def __init__(self, scenario: Scenario, answer: GoldAnswer) -> None:
        """Recite `answer`; its last turn ends with ``length`` where it stands for a truncated one."""
        self._scenario = scenario
        self._answer = answer
        self.turns: list[Turn] = []

    async def say(self, messages: Sequence[Message]) -> Response:
        """Return the next turn; past the last one, the last turn that was text alone is said again."""
        request = Request(model="recital", messages=tuple(messages), tools=self._scenario.tools)
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

    scenario: str
    wanted: Outcome
    note: str
    verdict: Verdict
    fault: str


def judge(scenario: Scenario, answer: GoldAnswer) -> Verdict:
    """Return the verdict on `answer`, by the trial's rules for truncated and endless talks."""
    talk = Recital(scenario, answer)
    ending = asyncio.run(find("dialogue", scenario.dialogue, DIALOGUES).hold(scenario, talk))
    if any(turn.response.finish_reason == "length" for turn in talk.turns):
        return Verdict(outcome=Outcome.FAIL, reason=Reason.TOKEN_LIMIT, detail="the answer was cut off")
    if ending is Ending.LOOP_EXHAUSTED:
        return Verdict(outcome=Outcome.FAIL, reason=Reason.AGENT_LOOP_EXHAUSTED, detail="the talk had no end")
    exchange = Exchange(turns=tuple(talk.turns), ending=ending)
    return find("verifier", scenario.verifier, VERIFIERS).judge(scenario, exchange)


def rehearse(scenario: Scenario, gold: Gold) -> Iterator[Rehearsed]:
    """Yield what becomes of each recorded answer of one scenario."""
    for wanted, answers in ((Outcome.PASS, gold.passing), (Outcome.FAIL, gold.failing)):
        for answer in answers:
            verdict = judge(scenario, answer)
            fault = _fault(wanted, answer, verdict)
            yield Rehearsed(scenario=scenario.id, wanted=wanted, note=answer.note, verdict=verdict, fault=fault)


def pack_problems(pack: Pack, gold: dict[str, Gold]) -> Iterator[str]:
    """Yield what the verifiers and the rule of two and four have to say against a pack."""
    ids = [scenario.id for scenario in pack.scenarios]
    for name in sorted(set(ids) ^ set(gold)):
        yield f"{name}: no recorded answers" if name in ids else f"{name}: answers recorded for no scenario"
    for name, answers in gold.items():
        if len(answers.passing) < LEAST_PASSING or len(answers.failing) < LEAST_FAILING:
            counts = f"{len(answers.passing)} passing and {len(answers.failing)} failing"
            yield f"{name}: {counts} answers, at least {LEAST_PASSING} and {LEAST_FAILING} are needed"
    for index, scenario in enumerate(pack.scenarios):
        for problem in find("verifier", scenario.verifier, VERIFIERS).problems(scenario):
            line = locate(pack.path / "pack.yaml", ("scenarios", index, *problem.path))
            yield f"{scenario.id}: pack.yaml:{line}: {'.'.join(map(str, problem.path))}: {problem.message}"


def _fault(wanted: Outcome, answer: GoldAnswer, verdict: Verdict) -> str:
    if verdict.outcome is not wanted:
        return f"is judged {verdict.outcome}"
    if wanted is Outcome.FAIL and verdict.reason != answer.reason:
        return f"must fail for {answer.reason}, fails for {verdict.reason}"
    failing = [check.name for check in verdict.checks if check.gating and not check.passed]
    if answer.check and answer.check not in failing:
        return f'must fail the check "{answer.check}", fails {failing or "none"}'
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse the packs named on the command line."""
    parser = argparse.ArgumentParser(description="Judge the recorded answers of packs.")
    parser.add_argument("packs", nargs="+", type=Path, help="pack folders")
    parser.add_argument("-q", "--quiet", action="store_true", help="print faults only")
    options = parser.parse_args(arguments)
    faults = 0
    for folder in options.packs:
        try:
            faults += _rehearse_pack(folder, quiet=options.quiet)
        except LlmbenchError as error:
            faults += 1
            print(error)
    return 1 if faults else 0


def _rehearse_pack(folder: Path, *, quiet: bool) -> int:
    pack = READERS["llmbench"].read(folder)
    gold = load_gold(pack.path)
    problems = list(pack_problems(pack, gold))
    for problem in problems:
        print(f"FAULT {problem}")
    done = [
        line for scenario in pack.scenarios if scenario.id in gold for line in rehearse(scenario, gold[scenario.id])
    ]
    for one in done:
        if one.fault or not quiet:
            print(_line(one))
    wrong = sum(bool(one.fault) for one in done)
    print(f"{pack.facts.id}: {len(done)} answers, {wrong} judged wrongly, {len(problems)} faults in the pack")
    return wrong + len(problems)


def _line(one: Rehearsed) -> str:
    state = f"FAULT {one.fault}:" if one.fault else "ok   "
    why = f"{one.verdict.reason}: {one.verdict.detail}" if one.verdict.reason else "passes"
    return f"{state} {one.scenario} must {one.wanted} [{one.note}] {why}"


if __name__ == "__main__":
    sys.exit(main())
