"""``llmbench inspect``: the trials of a run, why they failed, whole talks, and what changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.records import Reason
from pytest_llmbench.reports.inspection import listing
from pytest_llmbench.reports.wording import width
from tests.commands.saved_runs import RIGHT, WRONG, copied, cut_off, judge_again
from tests.summaries import facts, result


def shown(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """Run the verb and return what it printed."""
    assert main(["inspect", *words]) == code
    return capsys.readouterr().out


def data(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """Run the verb with ``--json`` and return what it printed."""
    return json.loads(shown(capsys, *words, "--json"))


@pytest.mark.usefixtures("runs")
def test_every_trial_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The latest run unless another is named; two attempts of eight scenarios, what they came to at the end."""
    lines = shown(capsys).splitlines()
    assert lines[0].startswith("broken: 8 scenarios")
    assert lines[2].split() == ["pack", "scenario", "outcome", "reason", "latency", "tokens", "detail"]
    assert [line.split()[:2] for line in lines[3:7]] == [
        ["instructfollow-15", name] for name in ("IF-01",) * 2 + ("IF-02",) * 2
    ]
    assert "16 trials: 16 FAIL" in lines[-3]
    assert lines[-1].startswith("the whole talk: llmbench inspect ")


@pytest.mark.usefixtures("runs")
def test_filters_keep_what_fits_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """By failure, by scenario as id, glob or with its pack, and by reason."""
    assert "no trial of this run fits" in shown(capsys, RIGHT, "--failed")
    assert len(data(capsys, WRONG, "--failed")["trials"]) == 16
    found = data(capsys, WRONG, "--scenario", "TC-0[12]", "--scenario", "instructfollow-15/IF-03")["trials"]
    assert [(one["scenario"], one["attempt"]) for one in found] == [
        (name, attempt) for name in ("IF-03", "TC-01", "TC-02") for attempt in (1, 2)
    ]
    found = data(capsys, WRONG, "--reason", "wrong_tool", "--scenario", "*-01")["trials"]
    assert {one["scenario"] for one in found} == {"TC-01"}
    assert {one["verdict"]["reason"] for one in found} == {"wrong_tool"}


@pytest.mark.usefixtures("runs")
def test_the_whole_talk_is_shown_turn_by_turn(capsys: pytest.CaptureFixture[str]) -> None:
    """Each message once: what was asked, the calls, what the tools said, the answer, the verdict with its checks."""
    printed = shown(capsys, RIGHT, "--scenario", "TC-02", "--full")
    first, second = printed.split("== toolcall-15 TC-02 attempt 2:")
    assert "== toolcall-15 TC-02:" in first
    assert "-- request 1 of 2: at most" in first
    assert "  calls get_weather(" in first
    assert first.count("[user]") == 1
    assert first.count("[tool]") == 1
    assert "  ok " in first
    assert "-- answer 2 of 2: stop" in second


def test_a_hostile_answer_cannot_drive_the_terminal(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes are shown, not sent."""
    judge_again(runs / RIGHT, "IF-02", Reason.WRONG_ANSWER, "said \x1b[2J\nmore")
    for words in ((), ("--full",)):
        printed = shown(capsys, RIGHT, "--scenario", "IF-02", *words)
        assert "\x1b" not in printed
        assert "said \\x1b[2J" in printed


@pytest.mark.usefixtures("runs")
def test_json_holds_the_talk_with_full(capsys: pytest.CaptureFixture[str]) -> None:
    """Without it the verdict and the figures alone."""
    (brief,) = [one for one in data(capsys, WRONG, "--scenario", "IF-01")["trials"] if one["attempt"] == 1]
    assert {"pack", "scenario", "verdict", "latency_s", "completion_tokens"} <= brief.keys()
    assert "exchange" not in brief
    whole = data(capsys, WRONG, "--scenario", "IF-01", "--full")["trials"][0]
    assert whole["exchange"][0]["request"]["messages"][0]["role"]


def test_differences_from_another_run(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which verdicts flipped, and which answers differ under the same verdict."""
    copied(runs / RIGHT, "later")
    judge_again(runs / "later", "TC-03", Reason.WRONG_ARGUMENT, "the wrong day")
    printed = shown(capsys, "later", "--diff", RIGHT)
    assert "toolcall-15 TC-03: PASS -> FAIL wrong_argument" in printed
    assert "1 verdict differs, 0 answers differ under the same verdict, 15 trials agree" in printed
    found = data(capsys, WRONG, "--diff", RIGHT, "--scenario", "IF-0[12]", "--full")
    assert (len(found["differences"]), found["same"]) == (4, 0)
    assert found["differences"][0]["answers"]["before"] != found["differences"][0]["answers"]["now"]
    assert "--- before" in shown(capsys, WRONG, "--diff", RIGHT, "--scenario", "IF-01", "--full")


def test_a_run_that_was_killed_is_shown_as_far_as_it_got(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a word on stderr that it is not all."""
    cut_off(copied(runs / RIGHT, "half"))
    assert main(["inspect", "half"]) == 0
    said = capsys.readouterr()
    assert "PASS" in said.out
    assert "this run is not finished" in said.err
    assert "cut off while it was written" in said.err


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing-like-it"], "latest is the newest"),
        (["--reason", "wrong_tol"], 'did you mean "wrong_tool"?'),
        (["--scenario", "TC-99"], 'no trial of "TC-99" in this run: did you mean'),
        (["--runs", "nowhere"], "measure something first: pytest"),
    ],
)
def test_a_wrong_word_gets_the_right_one(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4, as for every wrong command line."""
    assert main(["inspect", *words]) == 4
    assert says in capsys.readouterr().err


def test_what_only_one_run_has_is_no_difference(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that was cut short, or one with more attempts, is told in a line."""
    half = copied(runs / RIGHT, "half")
    cut_off(half)
    printed = shown(capsys, "half", "--diff", RIGHT)
    assert "0 verdicts differ, 0 answers differ under the same verdict, 14 trials agree" in printed
    assert "only in the earlier one: toolcall-15 TC-04, toolcall-15 TC-04 attempt 2" in printed
    assert "only in this one: toolcall-15 TC-04, toolcall-15 TC-04 attempt 2" in shown(capsys, RIGHT, "--diff", "half")
    assert len(data(capsys, "half", "--diff", RIGHT)["differences"]) == 2


def test_a_line_ends_where_the_terminal_does() -> None:
    """Details are cut with three dots, wide characters counted twice; a narrow terminal still gets some of it."""
    found = [result(facts(), "TC-01", "wrong_tool", detail="模型" * 40)]
    whole, cut, least = (listing(found, columns=columns)[1] for columns in (None, 100, 10))
    assert width(whole) > 100 >= width(cut) > 96
    assert cut.endswith("...")
    assert "模" in least


def test_a_run_without_a_result_says_so(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not the filters that let nothing through."""
    empty = copied(runs / RIGHT, "empty")
    cut_off(empty)
    for journal in (empty / "journal").iterdir():
        journal.write_bytes(b"")
    assert "no trial of this run has a result yet" in shown(capsys, "empty")
