"""Mutants of one answer, made in a line, and what the real verifier says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llmbench.contracts import GoldAnswer, Mutant
from pytest_llmbench.dialogues import DIALOGUES
from pytest_llmbench.mutations import MUTATORS
from pytest_llmbench.records import Message, Outcome, Scenario, Tool, ToolCall
from pytest_llmbench.rehearsal import Cast, judge
from pytest_llmbench.verifiers import VERIFIERS

CAST = Cast(dialogues=DIALOGUES, verifiers=VERIFIERS, mutators=MUTATORS)
Checks = Sequence[Mapping[str, Any]]


def scenario(verifier: str, checks: Checks, *tools: str) -> Scenario:
    """Build a scenario of one question."""
    return Scenario(
        id="S",
        title="S",
        messages=(Message(role="user", content="?"),),
        dialogue="tool_loop" if verifier == "tool_calls" else "single_turn",
        verifier=verifier,
        checks=tuple(checks),
        tools=tuple(Tool(name=name, description=name, parameters={"type": "object"}) for name in tools),
    )


def says(text: str, *turns: Sequence[tuple[str, str]]) -> GoldAnswer:
    """Build an answer: turns of calls as (tool, arguments), then `text`."""
    called = [
        Message(
            role="assistant",
            tool_calls=tuple(ToolCall(id=f"c{k}", name=n, arguments=a) for k, (n, a) in enumerate(turn)),
        )
        for turn in turns
    ]
    return GoldAnswer(turns=(*called, Message(role="assistant", content=text)), note="plain")


def mutants(asked: Scenario, answer: GoldAnswer) -> dict[str, Mutant]:
    """Return the mutants by note."""
    return {mutant.note: mutant for mutant in MUTATORS[asked.verifier].mutants(asked, answer)}


def wanted(found: Mapping[str, Mutant], *notes: str) -> list[str]:
    """Return the outcomes that the mutants with these notes must have; ``none`` where there is no such mutant."""
    return [found[note].wanted.value if note in found else "none" for note in notes]


def text_of(mutant: Mutant) -> str:
    """Return what a mutant says at last."""
    return mutant.turns[-1].content


def disagreements(asked: Scenario, found: Mapping[str, Mutant]) -> list[str]:
    """Return the mutants that the real verifier judges otherwise."""

    async def outcome(mutant: Mutant) -> Outcome:
        answer = GoldAnswer(turns=mutant.turns, reason=mutant.reason)
        return (await judge(asked, answer, CAST)).outcome

    return [note for note, mutant in found.items() if asyncio.run(outcome(mutant)) is not mutant.wanted]
