"""Dates, times and numbers of YAML and TOML as JSON has them."""

from __future__ import annotations

import datetime as dt
import math

from pytest_llmbench.verifiers.extraction import TextFault


def iso_text(moment: dt.date | dt.time) -> str:
    """Return `moment` (a date, time or datetime) in ISO 8601, with ``Z`` for UTC."""
    text = moment.isoformat()
    return f"{text.removesuffix('+00:00')}Z" if text.endswith("+00:00") else text


def finite(value: float) -> float:
    """Return `value`; raises TextFault for NaN and infinities, which JSON does not have."""
    if not math.isfinite(value):
        raise TextFault(f"holds {value}, which is not a number one can compare")
    return value
