"""The kinds of checks of structured output: what each sees in the document that was read.

A check returns a Flaw, or None where it holds. Each docstring says what the check does not see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.check_kinds import (
    ANYTHING,
    BOUNDS,
    FLAG,
    TEXT,
    TEXTS,
    Params,
    Shape,
    off_bounds,
)
from pytest_llmbench.verifiers.formats import FORMATS, Reading
from pytest_llmbench.verifiers.formats.cells import number
from pytest_llmbench.verifiers.formats.xml_format import own_text
from pytest_llmbench.verifiers.structured_document import Flaw, read_typed
from pytest_llmbench.verifiers.structured_paths import NotThere, frozen, look_up
from pytest_llmbench.verifiers.structured_schema import schema_fault
from pytest_llmbench.verifiers.value_rules import Mismatch, compare, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The document as read, and the `document` check it was read by."""

    reading: Reading
    document: Params


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of check. `reason` is what a failure is booked under where the flaw names none.

    `formats` are those that the kind can look into.
    """

    check: Callable[[Subject, Params], Flaw | None]
    reason: Reason
    needs: Mapping[str, Shape] = field(default_factory=dict)
    may: Mapping[str, Shape] = field(default_factory=dict)
    formats: Sequence[str] = tuple(FORMATS)


def equals(subject: Subject, params: Params) -> Flaw | None:
    """Sees whether the whole, or the part at `path`, is `value` (a rule) or the values of the `document` given.

    Does not see the order of keys, nor how a value is spelled: quoting, indentation, 5 or 5.0.
    """
    if "document" in params:
        rule = _literal(read_typed(params["document"], subject.document).value)
        return _flaw(compare(rule, subject.reading.value, ""))
    return _flaw(compare(params["value"], _part(subject, params), params.get("path", "")))


def _literal(value: Any) -> Any:
    """Return the rule that only `value` fits."""
    if isinstance(value, dict):
        return {"object": {key: _literal(inner) for key, inner in value.items()}}
    return [_literal(inner) for inner in value] if isinstance(value, list) else value


def schema(subject: Subject, params: Params) -> Flaw | None:
    """Sees whether the data conform to a JSON Schema, draft 2020-12. Does not see formats such as ``email``."""
    fault = schema_fault(params["schema"], subject.reading.value)
    return Flaw(detail=fault, expected="data that conform to the schema", got=fault) if fault else None


def every(subject: Subject, params: Params) -> Flaw | None:
    """Sees whether each element of a list fits the rule `is`. Does not see how many there are, save that none fails."""
    elements = _elements(subject, params)
    if isinstance(elements, Flaw):
        return elements
    base = params.get("path", "")
    faults = (compare(params["is"], item, f"{base}[{place}]") for place, item in enumerate(elements))
    return _flaw(next((fault for fault in faults if fault), None))


def count(subject: Subject, params: Params) -> Flaw | None:
    """Sees how many elements a list or how many keys a mapping has. Does not see what they are."""
    part = _part(subject, params)
    if not isinstance(part, (list, dict)):
        return _not_a("list or mapping", part, params)
    fault = off_bounds("elements" if isinstance(part, list) else "keys", len(part), params)
    wanted = ", ".join(f"{bound} {params[bound]}" for bound in BOUNDS if bound in params)
    return Flaw(detail=f"{_where(params)}: {fault}", expected=wanted, got=str(len(part))) if fault else None


def distinct(subject: Subject, params: Params) -> Flaw | None:
    """Sees whether no element of a list, or no value `by` a key, comes twice. Does not see near duplicates."""
    values = _values(subject, params)
    if isinstance(values, Flaw):
        return values
    taken = set()
    for value in values:
        key = frozen(value)
        if key in taken:
            return Flaw(
                detail=f"{_where(params)}: {shown(value)} comes twice", expected="no value twice", got=shown(value)
            )
        taken.add(key)
    return None


def keys(subject: Subject, params: Params) -> Flaw | None:
    """Sees whether a mapping, or the header of a table, has these keys and no others. Does not see the values."""
    columns = None if "path" in params else subject.reading.columns
    part = list(columns) if columns is not None else _part(subject, params)
    if columns is None and not isinstance(part, dict):
        return _not_a("mapping", part, params)
    got, wanted = list(part), list(params["are"])
    lacking = [key for key in wanted if key not in got]
    extra = [key for key in got if key not in wanted]
    if lacking:
        detail, reason = f"{_where(params)} lacks the key {shown(lacking[0])}", Reason.MISSING_FIELD
    elif extra:
        detail, reason = f"{_where(params)} has the key {shown(extra[0])}, not asked for", Reason.INVALID_FORMAT
    elif params.get("ordered") and got != wanted:
        detail, reason = f"{_where(params)} has its keys in the order {shown(got)}", Reason.INVALID_FORMAT
    else:
        return None
    return Flaw(detail=detail, expected=shown(wanted), got=shown(got), reason=reason)


def is_sorted(subject: Subject, params: Params) -> Flaw | None:
    """Sees whether the elements of a list, or their values `by` a key, ascend; equal neighbours are let pass.

    Numbers go by size, texts by code point (capitals before small letters); a list of both is not sorted.
    Does not see whether elements are lacking.
    """
    values = _values(subject, params)
    if isinstance(values, Flaw):
        return values
    numeric = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    if not numeric and not all(isinstance(value, str) for value in values):
        return Flaw(detail=f"{_where(params)}: not all texts or all numbers: {shown(values)}", got=shown(values))
    falls = bool(params.get("descending"))
    for before, after in pairwise(values):
        if (before < after) if falls else (after < before):
            word = "descending" if falls else "ascending"
            got = f"{shown(before)} before {shown(after)}"
            return Flaw(detail=f"{_where(params)}: {got}", expected=f"{word} order", got=got)
    return None


def xpath(subject: Subject, params: Params) -> Flaw | None:
    """Sees the texts (or values of `attribute`) of the elements that `select` finds, in document order.

    Does not see where in the document they stand, beyond what `select` says, nor elements it does not find.
    """
    root = subject.reading.root
    found = [] if root is None else root.findall(params["select"])
    if not found:
        return Flaw(
            detail=f"there is no element {params['select']}",
            expected=shown(params["are"]),
            got="nothing",
            reason=Reason.MISSING_FIELD,
        )
    name = params.get("attribute")
    if name is not None and (place := next((k for k, item in enumerate(found) if name not in item.attrib), -1)) >= 0:
        detail = f"element {place + 1} of {params['select']} has no attribute {name}"
        return Flaw(detail=detail, expected=shown(params["are"]), got="nothing", reason=Reason.MISSING_FIELD)
    texts = [own_text(item) if name is None else item.attrib[name] for item in found]
    values = list(map(_as_number, texts)) if params.get("numbers") else texts
    return _flaw(compare(list(params["are"]), values, params["select"]))


def _as_number(text: str) -> int | float | str:
    try:
        return number(text.strip())
    except ValueError:
        return text


def _part(subject: Subject, params: Params) -> Any:
    return look_up(subject.reading.value, params.get("path", ""))


def _elements(subject: Subject, params: Params) -> list[Any] | Flaw:
    part = _part(subject, params)
    if not isinstance(part, list):
        return _not_a("list", part, params)
    return part or Flaw(detail=f"{_where(params)} is an empty list", expected="elements", got="[]")


def _values(subject: Subject, params: Params) -> list[Any] | Flaw:
    elements = _elements(subject, params)
    if isinstance(elements, Flaw) or "by" not in params:
        return elements
    base = params.get("path", "")
    return [look_up(item, params["by"], base=f"{base}[{place}]") for place, item in enumerate(elements)]


def _where(params: Params) -> str:
    way = ".".join(params[key] for key in ("path", "by") if key in params)
    return way or "the document"


def _not_a(wanted: str, part: Any, params: Params) -> Flaw:
    return Flaw(detail=f"{_where(params)} is no {wanted}: {shown(part)}", expected=f"a {wanted}", got=shown(part))


def _flaw(fault: Mismatch | None) -> Flaw | None:
    if fault is None:
        return None
    detail = f"{fault.where or 'the document'}: expected {fault.expected}, got {fault.got}"
    reason = Reason.MISSING_FIELD if fault.reason is Reason.MISSING_FIELD else None
    return Flaw(detail=detail, expected=fault.expected, got=fault.got, reason=reason)


def look(subject: Subject, params: Params) -> Flaw | None:
    """Return how the document breaks one check other than `document`, or None."""
    try:
        return KINDS[params["kind"]].check(subject, params)
    except NotThere as lack:
        return Flaw(detail=f"{lack} is not there", expected=str(lack), got="nothing", reason=Reason.MISSING_FIELD)


PATH = Shape("a path such as a.b[0].c", lambda value: isinstance(value, str) and bool(value))
_FORM, _WRONG = Reason.INVALID_FORMAT, Reason.WRONG_ANSWER
_AT = {"path": PATH}
KINDS: dict[str, Kind] = {
    "equals": Kind(check=equals, reason=_WRONG, may={**_AT, "value": ANYTHING, "document": TEXT}),
    "schema": Kind(check=schema, reason=_FORM, needs={"schema": ANYTHING}),
    "every": Kind(check=every, reason=_WRONG, needs={"is": ANYTHING}, may=_AT),
    "count": Kind(check=count, reason=_WRONG, may={**_AT, **BOUNDS}),
    "distinct": Kind(check=distinct, reason=_WRONG, may={**_AT, "by": PATH}),
    "keys": Kind(check=keys, reason=_FORM, needs={"are": TEXTS}, may={**_AT, "ordered": FLAG}),
    "sorted": Kind(check=is_sorted, reason=_WRONG, may={**_AT, "by": PATH, "descending": FLAG}),
    "xpath": Kind(
        check=xpath,
        reason=_WRONG,
        needs={"select": TEXT, "are": Shape("a list of rules", lambda value: isinstance(value, list) and bool(value))},
        may={"attribute": TEXT, "numbers": FLAG},
        formats=("xml",),
    ),
}
