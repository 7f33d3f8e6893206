"""Writes one line of JSON a second while a run goes on: whatever its sources tell at that moment.

Each source is read in a thread of its own. One that does not answer in time is missing in that line and holds up
nobody; it is asked again once it has answered.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Source = Callable[[], Mapping[str, Any]]
"""Returns what it adds to a line: plain data by key, {} for nothing. Lists under one key are joined. Never raises."""

INTERVAL_S = 1.0
"""Seconds between two lines."""


class Timeline:
    """Appends a line to `path` every `interval_s` seconds between `start` and `stop`.

    A line has ``t``, seconds since the start, ``utc``, and what the sources add. Each is written at once and whole,
    so that a crash loses none; an earlier run's lines in the file stay. `trouble` says why lines could not be written.
    """

    def __init__(self, path: Path, sources: Sequence[Source], *, interval_s: float = INTERVAL_S) -> None:
        self._path = path
        self._readers = [_Reader(source) for source in sources]
        self._interval_s = interval_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="llmbench-telemetry", daemon=True)
        self.trouble = ""

    def start(self) -> None:
        """Begin to sample; returns at once."""
        for reader in self._readers:
            reader.start()
        self._thread.start()

    def stop(self) -> None:
        """Write the last line and end; waits a moment for it. Harmless when called twice, or before `start`."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(2 * self._interval_s)
        for reader in self._readers:
            reader.end()

    def _run(self) -> None:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            self.trouble = f"{self._path.name} cannot be written: {error.strerror}"
            return
        try:
            self._write_until_over(handle)
        except OSError as error:
            self.trouble = f"{self._path.name} could not be written to its end: {error.strerror}"
        finally:
            os.close(handle)

    def _write_until_over(self, handle: int) -> None:
        begin = time.monotonic()
        for count in range(1 << 62):
            wait_s = begin + count * self._interval_s - time.monotonic()
            last = self._over.wait(max(0.0, wait_s))
            moment = {"t": round(time.monotonic() - begin, 3), "utc": datetime.now(UTC).isoformat()}
            os.write(handle, json.dumps({**moment, **self._sample()}, allow_nan=False).encode("ascii") + b"\n")
            if last:
                return

    def _sample(self) -> dict[str, Any]:
        """Ask all sources at once and return what they say within half an interval."""
        for reader in self._readers:
            reader.ask()
        deadline = time.monotonic() + self._interval_s / 2
        found: dict[str, Any] = {}
        for reader in self._readers:
            for key, value in reader.answer(deadline - time.monotonic()).items():
                joined = isinstance(value, list) and isinstance(found.get(key), list)
                found[key] = found[key] + value if joined else value
        return found


class _Reader:
    """Reads one source in a thread of its own, when asked to and when the last reading is done."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._asked = threading.Event()
        self._done = threading.Event()
        self._done.set()
        self._ended = False
        self._found: Mapping[str, Any] = {}
        self._thread = threading.Thread(target=self._run, name="llmbench-sensor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ended = True
        self._asked.set()

    def ask(self) -> None:
        """Have the source read, unless it is still being read."""
        if self._done.is_set():
            self._done.clear()
            self._asked.set()

    def answer(self, within_s: float) -> Mapping[str, Any]:
        """Return what was read, {} where that is not there in time."""
        return self._found if self._done.wait(max(0.0, within_s)) else {}

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._ended:
                return
            self._found = self._source()
            self._done.set()
