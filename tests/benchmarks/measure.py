"""Runs a command and says what it cost: wall time, CPU time with its children's, memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
"""The repository."""

MIB = 1 << 20

_NOT_OURS = ("-p", "no:hypothesispytest")
"""Plugins that this repository's developers have and its users have not; this one takes 0.6 s of every process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished command. `rss_mib` are samples of its own process: (seconds since the start, MiB)."""

    output: str
    code: int
    wall_s: float
    cpu_s: float
    peak_mib: float
    rss_mib: tuple[tuple[float, float], ...]


class Unexpected(Exception):
    """A command did not do what it was to be measured at."""


def pytest_run(
    folder: Path,
    *arguments: str,
    code: int | tuple[int, ...] = 0,
    sample_s: float = 0.0,
    env: Mapping[str, str] | None = None,
) -> Run:
    """Run pytest in `folder` the way a user would; raises `Unexpected` where it ends with another `code`."""
    command = [sys.executable, "-m", "pytest", *_NOT_OURS, *arguments]
    done = run_command(command, folder, {**clean_environment(), **(env or {})}, sample_s)
    if done.code not in ((code,) if isinstance(code, int) else code):
        raise Unexpected(f"{' '.join(command)} ended with {done.code}, not {code}:\n{done.output[-3000:]}")
    return done


def clean_environment() -> dict[str, str]:
    """Return the environment without what would change a run, and with the repository importable."""
    environment = os.environ
    kept = {name: value for name, value in environment.items() if name != "CI" and not name.startswith("LLMBENCH_")}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH", "")]))
    return kept


def run_command(command: Sequence[str], folder: Path, env: Mapping[str, str], sample_s: float = 0.0) -> Run:
    """Run any command in `folder`; its memory is sampled every `sample_s` seconds, 0: not at all."""
    samples: list[tuple[float, float]] = []
    over = threading.Event()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=output, stderr=subprocess.STDOUT)
        if sample_s:
            threading.Thread(target=_sample, args=(process.pid, sample_s, samples, over), daemon=True).start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        over.set()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return Run(
            output=output.read(),
            code=process.returncode,
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            peak_mib=usage.ru_maxrss / 1024,
            rss_mib=tuple(samples),
        )


def _sample(pid: int, every_s: float, samples: list[tuple[float, float]], over: threading.Event) -> None:
    begin = time.perf_counter()
    try:
        process = psutil.Process(pid)
        while not over.wait(every_s):
            samples.append((time.perf_counter() - begin, process.memory_info().rss / MIB))
    except psutil.NoSuchProcess:
        return
