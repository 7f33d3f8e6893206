"""The number in flight follows the server's queue; what the run took of server and machine is written down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.lab import Lab, Session, scenario, scenarios
from tests.stub.client import Stub, running_stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])


def rows(run_dir: Path) -> list[dict[str, Any]]:
    """Return the lines of the timeline, each of which must be whole."""
    return [json.loads(line) for line in (run_dir / "telemetry.jsonl").read_text(encoding="ascii").splitlines()]


def allowed(run_dir: Path) -> list[int]:
    """Return how many requests were allowed in flight, second by second."""
    return [row["limit"] for row in rows(run_dir)]


def span_s(done: Session) -> float:
    """Return the seconds between the first request of a scenario and the last answer."""
    resources = done.results["run"]["resources"]
    assert isinstance(resources["span_s"], float)
    return resources["span_s"]


@WORKERS
def test_it_comes_down_to_the_slots(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Where slots are hidden it begins with eight, sees five of them wait, and keeps three in flight."""
    stub.set(slots=3, shows_slots=False)
    lab.pack(scenarios(32, marks="[[seconds=0.5]]"))
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(0, "no wrong answer")
    assert stub.stats()["peak_in_flight"] == 8
    limits = allowed(done.run_dir)
    assert (limits[0], limits[-1]) == (8, 3)
    assert done.results["run"]["resources"]["limit_min"] == 3
    done.holds("3 to 8 asked at once")


def test_it_grows_to_the_slots(lab: Lab, stub: Stub) -> None:
    """Where nothing waits it doubles, until the server's queue shows how many slots there are."""
    stub.set(slots=20, shows_slots=False)
    lab.pack(scenarios(140, marks="[[seconds=0.8]]"))
    done = lab.run("--llm-url", stub.url)
    done.ends(0, "no wrong answer")
    assert stub.stats()["peak_busy"] == 20
    assert stub.stats()["peak_in_flight"] <= 32
    assert 20 in allowed(done.run_dir)
    assert done.results["run"]["resources"]["waiting_peak"] > 0


def test_a_fixed_number_never_moves(lab: Lab, stub: Stub) -> None:
    """--llm-concurrency stays, whatever waits at the server."""
    stub.set(slots=2, shows_slots=False)
    lab.pack(scenarios(12, marks="[[seconds=0.5]]"))
    done = lab.run("--llm-url", stub.url, "--llm-concurrency", "6")
    done.ends(0, "no wrong answer")
    assert set(allowed(done.run_dir)) == {6}
    assert stub.stats()["peak_in_flight"] == 6
    done.holds("6 asked at once")


def test_a_server_that_tells_nothing(lab: Lab, stub: Stub) -> None:
    """Without metrics and slots eight are in flight, and the timeline has no lines of a server."""
    stub.set(slots=2, shows_slots=False, metrics=False)
    lab.pack(scenarios(12, marks="[[seconds=0.4]]"))
    done = lab.run("--llm-url", stub.url)
    done.ends(0, "no wrong answer")
    assert set(allowed(done.run_dir)) == {8}
    assert not any("server" in row for row in rows(done.run_dir))
    assert done.results["run"]["resources"]["busy_share"] is None


