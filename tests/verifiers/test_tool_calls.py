"""What tool_calls lets pass and what it does not, call by call and word by word."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import Exchange, Outcome, Reason, Request, Response, ToolCall, Turn
from tests.verifiers.call_talks import (
    EVA,
    HI,
    JSON,
    LOOK_UP,
    ONLY,
    VERIFIER,
    WRITE,
    Call,
    Check,
    exchange,
    failing,
    judge,
    scenario,
)


def test_a_right_call_passes_with_full_score() -> None:
    """One call as expected is a PASS, its checks are named."""
    verdict = judge([WRITE, ONLY], [HI], text="Sent.")
    assert verdict.outcome is Outcome.PASS
    assert verdict.score == 1.0
    assert [check.name for check in verdict.checks] == ["call write", "no_other_calls"]


def test_the_detail_names_call_argument_and_both_values() -> None:
    """A wrong argument of the second call is described so that nobody needs the transcript."""
    verdict = judge([LOOK_UP, WRITE, ONLY], [EVA], [("send_email", {"to": "a@b.d", "body": "Hi"})])
    assert verdict.reason is Reason.WRONG_ARGUMENT
    assert verdict.detail == 'call 2 send_email: argument "to": expected "a@b.c", got "a@b.d"'
    assert (verdict.expected, verdict.got) == ('"a@b.c"', '"a@b.d"')
    assert verdict.score == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("calls", "reason", "check"),
    [
        ([[("send_email", {"to": "a@b.c"})]], Reason.MISSING_FIELD, "call write"),
        ([[("send_email", {"to": "a@b.c", "body": "Hi", "cc": ""})]], Reason.WRONG_ARGUMENT, "call write"),
        ([[("send_email", {"to": "A@b.c", "body": "Hi"})]], Reason.WRONG_ARGUMENT, "call write"),
        ([[HI], [HI]], Reason.WRONG_TOOL, "no_other_calls"),
        ([[HI, EVA]], Reason.WRONG_TOOL, "no_other_calls"),
        ([[EVA]], Reason.WRONG_TOOL, "call write"),
        ([[HI], [("send_mail", {})]], Reason.WRONG_TOOL, "no_other_calls"),
        ([[HI], [("send_email", "{oops")]], Reason.INVALID_FORMAT, "no_other_calls"),
        ([[("send_email", '{"to": "a@b.c", "body": ')]], Reason.INVALID_FORMAT, "call write"),
        ([[("send_email", "[1, 2]")]], Reason.INVALID_FORMAT, "call write"),
        ([[("send_email", "null")]], Reason.INVALID_FORMAT, "call write"),
        ([[("send_email", '{"to": NaN}')]], Reason.INVALID_FORMAT, "call write"),
        ([[("send_email", '{"to": ' + "9" * 5000 + "}")]], Reason.INVALID_FORMAT, "call write"),
        ([[("send_email", "[" * 100_000)]], Reason.INVALID_FORMAT, "call write"),
        ([[("send_email", '{"a":' * 5000 + "1" + "}" * 5000)]], Reason.INVALID_FORMAT, "call write"),
    ],
)
def test_what_is_wrong_with_calls_has_its_reason(calls: list[list[Call]], reason: Reason, check: str) -> None:
    """Every call of every turn counts, and each fault has its own reason."""
    verdict = judge([WRITE, ONLY], *calls, text="Sent.")
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason is reason
    assert check in failing(verdict)


def test_silence_is_no_answer_and_words_without_a_call_are_the_wrong_tool() -> None:
    """A missing call is told apart from no answer at all."""
    assert judge([WRITE, ONLY]).reason is Reason.NO_ANSWER
    assert judge([WRITE, ONLY], text="Sent!").reason is Reason.WRONG_TOOL


def test_a_permitted_extra_call_passes_as_often_as_permitted() -> None:
    """`allowed` covers calls by tool, by arguments and by number."""
    only = {"kind": "no_other_calls", "allowed": [{"tool": "find_contact", "arguments": {"name": "Eva"}, "at_most": 1}]}
    assert judge([WRITE, only], [EVA], [HI]).outcome is Outcome.PASS
    assert judge([WRITE, only], [EVA, EVA], [HI]).outcome is Outcome.FAIL
    assert judge([WRITE, only], [("find_contact", {"name": "Bo"})], [HI]).outcome is Outcome.FAIL
    assert judge([WRITE, only], [("find_contact", "{")], [HI]).reason is Reason.INVALID_FORMAT


def test_each_expected_call_needs_a_call_of_its_own() -> None:
    """One call cannot stand for two expected ones, and a broad rule does not take a narrow one's call."""
    broad = {"kind": "call", "id": "any", "tool": "find_contact", "arguments": {"name": {"some": "text"}}}
    checks = [broad, LOOK_UP, ONLY]
    assert judge(checks, [EVA], [("find_contact", {"name": "Bo"})]).outcome is Outcome.PASS
    assert judge(checks, [("find_contact", {"name": "Bo"}), EVA]).outcome is Outcome.PASS
    assert judge(checks, [EVA]).outcome is Outcome.FAIL


