"""Which file a model was read from: its size, time and hash, for the manifest of a run."""

from __future__ import annotations

import functools
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HASH_LIMIT = 1 << 30
"""Bytes of a model file that is still hashed; a larger one is known by size and time."""


def file_facts(path: Path, known_sha256: str) -> dict[str, Any] | None:
    """Return path, size, time and hash of a file, None where it cannot be read; a hash that is known is not made."""
    try:
        real = path.resolve()
        found = real.stat()
        if not real.is_file():
            return None
        sha256 = known_sha256 or _sha256_by_name(real) or _sha256(real, found.st_size, found.st_mtime_ns)
    except (OSError, ValueError):
        return None
    modified = datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="seconds")
    facts = {"path": str(path), "size": found.st_size, "modified_at": modified}
    if sha256:
        return {**facts, "sha256": sha256}
    return {**facts, "note": f"not hashed: larger than {HASH_LIMIT} bytes, known by size and time"}


def _sha256_by_name(path: Path) -> str:
    """Return the hash a file of the Hugging Face cache is named by, so that it need not be read; else ""."""
    return path.name if path.parent.name == "blobs" and re.fullmatch("[0-9a-f]{64}", path.name) else ""


@functools.lru_cache(maxsize=8)
def _sha256(path: Path, size: int, modified_ns: int) -> str:
    del modified_ns  # part of the cache's key: a file that was replaced is read again
    if size > HASH_LIMIT:
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
