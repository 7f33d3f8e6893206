"""Mutants of the talk itself."""

from __future__ import annotations

from pytest_llmbench.mutations.talk import talk_mutants
from tests.mutations.lab import says, text_of


def test_an_answer_is_cut_at_four_fifths_for_its_own_reason() -> None:
    """Eight of ten characters arrive, and the server says that it stopped."""
    cut = next(talk_mutants(says("0123456789"), draft="no", needs_text=True))
    assert (text_of(cut), cut.wanted, cut.reason) == ("01234567", "FAIL", "token_limit")


def test_thinking_is_put_before_and_around() -> None:
    """Behind a closed block or a closing tag the answer counts; inside one it does not."""
    found = {text_of(one): one.wanted for one in talk_mutants(says("yes"), draft="no", needs_text=True)}
    assert found["<think>\nno\n</think>\n\nyes"] == "PASS"
    assert found["no\n</think>\n\nyes"] == "PASS"
    assert found["<think>\nyes"] == "FAIL"
    assert found["<think>\nyes\n</think>"] == "FAIL"
    assert found[""] == "FAIL"


def test_an_answer_with_tags_of_its_own_gets_no_more() -> None:
    """What a second tag would mean there does not follow with certainty."""
    notes = [one.note for one in talk_mutants(says("<think>a</think>yes"), draft="no", needs_text=True)]
    assert notes == ["cut off by the server", "line ends of Windows", "blank lines around", "emptied", "blanks alone"]


def test_silence_may_be_right() -> None:
    """Where nothing has to be said, emptying the text proves nothing."""
    assert all(one.note != "emptied" for one in talk_mutants(says("Sent."), draft="no", needs_text=False))
