"""A data file's text: found on this machine or downloaded once, and in either case the file it should be."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pytest_llmbench.datasets.code_files import DataFile, accepts, described, task_id_of
from pytest_llmbench.datasets.code_places import DATA_VARIABLE, Place
from pytest_llmbench.errors import BadConfiguration, DatasetUnavailable, EndpointUnreachable, ServerError

SIZE_LIMIT = 64 << 20
"""Bytes a data file may have, packed or not."""

Say = Callable[[str], None]
"""Gets lines for the user: what is fetched, and what is to be known of a file that was taken."""

RUN_VARIABLE = "PYTEST_XDIST_TESTRUNUID"
"""What the workers of one run have in common, and nobody else; a process alone keeps in mind what it has tried."""

_TELL_S = 2.0
_PACKED = b"\x1f\x8b"


class NotTheFile(Exception):
    """What lies at a path is not the data file that was looked for; the message says what it is."""


FAILURES = (EndpointUnreachable, ServerError, BadConfiguration, NotTheFile, OSError)
"""What may go wrong while a file is fetched."""


def obtain(file: DataFile, places: Sequence[Place], say: Say) -> bytes:
    """Return the unpacked text of `file`, from the first of `places` that has it, else downloaded to the last.

    Of several processes one downloads, and what it failed at, the other workers of its run do not try again.
    Raises `DatasetUnavailable` that names file, URL and what to type.
    """
    passed_over = []
    for place in places:
        if not place.path.is_file():
            continue
        try:
            return read(file, place.path, say)
        except NotTheFile as error:
            if place.named:
                raise DatasetUnavailable(_refusal(file, place.path, error)) from error
            passed_over.append(f"{place.path} (passed over: {error})")
    try:
        return _fetched(file, places[-1].path, say)
    except FAILURES as error:
        raise DatasetUnavailable(_advice(file, places, passed_over, error)) from error


def read(file: DataFile, path: Path, say: Say) -> bytes:
    """Return the unpacked text of the file at `path`; raises `NotTheFile` unless it is `file`."""
    text = _unpacked(path)
    seen = hashlib.sha256(text).hexdigest()
    if seen == file.unpacked_sha256:
        return text
    found, ids = _surveyed(text)
    if not accepts(file, found, ids):
        raise NotTheFile(f"{described(file, found, seen)} (unpacked SHA-256 {seen}, not {file.unpacked_sha256})")
    say(f"{path} is another copy of {file.name} (SHA-256 {seen}): the same {len(found)} task ids, taken as it is")
    return text


def records_in(text: bytes) -> Iterator[dict[str, Any]]:
    """Yield the records of JSON Lines, or of one JSON list. Raises ValueError for anything else."""
    is_list = text[:64].lstrip().startswith(b"[")
    for record in json.loads(text) if is_list else map(json.loads, filter(bytes.strip, text.splitlines())):
        if not isinstance(record, dict) or not isinstance(record.get("task_id"), (str, int)):
            raise ValueError("a record without a task_id")  # noqa: TRY004 - what json raises for other texts
        yield record


def _surveyed(text: bytes) -> tuple[list[dict[str, Any]], str]:
    """Return the records of `text`, and the hash of their ids; raises `NotTheFile`."""
    try:
        found = list(records_in(text))
    except (ValueError, RecursionError) as error:
        raise NotTheFile(f"it does not hold one JSON record for each task: {error}") from error
    names = sorted((task_id_of(record) for record in found), key=lambda name: (len(name), name))
    return found, hashlib.sha256(" ".join(names).encode("utf-8", "replace")).hexdigest()[:16]


def _unpacked(path: Path) -> bytes:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise NotTheFile(f"it has {path.stat().st_size:,} bytes")
        raw = path.read_bytes()
    except OSError as error:
        raise NotTheFile(f"it cannot be read: {error.strerror or error}") from error
    if not raw.startswith(_PACKED):
        return raw
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(raw, SIZE_LIMIT)
    except zlib.error as error:
        raise NotTheFile(f"it is damaged: {error}") from error
    if not unpacker.eof:
        raise NotTheFile("it is cut off, or unpacks to far too much")
    return text


def _fetched(file: DataFile, target: Path, say: Say) -> bytes:
    from pytest_llmbench.downloads import only_one  # noqa: PLC0415 - a session that fetches nothing needs no HTTP

    target.parent.mkdir(parents=True, exist_ok=True)
    with only_one(target.with_name(f"{target.name}.try")):
        if not _is_there(file, target):
            _fetch_once_a_run(file, target, say)
    return read(file, target, say)


def _fetch_once_a_run(file: DataFile, target: Path, say: Say) -> None:
    """Download, unless another worker of this run has failed at it; raises what that one raised in words."""
    run, note = os.environ.get(RUN_VARIABLE, ""), target.with_name(f"{target.name}.failed")
    if run and note.is_file():
        failed_in, _, why = note.read_text(encoding="utf-8").partition("\n")
        if failed_in == run:
            raise EndpointUnreachable(why)
    try:
        _fetch(file, target, say)
    except FAILURES as error:
        with contextlib.suppress(OSError):
            note.write_text(f"{run}\n{error}", encoding="utf-8")
        raise
    note.unlink(missing_ok=True)


def _fetch(file: DataFile, target: Path, say: Say) -> None:
    from pytest_llmbench.downloads import download  # noqa: PLC0415 - as above

    host = urllib.parse.urlsplit(file.url).hostname
    say(f"fetching {file.label} once ({_shown(file.size)} from {host}) into {target.parent}")
    if file.asserts is None:
        download(file.url, target, sha256=file.sha256, size=file.size, progress=_Meter(file, say))
    else:
        _fetch_by_records(file, target)


def _fetch_by_records(file: DataFile, target: Path) -> None:
    """Download a file that is known by its records, for its bytes differ from copy to copy."""
    from pytest_llmbench.downloads import STALL_S  # noqa: PLC0415 - as above
    from pytest_llmbench.web import get_json  # noqa: PLC0415 - as above

    reply = get_json(file.url, timeout_s=STALL_S, limit=SIZE_LIMIT)
    if reply.status != HTTPStatus.OK:
        raise ServerError(f"{file.url} answered {reply.status}")
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_bytes(reply.text.encode())
        read(file, part, _unheard)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _is_there(file: DataFile, path: Path) -> bool:
    """Whether another process has fetched it meanwhile."""
    try:
        read(file, path, _unheard)
    except NotTheFile:
        return False
    return True


def _refusal(file: DataFile, path: Path, why: NotTheFile) -> str:
    return f"{path} is not {file.name} of {file.label}: {why}\n{_remedy(file)}"


def _advice(file: DataFile, places: Sequence[Place], passed_over: Sequence[str], why: Exception) -> str:
    folders = dict.fromkeys(str(place.path.parent) for place in places)
    return (
        f"{file.name} ({file.label}) is not on this machine and could not be downloaded: {why}\n"
        f"looked for in {', '.join([*folders, *passed_over])}\n{_remedy(file)}"
    )


def _remedy(file: DataFile) -> str:
    return (
        f"where there is a network: curl -fL -o {file.name} {file.url}  ({file.size:,} bytes, SHA-256 {file.sha256})\n"
        f"then name the folder it lies in: pytest --llm-data FOLDER ..., or {DATA_VARIABLE}=FOLDER"
    )


def _unheard(_line: str) -> None:
    """Tell nobody: what is to be said will be when the file is read in its place."""


class _Meter:
    """Turns bytes into lines, one every two seconds."""

    def __init__(self, file: DataFile, say: Say) -> None:
        self._file, self._say = file, say
        self._told_at = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        if time.monotonic() - self._told_at < _TELL_S:
            return
        self._told_at = time.monotonic()
        self._say(f"fetching {self._file.label}: {_shown(done)} of {_shown(total or self._file.size)}")


def _shown(size: int) -> str:
    """Return bytes as a person reads them: ``45 KB``, ``2.9 MB``."""
    return f"{size / 1e3:.0f} KB" if size < 1e6 else f"{size / 1e6:.1f} MB"
