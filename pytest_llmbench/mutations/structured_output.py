"""Mutants of answers that `structured_output` judges."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_llmbench.contracts import GoldAnswer, Mutant
from pytest_llmbench.mutations.changes import last_text
from pytest_llmbench.mutations.documents import Found, document_mutants, find_document
from pytest_llmbench.mutations.formats import FORMS
from pytest_llmbench.mutations.structure import document_check, keeps
from pytest_llmbench.records import Scenario


class StructuredOutputMutator:
    """Changes documents of every format."""

    name = "structured_output"

    def mutants(self, scenario: Scenario, answer: GoldAnswer) -> Iterator[Mutant]:
        """Yield all mutants; where the document stands in an unusual place, those of the talk alone."""
        return document_mutants(_find(scenario, answer), answer)


def _find(scenario: Scenario, answer: GoldAnswer) -> Found | None:
    check = document_check(scenario.checks)
    form = FORMS.get(check.get("format", ""))
    located = find_document(last_text(answer), form, check) if form else None
    if form is None or located is None or keeps(scenario.checks, located[1], None) is False:
        return None
    placed, data = located
    return Found(
        answer=answer,
        form=form,
        check=check,
        placed=placed,
        data=data,
        verdict=lambda other: keeps(scenario.checks, other, data),
    )
