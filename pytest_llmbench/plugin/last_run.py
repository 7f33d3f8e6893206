"""What pytest's cache remembers of earlier runs: how long each trial took, and how long a whole selection."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from pytest_llmbench.journal import JournalReader

_DURATIONS = "llmbench/durations"
_WALL_TIMES = "llmbench/wall_times"
_WALL_TIMES_KEPT = 50


class LastRun:
    """`cache` is pytest's, or None with ``-p no:cacheprovider``: then nothing is remembered."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self._began = time.time()
        self.durations: Mapping[str, float] = cache.get(_DURATIONS, {}) if cache else {}
        """Seconds by node id."""

    def begin(self) -> None:
        """Start the clock: the server is ready."""
        self._began = time.time()

    def seconds(self, nodeids: Iterable[str], attempts: int) -> float | None:
        """Return how long the last run of exactly these trials took, or None."""
        walls = self._cache.get(_WALL_TIMES, {}) if self._cache else {}
        seconds: float | None = walls.get(_name(nodeids, attempts))
        return seconds

    def keep(self, readers: Iterable[JournalReader], nodeids: Iterable[str], attempts: int) -> None:
        """Remember this session by the journals of its runs."""
        if not self._cache:
            return
        took_s = round(time.time() - self._began, 1)
        walls = {**self._cache.get(_WALL_TIMES, {}), _name(nodeids, attempts): took_s}
        self._cache.set(_WALL_TIMES, dict(list(walls.items())[-_WALL_TIMES_KEPT:]))
        self._cache.set(_DURATIONS, {**self.durations, **_measured(readers)})


def _measured(readers: Iterable[JournalReader]) -> dict[str, float]:
    results = (entry.result for reader in readers for entry in reader.entries())
    return {
        result.nodeid: round(result.latency_s, 3)
        for result in results
        if result is not None and result.latency_s and result.key.attempt == 1
    }


def _name(nodeids: Iterable[str], attempts: int) -> str:
    text = "\n".join([str(attempts), *sorted(nodeids)])
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
