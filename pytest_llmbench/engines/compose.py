"""A server in containers: one service of a docker compose file, up for the run and down after it."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_llmbench.engines import guard
from pytest_llmbench.engines.advice import advice, with_advice
from pytest_llmbench.engines.compose_file import Service, compose_files, compose_words, read_service, takes_any
from pytest_llmbench.engines.compose_rivals import rival
from pytest_llmbench.engines.container_state import command_facts, image_facts, inspected, log_tail, state_of
from pytest_llmbench.engines.docker_command import DockerCommand, lines
from pytest_llmbench.engines.guarded import Guarded
from pytest_llmbench.engines.host_address import Surroundings, surroundings
from pytest_llmbench.engines.ports import PORT, port_of
from pytest_llmbench.engines.presets import PRESETS, preset_environment
from pytest_llmbench.engines.readiness import TOLD_S, Wait, wait_until_ready
from pytest_llmbench.engines.secrecy import without_secrets
from pytest_llmbench.engines.start_times import remember_start, usual_start_s
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable
from pytest_llmbench.records import Server
from pytest_llmbench.settings import Profile
from pytest_llmbench.user_cache import user_cache

STOP_S = 5
"""Seconds a container gets to end by itself: a model server has nothing to save."""

_FROM_INSIDE = 'publish its port on all addresses, as in "8080:8080", or start this container with --network host'
_LOOK_S = 0.5
_BAR = re.compile(r"\s+\[=*>? *\]\s+")
"""The picture of a download in compose's lines."""


