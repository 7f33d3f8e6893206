"""The `docker` command line, as far as compose is concerned: SDKs do not speak compose."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_llmbench.errors import BadConfiguration

CALL_S = 60.0
"""Seconds one call may take; they take 0.03 s, longer on a loaded disk."""

_INSTALL_DOCKER = (
    "the compose engine needs Docker with compose v2: https://docs.docker.com/engine/install/ says how to get both; "
    "or measure a running server with --llm-url"
)
_INSTALL_COMPOSE = (
    "install it: `apt-get install docker-compose-plugin` (Docker's packages), `docker-compose-v2` (Ubuntu) or "
    "`docker-compose` (Debian 13 and later); elsewhere https://docs.docker.com/compose/install/"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a call of docker left: exit code and both outputs."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerCommand:
    """Calls docker in `folder` with `environment`; values in the environment are never shown."""

    environment: Mapping[str, str] = field(repr=False)
    folder: str = ""

    def run(self, *words: str) -> Said:
        """Run ``docker WORDS`` to its end. Raises `BadConfiguration` where docker does not answer."""
        program = shutil.which("docker", path=self.environment.get("PATH"))
        if program is None:
            raise BadConfiguration(f"there is no docker command on this machine: {_INSTALL_DOCKER}")
        try:
            done = subprocess.run(
                [program, *words],
                cwd=self.folder or None,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=CALL_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BadConfiguration(
                f"`docker {words[0]}` gave no answer within {CALL_S:g} s: is the Docker daemon well?"
            ) from None
        except OSError as error:
            raise BadConfiguration(
                f"docker cannot be run in {self.folder or '.'}: {error.strerror or error}"
            ) from error
        return Said(code=done.returncode, out=_text(done.stdout), err=_text(done.stderr))

    def check(self) -> None:
        """Raise `BadConfiguration` that says what to install or start, unless compose v2 and the daemon answer."""
        version = self.run("compose", "version", "--short")
        number = re.search(r"(\d+)\.\d+", version.out)
        if version.code or number is None or int(number[1]) < 2:
            raise BadConfiguration(_no_compose(self.environment))
        daemon = self.run("version", "--format", "{{.Server.Version}}")
        if daemon.code:
            raise BadConfiguration(_no_daemon(daemon.err.strip()))

    def host(self) -> str:
        """Return the host that publishes ports: ``127.0.0.1``, or that of a daemon elsewhere."""
        address = self.run("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").out.strip()
        parts = urllib.parse.urlsplit(address)
        return (parts.hostname or "") if parts.scheme in ("tcp", "ssh", "http", "https") else "127.0.0.1"


def _no_compose(environment: Mapping[str, str]) -> str:
    old = shutil.which("docker-compose", path=environment.get("PATH"))
    seen = "only docker-compose v1 is here, which ended in 2023" if old else "docker has no compose plugin here"
    return f"`docker compose` (v2) does not work on this machine: {seen}; {_INSTALL_COMPOSE}"


def _no_daemon(said: str) -> str:
    if "permission denied" in said:
        step = "add yourself to its group (`sudo usermod -aG docker $USER`, then log in anew) or use rootless Docker"
    else:
        step = "start it (`sudo systemctl start docker`, or Docker Desktop); DOCKER_HOST and `docker context` say where"
    return f"the Docker daemon does not answer: {said.splitlines()[-1] if said else 'no word'}; {step}"


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")


def lines(said: Said) -> Sequence[str]:
    """Return the lines of an answer that say something."""
    return [line for line in said.out.splitlines() if line.strip()]
