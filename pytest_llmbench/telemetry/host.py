"""This machine's processors and memory, from Linux' ``/proc``.

Servers are measured where Linux runs, and three small files tell all that is wanted; the library psutil would tell it
on other systems too, and be a compiled dependency of every installation for that.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_IDLE = (3, 4)
"""Columns of /proc/stat's first line: idle and iowait (proc_stat(5))."""


class Host:
    """Reads how busy this machine is. CPU shares are of the time since the last reading, all cores together."""

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = proc
        self._before: tuple[int, int] | None = None
        self._silent = False

    def read(self) -> Mapping[str, Any]:
        """Return ``host``: ``cpu`` (0 to 1), ``memory_used`` and ``memory_total`` in bytes, ``load`` (one minute)."""
        if self._silent:
            return {}
        try:
            stat = (self._proc / "stat").read_text(encoding="ascii")
            memory = (self._proc / "meminfo").read_text(encoding="ascii")
        except OSError:
            self._silent = True
            return {"notes": [f"no figures of this machine: they are read from {self._proc}, which is not there"]}
        return {"host": {**self._processors(stat), **_memory(memory), **_load()}}

    def _processors(self, stat: str) -> dict[str, float]:
        ticks = [int(word) for word in stat.split("\n", 1)[0].split()[1:9]]
        now = (sum(ticks), sum(ticks[column] for column in _IDLE))
        before, self._before = self._before, now
        if before is None or now[0] <= before[0]:
            return {}
        return {"cpu": round(1 - (now[1] - before[1]) / (now[0] - before[0]), 4)}


def _memory(text: str) -> dict[str, int]:
    sizes = {line.partition(":")[0]: line.split()[1] for line in text.splitlines() if ":" in line}
    total, available = int(sizes["MemTotal"]) * 1024, int(sizes["MemAvailable"]) * 1024
    return {"memory_used": total - available, "memory_total": total}


def _load() -> dict[str, float]:
    with contextlib.suppress(OSError):
        return {"load": round(os.getloadavg()[0], 2)}
    return {}
