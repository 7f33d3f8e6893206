"""What a reader must know of a pack's scores, for the reports that people read."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_llmbench.reports.table import pack_title
from pytest_llmbench.summary import Summary

LINES = 6
"""Cautions shown of one pack; results.json has all."""


def caution_blocks(summary: Summary) -> Iterator[tuple[str, list[str]]]:
    """Yield a heading and its lines for each pack that has cautions; not yet made safe for any medium."""
    for pack in summary.packs:
        told = pack.facts.cautions
        if told:
            more = [f"and {len(told) - LINES:,} more, see results.json"] if len(told) > LINES else []
            yield f"What to know of the scores of {pack_title(pack)}:", [*told[:LINES], *more]
