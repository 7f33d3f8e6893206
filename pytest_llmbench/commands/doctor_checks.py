"""What `llmbench doctor` looks at: each check says what is here, and the command that mends what is not."""

from __future__ import annotations

import enum
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_llmbench import __version__
from pytest_llmbench.assemble import SERVED, build_endpoint, builtin_families, choose_launcher
from pytest_llmbench.config_file import FILENAME, find_config, sandbox_settings_in
from pytest_llmbench.contracts import EndpointPlan
from pytest_llmbench.datasets import CODE_SETS
from pytest_llmbench.datasets.code_places import DATA_VARIABLE, places_of
from pytest_llmbench.engines.discovery import find_local_servers
from pytest_llmbench.engines.docker_command import DockerCommand
from pytest_llmbench.errors import (
    BadConfiguration,
    DatasetUnavailable,
    EndpointUnreachable,
    SandboxUnavailable,
    TrialError,
    UsageProblem,
)
from pytest_llmbench.profiles import server_connection
from pytest_llmbench.sandboxes import LAUNCHERS
from pytest_llmbench.settings import CANDIDATE_PORTS, SandboxSettings
from pytest_llmbench.telemetry.gpus import INSTALL as INSTALL_NVML
from pytest_llmbench.telemetry.gpus import Gpus
from pytest_llmbench.user_cache import user_cache

LEAST_PYTHON = (3, 11)
LEAST_DISK = 1 << 30
"""Bytes that should be free where runs and downloads go."""
SERVER_WAIT_S = 5.0

_PACKAGES = ("pytest", "pytest-xdist", "pytest-html", "openai", "pyyaml", "jsonschema", "docker")


class State(enum.StrEnum):
    """``ok``; ``broken``: a run would fail or lack what it needs; ``absent``: not here, and nothing may need it."""

    OK = "ok"
    BROKEN = "broken"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; `fix` is what to type, "" where nothing need be done."""

    name: str
    state: State
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined: the folder, the server's address ("" to look for one) and where data are."""

    here: Path
    url: str = ""
    model: str = ""
    data: str = ""


def examine(patient: Patient) -> Iterator[Finding]:
    """Yield the findings one by one, for some take seconds."""
    for check in (_python, _packages, _settings, _docker, _compose, _sandboxes, _gpu, _server, _data, _disk):
        yield from check(patient)


def _python(_: Patient) -> Iterator[Finding]:
    wanted = ".".join(map(str, LEAST_PYTHON))
    good = sys.version_info[:2] >= LEAST_PYTHON
    found = f"{platform.python_version()} at {sys.executable}, pytest-llmbench {__version__}"
    yield Finding(
        name="python",
        state=State.OK if good else State.BROKEN,
        found=found,
        fix="" if good else f"make an environment with Python {wanted} or later: uv venv --python {wanted}",
    )


def _packages(_: Patient) -> Iterator[Finding]:
    for name in _PACKAGES:
        try:
            yield Finding(name=f"package {name}", state=State.OK, found=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name=f"package {name}", state=State.BROKEN, found="not installed", fix=f"pip install {name}")


def _settings(patient: Patient) -> Iterator[Finding]:
    path = find_config(patient.here)
    if path is None:
        yield Finding(name=FILENAME, state=State.ABSENT, found="none here; it would name servers and sandbox limits")
        return
    try:
        sandbox_settings_in(patient.here)
        server_connection(patient.here)
    except UsageProblem as error:
        yield Finding(name=FILENAME, state=State.BROKEN, found=str(error), fix="llmbench profiles")
        return
    yield Finding(name=FILENAME, state=State.OK, found=f"{path}; llmbench profiles looks at its servers")


def _docker(_: Patient) -> Iterator[Finding]:
    from pytest_llmbench.containers import Docker, DockerTrouble  # noqa: PLC0415 (its SDK takes 0.2 s to import)

    try:
        yield Finding(name="docker daemon", state=State.OK, found=f"version {Docker.connect().version}")
    except DockerTrouble as trouble:
        fix = "sudo systemctl start docker" if shutil.which("docker") else "https://docs.docker.com/engine/install/"
        yield Finding(name="docker daemon", state=State.ABSENT, found=str(trouble), fix=fix)


def _compose(_: Patient) -> Iterator[Finding]:
    command = DockerCommand(environment=dict(os.environ))
    try:
        command.check()
        version = command.run("compose", "version", "--short").out.strip()
    except BadConfiguration as error:
        fix = "sudo apt-get install docker-compose-plugin" if shutil.which("docker") else ""
        yield Finding(name="docker compose", state=State.ABSENT, found=str(error), fix=fix)
        return
    yield Finding(name="docker compose", state=State.OK, found=f"version {version}")


_SANDBOX_FIXES = {"docker": "llmbench sandbox build", "bubblewrap": "sudo apt-get install bubblewrap"}


