"""Faults of a pack's tool_calls checks, told before the run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verifiers.call_talks import JSON, LOOK_UP, ONLY, VERIFIER, WRITE, Check, scenario

KEYS = ["kind", "tool", "arguments", "calls", "allowed", "words", "id"]
KINDS = ["call", "order", "no_other_calls", "answer_has"]


@pytest.mark.parametrize(
    ("checks", "path", "message"),
    [
        ([], ("checks",), "there is no check"),
        ([ONLY, {"kind": "cal"}], ("checks", 1, "kind"), 'did you mean "call"?'),
        ([ONLY, {"kind": ["call"]}], ("checks", 1, "kind"), "unknown kind"),
        ([ONLY, "call"], ("checks", 1), "a mapping with a kind"),
        ([ONLY, {**WRITE, "argments": {}}], ("checks", 1, "argments"), 'did you mean "arguments"?'),
        ([ONLY, {"kind": "call", "tool": "send_email"}], ("checks", 1), '"arguments" is missing'),
        ([ONLY, {**WRITE, "tool": "send_mail"}], ("checks", 1, "tool"), 'did you mean "send_email"?'),
        (
            [ONLY, {**LOOK_UP, "arguments": {"nam": "x", "name": "x"}}],
            ("checks", 1, "arguments", "nam"),
            'did you mean "name"?',
        ),
        ([ONLY, {**WRITE, "arguments": {"to": "x"}}], ("checks", 1, "arguments"), 'requires "body"'),
        (
            [ONLY, {**LOOK_UP, "arguments": {"name": {"one_off": ["x"]}}}],
            ("checks", 1, "arguments", "name", "one_off"),
            'did you mean "one_of"?',
        ),
        (
            [ONLY, {**LOOK_UP, "arguments": {"name": {"a": 1, "b": 2}}}],
            ("checks", 1, "arguments", "name"),
            "one key of",
        ),
        (
            [ONLY, {**LOOK_UP, "arguments": {"name": {"set": [{"absent": True}]}}}],
            ("checks", 1, "arguments", "name", "set", 0, "absent"),
            "unknown rule",
        ),
        (
            [ONLY, {**LOOK_UP, "arguments": {"name": {"pattern": "("}}}],
            ("checks", 1, "arguments", "name", "pattern"),
            "regular expression",
        ),
        (
            [ONLY, {**LOOK_UP, "arguments": {"name": {"date": "5 May"}}}],
            ("checks", 1, "arguments", "name", "date"),
            "2026-03-05",
        ),
        ([WRITE], ("checks",), "needs one check of kind no_other_calls"),
        ([{**ONLY, "gating": False}], ("checks",), "nothing decides"),
        ([{**ONLY, "gating": "no"}], ("checks", 0, "gating"), "true or false"),
        ([ONLY, WRITE, WRITE], ("checks", 2, "id"), "stands twice"),
        (
            [ONLY, WRITE, {"kind": "order", "calls": ["write", "wrote"]}],
            ("checks", 2, "calls"),
            'did you mean "write"?',
        ),
        ([ONLY, WRITE, {"kind": "together", "calls": ["write"]}], ("checks", 2, "calls"), "two or more"),
        ([ONLY, {"kind": "answer_has"}], ("checks", 1), "words, numbers"),
        ([ONLY, {"kind": "answer_has", "numbers": ["5"]}], ("checks", 1, "numbers"), "list of numbers"),
        ([ONLY, {"kind": "answer_has", "words": "yes"}], ("checks", 1, "words"), "list of texts"),
        ([ONLY, {"kind": "answer_line", "text": "x"}], ("checks", 1), '"label" is missing'),
        ([{**ONLY, "allowed": [{"tol": "x"}]}], ("checks", 0, "allowed", 0, "tol"), 'did you mean "tool"?'),
        ([{**ONLY, "allowed": [{"tool": "nope"}]}], ("checks", 0, "allowed", 0, "tool"), "valid names"),
        ([{**ONLY, "allowed": {"tool": "nope"}}], ("checks", 0, "allowed"), "list of mappings"),
    ],
)
def test_a_faulty_check_is_found_with_its_place(checks: list[Any], path: tuple[str | int, ...], message: str) -> None:
    """Every fault of a pack's checks is told where it stands, with the nearest valid name."""
    found = list(VERIFIER.problems(scenario(*checks)))
    assert [problem for problem in found if problem.path == path and message in problem.message], found


def test_good_checks_have_no_problem() -> None:
    """All kinds with all their keys are accepted."""
    order = {"kind": "order", "calls": ["look", ["write"]], "same_turn": "allow", "name": "in order"}
    allowed = {"kind": "no_other_calls", "allowed": [{"tool": "find_contact", "at_most": 2}]}
    line = {"kind": "answer_line", "label": "SUM", "number": 5, "tolerance": 0.5, "words": ["kg"], "gating": False}
    has = {"kind": "answer_has", "words": ["a", ["b", "c*"]], "numbers": [1.5]}
    checks = [LOOK_UP, WRITE, order, {"kind": "together", "calls": ["look", "write"]}, allowed, line, has]
    assert list(VERIFIER.problems(scenario(*checks))) == []


@settings(max_examples=100, deadline=None)
@given(checks=st.lists(st.dictionaries(st.sampled_from(KEYS), JSON | st.sampled_from(KINDS))))
def test_nothing_a_pack_says_breaks_the_search_for_problems(checks: list[Check]) -> None:
    """Checks of any shape are described, not stumbled over."""
    assert all(problem.message for problem in VERIFIER.problems(scenario(*checks)))
