"""When to ask again, and after how long."""

from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime

RATE_PAUSES_S = (10.0, 20.0, 40.0)
"""Seconds before each retry of a 429: limits are counted per minute, so the pauses reach past one."""

BROKEN_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each retry of a 503 or a broken connection."""

LONGEST_S = 120.0
"""No server makes us wait longer than this, whatever its Retry-After says."""


class Patience:
    """The retries that one request has left. Both kinds together are never more than seven."""

    def __init__(self) -> None:
        self.retries = 0
        self._rate = iter(RATE_PAUSES_S)
        self._broken = iter(BROKEN_PAUSES_S)

    def pause(self, *, is_rate: bool, retry_after: str | None = None) -> float | None:
        """Return the seconds to wait before the next try, or None to give up.

        `retry_after` is the header's value, seconds or an HTTP date (RFC 9110, section 10.2.3).
        """
        pause_s = next(self._rate if is_rate else self._broken, None)
        if pause_s is None:
            return None
        self.retries += 1
        asked_s = asked_pause(retry_after)
        return pause_s if asked_s is None else asked_s


def asked_pause(retry_after: str | None) -> float | None:
    """Return the seconds a Retry-After header asks for, from 0 to `LONGEST_S`; None where it says nothing."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), LONGEST_S) if math.isfinite(seconds) else None
