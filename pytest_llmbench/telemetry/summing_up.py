"""A run's timeline and answers -> `Resources`."""

from __future__ import annotations

import contextlib
import json
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from pytest_llmbench.resources import GIB, Processor, Resources
from pytest_llmbench.telemetry.figures import Figures

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """What one stretch of asking left: seconds since the epoch, its rows, and those between `first` and `last`."""

    first: float
    last: float
    rows: Sequence[Row]
    within: Sequence[Row]


def summarise(path: Path, figures: Figures, *, slots: int | None = None, local: bool = True) -> Resources:
    """Return what the run took whose timeline is `path` and whose answers are in `figures`.

    A run that was gone on with has several sessions; what lies between them counts for nothing.
    `slots` is how many requests the server works on at once, where it says so. Unless it is `local`, the GPUs of
    this machine are none of its own and left out. A missing or damaged file leaves its figures unknown.
    """
    timeline = list(_rows(path))
    sessions = _sessions(timeline, figures)
    within = [row for session in sessions for row in session.within]
    parts = [session.within if within else session.rows for session in sessions]  # a run may be shorter than a sample
    rows = list(chain.from_iterable(parts))
    span_s = math.fsum(session.last - session.first for session in sessions) or None
    return Resources(
        span_s=span_s,
        samples=len(within),
        **_speed(parts, figures, span_s),
        **_server(rows, slots),
        **(_work(within, slots) if len(within) > 1 else {}),  # one moment is no mean
        preemptions=_rise(parts, "preemptions"),
        **_ours(rows),
        **_host(rows),
        **_cost(_processors(rows) if local else (), figures, span_s),
        right_per_min=60 * figures.passed / span_s if figures.judged and span_s else None,
        notes=tuple(dict.fromkeys(note for _, row in timeline for note in row.get("notes", ()))),
    )


def _rows(path: Path) -> Iterator[tuple[float, Row]]:
    """Yield the lines of the file, each with its moment; one that was cut off by a crash is left out."""
    with contextlib.suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                row = json.loads(line)
                if isinstance(row["t"], (int, float)):
                    yield datetime.fromisoformat(row["utc"]).timestamp(), row


def _sessions(timeline: Sequence[tuple[float, Row]], figures: Figures) -> list[_Session]:
    """Return the sessions in which anything was asked that counts."""
    borders = _borders(timeline)
    parts: defaultdict[int, list[tuple[float, Row]]] = defaultdict(list)
    for at, row in timeline:
        parts[bisect_right(borders, at)].append((at, row))
    return [
        _Session(
            first=first,
            last=last,
            rows=[row for _, row in parts[number]],
            within=[row for at, row in parts[number] if first <= at <= last],
        )
        for number, (first, last) in figures.spans(borders).items()
    ]


def _borders(timeline: Sequence[tuple[float, Row]]) -> list[float]:
    """Return the moments half way between one session's last line and the next one's first, whose ``t`` begins anew.

    Half way, because a request may begin a little before its session's first line, or after the last of one that
    was killed.
    """
    pairs = pairwise(timeline)
    return sorted((before + at) / 2 for (before, earlier), (at, row) in pairs if row["t"] <= earlier["t"])


def _speed(parts: Sequence[Sequence[Row]], figures: Figures, span_s: float | None) -> dict[str, Any]:
    """Return the tokens by the whole time: as the answers tell, else as the server counted between two lines."""
    if span_s is None:
        return {}
    generated, read, told = figures.generated, figures.read, "answers"
    if generated is None:
        counted = [[row for row in rows if "generated_tokens" in row.get("server", {})] for rows in parts]
        span_s = math.fsum(rows[-1]["t"] - rows[0]["t"] for rows in counted if rows)
        if span_s <= 0:
            return {}
        generated, read, told = _rise(counted, "generated_tokens"), _rise(counted, "prompt_tokens"), "server"
    return {
        "generated_tokens": generated,
        "tokens_per_s": None if generated is None else generated / span_s,
        "prompt_tokens_per_s": None if read is None else read / span_s,
        "tokens_from": told,
    }