def test_a_wrong_call_is_held_against_the_expected_call_it_resembles_most() -> None:
    """The other expected call is missing, not wrong."""
    other = {**WRITE, "id": "other", "arguments": {"to": "d@e.f", "body": "Yo"}}
    verdict = judge([WRITE, other, ONLY], [("send_email", {"to": "d@e.f", "body": "Hi there"})])
    assert [check.detail.split(":")[0] for check in verdict.checks[:2]] == [
        "call write is missing",
        "call 1 send_email",
    ]


def test_order_asks_for_a_later_turn_unless_the_same_turn_will_do() -> None:
    """A dependent call in the turn of what it depends on cannot have used its result."""
    checks = [LOOK_UP, WRITE, ONLY]
    order = {"kind": "order", "calls": ["look", "write"]}
    loose = {**order, "same_turn": "allow"}
    assert judge([*checks, order], [EVA], [HI]).outcome is Outcome.PASS
    assert failing(judge([*checks, order], [EVA, HI])) == ["order"]
    assert judge([*checks, loose], [EVA, HI]).outcome is Outcome.PASS
    assert failing(judge([*checks, loose], [HI, EVA])) == ["order"]
    assert failing(judge([*checks, order], [HI], [EVA])) == ["order"]
    assert failing(judge([*checks, order], [HI])) == ["call look", "order"]


def test_order_takes_steps_of_several_calls() -> None:
    """Calls of one step may come in any order, all of them before the next step."""
    first = [LOOK_UP, {**LOOK_UP, "id": "bo", "arguments": {"name": "Bo"}}, WRITE, ONLY]
    order = {"kind": "order", "calls": [["look", "bo"], "write"]}
    bo: Call = ("find_contact", {"name": "Bo"})
    assert judge([*first, order], [bo], [EVA], [HI]).outcome is Outcome.PASS
    assert failing(judge([*first, order], [EVA], [HI], [bo])) == ["order"]


def test_equal_expected_calls_are_bound_in_the_order_made() -> None:
    """A retry is the second of two equal calls."""
    again = {**LOOK_UP, "id": "again"}
    order = {"kind": "order", "calls": ["look", "again"]}
    assert judge([LOOK_UP, again, order, ONLY], [EVA], [EVA]).outcome is Outcome.PASS
    assert failing(judge([LOOK_UP, again, order, ONLY], [EVA, EVA])) == ["order"]


def test_together_means_one_turn() -> None:
    """Parallel calls are required where a scenario says so."""
    checks = [LOOK_UP, WRITE, {"kind": "together", "calls": ["look", "write"]}, ONLY]
    assert judge(checks, [HI, EVA]).outcome is Outcome.PASS
    assert failing(judge(checks, [HI], [EVA])) == ["together"]


def test_a_check_that_does_not_gate_is_shown_and_decides_nothing() -> None:
    """`gating: false` is a diagnostic: neither outcome nor score follow it."""
    verdict = judge([WRITE, ONLY, {"kind": "answer_has", "words": ["sent"], "gating": False}], [HI], text="Done.")
    assert (verdict.outcome, verdict.score) == (Outcome.PASS, 1.0)
    assert failing(verdict) == ["answer_has"]


def test_other_arguments_may_be_allowed() -> None:
    """`other_arguments: allow` ignores what no rule names."""
    loose = {**WRITE, "other_arguments": "allow"}
    assert judge([loose, ONLY], [("send_email", {"to": "a@b.c", "body": "Hi", "cc": "d@e.f"})]).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("check", "text", "reason"),
    [
        ({"kind": "answer_has", "numbers": [135]}, "It is 1350, a135 or maria=1351", Reason.WRONG_ANSWER),
        ({"kind": "answer_has", "numbers": [135]}, " ", Reason.NO_ANSWER),
        ({"kind": "answer_has", "numbers": [135]}, "It is 135.0.", None),
        ({"kind": "answer_has", "words": [["Oslo", "Bergen"]]}, "bergen!", None),
        ({"kind": "answer_line", "label": "SUM", "number": 5}, "5", Reason.NO_ANSWER),
        ({"kind": "answer_line", "label": "SUM", "number": 5}, "SUM: 5 or 6", Reason.WRONG_ANSWER),
        ({"kind": "answer_line", "label": "SUM", "number": 5}, "SUM: six", Reason.WRONG_ANSWER),
        ({"kind": "answer_line", "label": "SUM", "number": 5, "tolerance": 0.1}, "Sum: 5.1 kg", None),
        ({"kind": "answer_line", "label": "CITY", "text": "Oslo"}, "CITY: oslo.", None),
        ({"kind": "answer_line", "label": "CITY", "text": "Oslo"}, "CITY: Oslo or Rome", Reason.WRONG_ANSWER),
        ({"kind": "answer_line", "label": "CANNOT"}, "CANNOT: no tool", None),
        ({"kind": "answer_line", "label": "CANNOT"}, "CANNOT: ", Reason.NO_ANSWER),
        ({"kind": "answer_line", "label": "QUESTION", "words": ["time"]}, "QUESTION: where?", Reason.WRONG_ANSWER),
    ],
)
def test_the_final_text_is_judged_by_value(check: Check, text: str, reason: Reason | None) -> None:
    """A missing declaration is no_answer, a wrong one wrong_answer."""
    verdict = judge([{**check}, ONLY], text=text)
    assert verdict.reason is reason


