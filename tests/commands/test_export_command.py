"""``llmbench export``: a run for EvalPlus, for the viewer of Inspect, for a spreadsheet."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.records import Outcome, Reason
from pytest_llmbench.reports.csv_export import COLUMNS
from pytest_llmbench.reports.evalplus_export import write_evalplus
from tests.commands.saved_runs import RIGHT, WRONG, copied, cut_off, judge_again
from tests.summaries import STARTED, facts, result

PROGRAM = "def one():\n    return 1\n"


def exported(capsys: pytest.CaptureFixture[str], *words: str) -> list[Path]:
    """Run the verb and return the files it wrote."""
    assert main(["export", *words, "--json"]) == 0
    return [Path(path) for path in json.loads(capsys.readouterr().out)["written"]]


def log_of(paths: list[Path], task: str) -> dict[str, Any]:
    """Return the Inspect log of a pack."""
    logs = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    (found,) = (log for log in logs if log["eval"]["task"] == task)
    assert isinstance(found, dict)
    return found


def test_csv_has_a_row_for_each_attempt(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Below the run's own folder unless another is named."""
    (path,) = exported(capsys, WRONG, "--format", "csv")
    assert path.resolve() == runs / WRONG / "export" / "csv" / "results.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(COLUMNS) <= rows[0].keys()
    assert len(rows) == 16
    assert (rows[0]["run"], rows[0]["scenario"], rows[0]["attempt"], rows[0]["outcome"]) == (
        WRONG,
        "IF-01",
        "1",
        "FAIL",
    )


def test_a_cell_is_never_a_formula(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Details quote what a model wrote, and a spreadsheet runs what begins with an equals sign."""
    judge_again(runs / RIGHT, "IF-02", Reason.WRONG_ANSWER, "=1+1\n\0\ud800")
    (path,) = exported(capsys, RIGHT, "--format", "csv")
    with path.open(encoding="utf-8", newline="") as file:
        details = [row["detail"] for row in csv.DictReader(file) if row["outcome"] == "FAIL"]
    assert details == ["'=1+1\n?"]


def test_an_inspect_log_holds_every_trial_as_a_sample(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file for each pack, attempts as epochs, scores in Inspect's letters, the whole talk."""
    judge_again(runs / RIGHT, "TC-03", Reason.WRONG_ARGUMENT, "the wrong day")
    paths = exported(capsys, RIGHT, "--format", "inspect", "--out", "logs")
    assert sorted(path.name.split("_")[1] for path in paths) == ["instructfollow-15", "toolcall-15"]
    log = log_of(paths, "toolcall-15")
    assert (log["version"], log["status"], log["eval"]["config"]["epochs"]) == (2, "success", 2)
    assert log["results"]["scores"][0]["metrics"]["accuracy"]["value"] == 0.75
    samples = {(one["id"], one["epoch"]): one for one in log["samples"]}
    assert len(samples) == 8
    failed = samples["TC-03", 1]
    assert failed["scores"]["pytest_llmbench"]["value"] == "I"
    assert failed["scores"]["pytest_llmbench"]["explanation"] == "wrong_argument: the wrong day"
    roles = [message["role"] for message in samples["TC-02", 1]["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant"]
    call = samples["TC-02", 1]["messages"][2]["tool_calls"][0]
    assert (call["function"], type(call["arguments"])) == ("get_weather", dict)
    assert samples["TC-02", 1]["output"]["choices"][0]["message"]["role"] == "assistant"


def test_an_export_of_the_same_run_is_the_same(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ids are made of the run, so an export again takes the place of the one before."""
    first = exported(capsys, WRONG, "--format", "inspect")
    texts = [path.read_bytes() for path in first]
    assert exported(capsys, WRONG, "--format", "inspect") == first
    assert [path.read_bytes() for path in first] == texts
    assert len(list((runs / WRONG / "export" / "inspect").iterdir())) == len(first)


def test_an_unfinished_run_is_cancelled_for_inspect(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it has is exported."""
    cut_off(copied(runs / RIGHT, "half"))
    logs = [json.loads(path.read_text(encoding="utf-8")) for path in exported(capsys, "half", "--format", "inspect")]
    assert {log["eval"]["task"]: (log["status"], len(log["samples"])) for log in logs} == {
        "instructfollow-15": ("success", 8),
        "toolcall-15": ("cancelled", 6),
    }


def test_programs_go_to_evalplus(tmp_path: Path) -> None:
    """Each judged attempt with its program; what met an error is left out."""
    pack = facts("code", title="Code")
    kept = {"artefacts": {"program.py": PROGRAM}}
    results = [
        result(pack, "Task-1", task_id="Task/1", **kept),
        result(pack, "Task-1", "tests_failed", task_id="Task/1", attempt=2, **kept),
        result(pack, "Task-2", "sandbox_failed", task_id="Task/2"),
        result(facts(), "S-01"),
    ]
    samples, evals = write_evalplus(tmp_path, results, STARTED)
    assert samples.parent == evals.parent == tmp_path / "code"
    lines = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    assert lines == [{"task_id": "Task/1", "solution": PROGRAM}] * 2
    judged = json.loads(evals.read_text(encoding="utf-8"))["eval"]
    assert [one["base_status"] for one in judged["Task/1"]] == ["pass", "fail"]
    assert results[2].verdict.outcome is Outcome.ERROR
    assert list(judged) == ["Task/1"]


@pytest.mark.usefixtures("runs")
def test_a_run_without_programs_is_nothing_for_evalplus(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the other formats."""
    assert main(["export", WRONG, "--format", "evalplus"]) == 4
    assert "take --format csv or inspect" in capsys.readouterr().err


@pytest.mark.usefixtures("runs")
def test_a_place_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback."""
    Path("taken").write_text("", encoding="ascii")
    assert main(["export", WRONG, "--format", "csv", "--out", "taken"]) == 4
    assert "taken cannot be written into" in capsys.readouterr().err
