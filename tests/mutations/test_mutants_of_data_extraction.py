"""Mutants of records: order where anchored, extra keys, shares of fields."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.mutations.lab import disagreements, mutants, says, scenario, wanted

FIELDS: Any = {
    "name": "Ada Lund",
    "fax": None,
    "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}],
    "tags": ["x", "y"],
    "steps": ["p", "q"],
}
CHECK: Any = {"kind": "record", "fields": FIELDS, "anchors": {"lines": "sku"}, "unordered": ["tags"]}
EXTRA = "a key too many in the whole"


@pytest.mark.parametrize("extra", [{}, {"alone": True}, {"extra": "allow"}, {"pass_at": 0.8}, {"pass_at": 0.95}])
def test_the_real_verifier_agrees_with_every_mutant(extra: dict[str, object]) -> None:
    """Two readings of one handbook."""
    asked = scenario("data_extraction", [{**CHECK, **extra}])
    found = mutants(asked, says(json.dumps(FIELDS)))
    assert len(found) > 60
    assert disagreements(asked, found) == []


def test_order_counts_where_nothing_says_otherwise() -> None:
    """Anchored objects and unordered values may stand in any order, other lists not."""
    found = mutants(scenario("data_extraction", [CHECK]), says(json.dumps(FIELDS)))
    notes = [f"{name} in the opposite order" for name in ("lines", "tags", "steps")]
    assert wanted(found, *notes) == ["PASS", "PASS", "FAIL"]
    assert wanted(found, "fax invented", "fax left out", "lines with its last twice", EXTRA) == ["FAIL"] * 4


def test_extra_keys_may_be_allowed() -> None:
    """Then one too many is let pass, on every level."""
    found = mutants(scenario("data_extraction", [{**CHECK, "extra": "allow"}]), says(json.dumps(FIELDS)))
    assert wanted(found, EXTRA, "name another text") == ["PASS", "FAIL"]


@pytest.mark.parametrize(
    ("pass_at", "outcomes"), [(0.9, ["FAIL", "FAIL"]), (0.8, ["PASS", "FAIL"]), (0.7, ["PASS", "PASS"])]
)
def test_with_a_share_one_wrong_field_of_ten_is_counted(pass_at: float, outcomes: list[str]) -> None:
    """Nine fields are right of ten, and eight where both numbers are wrong; anchors are left alone."""
    fields = {**FIELDS, "tags": ["x", "y", "z"], "steps": ["p"]}
    check = {**CHECK, "fields": fields, "pass_at": pass_at + 0.05}
    found = mutants(scenario("data_extraction", [check]), says(json.dumps(fields)))
    assert wanted(found, "name another text", "every number one more") == outcomes
    assert wanted(found, "lines[0].sku another text") == ["none"]
