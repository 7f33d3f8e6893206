"""What must hold before a task judges anybody: its reference passes and an empty stub fails."""

from __future__ import annotations

import re
from collections.abc import Callable

from pytest_llmbench.errors import VerifierError
from pytest_llmbench.verifiers.code.code_check import CodeCheck
from pytest_llmbench.verifiers.code.wording import Failure

STUBS = ("return None", "return object()")
"""Where None is right for every input, an object that equals nothing is not."""

Judge = Callable[[str], Failure | None]
"""Judges an answer as a model would give it; None where it passes."""


def prove(check: CodeCheck, judge: Judge) -> None:
    """Judge the reference and a stub as if they were answers.

    So a fault in the data or in our own work is an error of ours, never a model's zero. Raises `VerifierError`.
    """
    failure = judge(fenced(check.reference))
    if failure is not None:
        raise VerifierError(f"{check.name}: its reference does not pass: {failure.detail}")
    if not any(judge(fenced(f"def {check.entry_point}(*args, **kwargs):\n    {stub}")) for stub in STUBS):
        raise VerifierError(f"{check.name}: an empty function passes, so its check cannot tell right from wrong")


def fenced(code: str) -> str:
    """Return `code` as a Markdown block of Python, in a fence longer than any run of backticks in it."""
    longest = max(map(len, re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}python\n{code}\n{fence}"
