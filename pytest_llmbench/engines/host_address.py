"""Where the machine is on which this container runs, for servers that were meant to listen there.

Inside a container 127.0.0.1 is the container itself. Who asks for a server on it mostly means one on the machine
outside, which Docker Desktop and ``--add-host host.docker.internal:host-gateway`` give a name, Podman another one,
and plain Docker on Linux none: there it is the default gateway.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pytest_llmbench.web import HOST_NAMES, is_loopback, shown

PROBE_S = 1.0
"""Seconds for finding out whether anybody accepts a connection; names and bridges of this machine take 0.01 s."""

MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that Docker and Podman put into every container."""

ROUTES = Path("/proc/net/route")
"""The routes of this network namespace, addresses as numbers in the machine's own byte order, in hexadecimal."""

_COLUMNS = ("interface", "target", "gateway", "flags", "references", "use", "metric", "mask")
_GATEWAY_FLAG = 0x2
_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""RFC 1918: what bridges of containers have. Another gateway is somebody else's machine: nothing is sent to it."""

Accepts = Callable[[str, int], bool]
"""Whether anybody accepts a connection at this host and port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Where a server is that was asked for: `url`. `notice` tells why that is another URL, "" where it is the same.

    `trouble` tells that neither this container nor its host accepts a connection.
    """

    url: str
    notice: str = ""
    trouble: str = ""


def accepts(host: str, port: int) -> bool:
    """Tell whether a connection to `host` is accepted within `PROBE_S`; a name lookup may take longer."""
    try:
        socket.create_connection((host, port), timeout=PROBE_S).close()
    except (OSError, UnicodeError):
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """`hosts` are the names and addresses that the machine outside may have, () where this is no container."""

    hosts: tuple[str, ...] = ()
    accepts: Accepts = accepts

    def reached(self, url: str) -> Reached:
        """Return where the server of `url` is: there, or on the host where nothing listens in this container."""
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)
        if not self.hosts or not is_loopback(host) or self.accepts(host, port):
            return Reached(url=url)
        outside = self.host_of(port)
        if not outside:
            tried = ", ".join(self.hosts)
            trouble = (
                f"this runs inside a container, where {host} is the container itself, and its host ({tried}) "
                f"accepts no connection on port {port} either"
            )
            return Reached(url=url, trouble=trouble)
        found = urllib.parse.urlunsplit(parts._replace(netloc=_with_host(parts, outside)))
        notice = (
            f"{shown(url)} was asked for and {shown(found)} is used: this runs inside a container, where nothing "
            f"listens on {host}:{port}, but its host accepts connections there"
        )
        return Reached(url=found, notice=notice)

    def host_of(self, port: int) -> str:
        """Return the first of `hosts` that accepts a connection on `port`, "" where none does.

        All are asked at once: a lookup of a name that nobody knows may outlast any timeout, and is not waited for.
        """
        answers: dict[str, bool] = {}
        asking = [threading.Thread(target=partial(self._ask, host, port, answers), daemon=True) for host in self.hosts]
        for thread in asking:
            thread.start()
        until = time.monotonic() + PROBE_S
        for host, thread in zip(self.hosts, asking, strict=True):
            thread.join(max(0.0, until - time.monotonic()))
            if answers.get(host):
                return host
        return ""

    def _ask(self, host: str, port: int, answers: dict[str, bool]) -> None:
        answers[host] = self.accepts(host, port)


def surroundings(*, marks: Sequence[Path] = MARKS, routes: Path = ROUTES) -> Surroundings:
    """Find out whether this is a container and where its host may be."""
    if not any(mark.exists() for mark in marks):
        return Surroundings()
    try:
        table = routes.read_text(encoding="ascii", errors="replace")
    except OSError:
        table = ""
    gateway = gateway_of(table)
    return Surroundings(hosts=(*HOST_NAMES, gateway) if gateway else HOST_NAMES)


def gateway_of(table: str) -> str:
    """Return the private address of the default gateway in a ``/proc/net/route`` table, "" where it has none."""
    for line in table.splitlines()[1:]:
        row = dict(zip(_COLUMNS, line.split(), strict=False))
        is_default = row.get("target") == row.get("mask") == "00000000"
        if is_default and int(row["flags"], 16) & _GATEWAY_FLAG:
            address = ipaddress.IPv4Address(int(row["gateway"], 16).to_bytes(4, sys.byteorder))
            return str(address) if any(address in network for network in _PRIVATE) else ""
    return ""


def _with_host(parts: urllib.parse.SplitResult, host: str) -> str:
    secret, at, _ = parts.netloc.rpartition("@")
    return f"{secret}{at}{host}" + (f":{parts.port}" if parts.port else "")
