"""Sandboxes in Docker containers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmbench.errors import SandboxFailed, SandboxUnavailable
from pytest_llmbench.sandboxes.confinement import LABEL, container_config
from pytest_llmbench.sandboxes.container_stream import ContainerStream
from pytest_llmbench.sandboxes.leftovers import is_gone
from pytest_llmbench.settings import SANDBOX_IMAGE, SandboxSettings

if TYPE_CHECKING:
    from pytest_llmbench.containers import Docker, Image

_NEXT_STEPS = {
    "no daemon": "start it (`sudo systemctl start docker`, or Docker Desktop), or set DOCKER_HOST to where one answers",
    "not allowed": "let this user in with `sudo usermod -aG docker $USER`, then log in again",
    "no program": "the image must have python3, 3.8 or newer, on its PATH",
    "refused": "`docker info` and `llmbench sandbox check --kind docker` may tell more",
}
"""What to do about each `containers.Cause`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """The daemon and the image that were found."""

    docker: Docker
    image: Image
    cores: int


class DockerLauncher:
    """See `launcher.Launcher`. Each sandbox is a container of its own, removed by the daemon when it ends."""

    name = "docker"

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._site: _Site | None = None

    def problem(self) -> str:
        """See `launcher.Launcher`; also removes what killed runs left on the daemon."""
        try:
            self._found()
        except SandboxUnavailable as error:
            return str(error)
        return ""

    def describe(self) -> Mapping[str, str]:
        """See `launcher.Launcher`; raises `SandboxUnavailable` where there is a `problem`."""
        site = self._found()
        facts = {"docker": site.docker.version, "image": self._settings.image, "image_id": site.image.id}
        return {**facts, "digest": site.image.digest} if site.image.digest else facts

    def launch(self, source: str) -> ContainerStream:
        """See `launcher.Launcher`."""
        from pytest_llmbench.containers import Cause, DockerTrouble  # noqa: PLC0415 (as below)

        site = self._found()
        config = container_config(site.image, ("python3", "-I", "-c", source), self._settings, cores=site.cores)
        try:
            return ContainerStream(site.docker.start(config))
        except DockerTrouble as trouble:
            lasting = trouble.cause in (Cause.NO_IMAGE, Cause.NO_PROGRAM, Cause.NOT_ALLOWED)
            raise (SandboxUnavailable if lasting else SandboxFailed)(self._worded(trouble.cause, trouble)) from None

    def _found(self) -> _Site:
        if sys.platform == "win32":
            raise SandboxUnavailable(
                "programs are sandboxed on Linux and macOS only; on Windows, run pytest inside WSL 2"
            )
        with self._lock:
            if self._site is None:
                self._site = self._looked()
            return self._site

    def _looked(self) -> _Site:
        from pytest_llmbench.containers import Docker, DockerTrouble  # noqa: PLC0415 (its SDK takes 0.2 s to import)

        try:
            docker = Docker.connect()
            site = _Site(docker=docker, image=docker.image(self._settings.image), cores=docker.cores())
            docker.remove_containers(LABEL, is_gone)
        except DockerTrouble as trouble:
            raise SandboxUnavailable(self._worded(trouble.cause, trouble)) from None
        return site

    def _worded(self, cause: str, seen: Exception) -> str:
        return f"{seen}; {_NEXT_STEPS.get(cause) or _get_image(self._settings.image)}"


def _get_image(name: str) -> str:
    if name == SANDBOX_IMAGE:
        return "`llmbench sandbox build` makes it"
    return f"`docker pull {name}` may get it, `llmbench sandbox build --tag {name}` makes one of that name"
