"""A run's timeline and answers -> `Resources`."""

from __future__ import annotations

import contextlib
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_llmbench.resources import GIB, Processor, Resources
from pytest_llmbench.telemetry.figures import Figures

Row = Mapping[str, Any]


def summarise(path: Path, figures: Figures, *, slots: int | None = None, local: bool = True) -> Resources:
    """Return what the run took whose timeline is `path` and whose answers are in `figures`.

    `slots` is how many requests the server works on at once, where it says so. Unless it is `local`, the GPUs of
    this machine are none of its own and left out. A missing or damaged file leaves its figures unknown.
    """
    rows = list(_rows(path))
    within = [row for row in rows if _is_within(row, figures)] or rows  # a run may be shorter than a sample's interval
    processors = _processors(within) if local else ()
    working = [one for one in processors if one.worked]
    span_s, gpu_bytes = figures.span_s, _sum([one.memory_peak_bytes for one in working])
    power_w = _sum([one.power_w for one in working])
    return Resources(
        span_s=span_s,
        samples=len(within),
        **_speed(within, figures),
        **_server(within, slots),
        **_ours(within),
        **_host(within),
        processors=processors,
        gpu_memory_bytes=None if gpu_bytes is None else int(gpu_bytes),
        energy_wh=power_w * span_s / 3600 if power_w is not None and span_s else None,
        right_per_min=60 * figures.passed / span_s if figures.judged and span_s else None,
        points_per_gpu_gib=_points_per_gib(figures, gpu_bytes),
        notes=tuple(dict.fromkeys(note for row in rows for note in row.get("notes", ()))),
    )


def _rows(path: Path) -> Iterator[Row]:
    """Yield the lines of the file; one that was cut off by a crash is left out."""
    with contextlib.suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict) and "utc" in row:
                    yield row


def _is_within(row: Row, figures: Figures) -> bool:
    if figures.first_at is None or figures.last_at is None:
        return False
    with contextlib.suppress(ValueError, TypeError):
        return figures.first_at <= datetime.fromisoformat(row["utc"]).timestamp() <= figures.last_at
    return False


def _speed(rows: Sequence[Row], figures: Figures) -> dict[str, Any]:
    """Return the tokens by the whole time: as the answers tell, else as the server counted between two lines."""
    if figures.span_s is None:
        return {}
    generated, read, told, span_s = figures.generated, figures.read, "answers", figures.span_s
    if generated is None:
        counted = [row for row in rows if row.get("server", {}).get("generated_tokens") is not None]
        span_s = counted[-1]["t"] - counted[0]["t"] if counted else 0.0
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
    told = [row for row in rows if "busy" in row.get("server", {})]
    seats = [(row["server"]["busy"], slots or row.get("limit")) for row in told]
    waiting = [row["server"]["waiting"] for row in rows if "waiting" in row.get("server", {})]
    usage = [row["server"]["kv_usage"] for row in rows if "kv_usage" in row.get("server", {})]
    return {
        "slots": slots,
        "busy": _mean([busy for busy, _ in seats]),
        "busy_share": _mean([min(1.0, busy / of) for busy, of in seats if of]),
        "waiting": _mean(waiting),
        "waiting_peak": max(waiting, default=None),
        "preemptions": _rise(rows, "preemptions"),
        "cache_peak": max(usage, default=None),
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


def _points_per_gib(figures: Figures, gpu_bytes: float | None) -> float | None:
    if not figures.judged or not gpu_bytes:
        return None
    return 100 * figures.passed / figures.judged / (gpu_bytes / GIB)


def _rise(rows: Sequence[Row], counter: str) -> int | None:
    """Return how far a counter of the server rose; None where it is unknown or began anew."""
    counts = [row["server"][counter] for row in rows if counter in row.get("server", {})]
    rise = counts[-1] - counts[0] if counts else None
    return rise if rise is not None and rise >= 0 else None


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None
