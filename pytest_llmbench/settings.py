"""What this run was asked to do: frozen, plain data, made once from flags, environment and ini file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CANDIDATE_PORTS = (8080, 8000, 8020, 8011)
"""Where a local server is looked for when none is named: llama.cpp, vLLM and two common choices."""

CONCURRENCY_UNKNOWN = 8
"""Requests in flight where the server does not say how many slots it has."""

START_LIMIT_S = 600.0
"""Seconds a server may take to load its model."""


SANDBOX_IMAGE = "pytest-llmbench-sandbox:1"
"""The image that ``llmbench sandbox build`` makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """Where model-written programs run and what they may use; the ``sandbox:`` block of llmbench.yaml.

    `kind` is ``docker``, ``bubblewrap`` or ``auto``. `memory_bytes`, `pids` and `disk_bytes` (of scratch files)
    bound all processes of one program together, `cpus` the cores it may keep busy, `time_s` the wall clock of
    one program, `output_bytes` what is kept of each of stdout and stderr. `python` is the interpreter that
    bubblewrap shows to programs, "" for the one this runs on.
    """

    kind: str = "auto"
    image: str = SANDBOX_IMAGE
    memory_bytes: int = 4 << 30
    cpus: float = 1.0
    time_s: float = 60.0
    pids: int = 64
    open_files: int = 256
    disk_bytes: int = 64 << 20
    output_bytes: int = 64 << 10
    network: bool = False
    python: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The run's settings. None or "" means: not asked for.

    `timeout_s` replaces each scenario's own deadline, `max_tokens` its token limit. `sampling`
    holds ``key=value`` overrides, or is None for the pack's; `sampling_from_server` sends none at all.
    `data` is a folder with benchmark data, looked into before anything is downloaded.
    `guessing` is False where no server may be chosen for the user (CI, gates, write-quality).
    """

    packs: tuple[str, ...] = ()
    url: str = ""
    model: str = ""
    profile: str = ""
    endpoint: str = ""
    concurrency: int | None = None
    sampling: Mapping[str, Any] | None = None
    sampling_from_server: bool = False
    max_tokens: int | None = None
    timeout_s: float | None = None
    repeat: int = 1
    limit: int | None = None
    gate: str = ""
    write_quality: str = ""
    resume: bool = False
    out: str = ""
    data: str = ""
    sandbox: SandboxSettings = SandboxSettings()
    guessing: bool = True
