"""What all processes of a session must be told of a leg's server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llmbench.contracts import EndpointPlan
from pytest_llmbench.settings import Settings
from pytest_llmbench.thinking_switch import UNKNOWN, ThinkingSwitch


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A server that answers and a folder to write to: all that a worker must be told.

    `leg` is the name of the leg it belongs to; `replicas` are further servers of the same model. `switch` is how it
    is asked to think or not, `sampling_defaults` what it samples with by itself, `start_tps` the speed of its first
    answer, `slots` how many requests it says to work on at once,
    `about` what servers that are compared differ in. A `fixed` limit does not follow its queue.
    """

    leg: str = ""
    base_url: str
    replicas: tuple[str, ...] = ()
    endpoint: str
    model: str
    limit: int
    folder: Path
    resume: bool = False
    url: str = ""
    engine: str = ""
    switch: ThinkingSwitch = UNKNOWN
    sampling_defaults: Mapping[str, Any] = field(default_factory=dict)
    start_tps: float | None = None
    slots: int | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    fixed: bool = False


def plan_of(ready: Ready, settings: Settings) -> EndpointPlan:
    """Return what the endpoints of a leg are made from, in whichever process."""
    return endpoint_plan(settings, ready.base_url, replicas=ready.replicas, model=ready.model)


def endpoint_plan(
    settings: Settings, base_url: str, *, replicas: tuple[str, ...] = (), model: str = ""
) -> EndpointPlan:
    """Return what endpoints that ask `model` at these URLs are made from."""
    return EndpointPlan(
        base_url=base_url,
        replicas=replicas,
        model=model,
        data=settings.data,
        connection=settings.connection,
    )
