"""A timeline and the answers of a run, summed up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.records import (
    Outcome,
    PackFacts,
    Purpose,
    Result,
    TrialKey,
    Verdict,
    from_plain,
    to_plain,
)
from pytest_llmbench.resources import GIB, Processor, Resources
from pytest_llmbench.telemetry.figures import Figures
from pytest_llmbench.telemetry.summing_up import summarise

BEGIN = datetime(2026, 5, 9, 14, 0, tzinfo=UTC).timestamp()


def result(at: float, *, outcome: Outcome = Outcome.PASS, **fields: Any) -> Result:
    """Return a trial that began `at` seconds into the run and took two."""
    return Result(
        key=TrialKey(pack="p", pack_hash="0", scenario=str(at), attempt=1),
        nodeid="x",
        title="x",
        purpose=fields.pop("purpose", Purpose.ITEM),
        verdict=Verdict(outcome=outcome),
        pack=PackFacts(id="p", title="P", version="1", content_hash="0", size=1),
        started_at=BEGIN + at,
        latency_s=2.0,
        **fields,
    )


def figures_of(*results: Result) -> Figures:
    """Gather `results`."""
    found = Figures()
    for one in results:
        found.add(one)
    return found


def timeline(path: Path, *rows: dict[str, Any]) -> Path:
    """Write rows whose ``t`` counts from the run's begin."""
    lines = ({"utc": datetime.fromtimestamp(BEGIN + row["t"], UTC).isoformat(), **row} for row in rows)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="ascii")
    return path


def gpu(index: int, gib: float, use: float, **more: Any) -> dict[str, Any]:
    """Return what a GPU tells at one moment."""
    return {"index": index, "name": f"GPU {index}", "memory_used": int(gib * GIB), "utilisation": use, **more}


TEN_SECONDS = figures_of(
    result(0, completion_tokens=700, prompt_tokens=120, cached_tokens=20),
    result(8, completion_tokens=490, prompt_tokens=100, outcome=Outcome.FAIL),
)


def test_throughput_is_all_tokens_by_all_the_time(tmp_path: Path) -> None:
    """From the first request to the last answer; what came from a cache was not read."""
    found = summarise(tmp_path / "none", TEN_SECONDS)
    assert (found.span_s, found.tokens_per_s, found.prompt_tokens_per_s) == (10.0, 119.0, 20.0)
    assert (found.generated_tokens, found.tokens_from, found.samples) == (1190, "answers", 0)
    assert found.right_per_min == 6.0


def test_where_answers_count_no_tokens_the_server_did(tmp_path: Path) -> None:
    """Between the first and the last line within the run."""
    rows = [{"t": t, "server": {"generated_tokens": 100 * t, "prompt_tokens": 30 * t}} for t in (-5, 1, 5, 9, 20)]
    found = summarise(timeline(tmp_path / "t", *rows), figures_of(result(0), result(8)))
    assert (found.tokens_per_s, found.prompt_tokens_per_s, found.tokens_from) == (100.0, 30.0, "server")
    assert found.generated_tokens == 800


def test_the_servers_work_is_averaged_within_the_run_alone(tmp_path: Path) -> None:
    """Before the first request and after the last answer its slots are idle for good reasons."""
    rows = [
        {"t": -1, "server": {"busy": 0, "waiting": 0}, "limit": 8, "in_flight": 0},
        {"t": 1, "server": {"busy": 8, "waiting": 3, "preemptions": 4, "kv_usage": 0.5}, "limit": 16, "in_flight": 11},
        {"t": 5, "server": {"busy": 6, "waiting": 0, "preemptions": 6, "kv_usage": 0.9}, "limit": 8, "in_flight": 8},
        {"t": 9},
        {"t": 11, "server": {"busy": 0, "waiting": 0}, "limit": 8, "in_flight": 0},
    ]
    path = timeline(tmp_path / "t", *rows)
    found = summarise(path, TEN_SECONDS, slots=8)
    assert (found.samples, found.busy, found.busy_share, found.slots) == (3, 7.0, 0.875, 8)
    assert (found.waiting, found.waiting_peak, found.preemptions, found.cache_peak) == (1.5, 3, 2, 0.9)
    assert (found.limit_min, found.limit_mean, found.limit_max, found.in_flight) == (8, 12.0, 16, 9.5)
    assert summarise(path, TEN_SECONDS).busy_share == pytest.approx((8 / 16 + 6 / 8) / 2)