@WORKERS
def test_slots_are_busy_from_first_to_last(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Nearly all the time between first request and last answer, as the server itself counts it."""
    stub.set(slots=4, service_s=0.0)
    lab.pack(scenarios(24, marks="[[seconds=1.0]]", wrong=[3]))
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(0, "1 wrong answer")
    assert stub.stats()["peak_in_flight"] == 4
    # 0.99 alone; a worker that starts late, on processors that others use, costs a second of the six
    assert stub.stats()["busy_slot_s"] / (4 * span_s(done)) >= (0.6 if workers else 0.8)
    found = done.results["run"]["resources"]
    assert found["busy_share"] >= 0.6  # of half a dozen glances, each up to half a second old
    assert (found["slots"], found["limit_min"], found["limit_max"]) == (4, 4, 4)
    assert (found["waiting_peak"], found["preemptions"], found["gpu_memory_bytes"]) == (0, None, None)
    assert found["samples"] == pytest.approx(found["span_s"], abs=2)
    assert found["generated_tokens"] == sum(one["usage"]["completion_tokens"] for one in done.results["trials"])
    assert found["tokens_per_s"] == pytest.approx(found["generated_tokens"] / found["span_s"])
    assert found["right_per_min"] == pytest.approx(60 * 23 / found["span_s"])
    assert 0 < found["host_memory_peak_bytes"] <= found["host_memory_total_bytes"]
    assert 0 <= found["host_cpu"] <= 1
    done.holds("Throughput: ", "tokens/s generated", "of 4 slots at work on average", "right answers a minute")
    report = (done.run_dir / "REPORT.md").read_text(encoding="utf-8")
    assert "Throughput: " in report
    assert "of 4 slots at work on average" in report


def test_the_timeline_survives_a_kill(lab: Lab, stub: Stub) -> None:
    """After kill -9 every line is whole; a resumed run goes on in the same file."""
    lab.pack(scenarios(24, marks="[[seconds=0.5]]"))
    going = lab.start("--llm-url", stub.url, "--llm-concurrency", "2", "--llm-out", "out")
    stub.wait_until("answers", 8, limit_s=30)
    going.kill()
    before = rows(lab.root / "out")
    assert len(before) >= 2
    assert all(row["limit"] == 2 and "host" in row and "utc" in row for row in before)
    assert (lab.root / "out" / "telemetry.jsonl").read_bytes().endswith(b"\n")
    words = ("--llm-concurrency", "8", "--llm-out", "out", "--llm-resume")
    done = lab.run("--llm-url", stub.url, *words)
    done.ends(0, "no wrong answer")
    after = rows(lab.root / "out")
    assert after[: len(before)] == before
    assert len(after) > len(before)


def test_recorded_answers_have_no_timeline(lab: Lab) -> None:
    """Nothing is measured where no server is."""
    pack = lab.pack([scenario("S-1")])
    gold = json.dumps({"S-1": {"pass": [{"note": "x", "text": "good"}], "fail": [{"note": "y", "text": "bad"}]}})
    pack.with_name("gold.yaml").write_text(gold, encoding="utf-8")
    done = lab.run("--llm-endpoint", "gold")
    assert not (done.run_dir / "telemetry.jsonl").exists()
    assert "Throughput" not in done.out


def test_each_server_has_its_own_timeline(lab: Lab, stub: Stub) -> None:
    """The limit of one server is not that of the next, and its lines stand in its own folder."""
    lab.pack(scenarios(12, marks="[[seconds=0.4]]"))
    stub.set(slots=4)
    with running_stub(slots=2, model="other-model") as other:
        lab.file("llmbench.yaml", f"profiles:\n  A: {{url: {stub.url}}}\n  B: {{url: {other.url}}}\n")
        lab.run("--llm-profile", "all", "--llm-out", "night").ends(0, "no wrong answer")
        assert (stub.stats()["peak_in_flight"], other.stats()["peak_in_flight"]) == (4, 2)
    assert (set(allowed(lab.root / "night" / "A")), set(allowed(lab.root / "night" / "B"))) == ({4}, {2})


@pytest.mark.needs("embedded")
def test_the_embedded_server_is_kept_busy(lab: Lab) -> None:
    """A real llama.cpp, long answers: its slots are told, full, and counted."""
    asked = "Tell a very long story about a ship, a storm and an island. Never stop telling."
    case = {"title": "story", "prompt": asked, "checks": [{"kind": "mentions", "words": ["ship"]}]}
    cases = [{"id": f"S-{number}", **case, "prompt": f"{number}. {asked}"} for number in range(12)]
    lab.pack(cases, defaults={"dialogue": "single_turn", "verifier": "instructions", "max_tokens": 96})
    done = lab.start("--llm-profile", "embedded").end(limit_s=120)
    assert done.code == 0, done.out
    found = done.results["run"]["resources"]
    assert (found["slots"], found["limit_min"], found["limit_max"]) == (4, 4, 4)
    assert 0.5 <= found["busy_share"] <= 1
    assert found["generated_tokens"] >= 12 * 20
    done.holds("of 4 slots at work on average")