class Compose:
    """Fits `contracts.Engine`: starts a profile's service, watches its container, and takes all down again.

    The project has a name of its own, ``llmbench-SERVICE-HASH``, the same for each run of a compose file, so that
    named volumes (weights, compile caches) are found again; only one session holds it at a time. A guard process
    takes the project down when this process is gone, however it went. `say` gets lines for the user. Where this runs
    inside a container and the Docker daemon outside, the port is published out there: `around` says where that is.
    """

    name = "compose"

    def __init__(
        self, profile: Profile, *, say: Callable[[str], None] | None = None, around: Surroundings | None = None
    ) -> None:
        self._profile = profile
        self._around = around
        self._say = say or _to_stderr
        self._up: _Up | None = None

    def start(self) -> Server:
        """Start the service and wait until it answers; images are pulled or built where they are missing.

        Raises `BadConfiguration` (no Docker, no compose v2, a compose file that says too little, somebody else in
        the way, or a container that ended: with exit code, last log lines and what to try), `EndpointUnreachable`
        (not ready in time) or `UnknownName` (preset).
        """
        self.stop()
        profile, files = self._profile, compose_files(self._profile)
        port = port_of(profile.port, (), profile.env)
        docker = DockerCommand(environment=_environment(profile, port), folder=str(Path(files[0]).parent))
        docker.check()
        service = read_service(docker, profile, files, port)
        _check_preset(docker, profile, files, port)
        host = docker.host()
        project = _project(service)
        problem = rival(docker, service, project=project, host=host)
        if problem:
            raise BadConfiguration(problem)
        for warning in service.warnings:
            self._say(f"{profile.name}: {files[0]}: {warning}")
        self._up = up = _Up(profile, docker, service, project=project)
        try:
            return self._ready(up, host)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Take the project down, its volumes excepted; requests in flight break."""
        up, self._up = self._up, None
        if up is not None:
            up.guarded.stop()

    def obituary(self) -> str:
        """Say how the container ended; "" while it runs and after `stop`."""
        return self._up.ending() if self._up is not None else ""

    def _ready(self, up: _Up, host: str) -> Server:
        self._say(f"{up.title} starts: {' '.join(_shown(up))}")
        up.await_started(self._say)
        base_url = self._reached(up, f"http://{up.address(host)}{self._profile.path}")
        wait = Wait(limit_s=self._profile.start_limit_s, usual_s=usual_start_s(self._profile))
        took_s = wait_until_ready(up, base_url, wait, say=self._say)
        remember_start(self._profile, took_s)
        return Server(
            base_url=base_url,
            engine=self.name,
            notice=f"measuring {self._profile.name}: service {up.service.name} of {up.service.files[0]}",
            detail=up.detail(start_s=took_s),
        )

    def _reached(self, up: _Up, url: str) -> str:
        """Return where the published port is; Docker accepts connections there before the server does."""
        if not up.service.target:
            return url
        found = (self._around or surroundings()).reached(url)
        if found.notice:
            self._say(f"{up.title}: {found.notice}")
        if found.trouble:
            self._say(f"{up.title}: {found.trouble}; {_FROM_INSIDE}")
        return found.url


class _Up:
    """The project while it is up; fits `readiness.Starting`."""

    def __init__(self, profile: Profile, docker: DockerCommand, service: Service, *, project: str) -> None:
        self.title = f"{profile.name} (compose service {service.name})"
        self.service = service
        self.project = project
        self.container = ""
        self._profile, self._docker = profile, docker
        self._words = compose_words(service.files, project)
        down = ("docker", *self._words, "down", "--remove-orphans", "--timeout", str(STOP_S))
        # what a run that was cut off has left is replaced
        up = ("up", "--detach", "--force-recreate", "--remove-orphans", "--timeout", str(STOP_S), service.name)
        self.guarded = Guarded(
            ("docker", *self._words, *up),
            environment=docker.environment,
            folder=docker.folder,
            at_end=down,
            lock=_lock(project),
        )

    def await_started(self, say: Callable[[str], None]) -> None:
        """Wait until compose has started the container; pulling may take long, as long as it says something new."""
        code, heard = None, _Heard(say, self.title, self._profile.start_limit_s)
        while code is None:
            code = self.guarded.ended(_LOOK_S)
            if code is None and self.guarded.exit_code is not None:
                raise BadConfiguration(self._no_guard())
            heard.listen(self._clean(self.guarded.last_line()))
        if code:
            log = _without_progress(self._clean(self.guarded.log_tail()))
            told = f"{self.title} could not be started, docker compose ended with exit code {code}:\n{log}"
            raise BadConfiguration(with_advice(told, advice(log)))
        found = lines(self._docker.run(*self._words, "ps", "--all", "--quiet", self.service.name))
        if not found:
            raise BadConfiguration(f"{self.title}: docker compose started no container")
        self.container = found[0].strip()
        # what ended must stay ended, or its exit code and its last words are lost
        self._docker.run("container", "update", "--restart=no", self.container)

    def address(self, host: str) -> str:
        """Return ``HOST:PORT`` of the service as this machine reaches it."""
        ip, port = self.service.host_ip, self.service.published
        if not port:
            said = lines(self._docker.run(*self._words, "port", self.service.name, str(self.service.target)))
            if not said:
                raise BadConfiguration(self.ending() or f"{self.title}: port {self.service.target} is not published")
            ip, _, number = said[0].rpartition(":")
            port = int(number)
        ip = ip.strip("[]")
        ip = host if ip in ("", "0.0.0.0", "::") else ip  # noqa: S104 - compared with, not bound to
        return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"

    def ending(self) -> str:
        state = state_of(self._docker, self.container)
        told = state.ending()
        if not told:
            return ""
        log = self.last_words()
        hint = advice(log, exit_code=state.exit_code, out_of_memory=state.out_of_memory)
        return with_advice(f"{self.title} {told}; its last log lines:\n{log or '(no log)'}", hint)

    def last_line(self) -> str:
        said = self._clean(log_tail(self._docker, self.container, 1))
        return said.strip()

    def last_words(self) -> str:
        return self._clean(log_tail(self._docker, self.container))

    def detail(self, *, start_s: float) -> dict[str, Any]:
        facts = inspected(self._docker, self.container) or {}
        known = {**image_facts(self._docker, facts), **command_facts(facts)} if facts else {}
        return {
            "profile": self._profile.name,
            "compose_files": list(self.service.files),
            "service": self.service.name,
            "project": self.project,
            "container": self.container[:12],
            "start_s": round(start_s, 1),
            **({"preset": self._profile.preset} if self._profile.preset else {}),
            **known,
        }

    def _clean(self, log: str) -> str:
        return without_secrets(log, self._profile.env)

    def _no_guard(self) -> str:
        if self.guarded.exit_code == guard.LOCKED:
            return (
                f"{self.title} is being measured by another session on this machine (same compose file and service): "
                "wait until it has ended, or stop it"
            )
        return f"{self.title} could not be started: its guard process {self._clean(self.guarded.ending())}"


@dataclass(slots=True)
class _Heard:
    """What compose said last while it starts a service; passes it on now and then, and loses patience with silence."""

    say: Callable[[str], None]
    title: str
    patience_s: float
    line: str = ""
    news_at: float = 0.0
    told_at: float = 0.0

    def listen(self, line: str) -> None:
        """Take the newest line. Raises `EndpointUnreachable` where there was none for too long."""
        now = time.monotonic()
        if not self.news_at:
            self.news_at = self.told_at = now
        if line != self.line:
            self.line, self.news_at = line, now
        if now - self.news_at > self.patience_s:
            raise EndpointUnreachable(
                f"{self.title}: docker compose has said nothing for {self.patience_s:g} s; its last line: {self.line}"
            )
        if now - self.told_at >= TOLD_S:
            self.told_at = now
            self.say(f"{self.title}: {_BAR.sub(' ', self.line).strip() or 'docker compose is at work'}")


def _without_progress(log: str) -> str:
    return "\n".join(line for line in log.splitlines() if not _BAR.search(line))


def _environment(profile: Profile, port: int | None) -> dict[str, str]:
    """Return the environment that compose substitutes from: the user's, then the preset, then the profile's own."""
    own = {name: value.replace(PORT, str(port)) for name, value in profile.env.items()}
    return {**os.environ, **preset_environment(profile.preset), **own}


def _check_preset(docker: DockerCommand, profile: Profile, files: tuple[str, ...], port: int | None) -> None:
    """Raise `BadConfiguration` for a preset that changes nothing, or it would be recorded as if it had.

    Presets differ from each other in all their variables, while one may be just what a file has as its default.
    """
    if not profile.preset:
        return
    others = (
        DockerCommand(environment=_environment(replace(profile, preset=name), port), folder=docker.folder)
        for name in PRESETS
        if name != profile.preset
    )
    if not takes_any(docker, others, files):
        raise BadConfiguration(
            f"profile {profile.name}: {files[0]} takes none of the variables of preset {profile.preset} "
            f"({', '.join(preset_environment(profile.preset))}): use them in the file or leave preset out"
        )


def _project(service: Service) -> str:
    short = hashlib.sha256(f"{service.files[0]}\0{service.name}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"llmbench-{re.sub(r'[^a-z0-9_-]', '', service.name.lower())[:24]}-{short}"


def _lock(project: str) -> Path | None:
    """Return the file that the session which has `project` up holds locked, None where the cache cannot be written."""
    path = user_cache() / "locks" / f"{project}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:
        return None
    return path


def _shown(up: _Up) -> list[str]:
    return ["docker compose", *(word for file in up.service.files for word in ("-f", file)), "up -d", up.service.name]


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
