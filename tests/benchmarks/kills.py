"""Kill -9 at random moments of one run, resume each time with another ``-n``: is anything finished asked again?

``python -m tests.benchmarks.kills --kills 20`` prints what the stub saw.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from pytest_llmbench.journal import JournalReader
from tests.benchmarks.measure import ROOT
from tests.benchmarks.scenes import asking
from tests.stub.client import Stub, running_stub

WORKERS = ("0", "2", "3", "1")
"""What ``-n`` gets, one after another."""


@dataclass(slots=True)
class Tally:
    """What became of the run: `repeated` are requests asked again though they had been finished."""

    scenarios: int
    kills: int = 0
    asked: int = 0
    in_flight: int = 0
    repeated: dict[str, int] = field(default_factory=dict)
    code: int = -1
    passed: int = 0


def kill_and_resume(scenarios: int, kills: int, *, seed: int = 1) -> Tally:
    """Run `scenarios` scenarios of 0.1 to 0.6 s, kill pytest or one of its workers `kills` times, resume to the end."""
    dice = random.Random(seed)  # noqa: S311 - moments, no secrets
    tally = Tally(scenarios=scenarios)
    with tempfile.TemporaryDirectory() as name, running_stub(slots=4, kept=100_000) as stub:
        folder = asking(Path(name) / "scene", [dice.uniform(0.1, 0.6) for _ in range(scenarios)])
        run = Path(name) / "run"
        finished_at_kill: list[tuple[int, set[str]]] = []
        while tally.kills < kills:
            process = _start(folder, stub.url, run, WORKERS[tally.kills % len(WORKERS)])
            if not _kill_soon(process, run, dice):
                break
            tally.kills += 1
            finished_at_kill.append((len(stub.requests()), _finished(run)))
        last = _start(folder, stub.url, run, WORKERS[kills % len(WORKERS)])
        last.communicate(timeout=300)
        _count(tally, stub, finished_at_kill)
        tally.code = last.returncode
        tally.passed = json.loads((run / "results.json").read_text(encoding="utf-8"))["total"]["passed"]
    return tally


def _start(folder: Path, url: str, run: Path, workers: str) -> subprocess.Popen[str]:
    resume = ["--llm-resume"] if (run / "manifest.json").exists() else []
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "--llm-url", url, "--llm-out", str(run), *resume]
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("LLMBENCH_")}
    return subprocess.Popen(
        command, cwd=folder, env={**kept, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip


def _kill_soon(process: subprocess.Popen[str], run: Path, dice: random.Random) -> bool:
    """Wait for the first journal of this process and a little longer, then kill -9 pytest. False if it was done."""
    end = time.monotonic() + 30
    before = _journals(run)
    while _journals(run) <= before and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(dice.uniform(0.0, 0.8))
    if process.poll() is not None:
        process.communicate()
        return False
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    psutil.wait_procs(children, timeout=10)
    for child in children:
        if child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            raise AssertionError(f"a process outlived its pytest: {child}")
    return True


def _journals(run: Path) -> int:
    return len(list((run / "journal").glob("*.jsonl"))) if run.exists() else 0


def _finished(run: Path) -> set[str]:
    reader = JournalReader(run / "journal")
    return {_prompt(turn.request.messages[-1].content) for key in reader.keys() for turn in reader.turns(key)}  # noqa: SIM118 - a journal is no dict


def _prompt(text: str) -> str:
    return text.strip()


def _count(tally: Tally, stub: Stub, finished_at_kill: Sequence[tuple[int, set[str]]]) -> None:
    prompts = [_prompt(seen["body"]["messages"][-1]["content"]) for seen in stub.requests()]
    asked = [prompt for prompt in prompts if prompt.startswith("[[")]
    tally.asked = len(asked)
    tally.in_flight = sum(count - 1 for count in Counter(asked).values())
    for number, finished in finished_at_kill:
        tally.repeated.update({prompt: number for prompt in prompts[number:] if prompt in finished})


def main() -> int:
    """Print the tally; 1 where a finished request was asked again or the table is not complete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--scenarios", type=int, default=160)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    tally = kill_and_resume(given.scenarios, given.kills, seed=given.seed)
    print(f"{tally.kills} kills, {tally.scenarios} scenarios, {tally.asked} requests seen by the server")
    print(f"asked again because a kill met them in flight: {tally.in_flight}")
    print(f"asked again although they were finished: {len(tally.repeated)} {sorted(tally.repeated)[:5]}")
    print(f"the last run: exit {tally.code}, {tally.passed} of {tally.scenarios} passed")
    return 0 if not tally.repeated and tally.passed == tally.scenarios and tally.code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
