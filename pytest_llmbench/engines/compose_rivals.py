"""Who already has what a compose service is about to take: another project, a container's name, a port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_llmbench.engines.compose_file import Service
from pytest_llmbench.engines.docker_command import DockerCommand, lines
from pytest_llmbench.engines.ports import holder, is_taken

_FIELDS = (
    "{{.Names}}",
    "{{.State}}",
    "{{.Status}}",
    "{{.Ports}}",
    '{{.Label "com.docker.compose.project"}}',
    '{{.Label "com.docker.compose.service"}}',
    '{{.Label "com.docker.compose.project.config_files"}}',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A container of the daemon's list; `project`, `service` and `files` are compose's labels, "" without."""

    name: str
    state: str
    status: str
    ports: str
    project: str
    service: str
    files: str

    def told(self) -> str:
        """Say who it is and how long it has been there."""
        owner = f", compose project {self.project}" if self.project else ""
        return f"container {self.name} ({self.status.lower() or self.state}{owner})"

    def freeing(self) -> str:
        """Return the command that makes room."""
        return f"docker compose --project-name {self.project} down" if self.project else f"docker rm -f {self.name}"


def containers(docker: DockerCommand) -> list[Listed]:
    """Return all containers, also those that do not run."""
    said = docker.run("container", "ls", "--all", "--no-trunc", "--format", "\t".join(_FIELDS))
    rows = [line.split("\t") for line in lines(said)]
    return [Listed(**dict(zip(Listed.__slots__, row, strict=True))) for row in rows if len(row) == len(_FIELDS)]


def rival(docker: DockerCommand, service: Service, *, project: str, host: str) -> str:
    """Say what stands in the way of starting `service` as `project`, and which command removes it; "" if nothing."""
    everybody = containers(docker)
    others = [one for one in everybody if one.project != project]
    own = len(others) < len(everybody)  # left by a run that was cut off: it is replaced
    problem = next(_conflicts(service, others), "")
    if problem or own or not service.published or host != "127.0.0.1":
        return problem
    if not is_taken(service.published, service.host_ip):
        return ""
    who = holder(service.published) or "a process that cannot be seen from here"
    return (
        f"port {service.published} of this machine, which service {service.name} of {service.files[0]} publishes, is "
        f"taken by {who}. Stop it, or have a free port chosen: a variable in the profile's env with the value "
        "{port}, used under ports:"
    )


def _conflicts(service: Service, others: Sequence[Listed]) -> Iterator[str]:
    what = f"service {service.name} of {service.files[0]}"
    for one in others:
        same = one.service == service.name and service.files[0] in one.files.split(",")
        if same and one.state == "running":
            yield (
                f"{what} is already running: {one.told()}. Both would share the machine, and neither could be "
                f"measured. Stop it first: {one.freeing()}"
            )
    for one in others:
        if service.container_name and one.name == service.container_name:
            yield f"{what} wants the name {one.name}, which {one.told()} has. Remove that first: {one.freeing()}"
    for one in others:
        if service.published and _publishes(one, service.published):
            yield (
                f"{what} wants port {service.published} of this machine, which {one.told()} has. "
                f"Stop it first: {one.freeing()}"
            )


def _publishes(one: Listed, port: int) -> bool:
    return any(part.partition("->")[0].endswith(f":{port}") for part in one.ports.split(", ") if "->" in part)
