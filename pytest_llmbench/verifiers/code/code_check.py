"""The one check of a code scenario, read: what is called, with what, and what decides."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pytest_llmbench.plain_values import encode

VALUES = "values"
ASSERTS = "asserts"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCheck:
    """One task. `inputs` are encoded argument lists, one a line, the first `base` of them the base inputs.

    `name` is what messages call the task; the other fields are the check's keys (see `python_code`).
    """

    name: str
    kind: str
    entry_point: str
    prompt: str = ""
    reference: str = ""
    setup: str = ""
    tests: tuple[str, ...] = ()
    inputs: str = ""
    base: int = 0
    oracle: str = ""
    atol: float = 0.0

    @property
    def count(self) -> int:
        """How many inputs there are."""
        return self.inputs.count("\n") + 1 if self.inputs else 0

    def preamble(self) -> str:
        """Return what the prompt says before the entry point's definition: imports and helpers that tests may use."""
        try:
            body = ast.parse(self.prompt).body
        except (SyntaxError, ValueError):
            return ""
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == self.entry_point:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                return "".join(self.prompt.splitlines(keepends=True)[: first - 1])
        return ""

    def fingerprint(self, *marks: str) -> str:
        """Return the sha256, in hex, of all that decides about an answer, and of `marks`."""
        digest = hashlib.sha256()
        deciding = (str(getattr(self, field.name)) for field in fields(self) if field.name != "name")
        for text in (*marks, *deciding):
            data = text.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(data))
            digest.update(data)
        return digest.hexdigest()


def read_check(check: Mapping[str, Any], *, name: str) -> CodeCheck:
    """Return a check that has no problems."""
    given = check.get("inputs", "")
    inputs = given.strip("\n") if isinstance(given, str) else "\n".join(encode(list(args)) for args in given)
    return CodeCheck(
        name=name,
        kind=check["kind"],
        entry_point=check["entry_point"],
        prompt=check.get("prompt", ""),
        reference=check.get("reference", ""),
        setup=check.get("setup", ""),
        tests=tuple(check.get("tests", ())),
        inputs=inputs,
        base=check.get("base", inputs.count("\n") + 1),
        oracle=check.get("oracle", ""),
        atol=float(check.get("atol", 0.0)),
    )
