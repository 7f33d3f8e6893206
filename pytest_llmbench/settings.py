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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The run's settings. None or "" means: not asked for.

    `timeout_s` replaces each scenario's own deadline, `max_tokens` its token limit. `sampling`
    holds ``key=value`` overrides, or is None for the pack's; `sampling_from_server` sends none at all.
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
    guessing: bool = True
