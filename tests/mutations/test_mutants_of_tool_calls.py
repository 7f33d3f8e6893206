"""Mutants of dialogues with tools."""

from __future__ import annotations

from typing import Any

from tests.mutations.lab import disagreements, mutants, says, scenario, text_of, wanted

LOOK: Any = {"kind": "call", "id": "look", "tool": "find", "arguments": {"name": {"text": "Eva"}}}
SEND: Any = {
    "kind": "call",
    "id": "send",
    "tool": "mail",
    "arguments": {"to": "e@x.y", "copies": 2, "cc": {"optional": "z"}},
}
ONLY: Any = {"kind": "no_other_calls"}
ORDER: Any = {"kind": "order", "calls": ["look", "send"]}
LINE: Any = {"kind": "answer_line", "label": "SENT", "number": 2}
CHECKS = [LOOK, SEND, ORDER, ONLY, LINE]
ANSWER = says("SENT: 2", [("find", '{"name": "Eva"}')], [("mail", '{"to": "e@x.y", "copies": 2, "cc": "z"}')])
ASKED = scenario("tool_calls", CHECKS, "find", "mail", "delete")


def test_the_real_verifier_agrees_with_every_mutant() -> None:
    """Two readings of one handbook."""
    found = mutants(ASKED, ANSWER)
    assert len(found) > 50
    assert disagreements(ASKED, found) == []


def test_arguments_are_changed_one_at_a_time() -> None:
    """By the rule of each: a text in any case, an optional one left out, a number only as itself."""
    found = mutants(ASKED, ANSWER)
    right = ["arguments in the opposite order", "arguments spread over lines", "arguments without blanks"]
    assert wanted(found, *(f"call 2.1 mail: {note}" for note in right)) == ["PASS"] * 3
    false = ["copies one more", "copies as a text", "to left out", "an argument too many", "not closed", "not made"]
    assert wanted(found, *(f"call 2.1 mail: {note}" for note in false)) == ["FAIL"] * 6
    assert wanted(found, "call 1.1 find: name in the other case", "call 2.1 mail: cc left out") == ["none", "none"]
    assert (
        found["call 2.1 mail: copies one more"].turns[1].tool_calls[0].arguments
        == '{"to": "e@x.y", "copies": 3, "cc": "z"}'
    )


def test_a_call_too_many_fails_where_none_is_allowed() -> None:
    """Made twice, or of a tool nobody asked for; with a permission it is not certain."""
    strict = mutants(ASKED, ANSWER)
    notes = ["call 1.1 find: made twice", "a call of delete too many", "a call of do_everything too many"]
    assert wanted(strict, *notes) == ["FAIL"] * 3
    lax = [LOOK, SEND, {**ONLY, "allowed": [{"tool": "find"}]}]
    assert wanted(mutants(scenario("tool_calls", lax, "find", "mail"), ANSWER), notes[0]) == ["none"]


def test_calls_that_must_wait_are_made_at_once() -> None:
    """And those that belong together one after the other."""
    found = mutants(ASKED, ANSWER)
    assert [len(turn.tool_calls) for turn in found["all calls at once"].turns] == [2, 0]
    together = scenario(
        "tool_calls", [LOOK, SEND, ONLY, {"kind": "together", "calls": ["look", "send"]}], "find", "mail"
    )
    at_once = says("Sent.", [("find", '{"name": "Eva"}'), ("mail", '{"to": "e@x.y", "copies": 2}')])
    singly = mutants(together, at_once)
    assert [len(turn.tool_calls) for turn in singly["one call in each turn"].turns] == [1, 1, 0]
    assert disagreements(together, singly) == []


def test_two_checks_for_the_same_call_need_two() -> None:
    """Dropping one of two equal calls leaves one too few."""
    twice = scenario("tool_calls", [LOOK, {**LOOK, "id": "again"}, ONLY], "find")
    answer = says("Done.", [("find", '{"name": "Eva"}')], [("find", '{"name": "Eva"}')])
    found = mutants(twice, answer)
    assert wanted(found, "call 1.1 find: not made") == ["FAIL"]
    assert disagreements(twice, found) == []


def test_the_line_of_the_final_text_is_changed() -> None:
    """The label in any case, the last line counts, the number is a whole one."""
    found = mutants(ASKED, ANSWER)
    assert text_of(found["SENT in small letters"]) == "sent: 2"
    notes = [
        "SENT in small letters",
        "SENT wrong at first",
        "SENT one more",
        "SENT a digit more in front",
        "without SENT",
    ]
    assert wanted(found, *notes) == ["PASS", "PASS", "FAIL", "FAIL", "FAIL"]


def test_silence_after_the_calls_is_right_where_nothing_must_be_said() -> None:
    """Only with a check of the final text does an empty one fail."""
    quiet = mutants(scenario("tool_calls", [LOOK, ONLY], "find"), says("Done.", [("find", '{"name": "Eva"}')]))
    assert wanted(quiet, "emptied", "silence") == ["none", "FAIL"]
