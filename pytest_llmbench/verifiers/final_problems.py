"""What is wrong with the final_answer checks of a scenario, found before the run."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.contracts import Problem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Scenario
from pytest_llmbench.verifiers.check_kinds import FLAG, TEXT, TEXTS, Shape
from pytest_llmbench.verifiers.extraction import Unread
from pytest_llmbench.verifiers.final_checks import DECLARED, LABEL, Check, exactly, label_of, plain_text
from pytest_llmbench.verifiers.final_moments import read_time

WORK = "work"


def check_name(check: Check) -> str:
    """Return the name of a check's outcome: its own ``name``, else its kind, with the label where it has one."""
    if "name" in check:
        return str(check["name"])
    return f"{check['kind']} {check['label']}" if "label" in check else str(check["kind"])


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_number(value: Any) -> bool:
    if not isinstance(value, str):
        return _is_finite(value)
    try:
        exactly(value)
    except Unread:
        return False
    return True


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and ":" not in value and bool(plain_text(value))


def _is_day(value: Any) -> bool:
    try:
        return bool(dt.date.fromisoformat(str(value))) and len(str(value)) == 10
    except ValueError:
        return False


def _is_list(value: Any, shape: Shape) -> bool:
    return isinstance(value, list) and bool(value) and all(map(shape.fits, value))


_NUMBER = Shape('a number, or one as text such as "7/12"', _is_number)
_FINITE = Shape("a number", _is_finite)
_MARGIN = Shape("a number from 0 up", lambda value: _is_finite(value) and value >= 0)
_CHOICES = Shape("a list of texts", lambda value: TEXTS.fits(value) and all(plain_text(choice) for choice in value))
_LABEL = Shape("a text without a colon", _is_label)
_UNGATED = Shape("false: working never decides", lambda value: value is False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The keys of one kind of check and what each must be."""

    needs: Mapping[str, Shape]
    may: Mapping[str, Shape] = field(default_factory=dict)

    def shapes(self) -> dict[str, Shape]:
        """Return the shape of every key such a check may have."""
        return {"kind": TEXT, "name": TEXT, "gating": FLAG, "label": _LABEL, **self.needs, **self.may}


FORMS: Mapping[str, Form] = {
    "number": Form(
        needs={"value": _NUMBER},
        may={"tolerance": _MARGIN, "relative": _MARGIN, "units": TEXTS, "unit_required": FLAG},
    ),
    "numbers": Form(
        needs={"values": Shape("a list of numbers", lambda value: _is_list(value, _NUMBER))},
        may={"in_order": FLAG, "tolerance": _MARGIN},
    ),
    "text": Form(needs={"any_of": _CHOICES}),
    "date": Form(needs={"value": Shape("a day such as 2026-03-05", _is_day)}),
    "time": Form(needs={"value": Shape('a time such as "14:35"', lambda value: read_time(str(value)) is not None)}),
    WORK: Form(
        needs={"numbers": Shape("a list of numbers", lambda value: _is_list(value, _FINITE))},
        may={"gating": _UNGATED},
    ),
}


def check_problems(scenario: Scenario) -> Iterator[Problem]:
    """Yield every problem of the scenario's checks; the checks of a scenario without any may be judged."""
    own = [problem for place, check in enumerate(scenario.checks) for problem in _own_problems(check, place)]
    yield from own or _whole(scenario)


def _own_problems(check: Any, place: int) -> Iterator[Problem]:
    kind = check.get("kind") if isinstance(check, Mapping) else None
    if not isinstance(kind, str) or kind not in FORMS:
        message = f'unknown kind of check "{kind}": {suggestion(str(kind), FORMS)}'
        yield Problem(path=("checks", place, "kind"), message=message)
        return
    shapes = FORMS[kind].shapes()
    if kind == WORK:
        del shapes["label"]
    for key in FORMS[kind].needs:
        if key not in check:
            yield Problem(path=("checks", place), message=f'"{kind}" needs "{key}", {shapes[key].words}')
    for key, value in check.items():
        if key not in shapes:
            message = f'unknown key "{key}": {suggestion(str(key), shapes)}'
            yield Problem(path=("checks", place, str(key)), message=message)
        elif not shapes[key].fits(value):
            message = f'"{key}" must be {shapes[key].words}, not {value!r}'
            yield Problem(path=("checks", place, key), message=message)
    yield from _clashes(check, place)


def _clashes(check: Check, place: int) -> Iterator[Problem]:
    if "tolerance" in check and "relative" in check:
        yield Problem(path=("checks", place, "relative"), message='give "tolerance" or "relative", not both')
    if check.get("unit_required") and "units" not in check:
        yield Problem(path=("checks", place, "unit_required"), message='"unit_required" needs "units"')


def _whole(scenario: Scenario) -> Iterator[Problem]:
    """Find what only shows with all checks in view: one kind per label, names, and that something decides."""
    labels: set[str] = set()
    names: set[str] = set()
    for place, check in enumerate(scenario.checks):
        if check["kind"] in DECLARED:
            label = label_of(check).casefold()
            if label in labels:
                message = f'a second check of the label "{label_of(check)}": one declared value has one rule'
                yield Problem(path=("checks", place, "label"), message=message)
            labels.add(label)
        if (name := check_name(check)) in names:
            yield Problem(path=("checks", place), message=f'a second check called "{name}": give it its own "name"')
        names.add(name)
    if not any(check["kind"] in DECLARED and check.get("gating", True) for check in scenario.checks):
        message = (
            f"no check gates, so nothing decides: one of {', '.join(DECLARED)} must (the label is {LABEL} unless named)"
        )
        yield Problem(path=("checks",), message=message)
