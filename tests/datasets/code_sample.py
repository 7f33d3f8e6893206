"""Small data files to look for, to spoil and to serve, and records to make tasks of."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.datasets.code_files import DataFile

DATA = os.environ.get("LLMBENCH_DATA_DIR", "")
"""The folder with the published files, as this suite was started; tests make the variable their own."""

needs_data = pytest.mark.skipif(not DATA, reason="LLMBENCH_DATA_DIR names no folder with the published files")

RECORDS: list[dict[str, Any]] = [
    {"task_id": f"Tiny/{number}", "prompt": f"def f{number}(x):\n", "base_input": [[number]]} for number in range(3)
]


def lines(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Return records as JSON Lines."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def tiny(url: str = "http://127.0.0.1:9/Tiny.jsonl.gz", **changes: Any) -> DataFile:
    """Return a data file of three records whose packed form is `packed()`."""
    text, whole = lines(RECORDS), packed()
    known: dict[str, Any] = {
        "title": "Tiny",
        "edition": "v1",
        "place": "tinies/Tiny.jsonl.gz",
        "url": url,
        "size": len(whole),
        "sha256": hashlib.sha256(whole).hexdigest(),
        "unpacked_sha256": hashlib.sha256(text).hexdigest(),
        "records": len(RECORDS),
        "fields": ("task_id", "prompt", "base_input"),
        "ids_sha256": hashlib.sha256(b"Tiny/0 Tiny/1 Tiny/2").hexdigest()[:16],
        "aliases": ("Tiny-v1.jsonl",),
        "evalplus_variable": "TINY_OVERRIDE_PATH",
    }
    return DataFile(**{**known, **changes})


def packed(records: Sequence[Mapping[str, Any]] = RECORDS) -> bytes:
    """Return the gzipped JSON Lines of `records`."""
    return gzip.compress(lines(records), mtime=0)


def put(path: Path, content: bytes) -> Path:
    """Write a file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no data of this machine be found, and nothing be written outside `tmp_path`."""
    for name in ("LLMBENCH_DATA_DIR", "HUMANEVAL_OVERRIDE_PATH", "MBPP_OVERRIDE_PATH", "TINY_OVERRIDE_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
