"""What this run was asked to do: frozen, plain data, made once from flags, environment and ini file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.records import Connection

CANDIDATE_PORTS = (8080, 8000, 8020, 8011)
"""Where a local server is looked for when none is named: llama.cpp, vLLM and two common choices."""

RECORDED = ("gold", "broken")
"""Endpoints that rehearse verdicts: no model answers, so there is no speed, and any way of asking will do."""

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


THINKING_MAX_TOKENS = 16384
"""Tokens a model may think, beside those of its answer, where thinking is on and nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One server to measure: how it is started or where it is, and how it is asked.

    `engine` is ``external`` (`urls`), ``embedded`` (`model`, a GGUF file, or "" for the small built-in one),
    ``process`` (`command`) or ``compose`` (`files`, `service`). `folder` is where relative paths start, `origin`
    says where the profile stands (``llmbench.yaml:12``). `env` is added to the environment of what is started.
    `port` is the one the server listens on, on this machine ({port} in `command` and `env` stands for a free one
    where it is None); `path` leads from there to the API. `start_limit_s` seconds may pass until it answers.
    `vram_gb` is what it is expected to take on its GPUs. None and "" leave the session's settings alone.
    `packs` are names or folders that are asked of this profile alone, () for all.
    """

    name: str
    engine: str
    origin: str = ""
    folder: str = ""
    urls: tuple[str, ...] = ()
    model: str = ""
    command: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    service: str = ""
    preset: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    port: int | None = None
    path: str = "/v1"
    start_limit_s: float = START_LIMIT_S
    vram_gb: float | None = None
    packs: tuple[str, ...] = ()
    repeat: int | None = None
    concurrency: int | None = None
    sampling: str = ""
    thinking: str = ""
    thinking_max_tokens: int | None = None
    thinking_switch: str = ""
    max_tokens: int | None = None
    timeout_s: float | None = None
    connection: Connection = field(default_factory=Connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The run's settings. None or "" means: not asked for.

    `timeout_s` replaces each scenario's own deadline, `max_tokens` its token limit. `sampling`
    holds ``key=value`` overrides, or is None for the pack's; `sampling_from_server` sends none at all.
    `thinking` is ``on``, ``off`` or ``pack`` (as each scenario says); `thinking_switch` the field that turns it,
    where the server does not tell. With `strict_thinking` a run that did not think as asked exits 6.
    `urls` after the first are replicas of one model; `profiles` the names that were typed, `profile` the one
    that is measured now (None: none). `data` is a folder with benchmark data, looked into before anything is
    downloaded. `baseline` names what the run is held against.
    `guessing` is False where no server may be chosen for the user (CI, gates, baseline, write-quality).
    """

    packs: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    model: str = ""
    profiles: tuple[str, ...] = ()
    profile: Profile | None = None
    connection: Connection = field(default_factory=Connection)
    thinking: str = "pack"
    thinking_max_tokens: int | None = None
    thinking_switch: str = ""
    strict_thinking: bool = False
    endpoint: str = ""
    concurrency: int | None = None
    sampling: Mapping[str, Any] | None = None
    sampling_from_server: bool = False
    max_tokens: int | None = None
    timeout_s: float | None = None
    repeat: int = 1
    limit: int | None = None
    gate: str = ""
    baseline: str = ""
    write_quality: str = ""
    resume: bool = False
    out: str = ""
    data: str = ""
    sandbox: SandboxSettings = SandboxSettings()
    guessing: bool = True
