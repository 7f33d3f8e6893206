"""Whole sessions over docker compose: real llama.cpp servers in containers, and nothing of them left afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compose_image import PROGRAM, weights, write_compose
from tests.engines.compose_lab import docker, require_compose, tiny
from tests.patience import wait_until
from tests.plugin.lab import Lab, Session, read_results, scenarios

pytestmark = [pytest.mark.needs("docker"), pytest.mark.needs("embedded")]

COUNT = 3
ASKED = {"dialogue": "single_turn", "verifier": "instructions", "max_tokens": 8, "timeout_s": 60}
PROFILES = """
    profiles:
      narrow: {file: compose.yaml, preset: balanced, env: {SLOTS: "1", CTX: "1024"}}
      gone: {extends: narrow, env: {MODEL: missing.gguf}}
      wide: {extends: narrow, env: {SLOTS: "3", CTX: "6144"}}
"""
"""Two settings of one model, and a third profile whose model is not there."""

TAKES_PRESET = "labels: {batch: '${LLAMA_ARG_UBATCH:-512}'}\n"
"""A line of a service on which those presets are not lost."""


@pytest.fixture
def service(lab: Lab) -> Iterator[str]:
    """A service name that no other test has, in a compose file of the lab; what it left would fail the test."""
    require_compose()
    name = f"llama{uuid.uuid4().hex[:8]}"
    path = write_compose(lab.root)
    text = path.read_text(encoding="utf-8").replace("  llama:", f"  {name}:")
    # one thread: two that share a busy processor wait for each other
    path.write_text(text.replace("--metrics", "--metrics --threads 1"), encoding="utf-8")
    lab.file("llmbench.yaml", PROFILES)
    lab.pack(scenarios(COUNT), defaults=ASKED)
    yield name
    lab.stop()
    wait_until(lambda: not left(name))


def left(service: str) -> list[str]:
    """Return the containers and networks whose names have the service in them."""
    wanted = ("--filter", f"name={service}", "--quiet")
    return [*docker("ps", "--all", *wanted).split(), *docker("network", "ls", *wanted).split()]


def run_of(session: Session, profile: str) -> Path:
    """Return the one run folder of a profile."""
    (folder,) = (path for path in (session.root / ".llmbench" / "runs").glob(f"*-{profile}") if path.is_dir())
    return folder


def is_whole(folder: Path, *, preset: str, slots: int) -> None:
    """Assert that a run folder holds all that a run leaves: what was started, what was answered, what it took."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    engine, server = manifest["engine"], manifest["server"]
    assert (engine["name"], engine["preset"], server["slots"]) == ("compose", preset, slots)
    assert engine["image_id"].startswith("sha256:")
    assert Path(engine["compose_files"][0]).name == "compose.yaml"
    assert engine["container"]
    assert manifest["model_file"]["sha256"]
    rows = [json.loads(line) for line in (folder / "telemetry.jsonl").read_text(encoding="utf-8").splitlines()]
    assert any("busy" in row.get("server", {}) for row in rows)
    assert any("memory_used" in row.get("host", {}) for row in rows)
    results = read_results(folder)
    assert results["run"]["resources"]["tokens_per_s"] > 0
    assert results["run"]["resources"]["slots"] == slots
    assert results["total"]["counted"] == COUNT
    assert all((folder / name).stat().st_size for name in ("REPORT.md", "quality.txt"))


def compared(session: Session) -> dict[str, dict[str, Any]]:
    """Return the newest comparison by profile."""
    path = max((session.root / ".llmbench" / "runs").glob("*-comparison.json"))
    return {one["profile"]: one for one in json.loads(path.read_text(encoding="utf-8"))["profiles"]}


@pytest.mark.parametrize("way", [(), ("-n", "2")], ids=["alone", "n2"])
def test_two_settings_and_a_missing_model_between_them(lab: Lab, service: str, way: tuple[str, ...]) -> None:
    """Both servers are measured whole; the one without a model is told once, with exit code, log and next step."""
    done = lab.run("--llm-profile", "all", *way)
    done.ends(6, "gone could not be measured (bad_configuration)")
    assert "narrow and wide are complete" in done.last
    assert "run the same command again with --llm-resume" in done.last
    is_whole(run_of(done, "narrow"), preset="balanced", slots=1)
    is_whole(run_of(done, "wide"), preset="balanced", slots=3)
    done.holds("llmbench: narrow: smollm2", "llmbench: wide: smollm2", "llmbench: side by side", "side by side")
    found = compared(done)
    assert [(one["counted"], one["errors"]) for one in found.values()] == [(COUNT, 0), (0, COUNT), (COUNT, 0)]
    told = done.out.partition("= ERRORS =")[2].partition("= llmbench: ")[0]
    assert told.count(f"gone (compose service {service}) ended with exit code 1; its last log lines:") == 1
    assert told.count("What to try: the model could not be read: check the path") == 1
    assert "failed to open GGUF file '/models/missing.gguf'" in told
    assert left(service) == []


