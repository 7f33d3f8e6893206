"""What a compose file says of the service that is to be measured."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmbench.engines.advice import advice, with_advice
from pytest_llmbench.engines.docker_command import DockerCommand
from pytest_llmbench.engines.secrecy import without_secrets
from pytest_llmbench.errors import BadConfiguration
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.settings import Profile

STANDARD_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
"""What docker compose itself looks for and lays over it, in its order (compose-go, cli/options.go)."""

_FAMILIES = (STANDARD_NAMES, OVERRIDE_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service as compose understands it. `published` is the host's port, 0 where Docker chooses one.

    `target` is the port inside, 0 where the container uses the host's network.
    """

    name: str
    files: tuple[str, ...]
    image: str = ""
    container_name: str = ""
    host_ip: str = ""
    published: int = 0
    target: int = 0
    warnings: tuple[str, ...] = ()


def compose_files(profile: Profile) -> tuple[str, ...]:
    """Return the absolute paths of a profile's compose files. Raises `BadConfiguration` where one is missing."""
    folder = Path(profile.folder or ".")
    files = [Path(folder, name).expanduser() for name in profile.files] or _standard(folder)
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise BadConfiguration(f"profile {profile.name}: there is no compose file {', '.join(missing)}{_near(folder)}")
    if not files:
        raise BadConfiguration(
            f"profile {profile.name}: {folder.absolute()} holds none of {', '.join(STANDARD_NAMES)}{_near(folder)}; "
            "name one with file: in the profile"
        )
    return tuple(os.path.abspath(path) for path in files)  # noqa: PTH100 - as compose labels it: .. gone, links kept


def compose_words(files: Sequence[str], project: str = "") -> tuple[str, ...]:
    """Return the words of a compose call up to its verb; services behind a compose profile count as any other."""
    named = ("--project-name", project) if project else ()
    return ("compose", *(word for file in files for word in ("--file", file)), *named, "--profile", "*")


def read_service(docker: DockerCommand, profile: Profile, files: tuple[str, ...], port: int | None) -> Service:
    """Return the service to measure: the one that is named, the only one, or the only one that publishes a port.

    `port` is the host's where the profile says. Raises `BadConfiguration` with what compose or we have against it.
    """
    said = docker.run(*compose_words(files), "config", "--format", "json")
    notes = without_secrets(said.err, profile.env)
    if said.code:
        raise BadConfiguration(with_advice(f"{files[0]} cannot be used: {_last(notes)}", advice(notes)))
    services: Mapping[str, Any] = json.loads(said.out).get("services") or {}
    name = _chosen(services, profile, files[0])
    service = services[name]
    host_ip, published, target = _port(service, name, port, profile)
    return Service(
        name=name,
        files=files,
        image=str(service.get("image") or ""),
        container_name=str(service.get("container_name") or ""),
        host_ip=host_ip,
        published=published,
        target=target,
        warnings=_warnings(notes),
    )


def takes_any(docker: DockerCommand, others: Iterable[DockerCommand], files: tuple[str, ...]) -> bool:
    """Tell whether the files, as compose resolves them, differ between the environment of `docker` and any other."""
    words = (*compose_words(files), "config", "--format", "json")
    resolved = docker.run(*words).out
    return any(other.run(*words).out != resolved for other in others)


def _standard(folder: Path) -> list[Path]:
    """Return the first file with a standard name and the first override beside it, as far as they are there."""
    found = (next((folder / name for name in names if (folder / name).is_file()), None) for names in _FAMILIES)
    file, override = found
    return [path for path in (file, override) if path is not None] if file is not None else []


def _near(folder: Path) -> str:
    there = sorted(path.name for path in folder.glob("*.y*ml") if "compose" in path.name) if folder.is_dir() else []
    return f" (there are {', '.join(there)})" if there else ""


def _chosen(services: Mapping[str, Any], profile: Profile, file: str) -> str:
    if profile.service:
        if profile.service in services:
            return profile.service
        raise BadConfiguration(f'{file} has no service "{profile.service}": {suggestion(profile.service, services)}')
    open_ones = [name for name, service in services.items() if service.get("ports")]
    for candidates in (list(services), open_ones):
        if len(candidates) == 1:
            return candidates[0]
    what = f"several services that publish a port ({', '.join(open_ones)})" if open_ones else "no service with a port"
    listed = what if services else "no service"
    raise BadConfiguration(f"{file} has {listed}: say in profile {profile.name} which is measured, service: NAME")


def _port(service: Mapping[str, Any], name: str, port: int | None, profile: Profile) -> tuple[str, int, int]:
    """Return address, port of the host (0: Docker chooses) and port inside (0: the host's own network)."""
    if service.get("network_mode") == "host":
        if port is None:
            raise BadConfiguration(
                f"service {name} uses the host's network: say in profile {profile.name} where it listens, port: NUMBER"
            )
        return "", port, 0
    ports = [one for one in service.get("ports") or () if one.get("protocol", "tcp") == "tcp"]
    wanted = [one for one in ports if port is None or str(one.get("published")) == str(port)]
    if wanted:
        published = str(wanted[0].get("published") or "")
        number = int(published) if published.isdigit() else 0
        return str(wanted[0].get("host_ip") or ""), number, int(wanted[0]["target"])
    listed = ", ".join(str(one.get("published") or "any") for one in ports)
    raise BadConfiguration(
        f"service {name} publishes no port{f' {port}, only {listed}' if ports else ''}: "
        f'add one to the compose file, such as ports: ["127.0.0.1:{port or 8080}:8080"]'
    )


def _warnings(notes: str) -> tuple[str, ...]:
    found = re.findall(r'level=warning msg="(.*)"\s*$', notes, re.MULTILINE)
    return tuple(dict.fromkeys(text.replace('\\"', '"') for text in found))


def _last(notes: str) -> str:
    said = [line for line in notes.splitlines() if line.strip() and "level=warning" not in line]
    return "\n".join(said) or "docker compose config refused it without a word"
