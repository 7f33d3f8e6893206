"""Ports of this machine: a free one, and who holds one that is not."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_llmbench.plain_data import printable

PORT = "{port}"
"""Stands for the server's port in a profile's command and environment."""

_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp
_ANYWHERE = {"", "0.0.0.0", "::", "[::]"}  # noqa: S104 - compared with, not bound to


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_of(port: int | None, command: Sequence[str], environment: Mapping[str, str]) -> int | None:
    """Return `port`, else a free one where ``{port}`` stands in the command or the environment, else None."""
    wanted = any(PORT in text for text in (*command, *environment.values()))
    return free_port() if port is None and wanted else port


def is_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on `port` of this machine's address `host`."""
    host = "127.0.0.1" if host in _ANYWHERE else host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or a server that just ended would count
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def holder(port: int) -> str:
    """Return the process that listens on `port`, such as ``llama-server (pid 4711)``, or "" where it cannot be seen."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    for process in Path("/proc").glob("[0-9]*") if sockets else ():
        if sockets & _open_files(process):
            return f"{_name(process)} (pid {process.name})"
    return ""


def _inodes(port: int) -> set[str]:
    """Return the sockets that listen on `port`: columns 2, 4 and 10 of proc(5)'s /proc/net/tcp."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in _text(Path("/proc/net", table)).splitlines()[1:]:
            columns = line.split()
            if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                found.add(columns[9])
    return found


def _open_files(process: Path) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):  # another user's, or gone
        for link in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(link.readlink()))
    return found


def _name(process: Path) -> str:
    return printable(_text(process / "comm").strip()) or "a process"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
