"""A timeline and the answers of a run, summed up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.plain_data import from_plain, to_plain
from pytest_llmbench.records import Outcome, PackFacts, Purpose, Reason, Result, TrialKey, Verdict
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


def utc(at: float) -> str:
    """Return the moment `at` seconds after the run's begin, as a line has it."""
    return datetime.fromtimestamp(BEGIN + at, UTC).isoformat()


def timeline(path: Path, *rows: dict[str, Any]) -> Path:
    """Write rows whose ``t`` counts from the run's begin."""
    lines = ({"utc": utc(row["t"]), **row} for row in rows)
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


NIGHT = 9 * 3600


def test_a_run_that_was_gone_on_with_is_summed_up_whole(tmp_path: Path) -> None:
    """The answers of all sessions, by the time in which they were asked for; the night between them is no time."""
    sessions = [(0, 1, 5, 9), (NIGHT - 1, NIGHT, NIGHT + 3)]
    rows = [
        {"t": at - begin[0], "utc": utc(at), "server": {"busy": 4, "preemptions": 100 * begin[0] + at}, "limit": 4}
        for begin in sessions
        for at in begin
    ]
    path = timeline(tmp_path / "t", *rows, {"t": 0, "utc": utc(3 * NIGHT), "server": {"busy": 0}, "limit": 4})
    first = [result(0, completion_tokens=60), result(8, completion_tokens=40)]
    then = [result(NIGHT - 1.2, completion_tokens=20), result(NIGHT + 1.8, completion_tokens=30)]
    found = summarise(path, figures_of(*(replace(one, resumed=True) for one in first), *then), slots=4)
    assert (found.span_s, found.generated_tokens, found.tokens_per_s) == (pytest.approx(15.0), 150, pytest.approx(10.0))
    assert found.right_per_min == pytest.approx(16.0)
    assert (found.samples, found.busy_share, found.preemptions) == (7, 1.0, 13)


def test_nothing_asked_anew_changes_nothing(tmp_path: Path) -> None:
    """A finished run that is resumed has the figures it had, whatever the idle server did meanwhile."""
    rows = [{"t": t, "server": {"busy": 4, "waiting": 1}, "limit": 4, "in_flight": 4} for t in (1, 5, 9)]
    before = summarise(timeline(tmp_path / "a", *rows), TEN_SECONDS, slots=4)
    idle = [
        {"t": t, "utc": utc(NIGHT + t), "server": {"busy": 0, "waiting": 0}, "limit": 1, "in_flight": 0} for t in (0, 1)
    ]
    assert summarise(timeline(tmp_path / "b", *rows, *idle), TEN_SECONDS, slots=4) == before


def test_a_server_that_counts_is_asked_in_each_session(tmp_path: Path) -> None:
    """It may have been started again between them, so that its counters began anew."""
    rows = [{"t": t, "server": {"generated_tokens": 1000 + 100 * t}} for t in (1, 5, 9)]
    rows += [{"t": t, "utc": utc(NIGHT + t), "server": {"generated_tokens": 50 * t}} for t in (0, 1, 3)]
    found = summarise(
        timeline(tmp_path / "t", *rows), figures_of(result(0), result(8), result(NIGHT), result(NIGHT + 2))
    )
    assert (found.generated_tokens, found.tokens_per_s) == (950, pytest.approx(950 / 11))


def test_one_sample_says_nothing_of_the_slots(tmp_path: Path) -> None:
    """Nor do those before and after a run that was over in between; what was allowed is known all the same."""
    rows = [{"t": t, "server": {"busy": 0, "waiting": 0}, "limit": 4} for t in (-1, 1, 11)]
    for some in (rows, [rows[0], rows[2]]):
        found = summarise(timeline(tmp_path / "t", *some), TEN_SECONDS, slots=4)
        assert (found.busy, found.busy_share, found.waiting, found.waiting_peak) == (None,) * 4
        assert (found.slots, found.limit_max) == (4, 4)


def test_what_counts_for_speed_alone() -> None:
    """Errors are neither right nor wrong, nor is a hand-written test's answer; what was not asked is nothing."""
    found = figures_of(
        result(0, completion_tokens=5, outcome=Outcome.ERROR),
        result(3, completion_tokens=5, purpose=Purpose.FIXTURE),
        replace(result(1, outcome=Outcome.ERROR), started_at=0.0, latency_s=None),
        replace(result(90), verdict=Verdict(outcome=Outcome.ERROR, reason=Reason.CANCELLED)),
    )
    assert (found.generated, found.judged, found.passed) == (10, 0, 0)
    assert found.spans() == {0: (BEGIN, BEGIN + 5)}


def test_a_trial_that_comes_twice_counts_once() -> None:
    """The last of them, whichever leg's name it bears."""
    again = result(0, completion_tokens=7, outcome=Outcome.FAIL)
    found = figures_of(result(0, completion_tokens=5), replace(again, key=replace(again.key, profile="A")))
    assert (found.generated, found.judged, found.passed) == (7, 1, 0)


def test_a_torn_or_foreign_line_is_left_out(tmp_path: Path) -> None:
    """The last line of a killed run, and whatever else stands there."""
    path = timeline(tmp_path / "t", *({"t": t, "server": {"busy": 4}, "limit": 4} for t in (1, 1.5)))
    with path.open("ab") as file:
        file.write(b'[1]\n{}\n{"t": 2, "utc": 3}\n{"t": 2, "utc": "soon"}\n\xff\n{"t": 2, "utc": "2026-05-0')
    found = summarise(path, TEN_SECONDS)
    assert (found.samples, found.busy_share) == (2, 1.0)


def test_a_counter_that_began_anew_is_unknown(tmp_path: Path) -> None:
    """A server that was started again in between."""
    rows = [{"t": 1, "server": {"preemptions": 5}}, {"t": 2, "server": {"preemptions": 1}}]
    assert summarise(timeline(tmp_path / "t", *rows), TEN_SECONDS).preemptions is None


def test_resources_survive_being_plain_data() -> None:
    """They stand in results.json and are read back from there."""
    whole = Resources(span_s=1.5, tokens_per_s=119.0, processors=(Processor(name="A", worked=True),), notes=("x",))
    assert from_plain(Resources, json.loads(json.dumps(to_plain(whole)))) == whole
