"""``llmbench baseline``: capture, list, show and diff, on real runs of a stub server."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.baselines import read
from pytest_llmbench.commands import baseline
from pytest_llmbench.errors import UsageProblem
from tests.commands.runs import measured
from tests.plugin.lab import scenarios, write_pack
from tests.stub.client import running_stub

GOOD, BAD = "a-good", "b-bad"
CAPTURE = ("capture", GOOD, "--slug", "stub/echo")


@pytest.fixture(scope="module")
def _measured_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of eight scenarios: one as the pack wants it, three times each, one in which six break."""
    root = tmp_path_factory.mktemp("measured")
    write_pack(root, scenarios(8, wrong=(8,)))
    with running_stub(service_s=0.0) as stub:
        words = ("packs", "--llm-url", stub.url)
        good = measured(root, *words, "--llm-repeat", "3")
        shutil.copytree(good, root / "made" / GOOD)
        stub.set(answers={f"S-{number:02d}": "bad" for number in range(1, 7)})
        shutil.copytree(measured(root, *words), root / "made" / BAD)
    return root / "made"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, _measured_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in, with both runs where it looks for them."""
    shutil.copytree(_measured_once, tmp_path / ".llmbench" / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(*words: str) -> int:
    """Run the verb with these words and return its exit code."""
    parser = argparse.ArgumentParser()
    baseline.add_options(parser)
    return baseline.run(parser.parse_args(words))


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """Return what the verb prints for programs."""
    capsys.readouterr()
    ran(*words, "--json")
    return json.loads(capsys.readouterr().out)


def test_capture_writes_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says where and what, and what it takes the place of when it is done again."""
    assert ran(*CAPTURE) == 0
    path = folder / "baselines" / "stub" / "echo.thinking-pack.json"
    found = read(path)
    assert found.score() == (7, 8)
    assert set(found.attempts.values()) == {(3, 3), (0, 3)}
    said = capsys.readouterr().out
    assert said.startswith("baselines/stub/echo.thinking-pack.json: stub-model, 7 of 8 in 1 run up to 20")
    assert said.splitlines()[1:] == [
        "all attempts are of one session: runs of several also show what differs from one to the next"
    ]
    ran("capture", BAD, "--slug", "stub/echo")
    said = capsys.readouterr().out
    assert "it takes the place of stub-model, 7 of 8" in said
    assert "one attempt each says nothing of its noise" in said


def test_runs_of_another_folder_and_another_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both folders can be named; several runs are one baseline."""
    (folder / ".llmbench" / "runs").rename(folder / "kept")
    words = ("capture", GOOD, BAD, "--slug", "m", "--runs", "kept", "--dir", "here")
    found = printed(capsys, *words)
    assert found["path"] == "here/m.thinking-pack.json"
    assert found["runs"] == [GOOD, BAD]
    assert len(found["unstable"]) == 6


def test_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    """A row each; then one of them with all that does not always pass."""
    assert ran("list") == 0
    assert "baselines holds no baseline: llmbench baseline capture" in capsys.readouterr().out
    ran(*CAPTURE)
    capsys.readouterr()
    ran("list")
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["slug", "thinking", "model", "runs", "passed", "unstable", "captured", "packs"]
    assert row.split()[:6] == ["stub/echo", "pack", "stub-model", "1", "7/8", "0"]
    assert ran("show", "stub/echo") == 0
    said = capsys.readouterr().out.splitlines()
    assert "mini 7/8" in said
    assert "  S-08 0/3" in said
    assert any(line.startswith(("prompt template: ", "engine: ")) for line in said)
    (listed,) = printed(capsys, "list")
    shown = printed(capsys, "show", "stub/echo")
    assert listed["passed"] == shown["passed"] == 7
    assert shown["scenarios"]["mini"]["S-08"] == [0, 3]


def test_diff_tells_better_from_worse(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run itself is no regression, the one with six lost is; exit codes and the sentence say so."""
    ran(*CAPTURE)
    capsys.readouterr()
    assert ran("diff", "stub/echo", GOOD) == 0
    assert capsys.readouterr().out.startswith("OK 7->7 of 8, none fails that passed; ")
    assert ran("diff", "stub/echo", BAD) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "REGRESSION 7->1 of 8 (exact paired test p=0.00024)"
    assert "worse: mini S-01 3/3 -> 0/1" in said, "as the reports of a run with --llm-baseline have it"
    assert any(line.startswith("latency ") for line in said)
    plain = printed(capsys, "diff", "baselines/stub/echo.thinking-pack.json", BAD)
    assert (plain["word"], plain["loss"], plain["differences"]) == ("regression", 0.75, [])
    ran("capture", BAD, "--slug", "worse")
    capsys.readouterr()
    assert ran("diff", "stub/echo", str(folder / "baselines" / "worse.thinking-pack.json")) == 1


def test_diff_refuses_what_does_not_compare(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list of differences takes the verdict's place."""
    ran(*CAPTURE)
    path = folder / ".llmbench" / "runs" / BAD / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["settings"]["max_tokens"] = 9
    path.write_text(json.dumps(manifest), encoding="utf-8")
    capsys.readouterr()
    assert ran("diff", "stub/echo", BAD) == 1
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "not comparable with the baseline: token limit: none -> 9"
    assert printed(capsys, "diff", "stub/echo", BAD)["word"] == "not comparable"


def test_what_cannot_be_captured_is_told_and_not_written(folder: Path) -> None:
    """Neither a partial run nor a bad name leaves a file."""
    path = folder / ".llmbench" / "runs" / GOOD / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["packs"][0]["size"] = 9
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(UsageProblem, match=r"a-good: not all of a pack was asked \(mini 8 of 9 scenarios\)"):
        ran(*CAPTURE)
    with pytest.raises(UsageProblem, match="is no slug"):
        ran("capture", BAD, "--slug", "../../etc")
    assert not (folder / "baselines").exists()
