"""Judges whether an answer gives, as one JSON object, the data that a text holds: field by field.

A scenario has one check, ``record``:

===============  ================================================================================
``fields``       name -> value, rule, nested object or list: each single value is one field
``anchors``      list of objects -> the key by which its objects are told apart, in any order
``unordered``    lists of single values that may stand in any order; all other lists have theirs
``extra``        ``forbid`` (default): keys nobody asked for are wrong fields; ``allow``: they are let pass
``pass_at``      share of the fields that must be right, above 0, at most 1 (default)
``alone: true``  nothing but a code fence may stand around the JSON
===============  ================================================================================

The object is the whole answer, a fenced block, or the last object amid prose. Texts are equal but for blanks,
typographic quotes and dashes, and the way accents are encoded; a value that is no literal is a rule of `value_rules`.

What is not seen: whether prose around the object contradicts it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pytest_llmbench.contracts import Problem
from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import CheckOutcome, Exchange, Outcome, Reason, Scenario, Verdict
from pytest_llmbench.verifiers.extraction import Document, TextFault, spoken
from pytest_llmbench.verifiers.record_answer import find_record, wrapping_key
from pytest_llmbench.verifiers.record_fields import Fault, Tally, tally_fields
from pytest_llmbench.verifiers.record_problems import ALONE, record_name, record_problems
from pytest_llmbench.verifiers.record_shape import Group, asked, read_record, size
from pytest_llmbench.verifiers.value_rules import shown

_SHOWN = 4
_EXCERPT = 300
Check = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The count of fields and what is wrong; `needed` of `total` must be right.

    `shape` says why the answer is no such record at all, `crowd` what stands around one that must stand alone.
    """

    check: Check
    record: Group
    tallies: Mapping[str, Tally]
    right: int
    total: int
    shape: str = ""
    crowd: str = ""

    @property
    def needed(self) -> int:
        """How many fields must be right, counted exactly."""
        return math.ceil(_share(self.check) * self.total)

    @property
    def faults(self) -> list[Fault]:
        """Everything that is wrong, in the order in which the pack names the fields."""
        return [fault for tally in self.tallies.values() for fault in tally.faults]

    @property
    def filled(self) -> bool:
        """Whether enough fields are right, whatever stands around them."""
        return not self.shape and self.right >= self.needed

    def __str__(self) -> str:
        """Return the count and the first faults in one line."""
        wrong = [self.shape] if self.shape else list(map(str, self.faults[:_SHOWN]))
        more = len(self.faults) - len(wrong)
        clauses = [clause for clause in (self.crowd, *wrong) if clause]
        tail = f" (and {more} more)" if more > 0 and not self.shape else ""
        count = f"{self.right} of {self.total} fields right, {self.needed} needed"
        return f"{count}: {'; '.join(clauses)}{tail}" if clauses else count


class DataExtraction:
    """The verifier ``data_extraction``."""

    name = "data_extraction"
    rules_version = "1"

    def problems(self, scenario: Scenario) -> Iterator[Problem]:
        """Yield the faults of the scenario's check, each with its path and the nearest valid name."""
        return record_problems(scenario)

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """PASS where enough fields are right; `score` is their share.

        The reason is `no_answer` for an empty answer, `invalid_format` where there is no such JSON object or something
        stands around one that must stand alone, else that of the first wrong field: `missing_field` or `wrong_answer`.
        """
        answer = spoken(exchange.answer)
        score = _score(scenario.checks[0], answer)
        outcomes = tuple(_outcomes(score))
        share = score.right / score.total
        metrics = {"field_score": share}
        if score.filled and not score.crowd:
            return Verdict(outcome=Outcome.PASS, detail=str(score), score=share, metrics=metrics, checks=outcomes)
        first = None if score.shape or score.crowd else score.faults[0]
        silent = not answer.strip()
        return Verdict(
            outcome=Outcome.FAIL,
            reason=Reason.NO_ANSWER if silent else first.reason if first else Reason.INVALID_FORMAT,
            detail=str(score),
            expected=f"{first.where}: {first.expected}" if first else asked(score.record),
            got=first.found if first else _excerpt(answer),
            score=share,
            metrics=metrics,
            checks=outcomes,
        )


def _score(check: Check, answer: str) -> Score:
    record = read_record(check)
    try:
        document, value = find_record(answer)
    except TextFault as fault:
        return _shapeless(check, record, f"the answer {printable(str(fault), _EXCERPT)}")
    if not isinstance(value, Mapping):
        return _shapeless(check, record, f"the answer is {shown(value)}, no JSON object")
    if wrapper := wrapping_key(record, value):
        return _shapeless(check, record, f"the record stands inside a further object, under {shown(wrapper)}")
    tallies = tally_fields(record, value, extra=check.get("extra") == "allow")
    return Score(
        check=check,
        record=record,
        tallies=tallies,
        right=sum(tally.right for tally in tallies.values()),
        total=sum(tally.total for tally in tallies.values()),
        crowd="" if document.alone or not check.get("alone", False) else _crowd(document),
    )


def _shapeless(check: Check, record: Group, fault: str) -> Score:
    return Score(check=check, record=record, tallies={}, right=0, total=size(record), shape=fault)


def _crowd(document: Document) -> str:
    sides = {"before": document.before, "after": document.after}
    place, text = next((side, text) for side, text in sides.items() if text.strip())
    return f"nothing may stand around the JSON, but {place} it stands {_excerpt(text, 60)}"


def _outcomes(score: Score) -> Iterator[CheckOutcome]:
    yield CheckOutcome(name=record_name(score.check), passed=score.filled, detail="" if score.filled else str(score))
    if score.check.get("alone", False):
        yield CheckOutcome(name=ALONE, passed=not score.shape and not score.crowd, detail=score.shape or score.crowd)
    gating = _share(score.check) == 1
    for name in score.record.fields:
        tally = score.tallies.get(name)
        faults = list(map(str, tally.faults[:_SHOWN])) if tally else [score.shape]
        yield CheckOutcome(name=name, passed=not faults, detail="; ".join(faults), gating=gating)


def _share(check: Check) -> Fraction:
    """Return `pass_at` as its author wrote it: 0.9 is nine tenths."""
    return Fraction(str(check.get("pass_at", 1)))


def _excerpt(text: str, limit: int = _EXCERPT) -> str:
    flat = " ".join(text[: 4 * limit].split())
    return f'"{printable(flat[:limit])}"' if flat else "nothing"
