"""``llmbench doctor``: what works here, and the command for the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.commands import doctor_checks
from pytest_llmbench.commands.main import main
from tests.stub.client import running_stub

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, no settings, no server on the usual ports."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLMBENCH_URL", raising=False)
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(doctor_checks, "CANDIDATE_PORTS", ())


def examined(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code and the findings by name."""
    code = main(["doctor", *words, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is (code == 0)
    return code, {finding["name"]: finding for finding in found["findings"]}


def test_everything_is_looked_at(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each part has its line with a word; whatever is not here has a command or a reason."""
    monkeypatch.delenv("LLMBENCH_DATA_DIR", raising=False)
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path))
    _, found = examined(capsys=capsys)
    wanted = {"python", "package pytest-xdist", "package pytest-html", "docker daemon", "docker compose", "gpu"}
    wanted |= {"sandbox docker", "sandbox bubblewrap", "programs", "server", "data humaneval", "data mbpp_plus"}
    assert wanted | {"disk for runs", "disk for data", "llmbench.yaml"} <= found.keys()
    assert found["python"]["state"] == found["package pytest-xdist"]["state"] == "ok"
    assert all(finding["fix"] for finding in found.values() if finding["state"] == "broken")
    assert found["data humaneval"]["fix"].startswith("curl -L --create-dirs -o ")


def test_a_server_is_asked_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Kind, model and slots; LLMBENCH_URL counts as --url does."""
    with running_stub() as stub:
        _, found = examined("--url", stub.url, capsys=capsys)
    assert found["server"]["state"] == "ok"
    assert found["server"]["found"].startswith("llama.cpp, stub-model, 8 slots")


def test_a_dead_server_is_exit_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do about it, last in the list of what is to be mended."""
    monkeypatch.setenv("LLMBENCH_URL", NOWHERE)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "NO  server" in printed
    assert "-> start it, or name another with --url" in printed
    assert "To be mended before a run: " in printed.splitlines()[-1]


def test_no_credential_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in the table nor for programs."""
    for words in ([], ["--json"]):
        main(["doctor", "--url", "http://me:hunter22@127.0.0.1:9/v1", *words])
    said = capsys.readouterr()
    assert "hunter22" not in said.out + said.err


def test_no_server_and_no_model_of_ours_is_a_fault(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run would have nothing to measure."""
    find = doctor_checks.importlib.util.find_spec
    monkeypatch.setattr(
        doctor_checks.importlib.util, "find_spec", lambda name: None if name == "xllamacpp" else find(name)
    )
    code, found = examined(capsys=capsys)
    assert (code, found["server"]["state"]) == (1, "broken")
    assert "pip install 'pytest-llmbench[local]'" in found["server"]["fix"]


def test_without_docker_and_bubblewrap_programs_cannot_be_judged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its own command; together they are a fault."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    code, found = examined(capsys=capsys)
    assert (code, found["programs"]["state"]) == (1, "broken")
    assert found["sandbox bubblewrap"]["fix"] == "sudo apt-get install bubblewrap"
    assert found["docker daemon"]["state"] == found["docker compose"]["state"] == "absent"


def test_settings_that_cannot_be_read_are_told_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a run stumbles over them."""
    (tmp_path / "llmbench.yaml").write_text("sandbox: {memry: 4g}\n", encoding="utf-8")
    code, found = examined(capsys=capsys)
    assert (code, found["llmbench.yaml"]["state"]) == (1, "broken")
    assert "llmbench.yaml:1" in found["llmbench.yaml"]["found"]


def test_data_that_lie_here_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the folder of --data; one that is none is a fault."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mbpp.jsonl").write_bytes(b"{}")
    _, found = examined("--data", "data", capsys=capsys)
    assert (found["data mbpp"]["state"], found["data mbpp"]["found"]) == ("ok", "data/mbpp.jsonl")
    code, found = examined("--data", "nowhere", capsys=capsys)
    assert (code, found["data mbpp"]["state"]) == (1, "broken")


def test_a_full_disk_is_a_fault(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than a gibibyte where runs go."""
    monkeypatch.setattr(doctor_checks, "LEAST_DISK", 1 << 60)
    code, found = examined(capsys=capsys)
    assert (code, found["disk for runs"]["state"]) == (1, "broken")
