"""The asserts of benchlocal-cli's verifier type ``data_extract``: single fields, or a whole expected record.

A record is compared field by field: texts but for blanks around them, numbers within 0.01, true, false and null
strictly, lists of scalars as a whole and in any order, objects of a list by the anchor key that the scenario's
path has. It passes from 85 % of the fields, counted in whole per cent. Further fields are let pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.benchlocal_documents import json_parse_required, value_at
from pytest_llmbench.verifiers.benchlocal_subject import (
    EXPRESSION,
    HOLDS,
    LIST,
    WORD_LIST,
    WORDS,
    Assert,
    Finding,
    Kind,
    Params,
    Subject,
    load_json,
    unfenced,
    unmatched,
)
from pytest_llmbench.verifiers.check_kinds import ANYTHING, FLAG, Shape
from pytest_llmbench.verifiers.value_rules import shown

PASS_PERCENT = 85
NEAR = 0.01
EXPECTED = "data_extract.expected"
"""The kind of assert that a scenario's key ``expected`` is read as; the scenario's other asserts do not count then."""

_SHOWN = 6


@dataclass(slots=True)
class Tally:
    """Fields right, fields in all, and what is wrong with the others."""

    anchors: Mapping[str, str]
    right: int = 0
    total: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, *, right: bool, note: str) -> None:
        """Count one field."""
        self.total += 1
        self.right += right
        if not right:
            self.notes.append(note)

    def miss(self, count: int, note: str) -> None:
        """Count fields that cannot be looked at."""
        self.total += count
        self.notes.append(note)


def before(subject: Subject, _checks: Sequence[Params]) -> Finding:
    """The answer must be JSON, whatever is asked of it then."""
    return json_parse_required(subject, {})


def is_same(wanted: Any, got: Any) -> bool:
    """Compare two scalars."""
    if isinstance(wanted, str):
        return isinstance(got, str) and got.strip() == wanted.strip()
    if wanted is None or isinstance(wanted, bool):
        return got is wanted
    if isinstance(got, bool) or not (isinstance(got, (int, float)) and isinstance(wanted, (int, float))):
        return False
    try:
        return abs(float(got) - float(wanted)) <= NEAR
    except OverflowError:
        return False


def compare(tally: Tally, wanted: Any, got: Any, path: str) -> None:
    """Count the fields of `wanted`, which stands at the dotted `path`."""
    if isinstance(wanted, list) and all(isinstance(item, Mapping) for item in wanted):
        _compare_objects(tally, wanted, got, path)
    elif isinstance(wanted, list):
        tally.add(
            right=_is_same_set(wanted, got), note=f"{path or 'the list'}: wanted {shown(wanted)}, got {shown(got)}"
        )
    elif isinstance(wanted, Mapping):
        _compare_object(tally, wanted, got, path)
    else:
        tally.add(right=is_same(wanted, got), note=f"{path}: wanted {shown(wanted)}, got {shown(got)}")


def _is_same_set(wanted: Sequence[Any], got: Any) -> bool:
    if not isinstance(got, list) or len(got) != len(wanted):
        return False
    left = list(got)
    for item in wanted:
        place = next((at for at, candidate in enumerate(left) if is_same(item, candidate)), None)
        if place is None:
            return False
        left.pop(place)
    return True


def _compare_object(tally: Tally, wanted: Mapping[str, Any], got: Any, path: str) -> None:
    if not isinstance(got, dict):
        tally.miss(len(wanted), f"{path or 'the answer'}: wanted an object, got {shown(got)}")
        return
    for key, value in wanted.items():
        compare(tally, value, got.get(key), f"{path}.{key}" if path else key)


def _compare_objects(tally: Tally, wanted: Sequence[Mapping[str, Any]], got: Any, path: str) -> None:
    if not isinstance(got, list):
        width = len(wanted[0]) if wanted else 1
        tally.miss(len(wanted) * width, f"{path or 'the answer'}: wanted a list, got {shown(got)}")
        return
    anchor = tally.anchors.get(path)
    if anchor is None:
        tally.miss(len(wanted) or 1, f"{path or 'the list'}: there is no anchor key to find its objects by")
        return
    named = {item[anchor]: item for item in got if isinstance(item, dict) and isinstance(item.get(anchor), str)}
    for item in wanted:
        name = str(item.get(anchor))
        if name not in named:
            tally.miss(len(item), f"{path or 'the list'}: no object with {anchor} {shown(name)}")
            continue
        for key, value in item.items():
            compare(tally, value, named[name].get(key), f"{path}.{key}" if path else key)


def _shape(value: Any) -> str:
    if isinstance(value, list):
        return "list"
    return "object" if isinstance(value, Mapping) else "single value"


def _aligned(wanted: Any, got: Any) -> Any:
    """Take one object out of a list around it, or put it into one, so that the fields can be counted."""
    if isinstance(wanted, Mapping) and isinstance(got, list) and len(got) == 1 and isinstance(got[0], dict):
        return got[0]
    return [got] if isinstance(wanted, list) and isinstance(got, dict) and len(wanted) == 1 else got


def _expected(subject: Subject, params: Params) -> Finding:
    got, wanted = load_json(unfenced(subject.text)), params["value"]
    tally = Tally(params.get("anchors", {}))
    compare(tally, wanted, _aligned(wanted, got), "")
    share = tally.right / tally.total if tally.total else 0.0
    notes = list(tally.notes)
    wrong_shape = _shape(got) != _shape(wanted)
    if wrong_shape:
        notes.insert(0, f"wanted a {_shape(wanted)}, got a {_shape(got)}")
    if round(100 * share) >= PASS_PERCENT and not (wrong_shape and params.get("shape_declared")):
        return Finding(score=share)
    detail = f"{tally.right} of {tally.total} fields right, {PASS_PERCENT} % needed: {'; '.join(notes[:_SHOWN])}"
    return Finding(
        reason=Reason.WRONG_ANSWER, detail=detail[:2000], expected=shown(wanted), got=shown(got), score=share
    )


def _on_field(fault_in: Callable[[Any, Params], str]) -> Assert:
    """Make an assert on one field of a function that says what is wrong with its value, or returns ""."""

    def check(subject: Subject, params: Params) -> Finding:
        whole, name = load_json(unfenced(subject.text)), params["field"]
        try:
            found = value_at(whole, name)
        except (LookupError, TypeError):
            detail = f"there is no field {name}"
            return Finding(reason=Reason.MISSING_FIELD, detail=detail, expected=name, got=shown(whole))
        fault = fault_in(found, params)
        if not fault:
            return HOLDS
        return Finding(reason=Reason.WRONG_ANSWER, detail=f"{name}: {fault}", got=shown(found))

    return check


def _value(found: Any, params: Params) -> str:
    return "" if found == params["value"] else f"wanted {shown(params['value'])}, got {shown(found)}"


def _pattern(found: Any, params: Params) -> str:
    return unmatched(params["pattern"], str(found))


def _one_of(found: Any, params: Params) -> str:
    return "" if found in params["values"] else f"wanted one of {shown(params['values'])}, got {shown(found)}"


def _no_extra_fields(subject: Subject, params: Params) -> Finding:
    whole = load_json(unfenced(subject.text))
    if not isinstance(whole, dict):
        return Finding(reason=Reason.INVALID_FORMAT, detail=f"wanted an object, got {shown(whole)}")
    extra = sorted(set(whole) - set(params["allowed"]))
    if not extra:
        return HOLDS
    return Finding(reason=Reason.INVALID_FORMAT, detail=f"fields nobody asked for: {shown(extra)}", got=shown(whole))


RECORD = Shape("an object or a list", lambda value: isinstance(value, (dict, list)))

FIELDS: dict[str, Kind] = {
    EXPECTED: Kind(check=_expected, needs={"value": RECORD}, may={"shape_declared": FLAG}),
    "data_extract.field_required": Kind(check=_on_field(lambda _found, _params: ""), needs={"field": WORDS}),
    "data_extract.field_exact_value": Kind(check=_on_field(_value), needs={"field": WORDS, "value": ANYTHING}),
    "data_extract.field_regex": Kind(check=_on_field(_pattern), needs={"field": WORDS, "pattern": EXPRESSION}),
    "data_extract.field_in_set": Kind(check=_on_field(_one_of), needs={"field": WORDS, "values": LIST}),
    "data_extract.no_extra_fields": Kind(check=_no_extra_fields, needs={"allowed": WORD_LIST}),
}
