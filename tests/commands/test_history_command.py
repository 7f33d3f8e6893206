"""``llmbench history``: scores over time by model, profile and pack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.commands.main import main
from tests.commands.saved_runs import RIGHT, WRONG, copied, cut_off, write_series


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run the verb and return what it printed."""
    assert main(["history", *words]) == 0
    return capsys.readouterr().out


def data(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """Run the verb with ``--json`` and return what it printed."""
    return json.loads(shown(capsys, *words, "--json"))


def test_runs_of_one_model_make_a_trend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oldest first, with an interval, the change from the run before, and a bar each."""
    write_series(tmp_path, model="m", profile="q4", passed=(8, 12, 12, 15))
    lines = shown(capsys, "--runs", str(tmp_path)).splitlines()
    assert lines[:2] == ["m · q4", "  ToolCall-15  ▅▇▇█"]
    assert [" ".join(line.split()[1:6]) for line in lines[2:6]] == [
        "8/15 53% (30-75) run-m-q4-0",
        "12/15 80% (55-93) ↑ 27",
        "12/15 80% (55-93) = run-m-q4-2",
        "15/15 100% (80-100) ↑ 20",
    ]


def test_a_drop_points_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is a negative number for programs."""
    write_series(tmp_path, model="m", profile="", passed=(15, 12))
    assert "↓ 20 points" in shown(capsys, "--runs", str(tmp_path))
    (series,) = data(capsys, "--runs", str(tmp_path))
    assert (series["model"], series["pack"]) == ("m", "toolcall-15")
    assert [run["change"] for run in series["runs"]] == [None, pytest.approx(-0.2)]
    assert series["runs"][0]["interval_95"] == [pytest.approx(0.7961, abs=1e-4), 1.0]


def test_what_does_not_compare_is_told_and_not_joined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed pack, another sampling, only part of the pack: shown, with no change beside them."""
    write_series(tmp_path, model="m", profile="", passed=(12,))
    write_series(tmp_path, model="m", profile="", passed=(13,), start=1, content_hash="new")
    write_series(tmp_path, model="m", profile="", passed=(14,), start=2, canonical=False, note="own seed=3")
    printed = shown(capsys, "--runs", str(tmp_path))
    assert "the pack has changed" in printed
    assert "not canonical: own seed=3" in printed
    assert "points  " not in printed


def test_filters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By pack and by model or profile; a wrong name gets the right one."""
    write_series(tmp_path, model="small", profile="q4", passed=(8,))
    write_series(tmp_path, model="large", profile="q8", passed=(9,), start=1)
    base = ["--runs", str(tmp_path)]
    assert {one["model"] for one in data(capsys, *base)} == {"small", "large"}
    assert {one["model"] for one in data(capsys, *base, "--model", "q8")} == {"large"}
    assert len(data(capsys, "tool*", *base)) == 2
    for words, says in ((["toolcal-15"], 'did you mean "toolcall-15"?'), (["--model", "smal"], '"small"?')):
        assert main(["history", *words, *base]) == 4
        assert says in capsys.readouterr().err


def test_real_runs_of_recorded_answers_are_listed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the remark that they are no model; half-written and unreadable ones are named."""
    cut_off(copied(runs / RIGHT, "half"))
    (copied(runs / WRONG, "odd") / "manifest.json").write_text("{", encoding="ascii")
    printed = shown(capsys)
    assert "recorded answers, no model" in printed
    assert "Left out: 1 run not finished, half (llmbench report RUN" in printed
    assert "1 run that cannot be read, odd (.llmbench/runs/odd/manifest.json is no whole JSON file" in printed


def test_a_run_whose_results_json_was_cut_off_is_left_out_with_the_next_step(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verb that makes the file anew."""
    (copied(runs / RIGHT, "cut") / "results.json").write_text('{"llmbench_results": 1', encoding="ascii")
    assert "cut (.llmbench/runs/cut/results.json is not whole: llmbench report .llmbench/runs/cut" in shown(capsys)


def test_without_a_finished_run_there_is_no_trend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says how to get one."""
    assert main(["history", "--runs", str(tmp_path)]) == 4
    assert "pytest --llm-packs quick" in capsys.readouterr().err
