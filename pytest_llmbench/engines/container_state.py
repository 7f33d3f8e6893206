"""A container's life as the daemon tells it: whether it runs, how it ended, what it logged."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_llmbench.engines.child_process import LINE_LIMIT, LOG_LINES
from pytest_llmbench.engines.docker_command import DockerCommand
from pytest_llmbench.errors import BadConfiguration
from pytest_llmbench.redaction import redacted_command

_RESTART_S = 1.5
"""Seconds to wait for a container to end once more that has been started anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """What ``docker inspect`` says now; `gone` where there is no such container, `silence` where Docker is silent."""

    running: bool = False
    gone: bool = False
    silence: str = ""
    exit_code: int = 0
    out_of_memory: bool = False
    restarts: int = 0
    error: str = ""

    def ending(self) -> str:
        """Say how it ended; "" while it runs and never was restarted."""
        if self.silence:
            return f"cannot be watched any more: {self.silence}"
        if self.gone:
            return "was removed by somebody (docker compose down, or docker rm)"
        if self.restarts:
            return f"ended and was started anew by Docker {self.restarts} times, the last exit code is {self.exit_code}"
        if self.running:
            return ""
        why = ", killed because its memory was used up" if self.out_of_memory else ""
        return f"ended with exit code {self.exit_code}{why}{f' ({self.error})' if self.error else ''}"


def state_of(docker: DockerCommand, container: str) -> ContainerState:
    """Return the state of a container; of one that Docker starts anew each time, as it was when it ended."""
    limit = time.monotonic() + _RESTART_S
    while (found := _state_now(docker, container)).running and found.restarts and time.monotonic() < limit:
        time.sleep(0.05)  # while it runs its last exit code is not told
    return found


def _state_now(docker: DockerCommand, container: str) -> ContainerState:
    try:
        facts = inspected(docker, container)
    except BadConfiguration as error:
        return ContainerState(silence=str(error))
    if facts is None:
        return ContainerState(gone=True)
    state = facts["State"]
    return ContainerState(
        running=state["Status"] not in ("exited", "dead", "removing", "restarting"),
        exit_code=int(state.get("ExitCode") or 0),
        out_of_memory=bool(state.get("OOMKilled")),
        restarts=int(facts.get("RestartCount") or 0),
        error=" ".join(str(state.get("Error") or "").split()),
    )


def inspected(docker: DockerCommand, container: str) -> dict[str, Any] | None:
    """Return all that the daemon tells of a container, None where there is none.

    Raises `BadConfiguration` where the daemon does not answer.
    """
    said = docker.run("container", "inspect", container)
    if said.code == 0:
        return dict(json.loads(said.out)[0])
    if "no such" in said.err.lower():
        return None
    raise BadConfiguration(" ".join(said.err.split()) or "docker does not answer")


def log_tail(docker: DockerCommand, container: str, count: int = LOG_LINES) -> str:
    """Return the last `count` lines that a container wrote, on either output, "" where there is no such container.

    The two outputs come from Docker one after the other; standard error, where servers log, stands last.
    """
    said = docker.run("container", "logs", "--tail", str(count), container)
    found = [] if said.code else [*said.out.splitlines(), *said.err.splitlines()]
    return "\n".join(line[:LINE_LIMIT] for line in found[-count:])


def image_facts(docker: DockerCommand, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return name, id and the registry's digest (where it has one) of a container's image."""
    image = {"image": facts["Config"]["Image"], "image_id": facts["Image"]}
    said = docker.run("image", "inspect", "--format", "{{json .RepoDigests}}", facts["Image"])
    digests = json.loads(said.out) if said.code == 0 else None
    return {**image, "image_digest": digests[0].rpartition("@")[2]} if digests else image


def command_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a container runs, without secrets, and the path on this machine of the GGUF file it serves."""
    words = [*(facts["Config"].get("Entrypoint") or ()), *(facts["Config"].get("Cmd") or ())]
    variables = [
        line.partition("=")[2] for line in facts["Config"].get("Env") or () if "MODEL" in line.partition("=")[0]
    ]
    command = {"command": redacted_command(words)}
    for word in (*words, *variables):
        path = _on_host(word.rpartition("=")[2], facts) if word.endswith(".gguf") else None
        if path is not None:
            return {**command, "model_path": str(path)}
    return command


def _on_host(inside: str, facts: Mapping[str, Any]) -> Path | None:
    """Return the file of this machine that a container sees as `inside`, None where no volume holds it."""
    path = PurePosixPath(inside)
    for mount in facts.get("Mounts") or ():
        if mount.get("Type") == "bind" and path.is_relative_to(mount["Destination"]):
            found = Path(mount["Source"], path.relative_to(mount["Destination"]))
            if found.is_file():
                return found
    return None