def test_after_a_kill_only_what_is_missing_is_started(lab: Lab, service: str) -> None:
    """Kill -9 in the second server's run: its container goes by itself; the first is not started again."""
    lab.pack(scenarios(8), defaults=ASKED)
    asked = ("--llm-profile", "narrow", "--llm-profile", "wide", "--llm-concurrency", "1")
    going = lab.start(*asked)
    going.wait_for("[wide]", limit_s=60)
    going.kill()
    wait_until(lambda: not left(service))
    done = lab.run(*asked, "--llm-resume")
    done.ends(0, "complete")
    done.holds("narrow: every trial has its verdict already, so its server is not started")
    assert f"narrow (compose service {service}) starts" not in done.out
    assert read_results(run_of(done, "wide"))["total"]["counted"] == 8
    assert [one["counted"] for one in compared(done).values()] == [8, 8]


def test_after_a_kill_one_profile_does_not_get_the_answers_of_another(lab: Lab, service: str) -> None:
    """Both serve one model file: the second, not begun before the kill, is begun by the resume."""
    going = lab.start("--llm-profile", "narrow", "--llm-profile", "wide")
    going.wait_for(f"wide (compose service {service}) starts", limit_s=60)
    going.kill()
    done = lab.run("--llm-profile", "narrow", "--llm-profile", "wide", "--llm-resume")
    done.ends(0, "complete")
    is_whole(run_of(done, "wide"), preset="balanced", slots=3)


@pytest.mark.parametrize("way", [(), ("-n", "2")], ids=["alone", "n2"])
def test_interrupted_while_it_answers(lab: Lab, service: str, way: tuple[str, ...]) -> None:
    """Ctrl-C stops the container and its network; what was answered is kept."""
    lab.pack(scenarios(COUNT), defaults={**ASKED, "max_tokens": 900})
    going = lab.start("--llm-profile", "narrow", "--llm-profile", "wide", *way)
    going.wait_for("1 at a time, into", limit_s=60)
    going.interrupt()
    done = going.end(limit_s=30)
    done.ends(2, "interrupted")
    assert left(service) == []
    assert "wide (compose" not in done.out


@pytest.mark.parametrize("way", [(), ("-n", "2")], ids=["alone", "n2"])
def test_interrupted_while_it_loads(lab: Lab, service: str, way: tuple[str, ...]) -> None:
    """Ctrl-C before the server answers: it is not waited for, and the container is gone when the session is."""
    program = "import time\nprint('loading', flush=True)\ntime.sleep(600)\n"
    path = tiny(lab.root, program, service=service, more=TAKES_PRESET)
    path.replace(lab.root / "compose.yaml")
    going = lab.start("--llm-profile", "narrow", "--llm-profile", "wide", *way)
    wait_until(lambda: docker("ps", "--filter", f"name={service}", "--quiet") != "")
    going.interrupt()
    done = going.end(limit_s=20)
    done.ends(2, "interrupted")
    assert "was removed by somebody" not in done.out
    assert left(service) == []


def test_one_that_runs_already_is_explained(lab: Lab, service: str) -> None:
    """The user's own container of the same service is named and left alone; the next profile is not held up."""
    path = tiny(lab.root, service=service, more=TAKES_PRESET)
    project = f"mine-{service}"
    command = [shutil.which("docker") or "docker", "compose", "-p", project, "-f", str(path)]
    subprocess.run([*command, "up", "-d"], check=True, capture_output=True)
    try:
        done = lab.run("--llm-profile", "narrow")
        done.ends(6, "could not be measured")
        done.holds(f"is already running: container {project}-{service}-1", f"--project-name {project} down")
        assert len(left(service)) == 2
    finally:
        subprocess.run([*command, "down", "--timeout", "0"], check=True, capture_output=True)


def test_a_process_beside_a_container(lab: Lab, service: str) -> None:
    """A server that is started as a process is measured after one that runs in a container."""
    command = f"{sys.executable} {PROGRAM} --model {weights()} --port {{port}} --parallel 2 --ctx-size 2048"
    lab.file("llmbench.yaml", f"{PROFILES}      here: {{command: {json.dumps(command)}, path: /v1}}\n")
    done = lab.run("--llm-profile", "narrow", "--llm-profile", "here")
    done.ends(0, "complete")
    found = {name: json.loads((run_of(done, name) / "manifest.json").read_text("utf-8")) for name in ("narrow", "here")}
    assert [one["engine"]["name"] for one in found.values()] == ["compose", "process"]
    assert [one["server"]["slots"] for one in found.values()] == [1, 2]
    assert found["here"]["model_file"]["sha256"] == found["narrow"]["model_file"]["sha256"]
    assert [one["counted"] for one in compared(done).values()] == [COUNT, COUNT]
    assert left(service) == []