def _server(rows: Sequence[Row], slots: int | None) -> dict[str, Any]:
    usage = [row["server"]["kv_usage"] for row in rows if "kv_usage" in row.get("server", {})]
    return {"slots": slots, "cache_peak": max(usage, default=None)}


def _work(rows: Sequence[Row], slots: int | None) -> dict[str, Any]:
    """Return how busy the server was."""
    told = [row for row in rows if "busy" in row.get("server", {})]
    seats = [(row["server"]["busy"], slots or row.get("limit")) for row in told]
    waiting = [row["server"]["waiting"] for row in rows if "waiting" in row.get("server", {})]
    return {
        "busy": _mean([busy for busy, _ in seats]),
        "busy_share": _mean([min(1.0, busy / of) for busy, of in seats if of]),
        "waiting": _mean(waiting),
        "waiting_peak": max(waiting, default=None),
    }


def _ours(rows: Sequence[Row]) -> dict[str, Any]:
    limits = [row["limit"] for row in rows if "limit" in row]
    return {
        "in_flight": _mean([row["in_flight"] for row in rows if "in_flight" in row]),
        "limit_min": min(limits, default=None),
        "limit_mean": _mean(limits),
        "limit_max": max(limits, default=None),
    }


def _host(rows: Sequence[Row]) -> dict[str, Any]:
    hosts = [row["host"] for row in rows if "host" in row]
    return {
        "host_cpu": _mean([host["cpu"] for host in hosts if "cpu" in host]),
        "host_memory_peak_bytes": max((host["memory_used"] for host in hosts), default=None),
        "host_memory_total_bytes": max((host["memory_total"] for host in hosts), default=None),
    }


def _processors(rows: Sequence[Row]) -> tuple[Processor, ...]:
    columns: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        for told in row.get("gpus", ()):
            columns[told["index"]].append(told)
    return tuple(_processor(columns[index]) for index in sorted(columns))


def _processor(told: Sequence[Mapping[str, Any]]) -> Processor:
    """Return one GPU's figures; one on which nothing ever ran did not work for the server."""
    rates = [one["utilisation"] for one in told if "utilisation" in one]
    return Processor(
        name=told[0]["name"],
        memory_peak_bytes=max((one["memory_used"] for one in told if "memory_used" in one), default=None),
        memory_total_bytes=max((one["memory_total"] for one in told if "memory_total" in one), default=None),
        utilisation=_mean(rates),
        power_w=_mean([one["power_w"] for one in told if "power_w" in one]),
        worked=any(rates),
    )


def _cost(processors: tuple[Processor, ...], figures: Figures, span_s: float | None) -> dict[str, Any]:
    """Return the GPUs, and what those that worked were good for."""
    working = [one for one in processors if one.worked]
    gpu_bytes, power_w = _sum([one.memory_peak_bytes for one in working]), _sum([one.power_w for one in working])
    per_gib = gpu_bytes / GIB if gpu_bytes and figures.judged else None
    return {
        "processors": processors,
        "gpu_memory_bytes": None if gpu_bytes is None else int(gpu_bytes),
        "energy_wh": power_w * span_s / 3600 if power_w is not None and span_s else None,
        "points_per_gpu_gib": 100 * figures.passed / figures.judged / per_gib if per_gib else None,
    }


def _rise(parts: Sequence[Sequence[Row]], counter: str) -> int | None:
    """Return how far a counter of the server rose in all sessions; None where it is unknown or began anew in one."""
    counts = [[row["server"][counter] for row in rows if counter in row.get("server", {})] for rows in parts]
    rises = [told[-1] - told[0] for told in counts if told]
    return sum(rises) if rises and min(rises) >= 0 else None


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None
