"""``llmbench import``: a result file of benchlocal-cli becomes a run that the other verbs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.records import Outcome, Reason
from pytest_llmbench.saved_run import find_run
from tests.commands.runs import manifest_of, results_of, verdicts_of

BASE = Path(".llmbench/runs")


def row(name: str, mode: str = "passed", **more: Any) -> dict[str, Any]:
    """Return a scenario's result as that tool writes it."""
    raw = {
        "choices": [{"message": {"content": f"answer of {name}"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 7},
    }
    asked = {
        "model": "m-27b",
        "messages": [{"role": "user", "content": f"question {name}"}],
        "temperature": 0,
        "max_tokens": 1024,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    kept = {"latency_seconds": 2.5, "tokens_completion": 7, "raw_response": raw, "request": asked, "repeat_index": 0}
    judged = {"passed": mode == "passed", "failure_mode": mode, "detail": "" if mode == "passed" else "why"}
    return {"id": name, **judged, **kept, **more}


def saved_file(folder: Path, rows: list[dict[str, Any]], **more: Any) -> Path:
    """Write a result file with one pack."""
    passed = sum(one["passed"] for one in rows)
    content = {
        "schema_version": "1",
        "endpoint": "http://user:hunter22@box:8020/v1",
        "model": "m-27b",
        "mode": "quick",
        "started_at": "2026-05-09T10:00:00+00:00",
        "finished_at": "2026-05-09T10:12:30+00:00",
        "totals": {"passed": passed, "total": len(rows), "score": passed / len(rows)},
        "thinking_enabled": False,
        "packs": [{"pack_id": "toolcall-15", "version": "1.0.1", "passed": passed, "scenarios": rows}],
        **more,
    }
    path = folder / "quality.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_result_file_becomes_a_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Verdicts, answers, tokens and times are there; its failed servers are errors, not wrong answers."""
    rows = [row("TC-01"), row("TC-02", "verifier_fail"), row("TC-03", "server_error", raw_response=None, request=None)]
    assert main(["import", str(saved_file(here, rows))]) == 0
    said = capsys.readouterr()
    assert "toolcall-15 [benchlocal-cli] 1/2, 1 error (benchlocal-cli quick, packs v1.0.x, 2026-05-09)" in said.out
    assert "the file says" not in said.err
    run = find_run("latest", BASE)
    assert verdicts_of(run.folder.path) == {
        "TC-01": "PASS",
        "TC-02": "FAIL wrong_answer",
        "TC-03": "ERROR server_error",
    }
    first = run.results[0]
    assert (first.latency_s, first.prompt_tokens, first.completion_tokens) == (2.5, 20, 7)
    assert run.turns(first.key)[0].request.messages[0].content == "question TC-01"
    assert run.turns(first.key)[0].response.content == "answer of TC-01"
    assert (run.model, run.label, run.is_whole) == ("m-27b", "benchlocal-cli quick", True)
    assert run.folder.path.name == "2026-05-09T10-00-00Z-m-27b"


def test_what_cannot_be_known_is_empty(here: Path) -> None:
    """No hash, no machine, no server's build is made up; the file it came from is named with its hash."""
    main(["import", str(saved_file(here, [row("TC-01")]))])
    said = manifest_of(find_run("latest", BASE).folder.path)
    assert said["packs"][0]["content_hash"] == ""
    assert not {"machine", "server", "model_file", "settings"} & said.keys()
    assert (said["imported"]["tool"], said["imported"]["file"]) == ("benchlocal-cli", "quality.json")
    assert said["thinking"]["asked"] == "off"


def test_no_credential_is_written(here: Path) -> None:
    """The password in the old file's address is nowhere in the run folder."""
    main(["import", str(saved_file(here, [row("TC-01")]))])
    run = find_run("latest", BASE).folder.path
    assert not [path for path in run.rglob("*") if path.is_file() and b"hunter22" in path.read_bytes()]


def test_the_other_verbs_read_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Inspect lists what failed in it, as in a run of ours."""
    main(["import", str(saved_file(here, [row("TC-01"), row("TC-02", "no_answer_found")])), "--out", "old"])
    capsys.readouterr()
    assert main(["inspect", "old", "--failed", "--json"]) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert [(one["scenario"], one["verdict"]["reason"]) for one in trials] == [("TC-02", "no_answer")]


def test_repeats_are_attempts_and_doubles_get_names(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs with --repeat keep their attempts; thirty rows of one id are thirty scenarios, and that is said."""
    rows = [row("A"), row("A", "wrong_answer", repeat_index=1), row("B"), row("B")]
    assert main(["import", str(saved_file(here, rows)), "--out", "old", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "B stands there more than once" in told["notices"][0]
    keys = {(one["scenario"], one["attempt"]) for one in results_of(here / "old")["trials"]}
    assert keys == {("A", 1), ("A", 2), ("B", 1), ("B-2", 1)}


def test_a_warm_run_is_not_canonical(here: Path) -> None:
    """Its scores do not compare with greedy ones, and every report says so."""
    rows = [row("TC-01", request={"model": "m", "messages": [], "temperature": 0.8})]
    main(["import", str(saved_file(here, rows)), "--out", "old"])
    assert results_of(here / "old")["run"]["canonical"] is False
    assert "temperature=0.8" in (here / "old" / "quality.txt").read_text(encoding="utf-8")


def test_texts_and_gaps_are_taken_as_they_come(here: Path) -> None:
    """A raw response that is text, rows with next to nothing in them."""
    rows = [row("A", raw_response="just text"), {"id": "B", "passed": False}]
    assert main(["import", str(saved_file(here, rows)), "--out", "old"]) == 0
    run = find_run("old", BASE)
    assert run.turns(run.results[0].key)[0].response.content == "just text"
    assert run.results[1].verdict.reason is Reason.WRONG_ANSWER
    assert run.results[1].verdict.outcome is Outcome.FAIL


def test_totals_that_do_not_add_up_are_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The scenarios count, and the reader hears of the difference."""
    path = saved_file(here, [row("A"), row("B", "wrong_answer")], totals={"passed": 2, "total": 2})
    main(["import", str(path)])
    assert "the file says 2/2; by its scenarios it is 1/2" in capsys.readouterr().err


def test_a_file_is_imported_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second copy would weigh twice in the history."""
    path = saved_file(here, [row("A")])
    assert main(["import", str(path)]) == 0
    assert main(["import", str(path)]) == 4
    assert "was imported before, as .llmbench/runs/2026-05-09T10-00-00Z-m-27b" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON file"),
        ("[]", "is no result file of benchlocal-cli"),
        ('{"packs": [{"pack_id": "x"}]}', "is no result file of benchlocal-cli"),
        ('{"schema_version": "2", "packs": []}', "has layout 2"),
        ('{"packs": [{"pack_id": "x", "scenarios": [1]}]}', "nothing was imported"),
    ],
)
def test_other_files_are_refused_in_a_line(
    here: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    """Exit 4, what is wrong, and no half folder."""
    (here / "x.json").write_text(text, encoding="utf-8")
    assert main(["import", "x.json"]) == 4
    assert words in capsys.readouterr().err
    assert not BASE.exists()
