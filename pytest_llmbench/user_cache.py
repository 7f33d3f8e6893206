"""The folder in which this user keeps what was fetched or computed once: weights, data sets, expected values."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CACHE_VARIABLE = "LLMBENCH_CACHE_DIR"


def user_cache() -> Path:
    """Return the folder named by LLMBENCH_CACHE_DIR, else ours in the platform's cache of this user. Makes nothing."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "pytest-llmbench"
