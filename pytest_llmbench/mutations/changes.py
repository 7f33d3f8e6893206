"""Building mutants: the answer's last text, changed; places to change, a few of many, always the same ones."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TypeVar

from pytest_llmbench.contracts import GoldAnswer, Mutant
from pytest_llmbench.mutations.rules import Answer
from pytest_llmbench.records import Message, Outcome

T = TypeVar("T")
THINK_TAG = re.compile(r"</?think>")
"""Tags of a thinking block; an answer that has them already gets no more."""


def last_text(answer: GoldAnswer) -> str:
    r"""Return the text of the answer's last turn, with ``\n`` as the only line ending."""
    text = answer.turns[-1].content if answer.turns else ""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def with_text(answer: GoldAnswer, text: str) -> tuple[Message, ...]:
    """Return the answer's turns with `text` in place of the last one's."""
    return (*answer.turns[:-1], dataclasses.replace(answer.turns[-1], content=text))


def with_turn(answer: GoldAnswer, turn: int, text: str) -> tuple[Message, ...]:
    """Return the answer's turns with `text` in place of that of turn number `turn`, from 0."""
    changed = dataclasses.replace(answer.turns[turn], content=text)
    return (*answer.turns[:turn], changed, *answer.turns[turn + 1 :])


def right(note: str, answer: GoldAnswer, text: str) -> Mutant:
    """Return the mutant that says `text` at last and must pass."""
    return Mutant(note=note, turns=with_text(answer, text), wanted=Outcome.PASS)


def wrong(note: str, answer: GoldAnswer, text: str, reason: str = "") -> Mutant:
    """Return the mutant that says `text` at last and must fail, for `reason` if one is given."""
    return Mutant(note=note, turns=with_text(answer, text), wanted=Outcome.FAIL, reason=reason)


def judged(note: str, answer: GoldAnswer, text: str, verdict: Answer) -> list[Mutant]:
    """Return the mutant that says `text` at last, or none where `verdict` is not certain."""
    if verdict is None:
        return []
    return [right(note, answer, text) if verdict else wrong(note, answer, text)]


def spread(items: Sequence[T], most: int) -> list[T]:
    """Return at most `most` of `items`, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    step = (len(items) - 1) / max(most - 1, 1)
    return [items[round(step * number)] for number in range(most)]
