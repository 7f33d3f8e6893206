"""Mutants of answers that `data_extraction` judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmbench.contracts import GoldAnswer, Mutant
from pytest_llmbench.mutations.changes import last_text
from pytest_llmbench.mutations.documents import Found, document_mutants, find_document
from pytest_llmbench.mutations.formats import JSON
from pytest_llmbench.mutations.record import holds, lenient
from pytest_llmbench.mutations.rules import Answer, same
from pytest_llmbench.records import Scenario


class DataExtractionMutator:
    """Changes records in JSON."""

    name = "data_extraction"

    def mutants(self, scenario: Scenario, answer: GoldAnswer) -> Iterator[Mutant]:
        """Yield all mutants; where the record stands in an unusual place, those of the talk alone."""
        return document_mutants(_find(scenario.checks[0], answer), answer)


def _find(check: Mapping[str, Any], answer: GoldAnswer) -> Found | None:
    located = find_document(last_text(answer), JSON, check)
    if located is None or not isinstance(located[1], Mapping) or holds(check, located[1]) is False:
        return None
    placed, data = located
    return Found(
        answer=answer,
        form=JSON,
        check={"alone": check.get("alone", False)},
        placed=placed,
        data=data,
        verdict=lambda other: _verdict(check, other, data),
    )


def _verdict(check: Mapping[str, Any], data: Any, original: Any) -> Answer:
    if not isinstance(data, Mapping):
        return None
    if same(data, original):
        return True
    found = holds(check, data)
    return lenient(check, data, original) if found is False and check.get("pass_at", 1) != 1 else found
