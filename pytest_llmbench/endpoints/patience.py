"""When to ask again, and after how long."""

from __future__ import annotations

import enum
import math
import time
from email.utils import parsedate_to_datetime

RATE_PAUSES_S = (10.0, 20.0, 40.0)
"""Seconds before each retry of a 429: limits are counted per minute, so the pauses reach past one."""

BROKEN_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each retry of a 503 or a broken connection."""

BUSY_PAUSES_S = (0.5, 1.0, 2.0, 4.0, *(8.0,) * 36)
"""Seconds before each retry at a server that is up and takes no more: a place comes free when one of its answers is
finished, which takes seconds or minutes, so five of these are waited."""

LONGEST_S = 120.0
"""No server makes us wait longer than this, whatever its Retry-After says."""


class Cause(enum.Enum):
    """Why a try brought no answer though another may: a rate limit, a full server, or one that is down."""

    RATE = enum.auto()
    BUSY = enum.auto()
    BROKEN = enum.auto()


class Patience:
    """The retries that one request has left, counted for each cause: a server that changes between them is given up."""

    def __init__(self) -> None:
        self.retries = 0
        pauses = {Cause.RATE: RATE_PAUSES_S, Cause.BUSY: BUSY_PAUSES_S, Cause.BROKEN: BROKEN_PAUSES_S}
        self._pauses = {cause: iter(seconds) for cause, seconds in pauses.items()}

    def pause(self, cause: Cause, *, retry_after: str | None = None) -> float | None:
        """Return the seconds to wait before the next try, or None to give up.

        `retry_after` is the header's value, seconds or an HTTP date (RFC 9110, section 10.2.3).
        """
        pause_s = next(self._pauses[cause], None)
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
