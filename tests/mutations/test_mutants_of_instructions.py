"""Mutants of answers to instructions."""

from __future__ import annotations

from typing import Any

from tests.mutations.lab import disagreements, mutants, says, scenario, text_of, wanted

TEXT = "The warm cat sleeps on the old roof.\nIt dreams of fish at night."
CHECKS: list[dict[str, Any]] = [
    {"kind": "words", "exactly": 14},
    {"kind": "lines", "exactly": 2},
    {"kind": "mentions", "words": ["cat", ["roof", "roofs"]]},
    {"kind": "forbids", "words": ["dog"]},
    {"kind": "without", "characters": "xz"},
    {"kind": "ends_with", "text": "night"},
]
ASKED = scenario("instructions", CHECKS)


def test_the_real_verifier_agrees_with_every_mutant() -> None:
    """Two readings of one handbook."""
    found = mutants(ASKED, says(TEXT))
    assert disagreements(ASKED, found) == []


def test_what_no_prompt_forbids_is_forgiven() -> None:
    """Blanks that do not break, invisible characters, a fence around the whole."""
    found = mutants(ASKED, says(TEXT))
    assert wanted(found, "no-break spaces", "invisible characters", "a fence around the whole") == ["PASS"] * 3


def test_each_check_is_broken_for_sure() -> None:
    """More words, a wanted word gone with its alternatives, a forbidden one there."""
    found = mutants(ASKED, says(TEXT))
    assert text_of(found["without roof (mentions)"]).startswith("The warm cat sleeps on the old zzz.")
    assert text_of(found["with dog (forbids)"]).endswith("And dog too.")
    notes = ["words without end (words)", "lines without end (lines)", "without cat (mentions)", "with x (without)"]
    assert wanted(found, *notes, "another end (ends_with)") == ["FAIL"] * 5


def test_a_check_of_a_part_or_a_diagnostic_gives_no_mutants() -> None:
    """What a change of the whole does to a part is not certain."""
    checks = [{"kind": "mentions", "words": ["cat"], "line": 1}, {"kind": "forbids", "words": ["dog"], "gating": False}]
    found = mutants(scenario("instructions", checks), says(TEXT))
    assert wanted(found, "without cat (mentions)", "with dog (forbids)") == ["none", "none"]


def test_an_earlier_turn_is_changed_where_its_check_reads_it() -> None:
    """The turn that a check names, and no other."""
    asked = scenario("instructions", [{"kind": "mentions", "words": ["cat"], "turn": 0}])
    found = mutants(asked, says(TEXT))
    assert found["without cat (mentions)"].turns[0].content.startswith("The warm zzz sleeps")
