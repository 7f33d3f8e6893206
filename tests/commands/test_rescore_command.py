"""``llmbench rescore``: saved answers under today's packs and verifiers, and what is written back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.journal_reader import JournalReader
from pytest_llmbench.rescoring import stage, write_back
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.saved_run import open_run
from tests.commands.runs import OWN_VERIFIER, copied, manifest_of, measured, results_of, verdicts_of
from tests.plugin.lab import scenarios, write_pack
from tests.plugin.test_code_packs import DOUBLE, TASKS, fenced
from tests.stub.client import running_stub

STRICT = """good = exchange.answer.endswith("!")
        reason = None if good else Reason.WRONG_ANSWER
        detail = "" if good else "does not end in !"
        return Verdict(outcome=Outcome.PASS if good else Outcome.FAIL, reason=reason, detail=detail)"""
MILD = """return Verdict(outcome=Outcome.PASS)"""


def conftest(root: Path, body: str, version: str = "1") -> None:
    """Write the project's own verifier."""
    (root / "conftest.py").write_text(OWN_VERIFIER.format(version=version, body=body), encoding="utf-8")


@pytest.fixture(scope="module")
def _project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two packs, one of them judged by its own verifier, measured once."""
    root = tmp_path_factory.mktemp("project")
    write_pack(root, scenarios(6, wrong=[3]))
    write_pack(root, scenarios(3), name="own", defaults={"verifier": "loud", "max_tokens": 64, "timeout_s": 30})
    conftest(root, STRICT)
    with running_stub() as stub:
        run = measured(root, "packs", "--llm-url", stub.url)
    assert results_of(run)["total"]["text"] == "5/9 (56%)"
    return root


@pytest.fixture
def project(_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to be in."""
    return copied(_project, tmp_path, monkeypatch)


def the_run(root: Path) -> Path:
    """Return the folder of the one run."""
    return next((root / ".llmbench" / "runs").iterdir())


def change_check(root: Path, name: str = "mini") -> None:
    """Make the pack want another word: what was wrong is right now, and the other way round."""
    path = root / "packs" / name / "pack.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('["good"]', '["bad"]'), encoding="utf-8")


