"""Mutants of declared answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mutations.lab import disagreements, mutants, says, scenario, text_of, wanted

CHECKS: dict[str, tuple[dict[str, Any], str]] = {
    "whole": ({"kind": "number", "value": 1250}, "1250"),
    "decimal": ({"kind": "number", "value": 12.5, "tolerance": 0.01}, "12.5"),
    "fraction": ({"kind": "number", "value": "7/12"}, "7/12"),
    "unit": ({"kind": "number", "value": 40, "units": ["km", "kilometres"], "unit_required": True}, "40 km"),
    "money": ({"kind": "number", "value": 31.39, "tolerance": 0.005, "units": ["€", "euros"]}, "31.39"),
    "numbers": ({"kind": "numbers", "values": [3, 8, 11]}, "3, 8, 11"),
    "in order": ({"kind": "numbers", "values": [11, 3, 8], "in_order": True}, "11, 3, 8"),
    "text": ({"kind": "text", "any_of": ["none", "no such number"]}, "none"),
    "date": ({"kind": "date", "value": "2028-02-29"}, "2028-02-29"),
    "morning": ({"kind": "time", "value": "00:05"}, "00:05"),
    "afternoon": ({"kind": "time", "value": "14:35"}, "14:35"),
}


def answer(value: str) -> str:
    """Write an answer with some working before the declared line."""
    return f"First this, then that, and so it comes out in the end.\n\nANSWER: {value}\n"


@pytest.mark.parametrize("name", CHECKS)
def test_the_real_verifier_agrees_with_every_mutant(name: str) -> None:
    """Two readings of one handbook."""
    check, value = CHECKS[name]
    asked = scenario("final_answer", [check])
    found = mutants(asked, says(answer(value)))
    assert len(found) > 45
    assert disagreements(asked, found) == []


def test_a_number_may_be_spelled_in_many_ways() -> None:
    """As value, not as text: separators, zeros, LaTeX; a digit more or a second number is wrong."""
    found = mutants(scenario("final_answer", [CHECKS["whole"][0]]), says(answer("1250")))
    assert text_of(found["ANSWER thousands by commas"]).endswith("ANSWER: 1,250\n")
    assert text_of(found["ANSWER in a box in dollars"]).endswith("ANSWER: $\\boxed{1250}$\n")
    right = ["thousands by commas", "with two zeros behind the point", "by an exponent", "with about", "in bold"]
    assert wanted(found, *(f"ANSWER {note}" for note in right)) == ["PASS"] * 5
    false = ["one more", "a digit more behind", "two numbers", "a range", "of the other sign", "no number"]
    assert wanted(found, *(f"ANSWER {note}" for note in false)) == ["FAIL"] * 6


def test_what_is_within_the_tolerance_is_not_called_wrong() -> None:
    """One more than 12.5 is near enough where 2 may be missing; ten times as much is not."""
    check = {"kind": "number", "value": 12.5, "tolerance": 2}
    found = mutants(scenario("final_answer", [check]), says(answer("12.5")))
    assert wanted(found, "ANSWER one more", "ANSWER ten times as much") == ["none", "FAIL"]


def test_units_are_those_of_the_pack() -> None:
    """Each listed one passes, another fails, and none at all fails where one is required."""
    found = mutants(scenario("final_answer", [CHECKS["unit"][0]]), says(answer("40 km")))
    notes = ["in km", "in kilometres", "in another unit", "without its unit"]
    assert wanted(found, *(f"ANSWER {note}" for note in notes)) == ["PASS", "PASS", "FAIL", "FAIL"]


def test_the_line_must_be_there_and_the_last_one_counts() -> None:
    """Label in any dress; without it nothing is declared."""
    found = mutants(scenario("final_answer", [CHECKS["whole"][0]]), says(answer("1250")))
    assert text_of(found["ANSWER: label in bold"]).endswith("**ANSWER:** 1250\n")
    assert wanted(found, "ANSWER: label in bold", "a wrong ANSWER first", "a wrong ANSWER last") == [
        "PASS",
        "PASS",
        "FAIL",
    ]
    assert (found["without ANSWER"].wanted, found["without ANSWER"].reason) == ("FAIL", "no_answer")
    assert (found["ends at 80 %"].wanted, found["ends at 80 %"].reason) == ("FAIL", "no_answer")


def test_order_of_numbers_counts_where_it_is_asked_for() -> None:
    """Reversed they pass otherwise; one left out or twice never does."""
    free = mutants(scenario("final_answer", [CHECKS["numbers"][0]]), says(answer("3, 8, 11")))
    strict = mutants(scenario("final_answer", [CHECKS["in order"][0]]), says(answer("11, 3, 8")))
    notes = ["ANSWER in the opposite order", "ANSWER the last left out", "ANSWER the last twice"]
    assert wanted(free, *notes) == ["PASS", "FAIL", "FAIL"]
    assert wanted(strict, *notes) == ["FAIL", "FAIL", "FAIL"]


def test_several_labels_are_changed_one_by_one() -> None:
    """The others stay right."""
    checks = [{"kind": "number", "label": "COST", "value": 5}, {"kind": "text", "label": "WHO", "any_of": ["Ida"]}]
    asked = scenario("final_answer", checks)
    found = mutants(asked, says("COST: 5\nWHO: Ida"))
    assert text_of(found["COST one more"]) == "COST: 6\nWHO: Ida"
    assert (
        text_of(found["WHO in capitals" if "WHO in capitals" in found else "WHO Ida in capitals"])
        == "COST: 5\nWHO: IDA"
    )
    assert disagreements(asked, found) == []
