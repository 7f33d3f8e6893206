"""Write a file whole or not at all, and JSON that every reader takes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pytest_llmbench.plain_data import to_plain

_UTF8 = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_ASCII = json.JSONEncoder(allow_nan=False).encode


def json_line(value: Any, *, ascii_only: bool = False) -> bytes:
    """Return records or plain data as JSON without a line break: lone surrogates replaced, NaN and infinities null.

    `ascii_only` is for readers that open files in whatever encoding their machine has.
    """
    plain = to_plain(value, text_limit=sys.maxsize)
    return (_ASCII if ascii_only else _UTF8)(plain).encode("utf-8")


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when the block ends without an exception.

    A link keeps pointing where it did, an existing file keeps its permissions, and a reader sees the
    old bytes or the new ones, never a part. Raises OSError.
    """
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _adopt_mode(Path(name), target)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _adopt_mode(new: Path, old: Path) -> None:
    if not old.exists():
        mask = os.umask(0)
        os.umask(mask)
        new.chmod(0o666 & ~mask)
        return
    shutil.copymode(old, new)
    if hasattr(os, "chown"):
        # only root may give a file away; for everybody else the file is theirs already
        with contextlib.suppress(PermissionError):
            os.chown(new, old.stat().st_uid, old.stat().st_gid)
