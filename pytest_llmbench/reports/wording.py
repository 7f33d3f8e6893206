"""Figures and foreign text as words: safe on a terminal, in Markdown and in a table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MISSING = "-"
"""What stands where there is no figure."""

_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>|~#&$!]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def seconds(value: float | None) -> str:
    """Return ``0.42 s``, ``12.3 s``, ``184 s``."""
    if value is None:
        return MISSING
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s" if value < 100 else f"{value:,.0f} s"


def rate(value: float | None) -> str:
    """Return a figure per second: ``8.4``, ``123``."""
    if value is None:
        return MISSING
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def day(epoch_s: float) -> str:
    """Return the UTC date: ``2026-05-09``."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d")


def moment(epoch_s: float) -> str:
    """Return the UTC time: ``2026-05-09 14:03:07 UTC``."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(spent_s: float) -> str:
    """Return ``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = max(0, round(spent_s))
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def single_line(text: str, limit: int = 2000) -> str:
    """Return `text` on one line, everything invisible shown as an escape, cut at `limit` characters.

    Line breaks, terminal escapes, direction marks and lone surrogates a model wrote can thus
    neither break the layout nor drive the reader's terminal.
    """
    kept, dropped = text[:limit], len(text) - limit
    if not kept.isprintable():
        kept = "".join(char if char.isprintable() else _escaped(char) for char in kept)
    return f"{kept}... [{dropped:,} more characters]" if dropped > 0 else kept


def _escaped(char: str) -> str:
    return _SHORT.get(char) or char.encode("unicode_escape").decode("ascii")


def markdown(text: str, limit: int = 2000) -> str:
    """Return `text` as `single_line`, so escaped that Markdown shows it literally and links nothing."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", single_line(text, limit))
    return escaped.replace("://", r"\://").replace("www.", r"www\.")


def width(text: str) -> int:
    """Return the terminal columns `text` takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Return `text` filled with spaces to `columns`; `right` puts them before it."""
    fill = " " * max(0, columns - width(text))
    return fill + text if right else text + fill


def gate_text(said: Mapping[str, Any]) -> str:
    """Return what the gates said in one line, from `RunFacts.gate`."""
    return f"{'Passed' if said['passed'] else 'Failed'}, by {said['name']}: {said['sentence']}"


def gate_lines(said: Mapping[str, Any], held: Mapping[str, Any]) -> list[str]:
    """Return how that was decided, and each scenario that flipped against the baseline (`RunFacts.baseline`)."""
    return [*said["lines"], *flip_lines(held)]


def flip_lines(held: Mapping[str, Any]) -> list[str]:
    """Return each scenario that flipped against the baseline; `held` is as `paired.plain_of` has it, or {}."""
    return [
        f"{'worse' if flip['is_worse'] else 'better'}: {flip['pack']} {flip['scenario']} "
        f"{flip['before'][0]}/{flip['before'][1]} -> {flip['now'][0]}/{flip['now'][1]}"
        f"{' (flaky in the baseline)' if flip['was_flaky'] else ''}"
        for flip in held.get("flips", ())
    ]
