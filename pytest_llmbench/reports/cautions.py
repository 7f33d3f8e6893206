"""What a reader must know of a pack's scores, for the reports that people read."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_llmbench.reports.table import pack_title
from pytest_llmbench.summary import Summary
from pytest_llmbench.thinking_switch import KEYS, NO_SWITCH
from pytest_llmbench.thinking_validity import told

LINES = 6
"""Cautions shown of one pack; results.json has all."""


def caution_blocks(summary: Summary) -> Iterator[tuple[str, list[str]]]:
    """Yield a heading and its lines for each thing to know, the gravest first; not yet made safe for any medium."""
    invalid = [f"{pack_title(pack)}: {told(pack.thinking)}" for pack in summary.packs if not pack.thinking.is_valid]
    if invalid:
        yield f"INVALID: these are not the scores of what was asked for ({_switch(summary)}):", invalid
    for pack in summary.packs:
        known = pack.facts.cautions
        if known:
            more = [f"and {len(known) - LINES:,} more, see results.json"] if len(known) > LINES else []
            yield f"What to know of the scores of {pack_title(pack)}:", [*known[:LINES], *more]


def thinking_note(summary: Summary) -> str:
    """Say what was asked of all packs and seen, or return "" where there is nothing to tell."""
    words = told(summary.thinking)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _switch(summary: Summary) -> str:
    """Say by what the model was asked to think or not."""
    key = summary.run.thinking_switch
    if key in KEYS:
        return f"asked by {key}"
    return f"its chat template {'has no switch' if key == NO_SWITCH else 'does not tell its switch'} for thinking"
