"""The scenario's tools as the model sees them work: recorded results, chosen by the call's arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import MockedResult, Scenario

NAME_LIMIT = 200
"""Characters of an invented tool name that are repeated to the model."""


class MockedTools:
    """Answers the calls of one dialogue; counts how often each result was given."""

    def __init__(self, scenario: Scenario) -> None:
        self._names = [tool.name for tool in scenario.tools]
        self._results = scenario.tool_results
        self._used = [0] * len(scenario.tool_results)

    def answer(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Return the text the tool sends back: a result, or a JSON object with the key ``error``."""
        if name not in self._names:
            known = ", ".join(self._names) or "none"
            return _error(f'there is no tool called "{printable(name, NAME_LIMIT)}"; available tools: {known}')
        for index, entry in enumerate(self._results):
            if entry.tool == name and self._fits(index, entry, arguments):
                self._used[index] += 1
                return entry.result if isinstance(entry.result, str) else _json(entry.result)
        return _error(f"{name} has no result for these arguments")

    def _fits(self, index: int, entry: MockedResult, arguments: Mapping[str, Any]) -> bool:
        if entry.times is not None and self._used[index] >= entry.times:
            return False
        return all(key in arguments and same(value, arguments[key]) for key, value in entry.when.items())


def same(expected: Any, given: Any) -> bool:
    """Tell whether an argument has the value a result waits for.

    Numbers compare as numbers (1 is 1.0, true is not 1), strings without regard to case and outer
    blanks, lists and objects exactly.
    """
    if isinstance(expected, str) and isinstance(given, str):
        return expected.strip().casefold() == given.strip().casefold()
    return _equal(expected, given)


def _equal(expected: Any, given: Any) -> bool:
    if isinstance(expected, bool) or isinstance(given, bool):
        return expected is given
    if isinstance(expected, dict) and isinstance(given, dict):
        return expected.keys() == given.keys() and all(_equal(value, given[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(given, list):
        return len(expected) == len(given) and all(map(_equal, expected, given))
    return bool(expected == given)


def _error(message: str) -> str:
    return _json({"error": message})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
