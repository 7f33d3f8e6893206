"""``llmbench profiles``: what it lists, what it finds missing, what it says where there is nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.commands.profiles import EXAMPLE
from pytest_llmbench.profiles import load_profiles

TEXT = """\
server:
  headers: {Authorization: "Bearer ${MY_KEY}"}
profiles:
  _base: {preset: balanced}
  served:
    extends: _base
    description: it runs
    url: http://me:hunter22@h:1/v1
    vram_gb: 22.5
  started:
    command: no-such-server -c 16384 --port {port} --api-key ${MY_KEY}
    env: {TOKEN: hunter22}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_KEY", "hunter22")
    return tmp_path


def write(folder: Path, text: str, name: str = "llmbench.yaml") -> None:
    """Write a file of profiles."""
    (folder / name).write_text(text, encoding="utf-8")


def test_profiles_are_listed_with_what_they_start(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row each; what is missing stands beneath, what to type next at the end; no secret anywhere."""
    write(folder, TEXT)
    assert main(["profiles", "all"]) == 1
    head, served, started, *rest = capsys.readouterr().out.splitlines()
    assert " ".join(head.split()) == "profile engine preset context VRAM starts stands in check"
    assert " ".join(served.split()) == "served external balanced 22.5 GB http://***@h:1/v1 llmbench.yaml:5 ok"
    command = "no-such-server -c 16384 --port {port} --api-key ***, env TOKEN"
    assert " ".join(started.split()) == f"started process 16,384 {command} llmbench.yaml:10 see below"
    step = "measure with: pytest --llm-profile all --llm-packs quick"
    assert rest == ["", "started: no program no-such-server on PATH", "", step]


def test_without_names_all_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Templates and the built-in one too."""
    write(folder, TEXT)
    main(["profiles"])
    printed = capsys.readouterr().out
    assert [line.split()[:2] for line in printed.splitlines()[1:5]] == [
        ["_base", "template"],
        ["served", "external"],
        ["started", "process"],
        ["embedded", "embedded"],
    ]
    assert printed.splitlines()[-1] == "measure with: pytest --llm-profile served --llm-packs quick"
    assert "hunter22" not in printed


def test_a_profile_that_cannot_be_read_does_not_hide_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its fault is its problem."""
    write(folder, "profiles:\n  a: {url: 'x:1'}\n  b: {url: '${MY_NONE}'}\n")
    monkeypatch.delenv("MY_NONE", raising=False)
    assert main(["profiles", "all"]) == 1
    printed = capsys.readouterr().out
    assert "a        external" in printed
    assert "b        not read" in printed
    assert "llmbench.yaml:3: profiles.b.url: the environment has no variable MY_NONE" in printed


def test_the_same_for_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names of variables and headers, never their values."""
    write(folder, TEXT)
    assert main(["profiles", "--json", "served", "started"]) == 1
    printed = capsys.readouterr().out
    served, started = json.loads(printed)
    assert served == {
        "name": "served",
        "origin": "llmbench.yaml:5",
        "description": "it runs",
        "engine": "external",
        "starts": "http://***@h:1/v1",
        "env": [],
        "headers": ["Authorization"],
        "preset": "balanced",
        "model": "",
        "context": None,
        "vram_gb": 22.5,
        "packs": [],
        "notes": [],
        "problems": [],
    }
    assert (started["context"], started["env"]) == (16384, ["TOKEN"])
    assert started["problems"] == ["no program no-such-server on PATH"]
    assert "hunter22" not in printed


def test_a_folder_without_a_file_gets_an_example(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Four lines that can be read as they stand; a file one has is named."""
    main(["profiles"])
    printed = capsys.readouterr().out
    assert f"There is no llmbench.yaml here. Four lines make one, and a server a profile:\n\n{EXAMPLE}" in printed
    assert "Or name" not in printed
    assert EXAMPLE.count("\n") == 4
    write(folder, "[tool.x]\n", "pyproject.toml")
    write(folder, "[bench-a]\nA=b\n", "models.conf")
    main(["profiles"])
    assert "Or name a file that is here: llmbench profiles models.conf\n" in capsys.readouterr().out
    write(folder, EXAMPLE)
    assert len(load_profiles(["all"], folders=(folder,))) == 3


def test_foreign_files_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what of them is not done, and the flag that names the server."""
    (folder / "pack").mkdir()
    write(folder / "pack", "", "pack.yaml")
    write(folder, "[[tasks]]\nprepared_dir='pack'\nmodel='m'\nenvironment_variables={A='b'}\n", "bench.toml")
    main(["profiles", "bench.toml"])
    printed = capsys.readouterr().out
    assert "m        external  the server of --llm-url  bench.toml:1" in printed
    assert "bench.toml:1: nothing is started for a task, so nobody reads its variables A" in printed


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        (TEXT, ["servde"], 'unknown profile "servde" in '),
        (TEXT, ["none.toml"], "there is no file of profiles "),
        ("profiles: {a: {ulr: x}}", [], 'there is no key "ulr" here: did you mean "url"?'),
        ("profiles: {a: {extends: a}}", [], "these profiles go round in a circle: a extends a"),
    ],
)
def test_what_cannot_be_listed_is_exit_4(
    folder: Path, text: str, names: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As for any command line that asks for something impossible."""
    write(folder, text)
    assert main(["profiles", *names]) == 4
    assert message in capsys.readouterr().err
