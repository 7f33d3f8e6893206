"""Days and times of day as an answer declares them: a few forms, each with one meaning."""

from __future__ import annotations

import datetime as dt
import re

_MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"
_MONTHS = _MONTH.split("|")
_DAYS = (
    re.compile(r"(?P<year>[0-9]{4})-(?P<number>[0-9]{2})-(?P<day>[0-9]{2})"),
    re.compile(rf"(?P<day>[0-9]{{1,2}}) (?P<month>{_MONTH}),? (?P<year>[0-9]{{4}})"),
    re.compile(rf"(?P<month>{_MONTH}) (?P<day>[0-9]{{1,2}}),? (?P<year>[0-9]{{4}})"),
)
_TIME = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?(?: ?([ap])\.?m\.?)?")
_TYPOGRAPHY = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | {"\u2236": ":"})
_SPACED = re.compile(r"(?<=[0-9]) ?([:-]) ?(?=[0-9])")
_EDGES = " \t\"'<>()[].,;:!"


def _tidied(text: str) -> str:
    plain = " ".join(text.translate(_TYPOGRAPHY).strip(_EDGES).split())
    return _SPACED.sub(r"\1", plain).casefold()


def read_day(text: str) -> dt.date | None:
    """Return the day written as ``2026-03-05``, ``5 March 2026`` or ``March 5, 2026``; None for any other text."""
    bare = _tidied(text)
    found = next((match for form in _DAYS if (match := form.fullmatch(bare))), None)
    if found is None:
        return None
    parts = found.groupdict()
    month = _MONTHS.index(parts["month"]) + 1 if "month" in parts else int(parts["number"])
    try:
        return dt.date(int(parts["year"]), month, int(parts["day"]))
    except ValueError:
        return None


def read_time(text: str) -> dt.time | None:
    """Return the time of day written as ``14:35``, ``2:35 pm`` or ``2 p.m.``; None for any other text."""
    found = _TIME.fullmatch(_tidied(text))
    if found is None or not (found[2] or found[3]):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[3] == "p" else 0)
    return dt.time(hour, minute) if hour < 24 and minute < 60 else None
