"""This machine's processors and memory."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from pytest_llmbench.telemetry.host import Host

STAT = "cpu  {} 0 0 {} {} 0 0 0 0 0\ncpu0 1 2 3\n"
MEMINFO = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\nHugePages_Total:       0\n"


def written(folder: Path, *, user: int, idle: int, iowait: int = 0) -> Path:
    """Write a /proc of two files."""
    (folder / "stat").write_text(STAT.format(user, idle, iowait), encoding="ascii")
    (folder / "meminfo").write_text(MEMINFO, encoding="ascii")
    return folder


def test_shares_are_of_the_time_since_the_last_reading(tmp_path: Path) -> None:
    """The first reading has none; waiting for a disk is no work; what can be freed counts as free."""
    host = Host(written(tmp_path, user=100, idle=1000))
    first = host.read()["host"]
    assert "cpu" not in first
    assert (first["memory_used"], first["memory_total"]) == (600 * 1024, 1000 * 1024)
    written(tmp_path, user=130, idle=1050, iowait=20)
    assert host.read()["host"]["cpu"] == 0.3
    assert "cpu" not in host.read()["host"]


def test_a_system_without_proc_is_told_once(tmp_path: Path) -> None:
    """And not asked again."""
    host = Host(tmp_path / "none")
    assert "no figures of this machine" in host.read()["notes"][0]
    assert host.read() == {}


def test_the_real_machine_agrees_with_psutil() -> None:
    """Within what changes between two looks."""
    host = Host()
    host.read()
    begin = time.monotonic()
    while time.monotonic() < begin + 0.3:
        sum(range(1000))
    found = host.read()["host"]
    memory = psutil.virtual_memory()
    assert found["memory_total"] == memory.total
    assert abs(found["memory_used"] - (memory.total - memory.available)) < 0.1 * memory.total
    assert 0.5 / (os.cpu_count() or 1) < found["cpu"] <= 1
