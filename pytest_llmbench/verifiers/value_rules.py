"""What an argument must be: a rule from a pack against the value a model sent.

A rule is a plain value (compared by value and by type: ``5`` equals ``5.0``, but neither ``"5"``
nor ``true``), a list of rules (that order), or a mapping with one key of `LEAVES` or `SHAPES`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pytest_llmbench.contracts import Problem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.answer_marks import missing_phrase, same_number, same_text
from pytest_llmbench.verifiers.pairing import pair_up

SHOWN = 160
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:00(\.0+)?)?", re.ASCII)
_MINUTE_RULE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}", re.ASCII)
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Where a value breaks its rule; `where` is the dotted way to it, such as ``ship_to.city``.

    It is empty where the arguments as a whole are at fault; then `got` says all.
    """

    where: str
    expected: str
    got: str
    reason: Reason = Reason.WRONG_ARGUMENT

    def __str__(self) -> str:
        return f'argument "{self.where}": expected {self.expected}, got {self.got}' if self.where else self.got


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A rule for one value: `fits(operand, value)`; `operand` says what the pack must write, "" if it did."""

    fits: Callable[[Any, Any], bool]
    fault: Callable[[Any], str]
    says: str


def worded(rule: Any) -> str:
    """Return what `rule` asks for, for a message."""
    if not isinstance(rule, Mapping):
        return shown(rule)
    name, operand = next(iter(rule.items()))
    if name == "one_of":
        return " or ".join(worded(choice) for choice in operand)
    return f"{LEAVES[name].says} {shown(operand)}".strip() if name in LEAVES else shown(operand)


def shown(value: Any) -> str:
    """Return `value` as short JSON text for a message; never raises."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = "a value too large to show"
    return printable(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


def same_value(wanted: Any, got: Any) -> bool:
    """Equal by value and by kind: numbers as numbers, and true is no 1."""
    if isinstance(wanted, dt.date):
        wanted = wanted.isoformat()
    if _is_number(wanted) and _is_number(got):
        return bool(wanted == got)
    return type(wanted) is type(got) and bool(wanted == got)


def compare(rule: Any, value: Any, where: str) -> Mismatch | None:
    """Return how `value` breaks `rule`, or None. `value` is any parsed JSON."""
    if isinstance(rule, list):
        return _ordered(rule, value, where)
    if not isinstance(rule, Mapping):
        return None if same_value(rule, value) else Mismatch(where=where, expected=worded(rule), got=shown(value))
    name = next(iter(rule))
    if name in SHAPES:
        return SHAPES[name](rule[name], value, where)
    fits = LEAVES[name].fits(rule[name], value)
    return None if fits else Mismatch(where=where, expected=worded(rule), got=shown(value))


def compare_fields(rules: Mapping[str, Any], fields: Mapping[str, Any], where: str = "") -> list[Mismatch]:
    """Return every field that breaks its rule, is missing, or was not asked for."""
    faults = [fault for name, rule in rules.items() if (fault := _field(rule, fields, name, _join(where, name)))]
    extra = [name for name in fields if name not in rules]
    return faults + [_unwanted(_join(where, name), fields[name]) for name in extra]


def _field(rule: Any, fields: Mapping[str, Any], name: str, where: str) -> Mismatch | None:
    if isinstance(rule, Mapping) and "absent" in rule:
        return _unwanted(where, fields[name]) if name in fields else None
    may_lack = isinstance(rule, Mapping) and "optional" in rule
    if name not in fields:
        return None if may_lack else _lacking(rule, where)
    return compare(rule["optional"] if may_lack else rule, fields[name], where)


def _lacking(rule: Any, where: str) -> Mismatch:
    return Mismatch(where=where, expected=worded(rule), got="nothing", reason=Reason.MISSING_FIELD)


def _unwanted(where: str, value: Any) -> Mismatch:
    return Mismatch(where=where, expected="it left out", got=shown(value))


def _join(where: str, name: str) -> str:
    return f"{where}.{printable(name, SHOWN)}" if where else printable(name, SHOWN)


def _ordered(rules: Sequence[Any], value: Any, where: str) -> Mismatch | None:
    if not isinstance(value, list) or len(value) != len(rules):
        return Mismatch(where=where, expected=f"a list of {len(rules)}: {shown(rules)}", got=shown(value))
    pairs = enumerate(zip(rules, value, strict=True))
    return next((fault for k, (rule, item) in pairs if (fault := compare(rule, item, f"{where}[{k}]"))), None)


def _unordered(rules: Sequence[Any], value: Any, where: str) -> Mismatch | None:
    wrong = Mismatch(where=where, expected=f"these {len(rules)} in any order: {shown(rules)}", got=shown(value))
    if not isinstance(value, list) or len(value) != len(rules):
        return wrong
    fits = [[compare(rule, item, where) is None for item in value] for rule in rules]
    return None if len(pair_up(fits)) == len(rules) else wrong


def _object(rules: Mapping[str, Any], value: Any, where: str) -> Mismatch | None:
    if not isinstance(value, Mapping):
        return Mismatch(where=where, expected=f"an object with {', '.join(rules)}", got=shown(value))
    return next(iter(compare_fields(rules, value, where)), None)


def _any_of(rules: Sequence[Any], value: Any, where: str) -> Mismatch | None:
    if any(compare(rule, value, where) is None for rule in rules):
        return None
    return Mismatch(where=where, expected=worded({"one_of": rules}), got=shown(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _near(operand: Any, value: Any) -> bool:
    if not _is_number(value) or (isinstance(value, float) and not math.isfinite(value)):
        return False
    got = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    return same_number(got, operand[0], tolerance=operand[1])


def _same_day(day: str, value: Any) -> bool:
    """Also midnight of that day, which some models write for a date."""
    if not isinstance(value, str):
        return False
    date, _, clock = value.strip().partition("T")
    return bool(_DAY.fullmatch(date)) and date == str(day) and re.fullmatch(r"(00:00(:00)?Z?)?", clock) is not None


def _same_minute(minute: str, value: Any) -> bool:
    bare = value.strip() if isinstance(value, str) else ""
    return bool(_MINUTE.fullmatch(bare)) and bare.replace(" ", "T")[:16] == minute


def _some(kind: str, value: Any) -> bool:
    if kind == "text":
        return isinstance(value, str) and bool(value.strip())
    return _is_number(value)


def _needs_text(operand: Any) -> str:
    return "" if isinstance(operand, str) and operand.strip() else "needs a text"


def _needs_pattern(operand: Any) -> str:
    try:
        re.compile(operand)
    except (re.error, TypeError) as problem:
        return f"needs a regular expression: {problem}"
    return ""


def needs_phrases(operand: Any) -> str:
    """Say what is wrong with a list of words, where an inner list holds alternatives; "" if nothing is."""
    items = operand if isinstance(operand, list) else []
    flat = [word for item in items for word in (item if isinstance(item, list) and item else [item])]
    good = bool(flat) and all(isinstance(word, str) and word.strip(" *") for word in flat)
    return "" if good else "needs a list of texts, an inner list for alternatives"


def _needs_near(operand: Any) -> str:
    good = isinstance(operand, list) and len(operand) == 2 and all(_is_number(item) for item in operand)
    return "" if good and operand[1] >= 0 else "needs [number, tolerance]"


def _needs_form(pattern: re.Pattern[str], example: str) -> Callable[[Any], str]:
    return lambda operand: "" if pattern.fullmatch(str(operand)) else f'needs the form "{example}"'


def _needs_kind(operand: Any) -> str:
    return "" if operand in ("text", "number") else "needs text or number"


LEAVES: Mapping[str, Leaf] = {
    "text": Leaf(
        fits=lambda text, value: isinstance(value, str) and same_text(value, text),
        fault=_needs_text,
        says="",
    ),
    "pattern": Leaf(
        fits=lambda pattern, value: isinstance(value, str) and re.fullmatch(pattern, value) is not None,
        fault=_needs_pattern,
        says="a text of the form",
    ),
    "words": Leaf(
        fits=lambda words, value: isinstance(value, str) and not missing_phrase(value, words),
        fault=needs_phrases,
        says="a text with the words",
    ),
    "near": Leaf(fits=_near, fault=_needs_near, says="a number as near as [number, tolerance]"),
    "date": Leaf(fits=_same_day, fault=_needs_form(_DAY, "2026-03-05"), says="the day"),
    "minute": Leaf(fits=_same_minute, fault=_needs_form(_MINUTE_RULE, "2026-03-05T14:30"), says="the minute"),
    "some": Leaf(fits=_some, fault=_needs_kind, says="some"),
}
SHAPES: Mapping[str, Callable[[Any, Any, str], Mismatch | None]] = {
    "one_of": _any_of,
    "set": _unordered,
    "object": _object,
}
FIELD_RULES = ("absent", "optional")


def rule_problems(rule: Any, path: Path, *, names_field: bool = False) -> Iterator[Problem]:
    """Yield what is wrong with a rule written in a pack; `path` leads to it.

    Only the rule of a named argument or field may be ``absent`` or ``optional``.
    """
    if isinstance(rule, list):
        yield from _each(rule, path)
    elif isinstance(rule, Mapping) and len(rule) == 1:
        name, operand = next(iter(rule.items()))
        yield from _operand_problems(str(name), operand, (*path, str(name)), names_field=names_field)
    elif isinstance(rule, Mapping):
        known = ", ".join(_names(names_field=names_field))
        yield Problem(path=path, message=f"a rule is one key of: {known} (a nested object is written under object:)")


def _names(*, names_field: bool) -> list[str]:
    return sorted([*LEAVES, *SHAPES, *(FIELD_RULES if names_field else ())])


def _operand_problems(name: str, operand: Any, path: Path, *, names_field: bool) -> Iterator[Problem]:
    fault = ""
    if name not in _names(names_field=names_field):
        fault = f'unknown rule "{name}": {suggestion(name, _names(names_field=names_field))}'
    elif name in LEAVES:
        fault = LEAVES[name].fault(operand)
    elif name == "absent":
        fault = "" if operand is True else "needs true"
    elif name == "optional":
        yield from rule_problems(operand, path)
    elif name == "object":
        fault = "" if isinstance(operand, Mapping) and operand else "needs a mapping of field names to rules"
        yield from () if fault else field_problems(operand, path)
    else:
        fault = "" if isinstance(operand, list) and operand else "needs a list of rules"
        yield from () if fault else _each(operand, path)
    if fault:
        yield Problem(path=path, message=fault)


def _each(rules: Sequence[Any], path: Path) -> Iterator[Problem]:
    for k, rule in enumerate(rules):
        yield from rule_problems(rule, (*path, k))


def field_problems(rules: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """Yield what is wrong with the rules of named arguments or fields."""
    for name, rule in rules.items():
        yield from rule_problems(rule, (*path, str(name)), names_field=True)
