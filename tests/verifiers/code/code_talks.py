"""Code scenarios and answers, as short as they can be."""

from __future__ import annotations

from typing import Any

from pytest_llmbench.contracts import Sandbox
from pytest_llmbench.records import Exchange, Request, Response, Scenario, Turn, Verdict
from pytest_llmbench.verifiers.python_code import PythonCode

ADD = "def add(a, b):\n    return a + b\n"
VALUES: dict[str, Any] = {
    "kind": "values",
    "entry_point": "add",
    "inputs": [[1, 2], [2.5, 1], ["a", "b"]],
    "base": 2,
    "reference": ADD,
}
ASSERTS: dict[str, Any] = {
    "kind": "asserts",
    "entry_point": "add",
    "tests": ["assert add(1, 2) == 3", "total = add(2, 2)\nassert total == 4, 'four'"],
    "reference": ADD,
}


def scenario(check: dict[str, Any]) -> Scenario:
    """Return a scenario with this one check."""
    return Scenario(id="adding", title="", messages=(), dialogue="single_turn", verifier="python_code", checks=(check,))


def exchange(answer: str) -> Exchange:
    """Return the talk that ended with this answer."""
    turn = Turn(request=Request(model="m", messages=()), response=Response(content=answer))
    return Exchange(turns=(turn,))


def verdict(sandbox: Sandbox, check: dict[str, Any], program: str) -> Verdict:
    """Return the verdict on an answer that is this program in a fence."""
    answer = f"```python\n{program}\n```"
    return PythonCode().with_sandbox(sandbox).judge(scenario(check), exchange(answer))


def add(*body: str) -> str:
    """Return the function with another body."""
    return "\n    ".join(("def add(a, b):", *body)) + "\n"