def rescored(*words: str, code: int = 0, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Run the verb for programs and return what it printed."""
    assert main(["rescore", *words, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_under_the_same_rules_nothing_changes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nine answers judged again come to the same, and nothing is written, also with --in-place."""
    before = {path: path.stat().st_mtime_ns for path in the_run(project).rglob("*")}
    assert main(["rescore"]) == 0
    said = capsys.readouterr().out
    assert "9 answers judged again" in said
    assert "mini  5/6 -> 5/6  (pack and rules are the same as before)" in said
    assert main(["rescore", "latest", "--in-place"]) == 0
    assert "Nothing was written: these are the verdicts that the run has." in capsys.readouterr().out
    after = {path: path.stat().st_mtime_ns for path in the_run(project).rglob("*")}
    assert {path: when for path, when in after.items() if path.is_file()} == {
        path: when for path, when in before.items() if path.is_file()
    }


def test_a_mended_verifier_of_the_project_changes_the_counts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts before and after, each verdict with its old and new reason; files are left alone without --in-place."""
    conftest(project, MILD, version="2")
    assert main(["rescore"]) == 0
    said = capsys.readouterr().out
    assert "own  0/3 -> 3/3  (the pack or the rules of its verifiers have changed)" in said
    assert "    own S-02: FAIL wrong_answer (does not end in !) -> PASS" in said
    assert "--in-place" in said.splitlines()[-1]
    assert results_of(the_run(project))["total"]["text"] == "5/9 (56%)"


def test_in_place_writes_the_new_truth_and_keeps_the_old(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """results.json, REPORT.md and quality.txt agree; the old results lie beside them; the manifest says why."""
    run = the_run(project)
    old = (run / "results.json").read_bytes()
    hashes = {pack["id"]: pack["content_hash"] for pack in manifest_of(run)["packs"]}
    conftest(project, MILD, version="2")
    told = rescored("--in-place", capsys=capsys)
    assert results_of(run)["total"]["text"] == "8/9 (89%)"
    assert "Own 3/3 (100%)" in (run / "quality.txt").read_text(encoding="utf-8")
    assert "8/9" in (run / "REPORT.md").read_text(encoding="utf-8")
    kept = sorted(run.glob("results-*.json"))
    assert [path.read_bytes() for path in kept] == [old]
    (record,) = manifest_of(run)["rescored"]
    assert {change["scenario"] for change in record["changed"]} == {"S-01", "S-02", "S-03"}
    assert record["changed"][0]["before"]["reason"] == "wrong_answer"
    own = next(pack for pack in record["packs"] if pack["id"] == "own")
    assert own["rules"] == {"loud": "2"}
    assert own["content_hash"]["before"] == hashes["own"] != own["content_hash"]["after"]
    now = {pack["id"]: pack["content_hash"] for pack in manifest_of(run)["packs"]}
    assert now == {"mini": hashes["mini"], "own": own["content_hash"]["after"]}
    assert results_of(run)["manifest"]["rescored"] == [record]
    assert told["changed"] == record["changed"]


def test_the_written_run_is_read_by_everybody(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its journal alone gives the new verdicts with every talk; a second rescoring finds nothing to do."""
    conftest(project, MILD, version="2")
    rescored("--in-place", capsys=capsys)
    saved = open_run(the_run(project))
    assert sum(result.verdict.outcome == "PASS" for result in saved.results) == 8
    assert all(saved.turns(result.key) for result in saved.results)
    assert len(JournalReader(saved.folder.journal_dir).keys()) == 9
    assert rescored("--in-place", capsys=capsys)["written"] == []


def test_a_run_is_resumed_after_its_rescoring(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its answers are those of today's pack: nothing is asked again, though the server is gone."""
    change_check(project)
    rescored("--in-place", capsys=capsys)
    run = the_run(project)
    assert verdicts_of(run)["S-03"] in ("PASS", "FAIL wrong_answer")
    with running_stub() as stub:
        url = manifest_of(run)["url"]
        again = measured(project, "packs", "--llm-url", url, "--llm-out", str(run), "--llm-resume")
        assert not stub.stats().get("answers")
    assert results_of(run)["total"]["text"] == "1/9 (11%)"
    assert again == run


def test_a_changed_check_of_a_pack_counts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a changed verifier does; the figures of the talks stay."""
    run = the_run(project)
    latency = results_of(run)["packs"][0]["latency_p50_s"]
    change_check(project)
    told = rescored("--in-place", capsys=capsys)
    mini = next(pack for pack in told["packs"] if pack["id"] == "mini")
    assert (mini["before"]["passed"], mini["after"]["passed"]) == (5, 1)
    assert len(told["changed"]) == 6
    assert results_of(run)["packs"][0]["latency_p50_s"] == latency


def test_a_changed_question_is_not_judged(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An answer to another question counts no more; it is not run, and the exit code says that not all was judged."""
    path = project / "packs" / "mini" / "pack.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("S-02: the word", "S-02: the one word"), encoding="utf-8")
    told = rescored("--in-place", code=1, capsys=capsys)
    assert told["not_judged"][0]["scenarios"] == ["mini S-02"]
    assert "are not those of today's pack" in told["not_judged"][0]["why"]
    mini = next(pack for pack in results_of(the_run(project))["packs"] if pack["id"] == "mini")
    assert (mini["passed"], mini["failed"], mini["not_run"], mini["text"]) == (4, 1, 1, "4/5, 1 not run")
    assert open_run(the_run(project)).head["packs"][0]["missing"] == ["packs/mini/pack.yaml::S-02"]


def test_a_verifier_that_breaks_takes_no_verdict_away(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written while an answer cannot be judged; what could be waits and is not judged twice."""
    run = the_run(project)
    change_check(project)
    conftest(project, 'raise ValueError("a bug")', version="2")
    told = rescored("--in-place", code=1, capsys=capsys)
    assert told["written"] == []
    assert "verifier_error: verifier loud raised ValueError: a bug" in told["not_judged"][0]["why"]
    assert results_of(run)["total"]["text"] == "5/9 (56%)"
    assert open_run(run).packs["own"]["content_hash"] == results_of(run)["packs"][1]["facts"]["content_hash"]
    conftest(project, MILD, version="2")
    rescored("--in-place", capsys=capsys)
    assert results_of(run)["total"]["text"] == "4/9 (44%)"


def test_a_pack_that_is_gone_is_left_as_it_was(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other packs are judged; --packs tells where it is now."""
    shutil.move(project / "packs" / "own", project / "elsewhere")
    conftest(project, MILD, version="2")
    told = rescored(code=1, capsys=capsys)
    assert "the pack own is not found: name its folder with --packs" in told["not_judged"][0]["why"]
    told = rescored("--packs", "elsewhere", capsys=capsys)
    assert next(pack for pack in told["packs"] if pack["id"] == "own")["after"]["passed"] == 3


def test_it_is_found_from_another_folder(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Packs and conftests are looked for in the project that the run lies in."""
    monkeypatch.chdir(tmp_path)
    conftest(project, MILD, version="2")
    assert len(rescored(str(the_run(project)), capsys=capsys)["changed"]) == 3


STEPS = ["_note", "_keep_results", "write_papers_again", "rmtree"]


@pytest.mark.parametrize("step", STEPS)
def test_a_rescoring_killed_on_its_way_is_finished_by_the_next(
    project: Path, step: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the moment: nothing is lost or doubled meanwhile, and afterwards all is as if it had not happened."""

    class Killed(BaseException):
        pass

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    conftest(project, MILD, version="2")
    run = the_run(project)
    owner = stage.shutil if step == "rmtree" else stage
    with monkeypatch.context() as patched:
        patched.setattr(owner, step, dies)
        with pytest.raises(Killed):
            main(["rescore", "--in-place"])
    capsys.readouterr()
    between = [result for result in open_run(run).results if result.key.attempt == 1]
    assert len(between) == 9
    assert sum(result.verdict.outcome == "PASS" for result in between) in (5, 8)
    told = rescored("--in-place", capsys=capsys)
    assert told["finished_an_earlier_one"] is True
    assert results_of(run)["total"]["text"] == "8/9 (89%)"
    assert len(manifest_of(run)["rescored"]) == 1
    assert len(list(run.glob("results-*.json"))) == 1
    assert not (run / stage.FOLDER).exists()


def test_kill_9_while_judging_loses_no_verdict(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run is as it was; the next call takes over what was judged and writes the rest."""
    run = the_run(project)
    write_pack(project, scenarios(3), name="own", defaults={"verifier": "loud", "max_tokens": 64, "timeout_s": 30})
    body = """import pathlib, time
        time.sleep(0.4)
        pathlib.Path("judged").open("a").write("x")
        """
    conftest(project, body + MILD, version="2")
    command = [sys.executable, "-m", "pytest_llmbench.commands.main", "rescore", "--in-place"]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL) as process:
        waiting = run / stage.FOLDER / "journal"
        limit = time.monotonic() + 30
        while not (waiting.is_dir() and len(JournalReader(waiting).keys()) >= 7):
            assert process.poll() is None, "it was done before it could be killed"
            assert time.monotonic() < limit
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert results_of(run)["total"]["text"] == "5/9 (56%)"
    judged = len((project / "judged").read_text(encoding="utf-8"))
    left = sum(key.pack == "own" for key in JournalReader(waiting).keys())  # noqa: SIM118 - a journal is no dict
    rescored("--in-place", capsys=capsys)
    assert results_of(run)["total"]["text"] == "8/9 (89%)"
    assert len((project / "judged").read_text(encoding="utf-8")) == judged + 3 - left


def test_a_half_written_run_is_judged_and_not_finished(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What its journal holds gets its verdicts; it is still a run that can be resumed."""
    run = the_run(project)
    (run / "results.json").unlink()
    said = manifest_of(run)
    del said["finished_at"]
    (run / "manifest.json").write_text(json.dumps(said), encoding="utf-8")
    journal = next((run / "journal").iterdir())
    lines = journal.read_text(encoding="ascii").splitlines()
    kept = [line for line in lines if not ('"type":"result"' in line and '"S-06"' in line)]
    journal.write_text("\n".join(kept) + '\n{"type":"turn","key', encoding="ascii")
    change_check(project)
    told = rescored("--in-place", capsys=capsys)
    unjudged = next(change for change in told["changed"] if change["scenario"] == "S-06")
    assert unjudged["before"] is None
    assert open_run(run).is_whole is False
    assert len(open_run(run).results) == 9


def test_a_run_that_goes_on_is_not_written_to(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two writers would lose verdicts: the line names the process."""
    run = the_run(project)
    said = manifest_of(run)
    del said["finished_at"]
    (run / "manifest.json").write_text(json.dumps(said), encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        header = json.dumps({"type": "header", "format": 1, "pid": other.pid})
        (run / "journal" / "w.jsonl").write_text(header + "\n", encoding="ascii")
        assert main(["rescore", "--in-place"]) == 4
        assert f"is being written by process {other.pid}" in capsys.readouterr().err
        other.communicate(b"\n")
    assert main(["rescore", "--in-place"]) == 0


def test_only_a_results_file_is_judged_but_not_written_to(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has the answers; without a journal there is nowhere to keep verdicts."""
    alone = project / "alone.json"
    shutil.copy(the_run(project) / "results.json", alone)
    conftest(project, MILD, version="2")
    assert len(rescored(str(alone), capsys=capsys)["changed"]) == 3
    assert main(["rescore", str(alone), "--in-place"]) == 4
    assert "has no journal" in capsys.readouterr().err


def test_an_empty_folder_is_a_friendly_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 4 and what to type first."""
    monkeypatch.chdir(tmp_path)
    assert main(["rescore"]) == 4
    assert "measure something first" in capsys.readouterr().err


def test_a_broken_conftest_is_told_with_its_place(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The user's own slip, in the user's own file."""
    (project / "conftest.py").write_text("pytest_llmbench_families = 1 / 0\n", encoding="utf-8")
    assert main(["rescore"]) == 4
    assert f"{project}/conftest.py cannot be imported: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.needs("bubblewrap")
def test_programs_are_run_again_in_a_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed input fails what passed before; programs and reports of the code pack are written anew."""
    gold = {
        name: {
            "pass": [{"text": fenced(DOUBLE)}, {"text": fenced("double = lambda n: n + n\n")}],
            "fail": [{"text": fenced("def double(n):\n    return 2\n"), "reason": "tests_failed"}],
        }
        for name in ("V-1", "A-1")
    }
    root = tmp_path / "project"
    root.mkdir()
    pack = write_pack(root, TASKS, name="code", defaults={"verifier": "python_code", "max_tokens": 64, "timeout_s": 30})
    (pack.parent / "gold.yaml").write_text(json.dumps(gold), encoding="utf-8")
    run = measured(root, "packs", "--llm-endpoint", "gold", "--llm-sandbox", "bubblewrap")
    assert verdicts_of(run) == {"V-1": "PASS", "A-1": "PASS"}
    text = pack.read_text(encoding="utf-8")
    pack.write_text(text.replace('"assert double(4) == 8"', '"assert double(4) == 9"'), encoding="utf-8")
    pack.write_text(
        pack.read_text(encoding="utf-8").replace("return n * 2", "return n * 2 if n != 4 else 9"), encoding="utf-8"
    )
    monkeypatch.chdir(root)
    told = rescored("--in-place", "--sandbox", "bubblewrap", capsys=capsys)
    assert [(one["scenario"], one["after"]["reason"]) for one in told["changed"]] == [("A-1", "tests_failed")]
    assert verdicts_of(run) == {"V-1": "PASS", "A-1": "FAIL tests_failed"}
    report = json.loads((run / "code" / "code" / "evaluation_report.json").read_text(encoding="utf-8"))
    assert len(report["task_results"]) == 2
    assert (run / "code" / "code" / "A-1" / "attempt-1" / "program.py").is_file()


def test_without_a_sandbox_programs_keep_their_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is no fault of the programs: they are told of, and nothing is written."""
    root = tmp_path / "project"
    root.mkdir()
    write_pack(root, scenarios(2), name="code")
    with running_stub() as stub:
        run = measured(root, "packs", "--llm-url", stub.url)
    write_pack(
        root,
        [{**one, "checks": TASKS[0]["checks"]} for one in scenarios(2)],
        name="code",
        defaults={"verifier": "python_code", "max_tokens": 64, "timeout_s": 30},
    )
    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", "")
    told = rescored("--in-place", "--sandbox", "bubblewrap", code=1, capsys=capsys)
    assert told["not_judged"][0]["why"].startswith("sandbox_unavailable: bubblewrap: bwrap is not installed")
    assert verdicts_of(run) == {"S-01": "PASS", "S-02": "PASS"}
    assert RunFolder(run).is_used


def test_the_liveness_of_a_writer_is_known() -> None:
    """This process lives, and no process has the largest id."""
    assert write_back._lives(os.getpid())
    assert not write_back._lives((1 << 22) + 1)


def test_every_kind_of_talk_is_retold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tool loops, follow-ups, documents: 75 recorded talks come to the verdicts that the run gave."""
    run = measured(tmp_path, "--llm-packs", "medium", "--llm-endpoint", "broken")
    assert len(results_of(run)["trials"]) == 75
    monkeypatch.chdir(tmp_path)
    told = rescored(capsys=capsys)
    assert (told["trials"], told["changed"], told["reworded"]) == ({"judged": 75}, [], 0)


def test_hand_written_tests_keep_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No pack judges them, so they stay as they are beside the packs that are judged again."""
    write_pack(tmp_path, scenarios(2))
    text = 'def test_word(llm):\n    assert "good" in str(llm("the word is good"))\n'
    (tmp_path / "test_hand.py").write_text(text, encoding="utf-8")
    with running_stub() as stub:
        run = measured(tmp_path, ".", "--llm-url", stub.url)
    before = verdicts_of(run)
    assert before["test_word"] == "PASS"
    monkeypatch.chdir(tmp_path)
    change_check(tmp_path)
    told = rescored("--in-place", capsys=capsys)
    assert (told["not_judged"], told["trials"]["judged"]) == ([], 2)
    assert verdicts_of(run) == before | {"S-01": "FAIL missing_field", "S-02": "FAIL missing_field"}
