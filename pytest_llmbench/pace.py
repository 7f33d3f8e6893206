"""How long a dialogue may take: the deadline follows the speed at which this server writes.

A deadline is a safety ceiling, not a target, so every doubt makes it longer. Who wins: the user's own number,
then what is made of the measured speed and the tokens allowed, then what the pack says. A request's token
limit never divides the time it gets: a larger budget only adds to it.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass

from pytest_llmbench.records import Scenario, Timing, Usage
from pytest_llmbench.sampling import max_tokens_for
from pytest_llmbench.settings import Settings
from pytest_llmbench.statistics import quantile
from pytest_llmbench.thinking_switch import UNKNOWN, ThinkingSwitch

REFERENCE_TPS = 30.0
"""Tokens per second at which a scenario's `timeout_s` is meant.

At 30 the 300 s that most of our packs give hold 9,000 tokens: the 8,192 of their longest answers. It is also what
one request of several gets from a server on a middling GPU.
"""

CEILING_S = 3600.0
"""No deadline worked out here is later, unless the pack itself says so: servers give up after an hour as well."""

WINDOW = 64
"""Turns whose speeds are remembered: about what a server answers in a few minutes."""

FEWEST_TOKENS = 8
"""An answer shorter than this tells nothing of the speed."""

_SLOW_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Seconds for one dialogue, and where they come from: ``manual``, ``measured 23.4 tok/s`` or ``pack``."""

    seconds: float
    source: str


class Pace:
    """The speed of one server, as its answers tell; may be used from several threads.

    `start_tps` is a speed measured before the first trial, tokens per second of one request; None: none was.
    """

    def __init__(self, start_tps: float | None = None) -> None:
        self._lock = threading.Lock()
        self._rates: deque[float] = deque([start_tps] if start_tps else (), maxlen=WINDOW)

    @property
    def tps(self) -> float | None:
        """Tokens per second that three requests in four reach at least; None before any was measured."""
        with self._lock:
            return quantile(self._rates, _SLOW_SHARE)

    def note(self, timing: Timing, usage: Usage) -> None:
        """Learn from one finished turn; one that tells nothing is passed over."""
        rate = _rate(timing, usage)
        if rate is not None:
            with self._lock:
                self._rates.append(rate)

    def limit_for(self, scenario: Scenario, settings: Settings, switch: ThinkingSwitch = UNKNOWN) -> Deadline:
        """Return the deadline of a trial that starts now; `switch` is how this server is asked to think."""
        if settings.timeout_s is not None:
            return Deadline(seconds=settings.timeout_s, source="manual")
        tps = self.tps
        source = "pack" if tps is None else f"measured {tps:.1f} tok/s"
        # each question that is sure to be asked may take the tokens that the pack's seconds did not count on
        further = max(0, max_tokens_for(scenario, settings, switch) - scenario.max_tokens)
        tokens = further * (1 + len(scenario.followups))
        return Deadline(seconds=_scaled(scenario.timeout_s, tokens, tps=tps or REFERENCE_TPS), source=source)


def _rate(timing: Timing, usage: Usage) -> float | None:
    """Tokens per second while decoding; over the whole answer where no more is known, which is slower."""
    tokens = usage.completion_tokens or 0
    if tokens < FEWEST_TOKENS:
        return None
    rate = timing.decode_tps or (tokens / timing.total_s if timing.total_s > 0 else 0.0)
    return rate if 0 < rate < math.inf else None


def _scaled(timeout_s: float, further_tokens: int, *, tps: float) -> float:
    """Stretch the pack's seconds for a server slower than the reference, and add the time of `further_tokens`.

    A measurement never shortens what the pack gives.
    """
    wanted_s = timeout_s * max(1.0, REFERENCE_TPS / tps) + further_tokens / tps
    return min(wanted_s, max(CEILING_S, timeout_s))
