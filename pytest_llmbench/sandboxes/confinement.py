"""The container of one sandbox, worded as Docker's API does, all that a default might weaken included."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_llmbench.sandboxes.launcher import file_limit
from pytest_llmbench.sandboxes.leftovers import own_name
from pytest_llmbench.settings import SandboxSettings

if TYPE_CHECKING:
    from pytest_llmbench.containers import Image

LABEL = "pytest-llmbench"
"""Carried by every sandbox of ours; its value names the process that started it."""

SCRATCH = ("/work", "/tmp", "/dev/shm")  # noqa: S108 - folders inside the container
"""The only folders that can be written, each with the room the settings give; the first is the current one."""
OUR_PROCESSES = 2
"""PID 1 and the keeper of the program, beside what the program may start."""

_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH")
"""What of the image's environment its Python may need; the rest is nobody's business."""
_ENVIRONMENT = {"HOME": "/work", "LANG": "C.UTF-8"}
_USERS = range(20000, 60000)
"""Ids to pick from, below 65536 for daemons that map users."""


def container_config(image: Image, command: Sequence[str], settings: SandboxSettings, *, cores: int) -> dict[str, Any]:
    """Return the body of ``POST /containers/create`` for one sandbox that runs `command` as PID 1.

    `cores` are those the daemon has, for it refuses a limit above; with 0 it refuses any. What the image says of
    entry point, user, health check, environment and volumes does not count.
    """
    user = _user()
    return {
        "Image": image.id,
        "Entrypoint": list(command),
        "User": f"{user}:{user}",
        "Env": _environment(image),
        "Hostname": "sandbox",
        "WorkingDir": SCRATCH[0],
        "OpenStdin": True,
        "StdinOnce": True,  # when our process dies, so does its end of stdin, and with it the container
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {LABEL: own_name()},
        "HostConfig": {
            **_limits(settings, cores),
            **_folders(settings, user, image.volumes),
            **_isolation(network=settings.network),
        },
    }


def _environment(image: Image) -> list[str]:
    """Return ours; a name without a value takes the image's out."""
    removed = set(image.variables).difference(_KEPT_VARIABLES, _ENVIRONMENT)
    return [*(f"{name}={value}" for name, value in _ENVIRONMENT.items()), *sorted(removed)]


def _user() -> int:
    """Return an id that no other sandbox is likely to have: the kernel counts processes, queues and pipes by user."""
    return random.SystemRandom().choice(_USERS)


def _limits(settings: SandboxSettings, cores: int) -> Mapping[str, Any]:
    bounds = {"nofile": settings.open_files, "core": 0}
    return {
        "Memory": settings.memory_bytes,
        "MemorySwap": settings.memory_bytes,
        "NanoCpus": round(min(settings.cpus, cores) * 1e9),  # 0 is none at all
        "PidsLimit": settings.pids + OUR_PROCESSES,
        "Ulimits": [{"Name": name, "Soft": bound, "Hard": bound} for name, bound in bounds.items()],
    }


def _folders(settings: SandboxSettings, user: int, volumes: Sequence[str]) -> Mapping[str, Any]:
    owned = f"uid={user},gid={user},mode=0700"
    room = f"rw,exec,nosuid,nodev,size={settings.disk_bytes},nr_inodes={file_limit(settings)},{owned}"
    return {
        "ReadonlyRootfs": True,
        "Tmpfs": {**dict.fromkeys(volumes, "ro,size=4096"), **dict.fromkeys(SCRATCH, room)},
    }


def _isolation(*, network: bool) -> Mapping[str, Any]:
    nowhere = {"NetworkMode": "none", "Dns": ["127.0.0.1"], "DnsSearch": ["."]}  # nor the host's own name servers
    return {
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "Init": False,
        "AutoRemove": True,
        "LogConfig": {"Type": "none"},
        **({"NetworkMode": "bridge"} if network else nowhere),
    }
