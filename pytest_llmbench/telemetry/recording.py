"""The timeline of a run folder with all there is to sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_llmbench.records import ServerLoad
from pytest_llmbench.telemetry import FILENAME
from pytest_llmbench.telemetry.gpus import Gpus
from pytest_llmbench.telemetry.host import Host
from pytest_llmbench.telemetry.served import asked, served
from pytest_llmbench.telemetry.timeline import INTERVAL_S, Timeline


def recording(
    folder: Path,
    *,
    load: Callable[[], ServerLoad | None],
    in_flight: Callable[[], int],
    limit: Callable[[], int],
    interval_s: float = INTERVAL_S,
) -> Timeline:
    """Return a timeline, not yet started, that writes into the run's `folder`.

    `load` says how busy the server is: that of an endpoint, or the latest one a governor has seen.
    """
    sources = (served(load), asked(in_flight=in_flight, limit=limit), Host().read, Gpus().read)
    return Timeline(folder / FILENAME, sources, interval_s=interval_s)
