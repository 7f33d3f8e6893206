"""Requests of one length, and of two, against a server with so many slots: how long until the last answer."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.benchmarks import scenes
from tests.benchmarks.measure import Run, Unexpected, pytest_run
from tests.benchmarks.scale import Scale
from tests.benchmarks.table import Row, spread
from tests.stub import Stub, running_stub

WHOLE_BEYOND_S = 2.5
MIXED_SLOTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a run of ours took. `client_s` from the first trial's start to the last answer's end.

    `server_s` is the same as the stub saw it, the one-token request before the run included, `busy` the
    share of slot seconds in use during `client_s`.
    """

    run: Run
    client_s: float
    server_s: float
    busy: float


def uniform(scale: Scale, folder: Path) -> Iterator[Row]:
    """Many requests of the same length, ours and blocking ones."""
    ideal_s = math.ceil(scale.requests / scale.slots) * scale.request_s
    what = f"{scale.requests} requests of {scale.request_s:g} s, {scale.slots} slots"
    with running_stub(slots=scale.slots, service_s=0.001) as stub:
        for workers, limit in ((0, 1.05), (2, 1.10)):
            place = scenes.asking(folder / f"uniform-{workers}", [scale.request_s] * scale.requests)
            spans = [_ours(stub, place, workers, scale.slots, scale.requests) for _ in range(scale.rounds)]
            yield from _rows(f"{what}, -n {workers}", spans, ideal_s, limit)
        for workers in scale.rival_workers:
            place = scenes.blocking(folder / f"blocking-{workers}", scale.requests, scale.request_s, stub.url)
            yield from _blocking(stub, place, workers, scale.requests, ideal_s)


def mixed(scale: Scale, folder: Path) -> Iterator[Row]:
    """A few long requests among many short ones: first without, then with known durations."""
    seconds = [each for count, each in reversed(scale.mixed_s) for _ in range(count)]
    ideal_s = ideal_of(seconds, MIXED_SLOTS)
    what = " and ".join(f"{count} of {each:g} s" for count, each in scale.mixed_s) + f", {MIXED_SLOTS} slots"
    with running_stub(slots=MIXED_SLOTS, service_s=0.001) as stub:
        for workers in (0, 2):
            first: list[Span] = []
            second: list[Span] = []
            for number in range(scale.rounds):
                place = scenes.asking(folder / f"mixed-{workers}-{number}", seconds)
                for spans in (first, second):
                    spans.append(_ours(stub, place, workers, MIXED_SLOTS, len(seconds)))
            yield _span_row(f"{what}, -n {workers}, first run", first, ideal_s, 1.5)
            yield _span_row(f"{what}, -n {workers}, durations known", second, ideal_s, 1.1)


def ideal_of(seconds: Sequence[float], slots: int) -> float:
    """Return the bound that no schedule beats: all work spread evenly, or the longest request."""
    return max(sum(seconds) / slots, *seconds)


def _rows(what: str, spans: Sequence[Span], ideal_s: float, limit: float) -> Iterator[Row]:
    yield _span_row(what, spans, ideal_s, limit)
    walls = [span.run.wall_s for span in spans]
    yield Row(
        what=f"{what}, whole command",
        measured=spread(walls, "s"),
        compared=f"ideal {ideal_s:g} s; CPU {spread([span.run.cpu_s for span in spans], 's', 1)}",
        value=sorted(walls)[len(walls) // 2] - ideal_s,
        limit=WHOLE_BEYOND_S,
        unit="s more",
    )


def _span_row(what: str, spans: Sequence[Span], ideal_s: float, limit: float) -> Row:
    middle = sorted(spans, key=lambda span: span.client_s)[len(spans) // 2]
    return Row(
        what=f"{what}: first request to last answer",
        measured=spread([span.client_s for span in spans], "s"),
        compared=f"ideal {ideal_s:g} s; slots {middle.busy:.0%} busy; by the stub {middle.server_s:.2f} s",
        value=middle.client_s / ideal_s,
        limit=limit,
    )


def _ours(stub: Stub, place: Path, workers: int, slots: int, requests: int) -> Span:
    stub.set(reset=True)
    out = place / f"out-{len(list(place.glob('out-*')))}"
    run = pytest_run(place, f"-n{workers}", f"--llm-url={stub.url}", f"--llm-out={out}", "bench-pack")
    stats = stub.stats()
    if stats["answers"] != requests + 1 or stats["peak_in_flight"] > slots:
        told = {name: stats[name] for name in ("answers", "peak_in_flight")}
        raise Unexpected(f"{requests} trials and one first request, {slots} at a time, became {told}\n{run.output}")
    trials = json.loads((out / "results.json").read_text(encoding="utf-8"))["trials"]
    client_s = _client_span(trials)
    return Span(
        run=run,
        client_s=client_s,
        server_s=stats["last_answer"] - stats["first_request"],
        busy=stats["busy_slot_s"] / (client_s * slots),
    )


def _client_span(trials: Sequence[dict[str, dict[str, float]]]) -> float:
    begins = [datetime.fromisoformat(str(trial["started_at"])).timestamp() for trial in trials]
    ends = [begin + trial["timing"]["latency_s"] for begin, trial in zip(begins, trials, strict=True)]
    return max(ends) - min(begins)


def _blocking(stub: Stub, place: Path, workers: int, requests: int, ideal_s: float) -> Iterator[Row]:
    stub.set(reset=True)
    run = pytest_run(place, f"-n{workers}", "-p", "no:llmbench", "-q")
    stats = stub.stats()
    if stats["answers"] != requests:
        raise Unexpected(f"{requests} blocking tests became {stats['answers']} answers\n{run.output}")
    span_s = stats["last_answer"] - stats["first_request"]
    what = f"one blocking test per request, -n {workers}"
    compared = f"ideal {ideal_s:g} s"
    yield Row(what=f"{what}: first to last", measured=f"{span_s:.2f} s", compared=compared, value=span_s / ideal_s)
    yield Row(
        what=f"{what}, whole command",
        measured=f"{run.wall_s:.2f} s",
        compared=f"{compared}; CPU {run.cpu_s:.1f} s",
        value=run.wall_s / ideal_s,
    )
