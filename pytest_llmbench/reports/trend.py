"""Every pack over all runs, for a terminal and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_llmbench.reports.series import (
    Point,
    by_subject,
    change_text,
    comparable_before,
    score_words,
    sparkline,
    subject_words,
)
from pytest_llmbench.reports.wording import day, moment, pad, single_line, width
from pytest_llmbench.run_heads import RunHead
from pytest_llmbench.summary import plural

NOTE = (
    "A change is that from the run before it which measured the same version of the pack whole and at its own "
    "sampling; in brackets the 95% interval: a step within it may be noise (llmbench compare tells)."
)


def trend_lines(points: Sequence[Point]) -> Iterator[str]:
    """Yield a block for each model and profile, with a line for each run of each pack, oldest first."""
    for subject, packs in by_subject(points).items():
        yield single_line(subject_words(subject), 200)
        for series in packs.values():
            last = series[-1]
            bars = sparkline(series)
            yield f"  {single_line(last.title, 60)}{f'  {bars}' if bars else ''}"
            yield from _aligned([_cells(series, at) for at in range(len(series))])
        yield ""
    yield NOTE


def trend_plain(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return the same as plain data: one object for each model, profile and pack."""
    return [
        {
            "model": subject[0],
            "profile": subject[1],
            "thinking": subject[2],
            "pack": pack,
            "runs": [_plain(series, at) for at in range(len(series))],
        }
        for subject, packs in by_subject(points).items()
        for pack, series in packs.items()
    ]


def left_out(heads: Iterable[RunHead]) -> str:
    """Say which runs are not in the trend, and why; "" where all are."""
    known = list(heads)
    unreadable = [head for head in known if head.problem or head.damage]
    unfinished = [head for head in known if not (head.problem or head.damage or head.is_whole)]
    told = []
    if unfinished:
        runs = f"{plural(len(unfinished), 'run')} not finished, {_newest(unfinished)}"
        told.append(f"{runs} (llmbench report RUN shows what there is)")
    if unreadable:
        runs = f"{plural(len(unreadable), 'run')} that cannot be read, {_newest(unreadable)}"
        told.append(f"{runs} ({unreadable[-1].problem or unreadable[-1].damage})")
    return f"Left out: {' and '.join(told)}." if told else ""


def _newest(heads: Sequence[RunHead]) -> str:
    return heads[-1].name if len(heads) == 1 else f"the newest of them {heads[-1].name}"


def _cells(series: Sequence[Point], at: int) -> tuple[str, ...]:
    point = series[at]
    words = [point.note] if point.note else []
    if at and series[at - 1].content_hash != point.content_hash:
        words.append("the pack has changed")
    remark = change_text(comparable_before(series, at), point)
    return day(point.started_at), score_words(point), remark, single_line("; ".join(words), 100), point.run


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]
    kept = [at for at in range(len(widths)) if widths[at]]
    for row in rows:
        yield "    " + "  ".join(pad(row[at], widths[at]) for at in kept).rstrip()


def _plain(series: Sequence[Point], at: int) -> Mapping[str, Any]:
    point, before = series[at], comparable_before(series, at)
    counts = point.counts
    return {
        "run": point.run,
        "started_at": moment(point.started_at),
        "version": point.version,
        "content_hash": point.content_hash,
        "passed": counts.passed,
        "counted": counts.counted,
        "size": counts.size,
        "errors": counts.errors,
        "score": counts.score,
        "interval_95": point.interval,
        "compares": point.compares,
        "note": point.note,
        "change": None if before is None else (counts.score or 0.0) - (before.counts.score or 0.0),
        "latency_p50_s": point.latency_p50_s,
        "decode_tps": point.decode_tps,
    }
