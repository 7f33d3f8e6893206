"""The server's work and our part in it, as sources of a timeline."""

from __future__ import annotations

from collections.abc import Callable

from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import ServerLoad
from pytest_llmbench.telemetry.timeline import Source


def served(load: Callable[[], ServerLoad | None]) -> Source:
    """Return a source of ``server``: what the server says of its work, without what it does not say."""

    def read() -> dict[str, dict[str, float]]:
        found = load()
        told = {name: value for name, value in to_plain(found).items() if value is not None} if found else {}
        return {"server": told} if told else {}

    return read


def asked(*, in_flight: Callable[[], int], limit: Callable[[], int]) -> Source:
    """Return a source of ``in_flight`` and ``limit``: how many requests of ours are under way, and may be."""
    return lambda: {"in_flight": in_flight(), "limit": limit()}
