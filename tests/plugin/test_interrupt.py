"""Ctrl-C: exit 2 within a second or two, the reports written, the rest left for --llm-resume."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub


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
    assert again["answers"] <= 12 + 2  # and the first question of each of the two sessions
    assert max(again["answered"].values()) <= 2
    first.holds("from the earlier run", "trials have their verdict already")
