"""What the tests and the reference said to each other, kept: programs that answer alike need no tests beside them.

Tests apart from a program know nothing of it but its answers. So where each answer is, byte for byte, the one that
the reference gave to the same call, the tests would do what they did then, and that was to pass. At the first answer
that is another one the tests themselves are started, are told the answers so far, and go on with the same program.
A call is sent when those before it are answered: what is asked may tell what was right, as in ``add(add(1, 2), 3)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_llmbench.plain_values import has_opaque
from pytest_llmbench.verifiers.code.expected import Book, Writer

TRANSCRIPT_BYTES = 1 << 20
"""Longer transcripts are not kept: there the program's own work is what takes the time."""


class Step(NamedTuple):
    """One call: how many tests had passed before it, its encoded arguments, the line that answered them."""

    test: int
    call: str
    answer: str


Transcript = tuple[Step, ...]


class NotAsRecorded(Exception):
    """The tests, told the same answers, made another call than when they were recorded."""


class Recorder:
    """Takes down one run of the tests, as long as that is worth keeping."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._room = TRANSCRIPT_BYTES

    def add(self, step: Step) -> None:
        """Take the next step."""
        self._room -= len(step.call) + len(step.answer)
        if self._room >= 0:
            self._steps.append(step)

    def transcript(self) -> Transcript:
        """Return all steps, none where they were too long or a value among them was no plain one."""
        opaque = any(has_opaque(step.answer) for step in self._steps)
        return () if opaque or self._room < 0 else tuple(self._steps)


def written(facts: Mapping[str, Any], transcript: Transcript) -> Book:
    """Return a book that holds both."""
    writer = Writer()
    for step in transcript:
        writer.add_line(f"{step.test}\t{step.call}\t{step.answer}")
    return writer.book(facts)


def read(book: Book) -> Transcript:
    """Return the transcript of a book that was `written`."""
    found = (line.split("\t", 2) for line in book.lines())
    return tuple(Step(int(test), call, answer) for test, call, answer in found)
