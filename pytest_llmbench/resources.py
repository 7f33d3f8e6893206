"""What a run took of server, machine and time: plain data that `telemetry` fills and reports word."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1 << 30
"""Bytes of the GB that graphics cards are sold by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """One GPU over the run. Bytes, watts, shares from 0 to 1; None where the driver does not tell."""

    name: str
    memory_peak_bytes: int | None = None
    memory_total_bytes: int | None = None
    utilisation: float | None = None
    power_w: float | None = None
    worked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Figures of one run; None where nothing is known.

    They are of the time from the first request to the last answer, `span_s` seconds (summed over the sessions
    of a run that was gone on with), in which `samples` were taken. `tokens_per_s` are all generated tokens by
    that time, `prompt_tokens_per_s` those read and not taken from a cache; `tokens_from` tells who counted
    them: ``answers`` or ``server``. `busy` is the mean number of requests worked on and `busy_share` that by
    the slots (`slots`, else the limit of that moment). `limit_*` are the requests that were allowed in flight,
    `in_flight` those that were, on average. Host figures are of this machine, and so are `processors`, whose
    memory `gpu_memory_bytes` is the sum of the peaks of those that `worked`. The rest is what the run's score
    cost: None where the server is elsewhere or nothing was counted.
    """

    span_s: float | None = None
    samples: int = 0
    generated_tokens: int | None = None
    tokens_per_s: float | None = None
    prompt_tokens_per_s: float | None = None
    tokens_from: str = ""
    slots: int | None = None
    busy: float | None = None
    busy_share: float | None = None
    waiting: float | None = None
    waiting_peak: int | None = None
    preemptions: int | None = None
    cache_peak: float | None = None
    in_flight: float | None = None
    limit_min: int | None = None
    limit_mean: float | None = None
    limit_max: int | None = None
    host_cpu: float | None = None
    host_memory_peak_bytes: int | None = None
    host_memory_total_bytes: int | None = None
    processors: tuple[Processor, ...] = ()
    gpu_memory_bytes: int | None = None
    energy_wh: float | None = None
    right_per_min: float | None = None
    points_per_gpu_gib: float | None = None
    notes: tuple[str, ...] = ()
