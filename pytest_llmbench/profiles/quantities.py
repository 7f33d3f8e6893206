"""Amounts as settings files write them."""

from __future__ import annotations

import re

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(s|m|min|h)?")


def seconds(value: float | str) -> float:
    """Return the seconds that ``600``, ``90s``, ``10m`` or ``1.5h`` stand for; ValueError where none or no duration."""
    found = _DURATION.fullmatch(str(value))
    length = float(found[1]) * _SECONDS[found[2] or ""] if found else 0.0
    if not length:
        raise ValueError("must be a time above 0: a number of seconds, or one with s, m or h such as 10m")
    return length
