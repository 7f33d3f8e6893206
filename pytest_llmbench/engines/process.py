"""A server that a command of the user's starts on this machine: llama-server, vllm serve, or any other."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from pytest_llmbench.engines.advice import advice, with_advice
from pytest_llmbench.engines.guarded import Guarded
from pytest_llmbench.engines.ports import PORT, free_port, holder, is_taken, port_of
from pytest_llmbench.engines.presets import preset_arguments, program_of
from pytest_llmbench.engines.readiness import Wait, wait_until_ready
from pytest_llmbench.engines.secrecy import without_secrets
from pytest_llmbench.engines.start_times import remember_start, usual_start_s
from pytest_llmbench.errors import BadConfiguration
from pytest_llmbench.records import Server
from pytest_llmbench.redaction import redacted_command
from pytest_llmbench.settings import Profile

_INSTALL = {
    "llama-server": "install llama.cpp (`brew install llama.cpp`, `winget install llama.cpp`, or a release of "
    "github.com/ggml-org/llama.cpp), or give the program's path",
    "vllm": "install it into an environment of its own (`uv venv vllm && uv pip install --python vllm vllm`) and give "
    "the path of its vllm",
    "docker": "install Docker, or measure a running server with --llm-url",
}


class Process:
    """Fits `contracts.Engine`: runs a profile's `command` and ends it with all its children.

    ``{port}`` in the command or in `env` stands for the port. `say` gets lines while the server loads.
    """

    name = "process"

    def __init__(self, profile: Profile, *, say: Callable[[str], None] | None = None) -> None:
        self._profile = profile
        self._say = say or _to_stderr
        self._running: _Running | None = None

    def start(self) -> Server:
        """Run the command and wait until its server answers.

        Raises `BadConfiguration` (program missing, port taken, or it ended: with exit code, last log lines and what
        to try), `EndpointUnreachable` (not ready in time) or `UnknownName` (preset).
        """
        self.stop()
        profile, port = self._profile, _port(self._profile)
        command = _command(profile, port)
        environment = {**os.environ, **_filled(profile.env, port)}
        program = _program(command[0], profile.folder, environment)
        if is_taken(port):
            raise BadConfiguration(_taken(profile, port))
        child = Guarded([program, *command[1:]], environment=environment, folder=profile.folder)
        self._running = running = _Running(profile, child)
        self._say(f"{running.title} starts on port {port}")
        base_url = f"http://127.0.0.1:{port}{profile.path}"
        wait = Wait(limit_s=profile.start_limit_s, usual_s=usual_start_s(profile))
        try:
            took_s = wait_until_ready(running, base_url, wait, say=self._say)
        except BaseException:
            self.stop()
            raise
        remember_start(profile, took_s)
        return Server(
            base_url=base_url,
            engine=self.name,
            notice=f"measuring {profile.name}: {program_of(command) or PurePath(command[0]).name} on port {port}",
            detail=_detail(profile, [program, *command[1:]], start_s=took_s),
        )

    def stop(self) -> None:
        """Stop the server and all its children, requests in flight or not."""
        running, self._running = self._running, None
        if running is not None:
            running.child.stop()

    def obituary(self) -> str:
        """Say how the server died; "" while it runs and after `stop`."""
        return self._running.ending() if self._running is not None else ""


class _Running:
    """The command while it runs; fits `readiness.Starting`."""

    def __init__(self, profile: Profile, child: Guarded) -> None:
        self.title = f"{profile.name} ({PurePath(profile.command[0]).name})"
        self.child = child
        self._env = profile.env

    def ending(self) -> str:
        code = self.child.exit_code
        if code is None:
            return ""
        told = without_secrets(self.child.ending(), self._env)
        return with_advice(f"{self.title} {told}", advice(told, exit_code=code if code >= 0 else 128 - code))

    def last_line(self) -> str:
        return without_secrets(self.child.last_line(), self._env)

    def last_words(self) -> str:
        return without_secrets(self.child.log_tail(), self._env)


def _port(profile: Profile) -> int:
    """Return the port the server will listen on; a known program's is said to it, an unknown one must have a place."""
    if not profile.command:
        raise BadConfiguration(f"{_where(profile)} has no command: write one, such as command: llama-server -m FILE")
    port = port_of(profile.port, profile.command, profile.env) or _written(profile.command)
    if port is None and not program_of(profile.command):
        raise BadConfiguration(
            f"{_where(profile)}: on which port does its server listen? Write port: NUMBER, or {PORT} into its command "
            "where the port belongs"
        )
    return port or free_port()


def _written(command: Sequence[str]) -> int | None:
    """Return the number after ``--port`` in a command."""
    for word, following in zip(command, [*command[1:], ""], strict=True):
        option, _, value = word.partition("=")
        if option == "--port" and (value or following).isdigit():
            return int(value or following)
    return None


def _command(profile: Profile, port: int) -> list[str]:
    command = [word.replace(PORT, str(port)) for word in profile.command]
    known = program_of(command)
    if known and _written(command) is None and not any(PORT in value for value in profile.env.values()):
        command += ["--port", str(port)]
    return [*command, *preset_arguments(profile.preset, command, profile.env)]


def _filled(env: Mapping[str, str], port: int) -> dict[str, str]:
    return {name: value.replace(PORT, str(port)) for name, value in env.items()}


def _program(name: str, folder: str, environment: Mapping[str, str]) -> str:
    """Return the path of a program: one with a slash starts from the profile's folder, as shells do it."""
    named = Path(name).expanduser()
    path = str(Path(folder, named).absolute()) if PurePath(name).name != name else name
    found = shutil.which(path, path=environment.get("PATH"))
    if found is None:
        why = "is there, but cannot be executed" if Path(path).is_file() else "is not on this machine"
        raise BadConfiguration(with_advice(f"the program {path} {why}", _INSTALL.get(named.name, "")))
    return found


def _taken(profile: Profile, port: int) -> str:
    who = holder(port)
    return (
        f"{_where(profile)}: port {port} is taken{f' by {who}' if who else ''}. Stop it, write {PORT} in place of the "
        f"number to have a free one chosen, or measure what runs there: --llm-url http://127.0.0.1:{port}{profile.path}"
    )


def _detail(profile: Profile, command: Sequence[str], *, start_s: float) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "profile": profile.name,
        "command": redacted_command(command),
        "start_s": round(start_s, 1),
    }
    if profile.preset:
        detail["preset"] = profile.preset
    weights = [Path(profile.folder, word.rpartition("=")[2]) for word in command if word.endswith(".gguf")]
    found = [path for path in weights if path.is_file()]
    if found:
        detail["model_path"] = str(found[0].resolve())
    return detail


def _where(profile: Profile) -> str:
    return f"profile {profile.name}" + (f" ({profile.origin})" if profile.origin else "")


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
