"""Where a run is kept: named by time and model, never on top of something else."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.errors import LlmbenchError, UsageProblem
from pytest_llmbench.runfolder import DEFAULT_BASE, RunFolder, create, newest_matching, open_existing, safe_name

NOW = datetime(2026, 11, 21, 4, 5, 6, tzinfo=UTC)
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"


def keep(folder: RunFolder, **facts: Any) -> RunFolder:
    """Write a manifest with these facts."""
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.manifest_path.write_text(json.dumps(facts), encoding="utf-8")
    return folder


def test_a_run_is_named_by_utc_time_and_model(tmp_path: Path) -> None:
    """Whatever the time zone; a second one in the same second gets a number."""
    base = tmp_path / DEFAULT_BASE
    made = [create(base, model=MODEL, now=NOW.astimezone(timezone(timedelta(hours=5)))) for _ in range(3)]
    name = "2026-11-21T04-05-06Z-smollm2-135m-instruct"
    assert [folder.path for folder in made] == [base / name, base / f"{name}-2", base / f"{name}-3"]
    assert all(list(folder.path.iterdir()) == [] for folder in made)


def test_our_home_stays_out_of_version_control(tmp_path: Path) -> None:
    """The file is written when we make the folder, never into one the user has arranged."""
    create(tmp_path / DEFAULT_BASE, model="m", now=NOW)
    assert (tmp_path / ".llmbench" / ".gitignore").read_text() == "*\n"
    other = tmp_path / "other"
    (other / ".llmbench").mkdir(parents=True)
    create(other / DEFAULT_BASE, model="m", now=NOW)
    assert not (other / ".llmbench" / ".gitignore").exists()
    create(tmp_path / "elsewhere", model="m", now=NOW)
    assert not (tmp_path / "elsewhere" / ".gitignore").exists()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (MODEL, "smollm2-135m-instruct"),
        ("/models/Qwen2.5-7B Q4_K_M.gguf", "qwen2.5-7b-q4_k_m"),
        ("C:\\models\\x.gguf", "x"),
        ("llama3:8b", "llama3-8b"),
        ("../../etc/passwd", "passwd"),
        ("..", "model"),
        ("", "model"),
        ("\u6a21\u578b", "model"),
        ("a\x00\n\ud800b/", "a-b"),
        ("x" * 500, "x" * 60),
    ],
    ids=range(10),
)
def test_any_model_name_is_fit_for_a_file_name(tmp_path: Path, model: str, name: str) -> None:
    """Only small letters, digits, dot, dash and underscore, of bounded length."""
    assert safe_name(model) == name
    assert create(tmp_path, model=model, now=NOW).path.parent == tmp_path


def test_out_is_exactly_the_folder(tmp_path: Path) -> None:
    """It is made where missing, and an empty one is taken as it is."""
    out = tmp_path / "a" / "b"
    for _ in range(2):
        assert create(tmp_path, model="m", now=NOW, out=out).path == out
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_out_is_never_on_top_of_other_things(tmp_path: Path) -> None:
    """Foreign files, a file and an earlier run each get a message that says what to do."""
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").touch()
    (tmp_path / "file").touch()
    keep(RunFolder(tmp_path / "done"), finished_at="2026")
    (tmp_path / "killed" / "journal").mkdir(parents=True)
    messages = {
        "foreign": r"holds files that are not ours \(thesis.txt\)",
        "file": "is a file",
        "done": "holds a finished run: add --llm-resume",
        "killed": "holds an unfinished run: add --llm-resume",
    }
    for name, message in messages.items():
        with pytest.raises(UsageProblem, match=message):
            create(tmp_path, model="m", now=NOW, out=tmp_path / name)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Below a file nothing can be made, by nobody."""
    (tmp_path / "file").touch()
    with pytest.raises(LlmbenchError, match=r"cannot keep a run here.*--llm-out"):
        create(tmp_path / "file" / "runs", model="m", now=NOW)
    with pytest.raises(LlmbenchError, match=r"cannot keep a run here.*--llm-out"):
        create(tmp_path, model="m", now=NOW, out=tmp_path / "file" / "out")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    """Before the first request, not after it."""
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    with pytest.raises(LlmbenchError, match="cannot keep a run here"):
        create(tmp_path, model="m", now=NOW, out=out)


def test_an_existing_run_is_opened(tmp_path: Path) -> None:
    """By manifest or by journal; anything else is a usage problem that says what it found."""
    keep(RunFolder(tmp_path / "run"))
    assert open_existing(tmp_path / "run") == RunFolder(tmp_path / "run")
    (tmp_path / "killed" / "journal").mkdir(parents=True)
    assert open_existing(tmp_path / "killed").is_used
    (tmp_path / "file").touch()
    for name, message in {"": "holds no run", "missing": "does not exist", "file": "is no folder"}.items():
        with pytest.raises(UsageProblem, match=message):
            open_existing(tmp_path / name)


def test_the_newest_matching_run_is_found(tmp_path: Path) -> None:
    """By signature and start; runs that cannot be read are passed by."""
    assert newest_matching(tmp_path / "missing", "s") is None
    keep(RunFolder(tmp_path / "c"), signature="s", started_at="2026-11-21T04:05:06")
    newest = keep(RunFolder(tmp_path / "a"), signature="s", started_at="2026-11-22T04:05:06")
    keep(RunFolder(tmp_path / "d"), signature="other", started_at="2026-11-23T04:05:06")
    for name, text in {"e": "{", "f": "[]", "g": "[" * 100_000, "h": "{}"}.items():
        keep(RunFolder(tmp_path / name)).manifest_path.write_text(text)
    assert newest_matching(tmp_path, "s") == newest
    assert newest_matching(tmp_path, "none") is None


def test_of_runs_in_the_same_moment_the_last_made_is_newest(tmp_path: Path) -> None:
    """The tenth comes after the second."""
    for _ in range(11):
        last = keep(create(tmp_path, model="m", now=NOW), signature="s", started_at="x")
    assert newest_matching(tmp_path, "s") == last


def test_all_names_are_inside_the_folder(tmp_path: Path) -> None:
    """And none is used twice."""
    folder = RunFolder(tmp_path)
    names = ("journal_dir", "manifest_path", "results_path", "confirm_dir", "html_path", "code_dir")
    paths = [getattr(folder, name) for name in names]
    assert len({*paths}) == len(paths)
    assert all(path.parent == tmp_path for path in paths)
