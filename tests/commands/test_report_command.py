"""``llmbench report``: every file of a run made anew from its journal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.records import Reason
from tests.commands.saved_runs import RIGHT, WRONG, change_manifest, copied, cut_off, judge_again

PAPERS = ("results.json", "REPORT.md", "quality.txt")


def test_the_files_are_made_again_as_they_were(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte but for where the run lies: nothing that a session knew is lost in its folder."""
    run = runs / WRONG
    before = {name: (run / name).read_text(encoding="utf-8") for name in PAPERS}
    old = json.loads(before["results.json"])
    for name in PAPERS[1:]:
        (run / name).unlink()
    assert main(["report", WRONG]) == 0
    after = {name: (run / name).read_text(encoding="utf-8") for name in PAPERS}
    moved = before["results.json"].replace(json.dumps(old["run"]["run_dir"]), json.dumps(f".llmbench/runs/{WRONG}"))
    assert after == {**before, "results.json": moved}
    assert "Quality:   InstructFollow-15 0/4 of 15" in capsys.readouterr().out


def test_a_run_that_was_killed_gets_its_reports(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They say that it was interrupted and what is missing; it can still be gone on with."""
    half = copied(runs / RIGHT, "half")
    cut_off(half)
    manifest = (half / "manifest.json").read_bytes()
    assert main(["report", "half"]) == 0
    assert "unfinished" in capsys.readouterr().out
    report = (half / "REPORT.md").read_text(encoding="utf-8")
    assert "--llm-resume goes on from here" in report
    found = json.loads((half / "results.json").read_text(encoding="utf-8"))
    assert found["run"]["interrupted"]
    assert (found["total"]["passed"], found["total"]["not_run"]) == (7, 1)
    assert "not canonical: recorded answers, no model" in found["quality"]
    assert (half / "manifest.json").read_bytes() == manifest


def test_a_results_json_that_was_cut_off_is_made_anew(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the journal beside it; the notice says what to type, and is gone afterwards."""
    file = copied(runs / RIGHT, "cut") / "results.json"
    file.write_bytes(file.read_bytes()[:-100].partition(b"\n")[0][:200])
    assert main(["inspect", "cut"]) == 0
    err = capsys.readouterr().err
    assert "results.json is not whole: llmbench report .llmbench/runs/cut writes it anew from the journal" in err
    assert main(["report", "cut"]) == 0
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (found["run"]["interrupted"], found["total"]["passed"]) == (False, 8)
    capsys.readouterr()
    assert main(["inspect", "cut"]) == 0
    assert capsys.readouterr().err == ""


def test_a_later_verdict_comes_into_the_reports(runs: Path) -> None:
    """The journal rules."""
    judge_again(runs / RIGHT, "TC-03", Reason.WRONG_ARGUMENT, "the wrong day")
    assert main(["report", RIGHT]) == 0
    assert "the wrong day" in (runs / RIGHT / "REPORT.md").read_text(encoding="utf-8")
    assert "ToolCall-15 3/4" in (runs / RIGHT / "quality.txt").read_text(encoding="utf-8")


def test_results_json_alone_gets_the_texts(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a journal the file itself stays as it is."""
    alone = runs.parent / "kept"
    alone.mkdir()
    shutil.copy(runs / WRONG / "results.json", alone)
    before = (alone / "results.json").read_bytes()
    assert main(["report", str(alone / "results.json"), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert sorted(Path(path).name for path in written) == ["REPORT.md", "metrics.txt", "quality.txt"]
    assert (alone / "results.json").read_bytes() == before


def test_an_old_manifest_is_refused_with_a_word(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is written."""
    change_manifest(runs / WRONG, format=0)
    before = (runs / WRONG / "REPORT.md").stat().st_mtime_ns
    assert main(["report", WRONG]) == 4
    assert "no manifest of format 1" in capsys.readouterr().err
    assert (runs / WRONG / "REPORT.md").stat().st_mtime_ns == before


def test_a_page_for_a_browser_is_written_too(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With every trial of the run, from the journal or from results.json alone."""
    assert main(["report", WRONG, "--html", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"][-1] == f".llmbench/runs/{WRONG}/report.html"
    page = (runs / WRONG / "report.html").read_text(encoding="utf-8")
    assert page.count('<details class="trial fail">') == 16
    assert f"llmbench reproduce toolcall-15/TC-02 --run .llmbench/runs/{WRONG} --attempt 2" in page
    alone = runs.parent / "kept"
    alone.mkdir()
    shutil.copy(runs / WRONG / "results.json", alone)
    assert main(["report", str(alone), "--html"]) == 0
    assert (alone / "report.html").read_text(encoding="utf-8").count('<details class="trial fail">') == 16


def test_a_pack_that_was_never_begun_has_its_title(runs: Path) -> None:
    """The manifest knows it, so the reports of a run that was killed at once do too."""
    half = copied(runs / RIGHT, "half")
    cut_off(half)
    for journal in (half / "journal").iterdir():
        journal.write_bytes(b"")
    assert main(["report", "half"]) == 0
    assert "ToolCall-15 (v1.0.0)" in (half / "REPORT.md").read_text(encoding="utf-8").replace("\\", "")
