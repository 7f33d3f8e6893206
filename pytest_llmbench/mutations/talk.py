"""Mutants that need no knowledge of the checks: cut off, emptied, thinking in all its shapes, other line ends."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_llmbench.contracts import GoldAnswer, Mutant
from pytest_llmbench.mutations.changes import THINK_TAG, last_text, right, with_text, wrong
from pytest_llmbench.records import Outcome, Reason

KEPT = 0.8
"""The share of a truncated answer that arrives."""


def truncated(answer: GoldAnswer) -> Mutant:
    """Return the answer cut off by the server, which never passes, whatever has arrived."""
    text = last_text(answer)
    kept = text[: int(len(text) * KEPT)]
    turns = with_text(answer, kept)
    return Mutant(note="cut off by the server", turns=turns, wanted=Outcome.FAIL, reason=Reason.TOKEN_LIMIT)


def talk_mutants(answer: GoldAnswer, *, draft: str, needs_text: bool) -> Iterator[Mutant]:
    """Yield what holds for every verifier; `draft` is a wrong answer, `needs_text` says whether silence fails."""
    text = last_text(answer)
    yield truncated(answer)
    if not text:
        return
    yield right("line ends of Windows", answer, text.replace("\n", "\r\n"))
    yield right("blank lines around", answer, f"\n\n{text}\n\n")
    if THINK_TAG.search(text) is None:
        yield from _thinking(answer, text, draft)
    if needs_text:
        yield from _silent(answer, text)


def _thinking(answer: GoldAnswer, text: str, draft: str) -> Iterator[Mutant]:
    yield right("a wrong draft in a think block", answer, f"<think>\n{draft}\n</think>\n\n{text}")
    yield right("an empty think block", answer, f"<think>\n\n</think>\n\n{text}")
    yield right("a wrong draft before a closing tag nobody opened", answer, f"{draft}\n</think>\n\n{text}")
    yield right("two think blocks", answer, f"<think>{draft}</think>\n<think>No: once more.</think>\n{text}")


def _silent(answer: GoldAnswer, text: str) -> Iterator[Mutant]:
    silence = Reason.NO_ANSWER
    yield wrong("emptied", answer, "", silence)
    yield wrong("blanks alone", answer, " \n\t\n", silence)
    if THINK_TAG.search(text) is None:
        yield wrong("a think block that is never closed", answer, f"<think>\n{text}", silence)
        yield wrong("the answer in the think block alone", answer, f"<think>\n{text}\n</think>", silence)
        yield wrong("the answer before a closing tag, nothing behind it", answer, f"{text}\n</think>\n", silence)
