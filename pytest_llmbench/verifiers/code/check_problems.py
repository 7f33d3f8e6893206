"""Faults in the check of a code scenario, as a pack's author wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_llmbench.contracts import Problem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.plain_values import NotPlain, encode, has_opaque, parse
from pytest_llmbench.records import Scenario
from pytest_llmbench.verifiers.check_kinds import COUNT, TEXT, TEXTS, Shape
from pytest_llmbench.verifiers.code.code_check import ASSERTS, VALUES
from pytest_llmbench.verifiers.code.oracles import ORACLES

_NAME = Shape("the name of a function", lambda value: isinstance(value, str) and value.isidentifier())
_CODE = Shape("a text", lambda value: isinstance(value, str))
_TOLERANCE = Shape(
    "a number from 0 up", lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
)
_INPUTS = Shape(
    "a list of argument lists, at least one, or their encoded lines",
    lambda value: bool(value) and isinstance(value, (str, Sequence)),
)
_COMMON = {"kind": TEXT, "entry_point": _NAME}
_NEEDS = {VALUES: {"inputs": _INPUTS, "reference": TEXT}, ASSERTS: {"tests": TEXTS}}
_MAY = {
    VALUES: {"prompt": _CODE, "base": COUNT, "atol": _TOLERANCE, "oracle": _CODE},
    ASSERTS: {"prompt": _CODE, "setup": _CODE, "reference": _CODE},
}


def check_problems(scenario: Scenario) -> Iterator[Problem]:
    """Yield the faults of the scenario's one check, each with its path."""
    if len(scenario.checks) != 1:
        message = f"a code scenario has one check, not {len(scenario.checks)}: how its program is judged"
        yield Problem(path=("checks",), message=message)
        return
    check = scenario.checks[0]
    faults = list(_key_faults(check))
    if not faults and check["kind"] == VALUES:
        faults = list(_value_faults(check))
    yield from (Problem(path=("checks", 0, *path), message=message) for path, message in faults)


def _key_faults(check: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    kind = check.get("kind")
    if not isinstance(kind, str) or kind not in _NEEDS:
        yield ("kind",), f'unknown kind of check "{kind}": {suggestion(str(kind), _NEEDS)}'
        return
    needs = {**_COMMON, **_NEEDS[kind]}
    allowed = {**needs, **_MAY[kind]}
    for key, shape in needs.items():
        if key not in check:
            yield ("kind",), f'"{kind}" needs "{key}", {shape.words}'
    for key, value in check.items():
        if key not in allowed:
            yield (key,), f'unknown key "{key}": {suggestion(str(key), allowed)}'
        elif not allowed[key].fits(value):
            yield (key,), f'"{key}" must be {allowed[key].words}, not {_brief(value)}'


def _value_faults(check: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    oracle, base = check.get("oracle", ""), check.get("base", 1)
    if oracle and oracle not in ORACLES:
        yield ("oracle",), f'unknown oracle "{oracle}": {suggestion(oracle, ORACLES)}'
    inputs = check["inputs"]
    lines = inputs.strip("\n").split("\n") if isinstance(inputs, str) else inputs
    if not 0 < base <= len(lines):
        yield ("base",), f'"base" must be from 1 to the number of inputs, {len(lines)}, not {base}'
    for place, given in enumerate(lines):
        if fault := _input_fault(given):
            yield ("inputs", place), fault


def _input_fault(given: Any) -> str:
    """Say what is wrong with one input, or return ""."""
    try:
        text = given if isinstance(given, str) else encode(given)
        if isinstance(parse(text), list):
            return "an argument is no plain value" if has_opaque(text) else ""
    except NotPlain as error:
        return f"an input must be a list of plain arguments: {error}"
    return f"an input must be the list of one call's arguments, not {_brief(given)}"


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
