"""Find model servers that already run on this machine, or on the one outside this container."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_llmbench.engines.host_address import Surroundings, surroundings
from pytest_llmbench.errors import EndpointUnreachable
from pytest_llmbench.settings import CANDIDATE_PORTS
from pytest_llmbench.web import Reply, get_json

if TYPE_CHECKING:
    from collections.abc import Sequence

PROBE_S = 0.5
"""Seconds one port may take to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A server that answered: its base URL and the first model it lists."""

    url: str
    model: str


def find_local_servers(ports: Sequence[int] = CANDIDATE_PORTS, *, around: Surroundings | None = None) -> list[Found]:
    """Return the servers on 127.0.0.1 that list models the OpenAI way, in the order of `ports`.

    Inside a container that has none, those on its host, which `around` says where to look for. All ports are asked
    at once, so this takes about `PROBE_S` at most, and a good second more where a container's host is silent.
    """
    if not ports:
        return []
    around = around or surroundings()
    with ThreadPoolExecutor(max_workers=len(ports)) as pool:
        found = [one for one in pool.map(partial(_probe, "127.0.0.1"), ports) if one is not None]
        if found or not around.hosts:
            return found
        outside = pool.map(lambda port: _probe(around.host_of(port), port), ports)
        return [one for one in outside if one is not None]


def _probe(host: str, port: int) -> Found | None:
    if not host:
        return None
    url = f"http://{host}:{port}/v1"
    try:
        model = _first_model(get_json(f"{url}/models", timeout_s=PROBE_S))
    except EndpointUnreachable:
        return None
    return Found(url=url, model=model) if model else None


def _first_model(reply: Reply) -> str:
    """Return the first id of a ``{"data": [{"id": ...}]}`` answer, or ""."""
    listed: Any = reply.body.get("data") if reply.status == 200 and isinstance(reply.body, dict) else None
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("id"), str):
            return str(entry["id"])
    return ""
