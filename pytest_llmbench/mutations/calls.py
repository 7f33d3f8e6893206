"""Do calls still answer what the checks of `tool_calls` expect? Only the certain no, by the handbook's words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llmbench.mutations.rules import Answer, every, field_fits
from pytest_llmbench.records import Message, Scenario

Check = Mapping[str, Any]
Made = tuple[str, Mapping[str, Any] | None]
"""A tool's name and the arguments; None where these are no object."""


def breaks_calls(scenario: Scenario, before: Sequence[Message], after: Sequence[Message]) -> bool:
    """Whether an expected call that was made `before` is surely not made `after`."""
    expected = [check for check in scenario.checks if check["kind"] == "call" and check.get("gating", True)]
    then, now = _made(before), _made(after)
    return any(_enough(check, expected, then) and not _enough(check, expected, now) for check in expected)


def _enough(check: Check, expected: Sequence[Check], calls: Sequence[Made]) -> bool:
    """Whether there may be a call for this check and each that asks for the same."""
    alike = [other for other in expected if _asks(other) == _asks(check)]
    return sum(_fits(check, call) is not False for call in calls) >= len(alike)


def _asks(check: Check) -> str:
    return json.dumps([check["tool"], check.get("arguments"), check.get("other_arguments")], default=str)


def _fits(check: Check, call: Made) -> Answer:
    tool, given = call
    if tool != check["tool"] or given is None:
        return False
    if "arguments" not in check:
        return True
    rules = check["arguments"]
    if given.keys() - rules.keys() and check.get("other_arguments") != "allow":
        return False
    return every(field_fits(rule, given, name) for name, rule in rules.items())


def _made(turns: Sequence[Message]) -> list[Made]:
    return [(call.name, parsed(call.arguments)) for turn in turns for call in turn.tool_calls]


def parsed(text: str) -> dict[str, Any] | None:
    """Return a call's arguments, or None where they are no JSON object."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def is_extra(scenario: Scenario, tool: str) -> bool:
    """Whether one more call of `tool` is surely one too many."""
    only = [check for check in scenario.checks if check["kind"] == "no_other_calls" and check.get("gating", True)]
    allowed = {entry["tool"] for check in only for entry in check.get("allowed", ())}
    return bool(only) and tool not in allowed
