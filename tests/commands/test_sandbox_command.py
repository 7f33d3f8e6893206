"""``llmbench sandbox``: what it builds, what it proves, what it says where there is nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from pytest_llmbench import assemble
from pytest_llmbench.commands import sandbox
from pytest_llmbench.commands.main import main
from pytest_llmbench.containers import Docker, DockerTrouble
from pytest_llmbench.sandboxes.proofs import Proof
from tests.sandbox_image import BASE, sandbox_image

needs_docker = pytest.mark.needs("docker")
TAG = "llmbench-test-command"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a folder without an llmbench.yaml, and asks for no kind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLMBENCH_SANDBOX", raising=False)


class _Launcher:
    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self._problem = problem

    def problem(self) -> str:
        return self._problem


class _Pool:
    closed = 0

    def __init__(self, *_: object) -> None:
        pass

    def describe(self) -> dict[str, str]:
        return {"python": "3.11.2"}

    def close(self) -> None:
        _Pool.closed += 1


def _there(monkeypatch: pytest.MonkeyPatch, **problems: str) -> None:
    """Have launchers of these names, with what is wrong with each."""
    launchers = {
        name: lambda _, name=name, problem=problem: _Launcher(name, problem) for name, problem in problems.items()
    }
    monkeypatch.setattr(sandbox, "LAUNCHERS", launchers)
    monkeypatch.setattr(assemble, "LAUNCHERS", launchers)
    monkeypatch.setattr(sandbox, "Pool", _Pool)


def _proven(monkeypatch: pytest.MonkeyPatch, *faults: str) -> None:
    found = [Proof(promise=f"promise {number}", fault=fault, seconds=0.5) for number, fault in enumerate(faults)]
    monkeypatch.setattr(sandbox, "prove", lambda *_: iter(found))


def test_every_kind_is_proven_and_the_one_a_run_takes_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each promise, with its seconds."""
    _there(monkeypatch, docker="", bubblewrap="")
    _proven(monkeypatch, "", "")
    before = _Pool.closed
    assert main(["sandbox", "check"]) == 0
    output = capsys.readouterr().out
    assert "docker  python 3.11.2\n    ok     promise 0 " in output
    assert output.count("2 of 2 promises kept") == 2
    assert output.endswith("a run here takes docker (sandbox kind auto)\n")
    assert _Pool.closed == before + 2


