"""One task of a code data set: what the model is asked, how its program is judged, a program that is right."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.plain_values import encode

RULES_VERSION = "1"
"""To be raised whenever another question, or another check, is made of the same record: packs' hashes cover it."""

INSTRUCTION = (
    "Write a self-contained Python solution to the problem below. Answer with one Markdown code block that holds all "
    "of it: imports, helper functions and the completed function."
)
"""Opens every question. A chat endpoint gets no system message, no prefill, no examples and no stop string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTask:
    """A task as it is put to a model.

    `check` is what the verifier ``python_code`` judges by. `solution` is a whole program that is right,
    `function` the part of it that begins with the entry point, where the rest is in the question.
    """

    entry_point: str
    question: str
    check: Mapping[str, Any]
    solution: str
    function: str


def question(*parts: str) -> str:
    """Return the user's message: the instruction and `parts`, with blank lines between."""
    return "\n\n".join((INSTRUCTION, *parts))


def fenced(code: str, character: str = "`") -> str:
    """Return `code` as a Markdown block of Python, in a fence longer than any run of `character` in it."""
    longest = max(map(len, re.findall(f"{character}+", code)), default=0)
    fence = character * max(3, longest + 1)
    return f"{fence}python\n{code}\n{fence}"


def encoded(inputs: Sequence[Sequence[Any]]) -> str:
    """Return lists of arguments as one line of plain values each."""
    return "\n".join(encode(list(arguments)) for arguments in inputs)
