"""Failures in words: short, on one line, exact."""

from __future__ import annotations

import pytest

from pytest_llmbench.plain_values import encode
from pytest_llmbench.records import Ended, ExecResult, Reason
from pytest_llmbench.verifiers.code.wording import by_end, called, called_with, cut, failed_test, raised, wrong_value


@pytest.mark.parametrize(
    ("end", "detail", "reason"),
    [
        (ExecResult(ended=Ended.EXITED, exit_code=3), "exited early (status 3)", Reason.TESTS_FAILED),
        (ExecResult(ended=Ended.SIGNALLED, signal=11), "killed by signal 11, SIGSEGV", Reason.TESTS_FAILED),
        (ExecResult(ended=Ended.SIGNALLED, signal=99), "killed by signal 99", Reason.TESTS_FAILED),
        (ExecResult(ended=Ended.OUT_OF_MEMORY), "out of memory", Reason.TESTS_FAILED),
        (ExecResult(ended=Ended.TIMED_OUT, wall_s=60), "no result within 60 s for the whole program", Reason.TIMEOUT),
    ],
)
def test_how_a_program_ended(end: ExecResult, detail: str, reason: Reason) -> None:
    """Each way has its words."""
    failure = by_end(end)
    assert (failure.detail, failure.reason) == (detail, reason)


def test_calls_look_as_they_are_written() -> None:
    """With positions and with names."""
    assert called("f", encode([[1.0, 2.0], 0.5])) == "f([1.0, 2.0], 0.5)"
    assert called("f", "[]") == "f()"
    assert called_with("f", encode(((1, "a"), {"key": (2,)}))) == "f(1, 'a', key=(2,))"
    assert called_with("f", encode(((), {}))) == "f()"


def test_long_values_are_cut() -> None:
    """However large they are."""
    failure = wrong_value(encode("x" * 100_000), encode(list(range(50_000))))
    assert len(failure.detail) < 500
    assert len(failure.expected) < 2100
    assert len(called("f", encode([["y" * 900] * 90]))) < 500
    assert len(called_with("f", encode((("y" * 900,) * 90, {})))) < 500


def test_texts_of_programs_stay_on_one_line() -> None:
    """And lone surrogates do not leave."""
    failure = raised("ValueError", "two\nlines \ud800" + "x" * 9000, 4)
    assert failure.detail.startswith("ValueError: two lines ?xxx")
    assert failure.detail.endswith("... (line 4)")
    assert cut("a\n b", 10) == "a b"


def test_a_failed_test_quotes_its_source() -> None:
    """Over several lines too, and where it is no assert."""
    test = "for n in (1, 2):\n    assert f(\n        n\n    ) == [n]\nf(3).strip()\n"
    failure = failed_test(test, ("AssertionError", "", 3), call="f(1)", value="[2]", fault=None)
    assert (failure.detail, failure.expected, failure.got) == ("assert f(n) == [n]: f(1) gave [2]", "[n]", "[2]")
    failure = failed_test(test, ("AttributeError", "no strip", 5), call="f(3)", value="3", fault=None)
    assert failure.detail == "f(3).strip(): f(3) gave 3: AttributeError: no strip"
    failure = failed_test("(", ("SyntaxError", "never closed", 1), call="", value="", fault=None)
    assert failure.detail == "(: SyntaxError: never closed"
