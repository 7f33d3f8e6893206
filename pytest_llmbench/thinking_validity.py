"""Whether a model thought as it was asked to, proved from its answers: a request shows only what was wished."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


class Validity(enum.StrEnum):
    """One plain word for an arm, mildest first.

    ``unasked``: nothing was asked, or nothing was answered. ``valid``: as asked. ``silent``: asked on, and not one
    answer held a thought. ``contaminated``: asked off, and some did.
    """

    UNASKED = "unasked"
    VALID = "valid"
    SILENT = "silent"
    CONTAMINATED = "contaminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingCounts:
    """Answered trials by the arm they were asked in, all attempts, and how many of them thought.

    `on` and `off` were asked so, `free` not at all. `validity` follows from them, see `weighed`.
    """

    validity: Validity = Validity.UNASKED
    on: int = 0
    on_thought: int = 0
    off: int = 0
    off_thought: int = 0
    free: int = 0
    free_thought: int = 0

    @property
    def is_valid(self) -> bool:
        """Whether the scores are those of the arm that was asked for."""
        return self.validity in (Validity.UNASKED, Validity.VALID)


ARM_BITS = ("on", "off", "heard", "thought")
"""What is known of an attempt: asked to think, asked not to, answered at all, thought."""

_COUNTS = ("on", "on_thought", "off", "off_thought", "free", "free_thought")


def weighed(counts: Mapping[str, int]) -> ThinkingCounts:
    """Return `counts` (by the names of `ThinkingCounts`, a missing one is 0) with the word that follows from them."""
    whole = {name: counts.get(name, 0) for name in _COUNTS}
    return ThinkingCounts(validity=_validity(whole), **whole)


def counted(bits: Mapping[str, Sequence[int]]) -> ThinkingCounts:
    """Return the counts of many scenarios, of which `bits` (by `ARM_BITS`) hold one bit per attempt."""
    heard = bits["heard"]
    thought = [seen & answered for seen, answered in zip(bits["thought"], heard, strict=True)]
    counts = {}
    for arm in ("on", "off"):
        counts[arm] = _common(bits[arm], heard)
        counts[f"{arm}_thought"] = _common(bits[arm], thought)
    counts["free"] = _common(heard, heard) - counts["on"] - counts["off"]
    counts["free_thought"] = _common(thought, thought) - counts["on_thought"] - counts["off_thought"]
    return weighed(counts)


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many bits are set in both."""
    return sum((one & other).bit_count() for one, other in zip(left, right, strict=True))


def together(packs: Iterable[ThinkingCounts]) -> ThinkingCounts:
    """Return the sums over packs, with the worst of their words: a pack that was silent is not made up for."""
    parts = list(packs)
    worst = max((part.validity for part in parts), key=list(Validity).index, default=Validity.UNASKED)
    return ThinkingCounts(validity=worst, **{name: sum(getattr(part, name) for part in parts) for name in _COUNTS})


def told(counts: ThinkingCounts) -> str:
    """Say what was asked and what was seen, in a few words; "" where nothing was asked and nothing seen."""
    parts = []
    if counts.on:
        seen = f"seen in {counts.on_thought:,} of" if counts.on_thought else "never seen in"
        parts.append(f"thinking was asked on, and {seen} {_answers(counts.on)}")
    if counts.off:
        seen = f"seen in {counts.off_thought:,} of" if counts.off_thought else "not seen in"
        parts.append(f"thinking was asked off, and {seen} {_answers(counts.off)}")
    if counts.free_thought:
        parts.append(f"thinking was left to the server, and seen in {counts.free_thought:,} of {_answers(counts.free)}")
    return "; ".join(parts)


def _validity(counts: Mapping[str, int]) -> Validity:
    if counts["off_thought"]:
        return Validity.CONTAMINATED
    if counts["on"] and not counts["on_thought"]:
        return Validity.SILENT
    return Validity.VALID if counts["on"] or counts["off"] else Validity.UNASKED


def _answers(count: int) -> str:
    return f"{count:,} answer" if count == 1 else f"{count:,} answers"
