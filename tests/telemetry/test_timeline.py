"""One line a second: whole, in order, whatever a source does, and none lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.records import ServerLoad
from pytest_llmbench.telemetry import FILENAME
from pytest_llmbench.telemetry.recording import recording
from pytest_llmbench.telemetry.served import asked, served
from pytest_llmbench.telemetry.timeline import Timeline


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return what a timeline has written."""
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def wait_for(path: Path, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """Read the file until it has what is wanted."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if path.exists() and (found := lines_of(path)) and enough(found):
            return found
        time.sleep(0.02)
    raise AssertionError("the lines did not come")


def test_each_line_has_its_moment_and_what_the_sources_say(tmp_path: Path) -> None:
    """Seconds since the start, the time of day, and the sources' keys side by side."""
    path = tmp_path / "t.jsonl"
    line = Timeline(path, [lambda: {"a": 1, "notes": ["x"]}, lambda: {"b": [2], "notes": ["y"]}], interval_s=0.05)
    line.start()
    found = wait_for(path, lambda lines: len(lines) >= 3)
    line.stop()
    for row in found:
        assert {key: row[key] for key in ("a", "b", "notes")} == {"a": 1, "b": [2], "notes": ["x", "y"]}
        assert abs(datetime.fromisoformat(row["utc"]) - datetime.now(UTC)).total_seconds() < 60
    times = [row["t"] for row in found]
    assert times == sorted(times)
    assert line.trouble == ""


def test_a_slow_source_holds_up_nobody(tmp_path: Path) -> None:
    """Its key is missing while it is being read, and it is never read twice at once."""
    path, release, calls = tmp_path / "t.jsonl", threading.Event(), []

    def slow() -> Mapping[str, Any]:
        calls.append(1)
        release.wait(20)
        return {"slow": True}

    line = Timeline(path, [slow, lambda: {"quick": True}], interval_s=0.05)
    line.start()
    before = wait_for(path, lambda lines: len(lines) >= 4)
    assert all(row.get("quick") and "slow" not in row for row in before)
    assert len(calls) == 1
    release.set()
    wait_for(path, lambda lines: "slow" in lines[-1])
    line.stop()


def test_stop_writes_a_last_line_and_ends_the_threads(tmp_path: Path) -> None:
    """Also twice, and without a start; what was there before stays."""
    path = tmp_path / "t.jsonl"
    path.write_text('{"t": 9}\n', encoding="ascii")
    before = threading.active_count()
    line = Timeline(path, [dict], interval_s=5)
    line.stop()
    line = Timeline(path, [dict], interval_s=5)
    line.start()
    wait_for(path, lambda lines: len(lines) >= 2)
    line.stop()
    line.stop()
    found = lines_of(path)
    assert (len(found), found[0]) == (3, {"t": 9})
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.02)
    assert threading.active_count() <= before


@pytest.mark.parametrize("place", ["missing/t.jsonl", "."])
def test_a_file_that_cannot_be_written_is_told_and_harms_nobody(tmp_path: Path, place: str) -> None:
    """The run goes on without a timeline."""
    line = Timeline(tmp_path / place, [dict], interval_s=0.05)
    line.start()
    line.stop()
    assert "cannot be written" in line.trouble


def test_a_full_disk_is_told() -> None:
    """Where /dev/full is, it always is."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    line = Timeline(full, [dict], interval_s=0.05)
    line.start()
    line.stop()
    assert "No space left" in line.trouble


def test_what_a_server_does_not_say_is_left_out() -> None:
    """No nulls in the file, and no key for a server that says nothing."""
    assert served(lambda: ServerLoad(busy=3, kv_usage=0.5))() == {"server": {"busy": 3, "kv_usage": 0.5}}
    assert served(lambda: None)() == {}
    assert asked(in_flight=lambda: 3, limit=lambda: 8)() == {"in_flight": 3, "limit": 8}


def test_a_recording_has_server_requests_and_machine(tmp_path: Path) -> None:
    """All sources of a run, on this very machine."""
    line = recording(tmp_path, load=lambda: ServerLoad(busy=2), in_flight=lambda: 2, limit=lambda: 4, interval_s=0.2)
    line.start()
    found = wait_for(tmp_path / FILENAME, lambda lines: "cpu" in lines[-1].get("host", {}))
    line.stop()
    assert found[-1]["server"] == {"busy": 2}
    assert (found[-1]["in_flight"], found[-1]["limit"]) == (2, 4)
    assert 0 < found[-1]["host"]["memory_used"] < found[-1]["host"]["memory_total"]
