"""Big files from the network, fetched once: resumed, verified, and never half there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable, LlmbenchError, ServerError
from pytest_llmbench.web import Line, explained, shown

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

STALL_S = 60.0
"""Seconds a download may stand still before its connection is given up."""

PAUSES_S = (0.0, 1.0, 2.0, 4.0)
"""Seconds waited before each connection of a download; what is there already is not fetched again."""

Told = Callable[[int, "int | None"], None]
"""Told how many bytes of a file are there, and of how many (None: unknown)."""


def download(url: str, target: Path, *, sha256: str, size: int | None = None, progress: Told) -> None:
    """Fetch `url` into `target`, which appears whole and verified or not at all.

    Streams to ``target.part`` and resumes it where the server can; what turns out broken is thrown
    away. Of several processes one downloads and the others wait. Proxies and certificates come from
    the environment. Raises `EndpointUnreachable` (no connection, or it kept breaking), `ServerError`
    (refused, or not the file that was asked for) or `BadConfiguration` (the disk cannot be written).
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with only_one(target):
            if not (target.is_file() and digest(target) == sha256):
                _fetch_verified(_Source(url=url, sha256=sha256, size=size), target, progress)
    except OSError as error:
        raise BadConfiguration(f"cannot write {target}: {error.strerror or error}") from error


@contextlib.contextmanager
def only_one(target: Path, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold ``target.lock`` against other processes; `waiting` is called while another one holds it.

    The operating system releases the lock when its holder ends, however it ends.
    """
    with target.with_name(f"{target.name}.lock").open("ab") as handle:
        while not _lock(handle.fileno()):
            waiting()
            time.sleep(0.2)
        yield


def digest(path: Path) -> str:
    """Return the SHA-256 of a file as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    url: str
    sha256: str
    size: int | None


def _fetch_verified(source: _Source, target: Path, progress: Told) -> None:
    part = target.with_name(f"{target.name}.part")
    failure: LlmbenchError = ServerError(f"{shown(source.url)} could not be downloaded")
    for pause_s in PAUSES_S:
        time.sleep(pause_s)
        resumed = part.exists()
        try:
            _append(source, part, progress)
        except EndpointUnreachable as error:
            failure = error
            continue
        seen = digest(part)
        if seen == source.sha256:
            part.replace(target)
            return
        part.unlink()
        failure = ServerError(f"{shown(source.url)} is not the expected file: SHA-256 {seen}, not {source.sha256}")
        if not resumed:
            break
    raise failure


def _append(source: _Source, part: Path, progress: Told) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have == source.size:
        return
    with _opened(source.url, {"Range": f"bytes={have}-"} if have else {}) as response:
        begin = _begin(response, source.url, have)
        if begin is None:
            return
        total = None if response.length is None else begin + response.length
        if total is not None and source.size not in (None, total):
            part.unlink(missing_ok=True)
            raise ServerError(f"{shown(source.url)} has {total} bytes, expected {source.size}")
        with part.open("r+b" if have else "wb") as out:
            out.truncate(begin)
            out.seek(begin)
            for block in _blocks(response, source.url):
                out.write(block)
                progress(out.tell(), total or source.size)


def _opened(url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    try:
        return Line().open(url, headers, STALL_S)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise explained(error, url, STALL_S) from error


def _begin(response: http.client.HTTPResponse, url: str, have: int) -> int | None:
    """Where in the file the answer begins; None where `have` bytes are already all."""
    span = response.headers.get("Content-Range", "")
    if response.status == HTTPStatus.OK:
        return 0
    if response.status == HTTPStatus.PARTIAL_CONTENT and span.startswith(f"bytes {have}-"):
        return have
    if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return None
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise EndpointUnreachable(f"{shown(url)} answered {response.status} {response.reason}")
    raise ServerError(f"{shown(url)} answered {response.status} {response.reason}")


def _blocks(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    try:
        while block := response.read(1 << 18):
            yield block
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
    except (OSError, http.client.HTTPException) as error:
        raise explained(error, url, STALL_S) from error


def _lock(descriptor: int) -> bool:
    """Try to lock an open file; a file system without locks counts as locked."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    return True
