"""Scenarios and exchanges of calls, built in a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from pytest_llmbench.records import Exchange, Request, Response, Scenario, Tool, ToolCall, Turn, Verdict
from pytest_llmbench.verifiers import VERIFIERS

VERIFIER = VERIFIERS["tool_calls"]
Call = tuple[str, Any]
Check = Mapping[str, Any]

MAIL = Tool(
    name="send_email",
    description="Send.",
    parameters={
        "type": "object",
        "properties": {"to": {"type": "string"}, "body": {"type": "string"}, "cc": {"type": "string"}},
        "required": ["to", "body"],
    },
)
LOOK = Tool(
    name="find_contact",
    description="Look up.",
    parameters={"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
)
ONLY: Check = {"kind": "no_other_calls"}
LOOK_UP: Check = {"kind": "call", "id": "look", "tool": "find_contact", "arguments": {"name": "Eva"}}
WRITE: Check = {"kind": "call", "id": "write", "tool": "send_email", "arguments": {"to": "a@b.c", "body": "Hi"}}
EVA: Call = ("find_contact", {"name": "Eva"})
HI: Call = ("send_email", {"to": "a@b.c", "body": "Hi"})


def scenario(*checks: Check) -> Scenario:
    """Build a scenario with two tools and these checks."""
    return Scenario(
        id="S",
        title="S",
        messages=(),
        dialogue="tool_loop",
        verifier="tool_calls",
        tools=(MAIL, LOOK),
        checks=checks,
    )


def exchange(*turns: Sequence[Call], text: str = "") -> Exchange:
    """Build an exchange of turns of calls, then one with `text`; arguments that are text are raw."""
    said = [Response(tool_calls=tuple(_call(*call) for call in turn)) for turn in turns]
    request = Request(model="m", messages=())
    return Exchange(turns=tuple(Turn(request=request, response=one) for one in [*said, Response(content=text)]))


def _call(name: str, arguments: Any) -> ToolCall:
    return ToolCall(id="x", name=name, arguments=arguments if isinstance(arguments, str) else json.dumps(arguments))


def judge(checks: Sequence[Check], *turns: Sequence[Call], text: str = "") -> Verdict:
    """Judge an exchange by `checks`."""
    return VERIFIER.judge(scenario(*checks), exchange(*turns, text=text))


def failing(verdict: Verdict) -> list[str]:
    """Return the names of the checks that do not hold."""
    return [check.name for check in verdict.checks if not check.passed]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
"""Any value that JSON text may hold, for fuzzing; NaN and infinities too, as models write them."""
