"""What compose makes of a profile's file and variables, and whether the weights that it mounts are there."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_llmbench.engines.compose_file import compose_files, compose_words, read_service
from pytest_llmbench.engines.docker_command import DockerCommand
from pytest_llmbench.engines.ports import PORT
from pytest_llmbench.engines.presets import preset_environment
from pytest_llmbench.errors import BadConfiguration
from pytest_llmbench.settings import Profile

_ANY_PORT = 8080
"""Stands in for the free port that is chosen when the service is started."""


def compose_problems(profile: Profile) -> Iterator[str]:
    """Yield what keeps the profile's service from being started: no file, no Docker, no such service, no weights."""
    try:
        files = compose_files(profile)
        trouble = _docker_trouble()
        if trouble:
            yield trouble
            return
        docker = DockerCommand(environment=_environment(profile), folder=str(Path(files[0]).parent))
        service = read_service(docker, profile, files, profile.port)
    except BadConfiguration as error:
        yield str(error).removeprefix(f"profile {profile.name}: ")
        return
    said = docker.run(*compose_words(files), "config", "--format", "json")
    yield from _missing_weights(json.loads(said.out)["services"][service.name])


@functools.cache
def _docker_trouble() -> str:
    """Return what is wrong with Docker on this machine, or ""."""
    try:
        DockerCommand(environment=dict(os.environ)).check()
    except BadConfiguration as error:
        return str(error)
    return ""


def _environment(profile: Profile) -> dict[str, str]:
    own = {name: value.replace(PORT, str(_ANY_PORT)) for name, value in profile.env.items()}
    return {**os.environ, **preset_environment(profile.preset), **own}


def _missing_weights(service: Mapping[str, Any]) -> Iterator[str]:
    said = [*(service.get("environment") or {}).values(), *(service.get("command") or ())]
    words = {str(word).rpartition("=")[2] for word in said}
    mounts = [mount for mount in service.get("volumes") or () if mount.get("type") == "bind"]
    for word in sorted(word for word in words if word.endswith(".gguf")):
        for mount in mounts:
            if PurePosixPath(word).is_relative_to(mount["target"]):
                file = Path(mount["source"], PurePosixPath(word).relative_to(mount["target"]))
                if not file.is_file():
                    yield f"no file {file}, which the container sees as {word}"