def test_gpus_that_worked_are_what_a_score_is_divided_by(tmp_path: Path) -> None:
    """Their peaks are summed; one on which nothing ran is shown and not counted."""
    rows = [
        {"t": 1, "gpus": [gpu(0, 10, 0.8, power_w=300.0, memory_total=80 * GIB), gpu(1, 40, 0.0, power_w=60.0)]},
        {"t": 5, "gpus": [gpu(0, 20, 1.0, power_w=500.0, memory_total=80 * GIB), gpu(1, 40, 0.0, power_w=60.0)]},
    ]
    path = timeline(tmp_path / "t", *rows)
    found = summarise(path, TEN_SECONDS)
    assert found.processors == (
        Processor(
            name="GPU 0",
            memory_peak_bytes=20 * GIB,
            memory_total_bytes=80 * GIB,
            utilisation=0.9,
            power_w=400.0,
            worked=True,
        ),
        Processor(name="GPU 1", memory_peak_bytes=40 * GIB, utilisation=0.0, power_w=60.0),
    )
    assert (found.gpu_memory_bytes, found.points_per_gpu_gib) == (20 * GIB, 2.5)
    assert found.energy_wh == pytest.approx(400 * 10 / 3600)
    elsewhere = summarise(path, TEN_SECONDS, local=False)
    assert (elsewhere.processors, elsewhere.gpu_memory_bytes, elsewhere.points_per_gpu_gib) == ((), None, None)


def test_the_machine_and_the_notes(tmp_path: Path) -> None:
    """The peak of its memory, the mean of its processors; a note stands once, whenever it was made."""
    rows = [
        {"t": -1, "notes": ["no GPU figures: x"], "host": {"memory_used": 99, "memory_total": 100}},
        {"t": 1, "host": {"cpu": 0.2, "memory_used": 5, "memory_total": 100}},
        {"t": 2, "host": {"cpu": 0.4, "memory_used": 7, "memory_total": 100}, "notes": ["no GPU figures: x"]},
    ]
    found = summarise(timeline(tmp_path / "t", *rows), TEN_SECONDS)
    assert (found.host_cpu, found.host_memory_peak_bytes, found.host_memory_total_bytes) == (pytest.approx(0.3), 7, 100)
    assert found.notes == ("no GPU figures: x",)


def test_a_run_without_answers_has_no_figures(tmp_path: Path) -> None:
    """Nothing was measured, so nothing is divided."""
    path = timeline(tmp_path / "t", {"t": 1, "server": {"busy": 1}, "limit": 8})
    assert summarise(path, Figures()) == Resources()


def test_what_an_earlier_session_left_does_not_count() -> None:
    """Neither do errors as right or wrong, nor a hand-written test's answer."""
    found = figures_of(
        replace(result(-5000, completion_tokens=10_000), resumed=True),
        result(0, completion_tokens=5, outcome=Outcome.ERROR),
        result(3, completion_tokens=5, purpose=Purpose.FIXTURE),
        replace(result(0, outcome=Outcome.ERROR), started_at=0.0, latency_s=None),
    )
    assert (found.span_s, found.generated, found.judged, found.passed) == (5.0, 10, 0, 0)


def test_a_torn_or_foreign_line_is_left_out(tmp_path: Path) -> None:
    """The last line of a killed run, and whatever else stands there."""
    path = timeline(tmp_path / "t", {"t": 1, "server": {"busy": 4}, "limit": 4})
    with path.open("ab") as file:
        file.write(b'[1]\n{}\n{"utc": 3}\n{"utc": "soon"}\n\xff\n{"t": 2, "utc": "2026-05-0')
    found = summarise(path, TEN_SECONDS)
    assert (found.samples, found.busy_share) == (1, 1.0)


def test_a_counter_that_began_anew_is_unknown(tmp_path: Path) -> None:
    """A server that was started again in between."""
    rows = [{"t": 1, "server": {"preemptions": 5}}, {"t": 2, "server": {"preemptions": 1}}]
    assert summarise(timeline(tmp_path / "t", *rows), TEN_SECONDS).preemptions is None


def test_resources_survive_being_plain_data() -> None:
    """They stand in results.json and are read back from there."""
    whole = Resources(span_s=1.5, tokens_per_s=119.0, processors=(Processor(name="A", worked=True),), notes=("x",))
    assert from_plain(Resources, json.loads(json.dumps(to_plain(whole)))) == whole