def _sandboxes(patient: Patient) -> Iterator[Finding]:
    try:
        settings = sandbox_settings_in(patient.here)
    except UsageProblem:  # told under the file's own name
        settings = SandboxSettings()
    for name, make in LAUNCHERS.items():
        problem = make(settings).problem()
        state = State.ABSENT if problem else State.OK
        found = problem or ", ".join(f"{key} {value}" for key, value in make(settings).describe().items())
        yield Finding(name=f"sandbox {name}", state=state, found=found, fix=_SANDBOX_FIXES[name] if problem else "")
    try:
        chosen = choose_launcher(settings).name
    except SandboxUnavailable:
        found = "programs that models write cannot be run here: code packs would be errors"
        fix = " or ".join(_SANDBOX_FIXES.values())
        yield Finding(name="programs", state=State.BROKEN, found=found, fix=fix)
        return
    yield Finding(name="programs", state=State.OK, found=f"run in {chosen}; llmbench sandbox check proves it")


def _gpu(_: Patient) -> Iterator[Finding]:
    figures = Gpus().read()
    gpus = [f"{gpu['name']}, {gpu.get('memory_total', 0) / (1 << 30):.0f} GiB" for gpu in figures.get("gpus", ())]
    if gpus:
        yield Finding(name="gpu", state=State.OK, found="; ".join(gpus))
        return
    driver = shutil.which("nvidia-smi")
    lacks_library = importlib.util.find_spec("pynvml") is None
    found = "; ".join(figures.get("notes", ())) or "none"
    if driver is None:
        found = "no Nvidia driver on this machine; the server may be on another"
    fix = INSTALL_NVML if driver and lacks_library else "nvidia-smi" if driver else ""
    yield Finding(name="gpu", state=State.ABSENT, found=found, fix=fix)


def _server(patient: Patient) -> Iterator[Finding]:
    if patient.url:
        yield _named_server(patient)
        return
    found = find_local_servers(CANDIDATE_PORTS)
    ports = ", ".join(map(str, CANDIDATE_PORTS))
    told = "; ".join(f"{one.model} at {one.url}" for one in found)
    if len(found) == 1:
        yield Finding(name="server", state=State.OK, found=f"{told}; a run measures it")
    elif found:
        fix = f"export LLMBENCH_URL={found[0].url}"
        yield Finding(name="server", state=State.BROKEN, found=f"several answer, a run would ask: {told}", fix=fix)
    elif importlib.util.find_spec("xllamacpp") is not None:
        told = f"none answers at 127.0.0.1 on {ports}; a run measures the small built-in model"
        yield Finding(name="server", state=State.OK, found=told)
    else:
        fix = "export LLMBENCH_URL=http://host:port/v1, or pip install 'pytest-llmbench[local]' for a built-in model"
        told = f"none answers at 127.0.0.1 on {ports}, and the built-in one is not installed"
        yield Finding(name="server", state=State.BROKEN, found=told, fix=fix)


def _named_server(patient: Patient) -> Finding:
    try:
        plan = EndpointPlan(base_url=patient.url, model=patient.model, connection=server_connection(patient.here))
        facts = build_endpoint(SERVED, builtin_families(), plan).facts(wait_s=SERVER_WAIT_S)
    except EndpointUnreachable as error:
        return Finding(name="server", state=State.BROKEN, found=str(error), fix="start it, or name another with --url")
    except (TrialError, UsageProblem) as error:
        return Finding(
            name="server", state=State.BROKEN, found=str(error), fix="llmbench doctor --url URL --model NAME"
        )
    parts = [facts.kind or "an OpenAI-compatible server", ", ".join(facts.models[:3])]
    parts += [f"{facts.slots} slots"] if facts.slots else []
    parts += [f"{facts.context:,} tokens a request"] if facts.context else []
    return Finding(name="server", state=State.OK, found=", ".join(filter(None, parts)))


def _data(patient: Patient) -> Iterator[Finding]:
    for name, code_set in CODE_SETS.items():
        try:
            places = places_of(code_set.file, patient.data)
        except DatasetUnavailable as error:
            fix = f"unset {DATA_VARIABLE}"
            yield Finding(name=f"data {name}", state=State.BROKEN, found=str(error), fix="" if patient.data else fix)
            continue
        path = next((place.path for place in places if place.path.is_file()), None)
        if path is not None:
            yield Finding(name=f"data {name}", state=State.OK, found=str(path))
        else:
            found = f"not here; {code_set.file.size:,} bytes are downloaded at its first task"
            fix = f"curl -L --create-dirs -o {places[-1].path} {code_set.file.url}"
            yield Finding(name=f"data {name}", state=State.ABSENT, found=found, fix=fix)


def _disk(patient: Patient) -> Iterator[Finding]:
    for name, path, option in (
        ("disk for runs", patient.here, "make room, or name another place with --llm-out DIR"),
        ("disk for data", user_cache(), "make room, or: export LLMBENCH_CACHE_DIR=DIR"),
    ):
        there = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
        free = shutil.disk_usage(there).free
        writable = os.access(there, os.W_OK)
        good = writable and free >= LEAST_DISK
        found = f"{free / (1 << 30):.1f} GiB free at {there}" + ("" if writable else ", which cannot be written")
        yield Finding(name=name, state=State.OK if good else State.BROKEN, found=found, fix="" if good else option)
