"""``llmbench compare``: two runs and more, flips by name, the verdict, what forbids one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.records import Reason
from tests.commands.saved_runs import RIGHT, WRONG, change_manifest, copied, cut_off, judge_again


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run the verb and return what it printed."""
    assert main(["compare", *words]) == 0
    return capsys.readouterr().out


def test_the_same_answers_are_no_regression(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Columns A and B, and a sentence that says what would have been seen."""
    copied(runs / RIGHT, "again")
    printed = shown(capsys, RIGHT, "again")
    assert f"A: {Path('.llmbench/runs')}/{RIGHT}" in printed
    assert "A gold |" in printed
    assert "A -> B: OK 8->8 of 8" in printed
    assert "Worse:" not in printed


def test_flips_are_listed_with_their_reasons(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One attempt of two is told as such; a broken scenario counts against the run."""
    copied(runs / RIGHT, "worse")
    change_manifest(copied(runs / WRONG, "all wrong"), endpoint="gold")
    judge_again(runs / "worse", "TC-03", Reason.WRONG_ARGUMENT, "the wrong day")
    printed = shown(capsys, RIGHT, "all wrong")
    assert "A -> B: REGRESSION 8->0 of 8" in printed
    assert "Worse:\n  instructfollow-15 IF-01: passed 2/2 -> 0/2, invalid_format" in printed
    assert "- mind: model" not in shown(capsys, RIGHT, "worse")
    better = shown(capsys, "all wrong", RIGHT)
    assert "Better:\n  instructfollow-15 IF-01: passed 0/2 -> 2/2\n" in better


@pytest.mark.usefixtures("runs")
def test_runs_that_do_not_compare_get_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    """Each difference is named instead; the flips are there all the same."""
    printed = shown(capsys, RIGHT, WRONG)
    assert "A -> B: NOT COMPARABLE in 1 respect" in printed
    assert "- not comparable: endpoint: gold -> broken" in printed
    assert "Worse:" not in printed
    assert "Passed more often in A:\n  instructfollow-15 IF-01: passed 2/2 -> 0/2" in printed
    assert "REGRESSION" not in printed
    assert "  toolcall-15 TC-01: passed 2/2 -> 0/2, wrong_tool" in printed


def test_more_than_two_are_each_compared_with_the_first(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column each, and one verdict each; flips are for two."""
    copied(runs / RIGHT, "again")
    printed = shown(capsys, RIGHT, "again", WRONG)
    assert "A -> B: OK" in printed
    assert "A -> C: NOT COMPARABLE" in printed
    assert "Worse:" not in printed


def test_json_has_figures_verdicts_and_flips(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For whoever makes a page of it."""
    copied(runs / RIGHT, "again")
    found = json.loads(shown(capsys, RIGHT, "again", WRONG, "--json"))
    assert [one["score"] for one in found["profiles"]] == [1.0, 1.0, 0.0]
    again, wrong = found["pairings"]
    assert (again["word"], again["differences"], again["compared"]) == ("ok", [], 8)
    assert (wrong["word"], wrong["sentence"], len(wrong["flips"])) == (None, None, 8)
    assert wrong["flips"][0]["reason"] == "invalid_format"


def test_a_half_written_run_is_compared_by_what_it_has(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Scenarios without a verdict are counted, not guessed."""
    cut_off(copied(runs / RIGHT, "half"))
    printed = shown(capsys, RIGHT, "half")
    assert "3/3 of 15 selected, 1 not run" in printed
    assert "1 scenario of A has no verdict now" in printed
    assert "baseline" not in printed


@pytest.mark.usefixtures("runs")
def test_one_run_cannot_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """The message shows how two are named."""
    assert main(["compare", RIGHT]) == 4
    assert "llmbench compare RUN latest" in capsys.readouterr().err