def test_a_broken_promise_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It says which one and what was seen."""
    _there(monkeypatch, docker="", bubblewrap="")
    _proven(monkeypatch, "", "there is a route")
    assert main(["sandbox", "check", "--kind", "auto"]) == 1
    output = capsys.readouterr().out
    assert "    WRONG  promise 1                                   0.50 s  there is a route\n" in output
    assert output.count("1 of 2 promises kept") == 1


def test_a_kind_that_is_not_here_says_why_and_the_other_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sandbox is enough."""
    _there(monkeypatch, docker="no image; build it", bubblewrap="")
    _proven(monkeypatch, "")
    assert main(["sandbox", "check"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("docker  not here: no image; build it\nbubblewrap  python")
    assert output.endswith("a run here takes bubblewrap (sandbox kind auto)\n")
    assert main(["sandbox", "check", "--kind", "docker"]) == 1


def test_without_any_sandbox_each_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user chooses one."""
    _there(monkeypatch, docker="no daemon; start it", bubblewrap="install bwrap")
    assert main(["sandbox", "check"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("a run cannot judge programs here: ")
    assert "docker: no daemon; start it" in last
    assert "bubblewrap: install bwrap" in last


def test_the_folders_llmbench_yaml_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is checked is what a run from here would use."""
    (tmp_path / "llmbench.yaml").write_text("sandbox: {kind: bubblewrap}\n", encoding="utf-8")
    _there(monkeypatch, docker="", bubblewrap="")
    _proven(monkeypatch, "")
    assert main(["sandbox", "check", "--kind", "auto"]) == 0
    assert capsys.readouterr().out.endswith("a run here takes bubblewrap (sandbox kind bubblewrap)\n")


def test_the_environment_and_the_ini_file_count_as_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The variable wins over pytest's ini file, that over llmbench.yaml, also from a folder below."""
    (tmp_path / "llmbench.yaml").write_text("sandbox: {kind: auto, pids: 9}\n", encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nllmbench_sandbox = bubblewrap\n", encoding="utf-8")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    _there(monkeypatch, docker="", bubblewrap="")
    _proven(monkeypatch, "")
    assert main(["sandbox", "check"]) == 0
    assert capsys.readouterr().out.endswith("a run here takes bubblewrap (sandbox kind bubblewrap)\n")
    monkeypatch.setenv("LLMBENCH_SANDBOX", "docker")
    assert main(["sandbox", "check"]) == 0
    assert capsys.readouterr().out.endswith("a run here takes docker (sandbox kind docker)\n")


def test_a_misspelt_kind_is_exit_code_4(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It says where it stands, and the nearest there is."""
    monkeypatch.setenv("LLMBENCH_SANDBOX", "dokcer")
    assert main(["sandbox", "check"]) == 4
    assert capsys.readouterr().err == 'LLMBENCH_SANDBOX: unknown sandbox "dokcer": did you mean "docker"?\n'


def test_a_faulty_llmbench_yaml_is_exit_code_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With file, line and key."""
    (tmp_path / "llmbench.yaml").write_text("sandbox:\n  memory: lots\n", encoding="utf-8")
    assert main(["sandbox", "check"]) == 4
    assert 'llmbench.yaml:2: sandbox.memory: "lots" cannot stand here' in capsys.readouterr().err


@pytest.mark.parametrize("words", [["sandbox"], ["sandbox", "prove"], ["sandbox", "check", "--kind", "vm"]])
def test_an_impossible_command_is_exit_code_4(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As everywhere else in the house."""
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 4
    assert "usage: llmbench sandbox" in capsys.readouterr().err


def test_building_without_a_daemon_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same words as when a run needs it."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert main(["sandbox", "build"]) == 1
    assert "sudo systemctl start docker" in capsys.readouterr().err


@needs_docker
def test_an_image_is_built_and_proven(capsys: pytest.CaptureFixture[str]) -> None:
    """Progress, proofs, and the line that makes runs use it."""
    sandbox_image()  # which makes the base where it is missing
    try:
        code = main(["sandbox", "build", "--base", BASE, "--packages", "", "--tag", TAG])
        output = capsys.readouterr().out
        assert code == 0, output
        assert "Step 1/" in output
        assert "15 of 15 promises kept" in output
        assert output.endswith(f'runs take it once llmbench.yaml says: sandbox: {{kind: docker, image: "{TAG}"}}\n')
    finally:
        _forget()


@needs_docker
def test_a_base_that_cannot_be_had_is_named_with_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    """An offline machine still has images of its own."""
    base = "localhost:1/llmbench-nowhere:1"
    assert main(["sandbox", "build", "--base", base, "--tag", TAG]) == 1
    error = capsys.readouterr().err
    assert "The image was not built: " in error
    assert f"The base image {base} could not be had. Name one that is here: --base IMAGE" in error


@needs_docker
def test_packages_that_cannot_be_had_are_named_with_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the base has no pip or pip has no index."""
    sandbox_image()
    packages = "--no-index nothing-of-that-name"
    try:
        assert main(["sandbox", "build", "--base", BASE, f"--packages={packages}", "--tag", TAG]) == 1
    finally:
        _forget()
    error = capsys.readouterr().err
    assert "a command of its ended with exit code 1" in error
    assert f'Where pip cannot get {packages}: --packages "" builds without' in error


@pytest.mark.needs("bubblewrap")
def test_bubblewrap_keeps_its_promises(capsys: pytest.CaptureFixture[str]) -> None:
    """Proven for real."""
    code = main(["sandbox", "check", "--kind", "bubblewrap"])
    output = capsys.readouterr().out
    assert code == 0, output
    assert "15 of 15 promises kept" in output


def _forget() -> None:
    with contextlib.suppress(DockerTrouble):
        Docker.connect().remove_image(TAG)
