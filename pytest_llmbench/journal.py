"""What was asked and answered, kept as it happens: append-only JSON lines, one file per process.

A file begins with a header; then follow, in the order they happened::

    {"type": "turn", "key": [pack, pack_hash, scenario, attempt], "at": ..., "turn": 0, "request": ..., ...}
    {"type": "result", "key": [...], "at": ..., "result": ...}
    {"type": "shared", "number": 3, "value": ...}

A tool list, a pack's facts or a long message stands once in a file, as a ``shared`` line; records
after it say ``{"see": 3}``. Lines are ASCII, so lone surrogates survive as escapes; NaN is null.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_llmbench import __version__
from pytest_llmbench.errors import JournalError
from pytest_llmbench.journal_reader import FORMAT, JournalEntry, JournalReader, trial_name
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import Result, Trial, TrialKey, Turn

__all__ = ["SYNC_S", "Journal", "JournalEntry", "JournalReader"]

SYNC_S = 0.05
"""Seconds of work a power cut may cost: how long writes are gathered before one fsync."""

_SHARE_FROM = 200
_SHARED_KEPT = 4096
_ENCODE = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


class Journal:
    """The writer: one per process, callable from any thread.

    When a call has returned, its record survives the death of this process; after `SYNC_S` seconds
    more, also a power cut. A full disk or another write error raises `JournalError` once, from the
    call that met it; what comes later cannot be kept, is counted in `lost`, and `failure` says why.
    """

    def __init__(self, folder: Path, *, worker: str) -> None:
        self.failure = ""
        self.lost = 0
        self._told = False
        self._lock = threading.Lock()
        self._shared: OrderedDict[bytes, int] = OrderedDict()
        self._known: dict[int, tuple[object, Any]] = {}
        self._count = itertools.count()
        self._clock = 0.0
        self.path, self._fd = _open_new(folder, worker)
        self._write([_ENCODE(_header(worker))])
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._syncer = threading.Thread(target=self._sync_in_batches, name="llmbench-journal", daemon=True)
        self._syncer.start()

    def turn(self, trial: Trial, number: int, turn: Turn) -> None:
        """Keep the `number`-th (0-based) turn of `trial`."""
        request, fingerprint = turn.request, turn.request.fingerprint()
        plain = to_plain(replace(request, messages=(), tools=()), text_limit=None)
        record = {"turn": number, "fingerprint": fingerprint, "purpose": trial.purpose, "nodeid": trial.nodeid}
        response = to_plain(turn.response, text_limit=None)
        messages = [to_plain(message, text_limit=None) for message in request.messages]
        with self._lock:
            lines: list[str] = []
            plain["messages"] = [self._share(message, lines) for message in messages]
            plain["tools"] = self._share_known(request.tools, lines)
            self._keep("turn", trial.key, {**record, "request": plain, "response": response}, lines)

    def result(self, result: Result) -> None:
        """Keep the verdict of a trial and its figures."""
        plain = to_plain(result, text_limit=None)
        with self._lock:
            lines: list[str] = []
            plain["pack"] = self._share_known(result.pack, lines)
            self._keep("result", result.key, {"result": plain}, lines)

    def close(self) -> None:
        """Write everything to the disk and close the file; harmless when called twice."""
        self._closing.set()
        self._dirty.set()
        self._syncer.join()
        with self._lock:
            if self._fd >= 0:
                self._sync()
                os.close(self._fd)
                self._fd = -1
                self._tell()

    def _keep(self, kind: str, key: TrialKey, record: dict[str, Any], lines: list[str]) -> None:
        self._clock = max(self._clock, time.time())
        start = {"type": kind, "key": [key.pack, key.pack_hash, key.scenario, key.attempt], "at": self._clock}
        lines.append(_ENCODE({**start, **record}))
        if self._fd < 0:
            raise JournalError(f"{self.path}: the journal is closed, a {kind} of {trial_name(key)} came too late")
        if self.failure:
            self.lost += 1
            self._tell()
            return
        self._write(lines)
        self._dirty.set()

    def _write(self, lines: Iterable[str]) -> None:
        data = memoryview(("\n".join(lines) + "\n").encode("ascii"))
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            self.lost += 1
            self._fail(error)
            self._tell()

    def _share(self, value: Any, lines: list[str]) -> Any:
        """Return `value`, or where it is long a reference to its one copy in this file."""
        text = _ENCODE(value)
        if len(text) < _SHARE_FROM:
            return value
        digest = hashlib.blake2b(text.encode("ascii"), digest_size=16).digest()
        number = self._shared.pop(digest, None)
        if number is None:
            number = next(self._count)
            lines.append(f'{{"type":"shared","number":{number},"value":{text}}}')
        self._shared[digest] = number
        if len(self._shared) > _SHARED_KEPT:
            self._shared.popitem(last=False)
        return {"see": number}

    def _share_known(self, value: object, lines: list[str]) -> Any:
        """Share an object that many trials hold: turned into plain data once, not per trial."""
        owner, reference = self._known.get(id(value), (None, None))
        if owner is not value:
            reference = self._share(to_plain(value, text_limit=None), lines)
            if len(self._known) >= _SHARED_KEPT:
                self._known.clear()
            self._known[id(value)] = (value, reference)
        return reference

    def _sync_in_batches(self) -> None:
        while not self._closing.is_set():
            self._dirty.wait()
            self._closing.wait(SYNC_S)
            self._dirty.clear()
            self._sync()

    def _sync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.failure = self.failure or (
            f"{self.path}: the journal cannot be written ({error.strerror or error}). What was answered before is "
            "kept: make room or mend the disk, then go on with --llm-resume"
        )

    def _tell(self) -> None:
        if self.failure and not self._told:
            self._told = True
            raise JournalError(self.failure)


def _open_new(folder: Path, worker: str) -> tuple[Path, int]:
    stem = f"{re.sub('[^A-Za-z0-9._-]+', '-', worker)}-{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
    for number in itertools.count(1):
        path = folder / (f"{stem}.jsonl" if number == 1 else f"{stem}-{number}.jsonl")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return path, os.open(path, flags, 0o644)
        except FileExistsError as error:
            if not folder.is_dir():
                raise JournalError(f"{folder} is not a folder, so no journal can be kept in it") from error
        except OSError as error:
            raise JournalError(
                f"{path}: cannot create the journal ({error.strerror}): choose another folder with --llm-out"
            ) from error
    raise AssertionError("unreachable")


def _header(worker: str) -> dict[str, Any]:
    started = datetime.now(UTC).isoformat()
    facts = {"version": __version__, "worker": worker, "pid": os.getpid(), "started_at": started}
    return {"type": "header", "format": FORMAT, **facts}
