"""Figures of a run that was stopped or gone on with: those of the whole run folder."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from pytest_llmbench import manifest
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.saved_run import open_run
from pytest_llmbench.saved_summary import summary_of
from tests.plugin.lab import Lab, Session, scenarios
from tests.stub.client import Stub


def figures(done: Session) -> dict[str, Any]:
    """Return the figures of the newest run."""
    found: dict[str, Any] = done.results["run"]["resources"]
    return found


@pytest.mark.parametrize("known", [False, True], ids=["url", "profile"])
def test_a_finished_run_resumed_keeps_its_figures(lab: Lab, stub: Stub, *, known: bool) -> None:
    """Nothing is asked anew, so speed, slots and time are what they were; it began when it began."""
    lab.pack(scenarios(8, marks="[[seconds=0.6]]"))
    lab.file("llmbench.yaml", f"profiles:\n  A: {{url: {stub.url}}}\n")
    words = ("--llm-profile", "A") if known else ("--llm-url", stub.url)
    first = lab.run(*words, "--llm-concurrency", "2")
    before, began = figures(first), first.results["run"]["started_at"]
    again = lab.run(*words, "--llm-concurrency", "2", "--llm-resume")
    after, run = figures(again), again.results["run"]
    assert {**after, "host_memory_peak_bytes": 0, "notes": 0} == {**before, "host_memory_peak_bytes": 0, "notes": 0}
    assert after["right_per_min"] > 0
    assert abs(_seconds(run["started_at"]) - _seconds(began)) < 5


def test_a_partly_resumed_run_counts_both_parts(lab: Lab, stub: Stub) -> None:
    """All answers by the time of both sessions; the saved run says the same when it began."""
    lab.pack(scenarios(8, marks="[[seconds=0.3]]"))
    lab.run("--llm-url", stub.url, "--llm-out", "here", "--llm-limit", "4", "--llm-concurrency", "2").ends(0, "")
    folder = lab.root / "here"
    began = manifest.read(RunFolder(folder))["started_at"]
    words = ("--llm-url", stub.url, "--llm-out", "here", "--llm-concurrency", "2", "--llm-resume")
    lab.run(*words).ends(0, "no wrong answer")
    found = summary_of(open_run(folder))
    assert found.run.started_at == pytest.approx(_seconds(began))
    resources = found.run.resources
    assert resources is not None
    assert resources.span_s == pytest.approx(2 * 0.6, abs=0.5)
    assert resources.span_s is not None
    assert resources.right_per_min == pytest.approx(60 * 8 / resources.span_s)


def test_what_was_answered_and_not_reported_is_in_the_figures(lab: Lab, stub: Stub) -> None:
    """-x ends at the first failure; answers that came meanwhile are in the score, so in the figures too."""
    lab.pack(scenarios(6, wrong=[1]) + [{**one, "id": f"T{one['id']}"} for one in scenarios(6)])
    done = lab.run("--llm-url", stub.url, "--llm-concurrency", "12", "-x")
    resources, total = figures(done), done.results["total"]
    assert resources["right_per_min"] == pytest.approx(60 * total["passed"] / resources["span_s"])


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
