"""How long servers took to start, so that the next wait can say how long it will be."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from pytest_llmbench.settings import Profile
from pytest_llmbench.user_cache import user_cache

KEPT = 200
"""Profiles that are remembered, the latest."""


def usual_start_s(profile: Profile) -> float | None:
    """Return the seconds that the last start of `profile` took on this machine, None where there was none."""
    seconds = _known().get(_key(profile))
    return float(seconds) if isinstance(seconds, int | float) else None


def remember_start(profile: Profile, seconds: float) -> None:
    """Note what a start took. A cache that cannot be written costs the estimate, no more."""
    known = _known()
    known.pop(_key(profile), None)
    latest = dict([*known.items(), (_key(profile), round(seconds, 1))][-KEPT:])
    book = _book()
    draft = book.with_name(f"{book.name}.{os.getpid()}.part")
    with contextlib.suppress(OSError):
        book.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(latest), encoding="utf-8")
        draft.replace(book)


def _book() -> Path:
    return user_cache() / "start_times.json"


def _known() -> dict[str, Any]:
    try:
        known = json.loads(_book().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _key(profile: Profile) -> str:
    what = (profile.name, profile.folder, profile.files, profile.service, profile.command, profile.preset)
    return hashlib.sha256(json.dumps(what).encode("utf-8", "surrogatepass")).hexdigest()[:16]
