"""What an attack is: a program, the task it is handed in for, and the verdict it must get."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.records import Outcome, Reason

LIMIT_S = 4.0
"""Seconds that the judge allows for one call, at the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A function that is asked for, its right body, and the inputs it is judged by."""

    entry_point: str
    parameters: str
    body: str
    inputs: tuple[list[Any], ...]

    @property
    def reference(self) -> str:
        """The whole right program."""
        return function(self.entry_point, self.parameters, self.body)

    @property
    def check(self) -> Mapping[str, Any]:
        """The scenario's check."""
        return {
            "kind": "values",
            "entry_point": self.entry_point,
            "reference": self.reference,
            "inputs": [list(arguments) for arguments in self.inputs],
        }


CLOSE = Task(
    entry_point="has_close_elements",
    parameters="numbers, threshold",
    body="ordered = sorted(numbers)\nreturn any(b - a < threshold for a, b in zip(ordered, ordered[1:]))",
    inputs=(
        [[1.0, 7.5, 4.0], 0.25],
        [[3.0, 9.0, 3.125], 0.5],
        [[5.0, 2.5, 8.0, 2.75], 0.5],
        [[1.0], 9.0],
        [[], 1.0],
        [[2.0, 4.0, 6.0], 2.5],
    ),
)
"""Whether two numbers are nearer to each other than a threshold: false, true, true, false, false, true."""

SPREAD = Task(
    entry_point="spread",
    parameters="numbers",
    body="middle = sum(numbers) / len(numbers)\nreturn sum(abs(number - middle) for number in numbers) / len(numbers)",
    inputs=([[1.0, 2.0, 4.5]], [[3.0, 3.0]], [[0.1, 0.7, 0.9, 2.0]]),
)
"""The mean distance of numbers from their mean: a float."""

ORDERED = Task(
    entry_point="ordered",
    parameters="numbers",
    body="return sorted(numbers)",
    inputs=([[3, 1, 2]], [[]], [[5, 4]]),
)
"""The numbers in order: a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A program and the verdict it must get; `detail` is a regular expression that is found in the verdict's.

    `number` is that of the list of attacks the judge was built against, with a letter for each variant. `busy_s`
    are the seconds it may take by itself; one that must be timed out has the limit besides.
    """

    number: str
    name: str
    program: str
    outcome: Outcome = Outcome.FAIL
    reason: Reason | None = Reason.TESTS_FAILED
    detail: str = ""
    task: Task = CLOSE
    busy_s: float = 1.0

    @property
    def limit_s(self) -> float:
        """Seconds after which its verdict must be there."""
        return self.busy_s + (LIMIT_S if self.reason is Reason.TIMEOUT else 0.0)


def function(name: str, parameters: str, body: str) -> str:
    """Return the text of a function."""
    return f"def {name}({parameters}):\n{textwrap.indent(body, '    ')}\n"


def inside(body: str, before: str = "", *, task: Task = CLOSE) -> str:
    """Return a program whose function has `body`, with `before` at module level; ``right`` is the right function."""
    parts = [
        textwrap.dedent(before).strip("\n"),
        function("right", task.parameters, task.body),
        function(task.entry_point, task.parameters, textwrap.dedent(body).strip("\n")),
    ]
    return "\n\n\n".join(part for part in parts if part)


def beside(code: str, answer: str = "", *, task: Task = CLOSE) -> str:
    """Return a program that runs `code` at module level and answers right, or with the expression `answer`."""
    return inside(f"return {answer or f'right({task.parameters})'}", code, task=task)


def fails(number: str, name: str, program: str, **wanted: Any) -> Attack:
    """Return an attack that fails its tests, unless `wanted` fields say otherwise."""
    return Attack(number=number, name=name, program=program, **wanted)


def unharmed(number: str, name: str, program: str, *, task: Task = CLOSE, busy_s: float = 1.0) -> Attack:
    """Return an attack that does no harm and is right, so that it passes."""
    return Attack(
        number=number, name=name, program=program, outcome=Outcome.PASS, reason=None, task=task, busy_s=busy_s
    )


def late(number: str, name: str, program: str, *, detail: str = "no result", task: Task = CLOSE) -> Attack:
    """Return an attack that must be timed out."""
    return Attack(number=number, name=name, program=program, reason=Reason.TIMEOUT, detail=detail, task=task)
