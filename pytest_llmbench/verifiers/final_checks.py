"""The kinds of checks on a declared answer. Each returns what it found; none raises whatever a model wrote."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.answer_marks import numbers, same_number
from pytest_llmbench.verifiers.check_kinds import short
from pytest_llmbench.verifiers.extraction import (
    Units,
    Unread,
    declared,
    declared_line,
    has_digits,
    read_numbers,
    read_quantity,
    undecorated,
    unmarked,
)
from pytest_llmbench.verifiers.final_moments import read_day, read_time
from pytest_llmbench.verifiers.findings import HOLDS, Finding
from pytest_llmbench.verifiers.pairing import pair_up
from pytest_llmbench.verifiers.text import EDGES

Check = Mapping[str, Any]
LABEL = "ANSWER"
"""The label of a check that names none."""

_CALCULATION = str.maketrans(dict.fromkeys("+*/\u00d7\u00f7=^()\u2212\u2248\\{}", " "))


def label_of(check: Check) -> str:
    """Return the label under which the check's answer must be declared."""
    return str(check.get("label", LABEL))


def exactly(value: Any) -> Fraction:
    """Return a number of a pack as a fraction: 0.1 is a tenth, "7/12" what it says. Raises Unread."""
    if isinstance(value, str):
        return read_quantity(value)[0]
    return Fraction(Decimal(str(value)))


def judge_declared(check: Check, answer: str, *, is_only: bool) -> Finding:
    r"""Judge what `answer` declares under the check's label; a ``\boxed{}`` counts where the label `is_only` one."""
    label = label_of(check)
    value = declared(answer, label) if is_only else declared_line(answer, label)
    expected = EXPECTED[check["kind"]](check)
    if not value:
        fault = f'there is no line "{label}: ..."' if value is None else f'nothing stands behind "{label}:"'
        return Finding(reason=Reason.NO_ANSWER, detail=fault, expected=expected, got=short(answer[-300:], 160))
    try:
        fault = DECLARED[check["kind"]](check, value)
        reason = Reason.WRONG_ANSWER
    except Unread as unread:
        fault = f"the value {unread}"
        reason = Reason.WRONG_ANSWER if has_digits(value) else Reason.INVALID_FORMAT
    except Shapeless as shapeless:
        fault, reason = str(shapeless), Reason.INVALID_FORMAT
    if not fault:
        return HOLDS
    got = short(value, 120)
    return Finding(reason=reason, detail=f"{label}: {got}: {fault}, wanted {expected}", expected=expected, got=got)


class Shapeless(ValueError):
    """The value is not of the form the prompt asked for."""


def _number(check: Check, value: str) -> str:
    """Sees one number and its unit, compared exactly but for the tolerance; not how it was worked out."""
    units = Units(tuple(check.get("units", ())), required=bool(check.get("unit_required", False)))
    spellings = read_quantity(value, units)
    wanted = exactly(check["value"])
    return "" if any(abs(got - wanted) <= _tolerance(check, wanted) for got in spellings) else "another value"


def _tolerance(check: Check, wanted: Fraction) -> Fraction:
    return exactly(check.get("tolerance", 0)) + exactly(check.get("relative", 0)) * abs(wanted)


def _numbers(check: Check, value: str) -> str:
    """Sees exactly these numbers, each once; in their order only with ``in_order``."""
    got = read_numbers(value)
    wanted = [exactly(number) for number in check["values"]]
    if len(got) != len(wanted):
        return f"these are {len(got)} numbers"
    fits = [[abs(one - number) <= _tolerance(check, number) for one in got] for number in wanted]
    if check.get("in_order", False):
        return "" if all(row[place] for place, row in enumerate(fits)) else "these are others, or in another order"
    return "" if len(pair_up(fits)) == len(wanted) else "these are others"


def plain_text(text: str) -> str:
    """Return a text as `text` checks compare it: without case, emphasis, runs of space, outer marks and symbols."""
    return undecorated(unmarked(text)).strip(EDGES).casefold()


def _text(check: Check, value: str) -> str:
    """Sees the whole value; a sentence around the wanted text is not it."""
    return "" if plain_text(value) in {plain_text(choice) for choice in check["any_of"]} else "another value"


def _date(check: Check, value: str) -> str:
    """Sees a day in one of three forms; a weekday beside it is none of them."""
    got = read_day(value)
    if got is None:
        raise Shapeless("this is no day of the form asked for")
    return "" if got == dt.date.fromisoformat(str(check["value"])) else "another value"


def _time(check: Check, value: str) -> str:
    """Sees a time of day to the minute."""
    got = read_time(value)
    if got is None:
        raise Shapeless("this is no time of the form asked for")
    return "" if got == read_time(str(check["value"])) else "another value"


def judge_work(check: Check, answer: str) -> Finding:
    """Say which of the numbers stand anywhere in the answer, as number tokens."""
    said = set(numbers(answer.translate(_CALCULATION)))
    lacking = [number for number in check["numbers"] if not any(same_number(got, number) for got in said)]
    if not lacking:
        return HOLDS
    right = len(check["numbers"]) - len(lacking)
    detail = f"{right} of {len(check['numbers'])} numbers stand in the working, not {_listed(lacking)}"
    return Finding(reason=Reason.WRONG_ANSWER, detail=detail, expected=_listed(check["numbers"]), got=short(answer))


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))


def _expected_number(check: Check) -> str:
    within = "".join(
        f" within {check[key]}{mark}" for key, mark in (("tolerance", ""), ("relative", " of it")) if key in check
    )
    units = f" {' or '.join(check['units'])}" if "units" in check else ""
    return f"{check['value']}{units}{within}"


def _expected_numbers(check: Check) -> str:
    return _listed(check["values"]) + (" in this order" if check.get("in_order") else "")


DECLARED: Mapping[str, Callable[[Check, str], str]] = {
    "number": _number,
    "numbers": _numbers,
    "text": _text,
    "date": _date,
    "time": _time,
}
"""The kinds that judge a declared value: say how (check, value) differs, or ""; raise Unread or Shapeless."""

EXPECTED: Mapping[str, Callable[[Check], str]] = {
    "number": _expected_number,
    "numbers": _expected_numbers,
    "text": lambda check: " or ".join(check["any_of"]),
    "date": lambda check: str(check["value"]),
    "time": lambda check: str(check["value"]),
}
