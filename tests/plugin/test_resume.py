"""What was answered once is never asked again: kill -9, resume, replay, run folders."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.plugin.lab import Lab, read_results, scenarios
from tests.stub.client import Stub, running_stub


def asked(stub: Stub) -> Counter[str]:
    """Return how often each scenario was asked."""
    return Counter(
        request["body"]["messages"][-1]["content"].partition(":")[0]
        for request in stub.requests()
        if request["body"]["messages"][-1]["content"].startswith("S-")
    )


@pytest.mark.parametrize(("first", "then"), [((), ("-n", "2")), (("-n", "2"), ())], ids=["alone-n2", "n2-alone"])
def test_a_killed_run_goes_on_where_it_was(lab: Lab, stub: Stub, first: tuple[str, ...], then: tuple[str, ...]) -> None:
    """Each finished request is asked once, only those in flight at the kill twice; the table is complete."""
    lab.pack(scenarios(16, wrong=[3], marks="[[seconds=0.3]]"))
    going = lab.start("--llm-url", stub.url, "--llm-concurrency", "3", *first)
    stub.wait_until("answers", 8, limit_s=30)
    finished_before = stub.stats()["answered"]
    going.kill()
    done = lab.run("--llm-url", stub.url, "--llm-concurrency", "3", "--llm-resume", *then)
    done.ends(0, "1 wrong answer")
    assert done.results["total"]["text"] == "15/16 (94%)"
    assert len(finished_before) >= 7
    counts = asked(stub)
    assert len(counts) == 16
    assert sum(counts.values()) <= 16 + 3 + 1
    assert sum("from the earlier run" in line for line in done.progress) >= 5
    assert sum(1 for _ in (lab.root / ".llmbench" / "runs").iterdir()) == 1


def test_nothing_is_asked_when_all_is_done(lab: Lab, stub: Stub) -> None:
    """A finished run resumed is the same table again; --llm-out names it from anywhere."""
    lab.pack(scenarios(4, wrong=[1]))
    lab.run("--llm-url", stub.url, "--llm-out", "here").ends(0, "complete")
    stub.set(reset=True)
    again = lab.run("--llm-url", stub.url, "--llm-out", "here", "--llm-resume")
    again.ends(0, "1 wrong answer")
    assert not asked(stub)
    assert read_results(lab.root / "here")["total"]["text"] == "3/4 (75%)"
    assert len(read_results(lab.root / "here")["trials"]) == 4


def test_errors_are_asked_again(lab: Lab) -> None:
    """A server mended meanwhile gives the missing verdicts."""
    lab.pack(scenarios(6))
    with running_stub() as own:
        own.set(fault="broken")
        broken = lab.run("--llm-url", own.url)
        assert broken.code == 6
        own.set(fault="")
        lab.run("--llm-url", own.url, "--llm-limit", "2").ends(0, "2 scenarios")
        own.set(reset=True)
        lab.run("--llm-url", own.url, "--llm-resume").ends(0, "6 scenarios")
        assert sum(asked(own).values()) == 4


def test_another_model_or_sampling_is_another_run(lab: Lab, stub: Stub) -> None:
    """Answers of one configuration are never taken for those of another."""
    lab.pack(scenarios(2))
    lab.run("--llm-url", stub.url, "--llm-out", "here").ends(0, "complete")
    other = lab.run("--llm-url", stub.url, "--llm-out", "here", "--llm-resume", "--llm-sampling", "temperature=1")
    assert other.code == 4
    other.holds("is a run of another model, server or sampling")
    none = lab.run("--llm-url", stub.url, "--llm-resume")
    assert none.code == 4
    none.holds("--llm-resume: no run of stub-model with these settings")


def test_a_changed_scenario_is_asked_again(lab: Lab, stub: Stub) -> None:
    """Its answer belonged to another question; the others are kept as they are."""
    lab.pack(scenarios(3))
    lab.run("--llm-url", stub.url, "--llm-out", "here").ends(0, "complete")
    lab.pack([*scenarios(2), {**scenarios(3)[2], "prompt": "S-03: another good word"}])
    stub.set(reset=True)
    done = lab.run("--llm-url", stub.url, "--llm-out", "here", "--llm-resume")
    done.ends(0, "3 scenarios")
    assert asked(stub)["S-03"] == 1


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_a_replay_judges_anew_without_a_server(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """The answers of a run meet changed checks; nothing is asked."""
    lab.pack(scenarios(3, wrong=[2]))
    lab.run("--llm-url", stub.url, "--llm-out", "here").ends(0, "1 wrong answer")
    stub.set(reset=True)
    lab.pack([{**case, "checks": [{"kind": "mentions", "words": ["word"]}]} for case in scenarios(3, wrong=[2])])
    done = lab.run("--llm-endpoint", "replay:here", "--llm-out", "there", *workers)
    done.ends(0, "no wrong answer in 3 scenarios")
    assert stub.stats()["requests"] == 0
    assert read_results(lab.root / "there")["total"]["passed"] == 3


def test_a_torn_last_line_is_dropped_with_a_notice(lab: Lab, stub: Stub) -> None:
    """A power cut leaves half a line: its trial is asked again, the user is told."""
    lab.pack(scenarios(3))
    lab.run("--llm-url", stub.url, "--llm-out", "here").ends(0, "complete")
    journal = next((lab.root / "here" / "journal").iterdir())
    data = journal.read_bytes()
    journal.write_bytes(data[: data.rstrip(b"\n").rfind(b"\n") + 40])
    stub.set(reset=True)
    done = lab.run("--llm-url", stub.url, "--llm-out", "here", "--llm-resume")
    done.ends(0, "3 scenarios")
    done.holds("dropped the last line")
    assert sum(asked(stub).values()) <= 1
