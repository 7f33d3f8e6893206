"""How big the benchmarks are: as DESIGN names them, or small enough for CI."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Counts and seconds; the defaults are the full size."""

    requests: int = 328
    request_s: float = 1.0
    slots: int = 32
    rival_workers: tuple[int, ...] = (8, 32)
    mixed_s: tuple[tuple[int, float], ...] = ((7, 3.0), (57, 0.2))
    packs: int = 100
    items: int = 2000
    repeat_items: int = 1000
    repeats: int = 100
    many: int = 100_000
    rounds: int = 3


FULL = Scale()

QUICK = Scale(
    requests=164,
    request_s=0.5,
    rival_workers=(8,),
    mixed_s=((7, 1.5), (57, 0.1)),
    packs=20,
    items=500,
    repeat_items=100,
    repeats=20,
    many=5_000,
    rounds=1,
)
