"""The runs below a folder as one series of scores for each pack, model and profile, oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.records import Purpose
from pytest_llmbench.run_heads import RunHead
from pytest_llmbench.statistics import wilson_interval
from pytest_llmbench.summary import Counts, count_text, percent

BARS = "▁▂▃▄▅▆▇█"
SAME, UP, DOWN = "=", "↑", "↓"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One pack in one run. `interval` is the Wilson 95 % interval, None where nothing was counted.

    `note` says why the score does not compare with others, "" where it does; `thinking` is the arm that was asked.
    """

    model: str
    profile: str
    thinking: str
    pack: str
    title: str
    version: str
    content_hash: str
    counts: Counts
    note: str
    started_at: float
    run: str
    latency_p50_s: float | None = None
    decode_tps: float | None = None

    @property
    def compares(self) -> bool:
        """Whether the whole pack was measured as it is meant to be, so that its score stands beside others."""
        return self.counts.complete and not self.note

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the score."""
        return wilson_interval(self.counts.passed, self.counts.counted)


Subject = tuple[str, str, str]
"""What is measured again and again: model, profile and thinking arm."""


def points_of(head: RunHead) -> list[Point]:
    """Return what a finished run says of its packs; [] for one that cannot be read or has no results.json."""
    if head.problem or not head.is_whole:
        return []
    run = head.run
    return [
        Point(
            model=head.model,
            profile=head.profile,
            thinking=str(head.manifest.get("thinking", {}).get("asked") or "pack"),
            pack=str(pack["id"]),
            title=str(pack["facts"]["title"]),
            version=str(pack["facts"]["version"]),
            content_hash=str(pack["facts"]["content_hash"]),
            counts=Counts(**{name: int(pack[name]) for name in Counts.__dataclass_fields__}),
            note=_note(run, pack),
            started_at=head.started_at,
            run=head.name,
            latency_p50_s=pack.get("latency_p50_s"),
            decode_tps=pack.get("decode_tps"),
        )
        for pack in head.packs
        if pack.get("purpose", Purpose.ITEM) == Purpose.ITEM
    ]


def by_subject(points: Iterable[Point]) -> dict[Subject, dict[str, list[Point]]]:
    """Return the points by subject and then by pack, each in the order of time they came in."""
    found: dict[Subject, dict[str, list[Point]]] = {}
    for point in points:
        packs = found.setdefault((point.model, point.profile, point.thinking), {})
        packs.setdefault(point.pack, []).append(point)
    return found


def comparable_before(points: Sequence[Point], at: int) -> Point | None:
    """Return the latest point before `at` that compares with it: whole, and of the same version of the pack."""
    now = points[at]
    earlier = (one for one in reversed(points[:at]) if one.compares and one.content_hash == now.content_hash)
    return next(earlier, None) if now.compares else None


def change_text(before: Point | None, now: Point) -> str:
    """Return ``↑ 13 points``, ``=`` or "" where there is nothing to compare with."""
    if before is None:
        return ""
    points = round(100 * ((now.counts.score or 0.0) - (before.counts.score or 0.0)))
    if now.counts.passed == before.counts.passed:
        return SAME
    return f"{UP if now.counts.passed > before.counts.passed else DOWN} {abs(points)} points"


def sparkline(points: Sequence[Point]) -> str:
    """Return a bar from 0 to 100 % for each point that compares with others, "" for fewer than two."""
    scores = [point.counts.score or 0.0 for point in points if point.compares]
    return "".join(BARS[min(len(BARS) - 1, int(score * len(BARS)))] for score in scores) if len(scores) > 1 else ""


def score_words(point: Point) -> str:
    """Return ``14/15 93% (70-99)``, or only what was counted where not all of the pack was."""
    counts, interval = point.counts, point.interval
    if not counts.complete or counts.score is None or interval is None:
        return count_text(counts)
    low, high = (percent(end).removesuffix("%") for end in interval)
    return f"{count_text(counts)} {percent(counts.score)} ({low}-{high})"


def subject_words(subject: Subject) -> str:
    """Return ``model · profile``, with the thinking arm where it is not the pack's own."""
    model, profile, thinking = subject
    arm = "" if thinking == "pack" else f"thinking {thinking}"
    return " · ".join(filter(None, [model or "unnamed model", profile, arm]))


def _note(run: Mapping[str, Any], pack: Mapping[str, Any]) -> str:
    if not run.get("canonical", True):
        return f"not canonical: {run['note']}" if run.get("note") else "not canonical"
    if pack.get("status") == "invalid":
        return "the model did not think as it was asked to"
    return ""
