"""Ctrl-C: exit 2 within a second or two, the reports written, the rest left for --llm-resume."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub, running_stub


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_ctrl_c_keeps_what_was_measured(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """The table counts the finished ones, what was in flight is cancelled at the server, resume asks only the rest."""
    lab.pack(scenarios(12, marks="[[seconds=0.4]]"))
    going = lab.start("--llm-url", stub.url, "--llm-concurrency", "2", *workers)
    going.wait_for("[ 4/12]")
    going.interrupt()
    done = going.end(limit_s=20)
    done.ends(2, "interrupted; ")
    assert "--llm-resume" in done.last
    total = done.results["total"]
    assert 4 <= total["passed"] <= 8
    assert total["passed"] + total["not_run"] == 12
    assert done.results["run"]["interrupted"] is True
    done.holds("not run", "Quality:")
    assert "Traceback" not in done.out
    seen = stub.stats()
    assert seen["in_flight"] == 0
    first = lab.run("--llm-url", stub.url, "--llm-resume")
    first.ends(0, "12 scenarios")
    again = stub.stats()
    # and each session's first question; the two in flight may have been answered as they were cancelled
    assert again["answers"] <= 12 + 2 + 2
    assert max(again["answered"].values()) <= 2
    first.holds("from the earlier run", "trials have their verdict already")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_ctrl_c_while_the_server_loads(lab: Lab, workers: tuple[str, ...]) -> None:
    """Nothing was measured yet, so nothing is said of scores; the session ends at once."""
    with running_stub() as own:
        own.set(loading_s=60)
        lab.pack(scenarios(2))
        going = lab.start("--llm-url", own.url, *workers)
        going.wait_for("llmbench: 2 trials")
        time.sleep(0.5)
        going.interrupt()
        done = going.end(limit_s=15)
    done.ends(2, "interrupted; no scenario has a verdict")
    assert "Traceback" not in done.out


def test_workers_do_not_outlive_their_controller(lab: Lab, stub: Stub) -> None:
    """Kill -9 of the controller alone: nobody goes on asking the server."""
    lab.pack(scenarios(40, marks="[[seconds=0.5]]"))
    going = lab.start("--llm-url", stub.url, "--llm-concurrency", "2", "-n", "2")
    going.wait_for("[ 1/40]")
    os.kill(going.pid, signal.SIGKILL)
    for _ in range(500):
        try:
            os.killpg(going.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.02)
    else:
        raise AssertionError("workers are still there after 10 s")
    assert stub.stats()["requests"] < 12
