"""What is known of a task before an answer is judged, kept in one small file: expected values, times, mode, calls.

The file is a SHA-256 of the rest, then the facts (JSON, zlib), then lines (gzip): for each input the seconds the
reference took and the result line it gave, or what `replaying` keeps.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tempfile
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_llmbench.user_cache import user_cache

_SEAL = hashlib.sha256().digest_size
_LOCKS = tuple(threading.Lock() for _ in range(64))


class Book:
    """The facts of one task, and its expected results, unpacked line by line as they are asked for."""

    def __init__(self, facts: Mapping[str, Any], packed: bytes = b"") -> None:
        self.facts = facts
        self._packed = packed

    def lines(self) -> Iterator[str]:
        """Yield the lines beside the facts."""
        if not self._packed:
            return
        with gzip.open(io.BytesIO(self._packed)) as lines:
            for line in lines:
                yield line.rstrip(b"\n").decode("ascii")

    def results(self) -> Iterator[tuple[str, float]]:
        """Yield the reference's result line and its seconds for each input."""
        for line in self.lines():
            seconds, _, result = line.partition(" ")
            yield result, float(seconds)

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        facts = json.dumps(dict(self.facts), sort_keys=True).encode("ascii")
        body = zlib.compress(facts) + self._packed
        return hashlib.sha256(body).digest() + body

    @classmethod
    def from_bytes(cls, data: bytes) -> Book:
        """Return the book in a file's content; raises ValueError where that is damaged."""
        body = data[_SEAL:]
        if hashlib.sha256(body).digest() != data[:_SEAL]:
            raise ValueError("the seal is broken")
        unpacker = zlib.decompressobj()
        facts = json.loads(unpacker.decompress(body))
        return cls(facts, unpacker.unused_data)


class Writer:
    """Packs results as they come, so that a task's values are never all in memory."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._lines = gzip.GzipFile(fileobj=self._buffer, mode="wb", mtime=0)

    def add(self, result: str, seconds: float) -> None:
        """Append the next input's result line."""
        self.add_line(f"{seconds:.3f} {result}")

    def add_line(self, line: str) -> None:
        """Append a line of ASCII."""
        self._lines.write(line.encode("ascii") + b"\n")

    def book(self, facts: Mapping[str, Any]) -> Book:
        """Close, and return what was written with the `facts` beside it."""
        self._lines.close()
        return Book(facts, self._buffer.getvalue())


def book_path(fingerprint: str) -> Path:
    """Return where the book of a task is kept."""
    return user_cache() / "expected" / f"{fingerprint}.book"


@contextmanager
def only_one(fingerprint: str) -> Iterator[None]:
    """Let one thread at a time make the book of a task."""
    with _LOCKS[int(fingerprint[:8], 16) % len(_LOCKS)]:
        yield


def load_book(path: Path) -> Book | None:
    """Return the book kept at `path`; None where there is none, or a damaged one."""
    try:
        return Book.from_bytes(path.read_bytes())
    except (OSError, ValueError, zlib.error):
        return None


def save_book(path: Path, book: Book) -> None:
    """Keep `book`, whole or not at all. Where nothing can be written it is only made anew the next time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(book.to_bytes())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
