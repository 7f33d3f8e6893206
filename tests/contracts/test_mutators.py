"""The battery every mutator passes: whatever an answer holds, mutants are made without a fault, always the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.contracts import GoldAnswer
from pytest_llmbench.mutations import MUTATORS
from pytest_llmbench.records import Message, Outcome, Reason, ToolCall
from tests.mutations.documents import DOCUMENTS
from tests.mutations.lab import Checks, scenario
from tests.verifiers.call_talks import JSON

CHECKS: list[tuple[str, Checks]] = [
    *(("structured_output", checks) for checks, _ in DOCUMENTS.values()),
    ("data_extraction", [{"kind": "record", "fields": {"a": 1, "b": [{"c": "x"}]}, "anchors": {"b": "c"}}]),
    ("data_extraction", [{"kind": "record", "fields": {"a": 1, "b": None}, "pass_at": 0.5}]),
    ("final_answer", [{"kind": "number", "value": "7/12"}, {"kind": "work", "numbers": [7]}]),
    ("final_answer", [{"kind": "text", "any_of": ["yes"]}, {"kind": "date", "label": "DAY", "value": "2026-03-05"}]),
    ("instructions", [{"kind": "words", "max": 5}, {"kind": "mentions", "words": ["a", ["b", "c"]]}]),
    ("tool_calls", [{"kind": "call", "tool": "t", "arguments": {"a": 1}}, {"kind": "no_other_calls"}]),
]
TEXTS = st.text(max_size=60) | JSON.map(json.dumps) | st.sampled_from([text for _, text in DOCUMENTS.values()])
CALLS = st.lists(st.builds(ToolCall, id=st.just("x"), name=st.just("t"), arguments=TEXTS), max_size=2).map(tuple)
ANSWERS = st.lists(
    st.builds(Message, role=st.just("assistant"), content=TEXTS, tool_calls=CALLS), min_size=1, max_size=3
).map(lambda turns: GoldAnswer(turns=tuple(turns), note="any"))


@pytest.mark.parametrize("name", MUTATORS)
def test_a_mutator_bears_the_name_of_its_verifier(name: str) -> None:
    """The table and the member agree."""
    assert MUTATORS[name].name == name


@pytest.mark.parametrize(("name", "checks"), CHECKS, ids=lambda value: value if isinstance(value, str) else "")
@settings(max_examples=25, deadline=None)
@given(answer=ANSWERS)
def test_any_answer_has_its_mutants(name: str, checks: Checks, answer: GoldAnswer) -> None:
    """No exception, no chance; each mutant passes or fails, for a reason that a model can be at fault for."""
    asked = scenario(name, checks, "t")
    found = list(MUTATORS[name].mutants(asked, answer))
    assert found == list(MUTATORS[name].mutants(asked, answer))
    assert all(one.note and one.turns and one.wanted in (Outcome.PASS, Outcome.FAIL) for one in found)
    assert {one.reason for one in found} <= {"", *Reason}
    assert all(not one.reason for one in found if one.wanted is Outcome.PASS)
