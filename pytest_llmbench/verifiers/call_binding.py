"""Which call of an exchange answers which expected one.

Every call of every turn gets a place here: bound to an expected call, covered by a permission, or
left over. A call that has the right tool but wrong arguments is bound too, with what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Exchange, Reason
from pytest_llmbench.toolcalls import ArgumentFault, parse_arguments
from pytest_llmbench.verifiers.pairing import pair_up
from pytest_llmbench.verifiers.value_rules import SHOWN, Mismatch, compare_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call the model made: `number` counts all calls from 1, `turn` the requests from 1.

    `arguments` is None where `fault` says why the text is no JSON object.
    """

    number: int
    turn: int
    tool: str
    arguments: Mapping[str, Any] | None
    fault: str = ""

    def __str__(self) -> str:
        return f"call {self.number} {self.tool}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """`made` by id of the expected call, and `faults` of those that are not as expected; the rest is `left`."""

    made: Mapping[str, Made]
    faults: Mapping[str, list[Mismatch]] = field(default_factory=dict)
    left: Sequence[Made] = ()


def calls_made(exchange: Exchange) -> list[Made]:
    """Return every call of every turn in the order made."""
    pairs = [(k, call) for k, turn in enumerate(exchange.turns, 1) for call in turn.response.tool_calls]
    return [_made(number, turn, call.name, call.arguments) for number, (turn, call) in enumerate(pairs, 1)]


def _made(number: int, turn: int, name: str, text: str) -> Made:
    parsed = parse_arguments(text)
    tool = printable(name, SHOWN)
    if isinstance(parsed, ArgumentFault):
        return Made(number=number, turn=turn, tool=tool, arguments=None, fault=parsed.message)
    return Made(number=number, turn=turn, tool=tool, arguments=parsed)


def bind(expected: Mapping[str, Mapping[str, Any]], allowed: Sequence[Mapping[str, Any]], made: list[Made]) -> Binding:
    """Bind the calls `made` to the `expected` ones by id; each has ``tool`` and ``arguments`` rules.

    Calls that fit completely are bound first (as many as can be, earlier ones first); what is still
    expected takes a call of its tool, the most similar pairs first. Permissions cover what then remains.
    """
    ids = list(expected)
    fits = [[not mismatches(expected[name], call) for call in made] for name in ids]
    bound = {ids[row]: made[column] for row, column in pair_up(fits).items()}
    faults: dict[str, list[Mismatch]] = {}
    pairs = [(name, call) for name in ids if name not in bound for call in _rest(made, bound)]
    alike = [(name, call) for name, call in pairs if call.tool == expected[name]["tool"]]
    for name, call in sorted(alike, key=lambda pair: _distance(expected[pair[0]], pair[1])):
        if name not in bound and call not in bound.values():
            bound[name] = call
            faults[name] = mismatches(expected[name], call)
    return Binding(made=bound, faults=faults, left=_without_permitted(allowed, _rest(made, bound)))


def _rest(made: list[Made], bound: Mapping[str, Made]) -> list[Made]:
    taken = {call.number for call in bound.values()}
    return [call for call in made if call.number not in taken]


def mismatches(expected: Mapping[str, Any], call: Made) -> list[Mismatch]:
    """Return how `call` differs from the `expected` one; [] where it fits.

    Without ``arguments`` any will do; ``other_arguments: allow`` ignores those no rule names.
    """
    if call.tool != expected["tool"]:
        return [Mismatch(where="", expected=expected["tool"], got=call.tool, reason=Reason.WRONG_TOOL)]
    if call.arguments is None:
        return [Mismatch(where="", expected="a JSON object", got=call.fault, reason=Reason.INVALID_FORMAT)]
    if "arguments" not in expected:
        return []
    given = call.arguments
    if expected.get("other_arguments") == "allow":
        given = {name: value for name, value in given.items() if name in expected["arguments"]}
    return compare_fields(expected["arguments"], given)


def _distance(expected: Mapping[str, Any], call: Made) -> tuple[bool, int]:
    return call.arguments is None, len(mismatches(expected, call))


def _without_permitted(allowed: Sequence[Mapping[str, Any]], calls: list[Made]) -> list[Made]:
    for permission in allowed:
        covered = [call for call in calls if not mismatches(permission, call)]
        taken = {call.number for call in covered[: permission.get("at_most")]}
        calls = [call for call in calls if call.number not in taken]
    return calls