def test_a_refusal_is_a_statement_and_no_call() -> None:
    """Saying the words while acting does not pass, nor does acting in words alone (lessons V7)."""
    checks = [{"kind": "answer_line", "label": "CANNOT"}, ONLY]
    assert judge(checks, text="I will delete all emails now, done!").reason is Reason.NO_ANSWER
    assert judge(checks, [HI], text="CANNOT: no tool for that").reason is Reason.WRONG_TOOL


EVERYTHING = scenario(
    LOOK_UP,
    WRITE,
    {
        "kind": "call",
        "id": "odd",
        "tool": "send_email",
        "arguments": {
            "to": {"set": [{"text": "a"}, {"words": ["b"]}, {"near": [1, 0.5]}]},
            "body": {"one_of": [{"date": "2026-03-05"}, {"minute": "2026-03-05T10:00"}, {"some": "number"}, [1, None]]},
            "cc": {"optional": {"object": {"a": {"pattern": ".+"}, "b": {"absent": True}}}},
        },
    },
    {"kind": "order", "calls": [["look", "odd"], "write"]},
    {"kind": "together", "calls": ["look", "write"]},
    {"kind": "no_other_calls", "allowed": [{"tool": "find_contact", "at_most": 1}, {"tool": "send_email"}]},
    {"kind": "answer_has", "words": ["yes", ["no", "n*"]], "numbers": [5, 0.1], "tolerance": 0.01},
    {"kind": "answer_line", "label": "SUM", "number": 5, "text": "5"},
)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60) | st.sampled_from(
    ["SUM: 5", "SUM: \ud800", "SUM:" * 500, "\x00", "9" * 9000, "9." * 4000, "1,000" * 2000, "* " * 3000, "5\n" * 2000]
)
ARGUMENTS = (
    ANY_TEXT
    | JSON.map(json.dumps)
    | st.fixed_dictionaries({"to": JSON, "body": JSON}, optional={"cc": JSON}).map(json.dumps)
    | st.fixed_dictionaries({"name": JSON}).map(json.dumps)
    | st.sampled_from(['{"to": 1e999}', "[" * 9000, '{"name":"Eva"}', '{"name":"Eva","name":2}', '{"to":' + "8" * 5000])
)
NAMES = st.sampled_from(["send_email", "find_contact"]) | ANY_TEXT
CALLS = st.builds(ToolCall, id=ANY_TEXT, name=NAMES, arguments=ARGUMENTS)
TURNS = st.builds(
    Turn,
    request=st.just(Request(model="m", messages=())),
    response=st.builds(Response, content=ANY_TEXT, tool_calls=st.lists(CALLS, max_size=5).map(tuple)),
)


def test_the_fuzzed_scenario_is_a_valid_one() -> None:
    """What is fuzzed below is a pack that would load."""
    assert list(VERIFIER.problems(EVERYTHING)) == []


@settings(max_examples=150, deadline=None)
@given(turns=st.lists(TURNS, max_size=4))
def test_nothing_a_model_writes_breaks_the_judge(turns: list[Turn]) -> None:
    """Any text and any arguments get a Verdict, never an exception (lessons E2)."""
    verdict = VERIFIER.judge(EVERYTHING, Exchange(turns=tuple(turns)))
    assert verdict.outcome in {Outcome.PASS, Outcome.FAIL}
    assert (verdict.reason is None) == (verdict.outcome is Outcome.PASS)
    assert verdict.score is not None
    assert 0 <= verdict.score <= 1
    json.dumps(to_plain(verdict)).encode()
    assert len(verdict.detail) < 4000


def test_ten_megabytes_are_judged() -> None:
    """Length alone does no harm."""
    long = "x1 " * 3_500_000
    verdict = VERIFIER.judge(EVERYTHING, exchange([("find_contact", json.dumps({"name": long}))], text=long))
    assert verdict.outcome is Outcome.FAIL
