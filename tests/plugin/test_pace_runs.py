"""Deadlines in whole runs: who wins, and what the text of a timeout says of it."""

from __future__ import annotations

import re

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub

DEFAULTS = {"dialogue": "single_turn", "verifier": "instructions", "max_tokens": 64}
TALK = "and it goes on and on, word after word " * 8
"""Says so much that some of it is always there before a deadline."""

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])


@WORKERS
def test_a_timeout_names_the_measured_speed(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """The pack's half a second is scaled to what the first answer showed, and no timeout is asked again."""
    stub.set(tokens_per_s=10)
    lab.pack(scenarios(4, marks=TALK), defaults={**DEFAULTS, "timeout_s": 0.4})
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(0, "4 wrong answers")
    assert set(done.verdicts.values()) == {"FAIL timeout"}
    told = re.search(r"still answering after ([\d.]+) s \(limit: measured ([\d.]+) tok/s\)", done.out)
    assert told is not None, done.out
    seconds, speed = float(told[1]), float(told[2])
    assert 4 < speed < 8  # nine words of the first answer, in the 1.6 s of 16 tokens
    assert seconds == pytest.approx(0.4 * 30 / speed, rel=0.02)
    assert max(stub.stats()["asked"].values()) == 1
    assert stub.stats()["aborted"] == 4


def test_a_slow_server_gets_its_time(lab: Lab, stub: Stub) -> None:
    """Answers later than the pack's own limit are heard where the server is that slow."""
    stub.set(tokens_per_s=10)
    lab.pack(scenarios(6, marks="[[seconds=0.9]]"), defaults={**DEFAULTS, "timeout_s": 0.4})
    lab.run("--llm-url", stub.url).ends(0, "no wrong answer")


@WORKERS
def test_the_users_seconds_win(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """--llm-timeout is taken as it is, however slow the server."""
    stub.set(tokens_per_s=10)
    lab.pack(scenarios(4, marks=TALK))
    done = lab.run("--llm-url", stub.url, "--llm-timeout", "0.7", *workers)
    done.ends(0, "4 wrong answers")
    done.holds("still answering after 0.7 s (limit: manual)", "own timeout_s=0.7")
    assert set(done.verdicts.values()) == {"FAIL timeout"}
    assert max(stub.stats()["asked"].values()) == 1


def test_a_profiles_seconds_win(lab: Lab, stub: Stub) -> None:
    """The same of a profile's `timeout`, unless one is typed."""
    stub.set(tokens_per_s=10)
    lab.file("llmbench.yaml", f"profiles: {{a: {{url: {stub.url}, timeout: 0.5}}}}\n")
    lab.pack(scenarios(2, marks=TALK))
    lab.run("--llm-profile", "a").holds("still answering after 0.5 s (limit: manual)")
    lab.run("--llm-profile", "a", "--llm-timeout", "0.6").holds("still answering after 0.6 s (limit: manual)")


def test_without_a_measurement_the_pack_rules(lab: Lab, stub: Stub) -> None:
    """A first answer of a word tells no speed."""
    stub.set(answers={"Say the numbers": "no"})
    lab.pack(scenarios(2, marks=f"{TALK} [[seconds=3]]"), defaults={**DEFAULTS, "timeout_s": 0.6})
    done = lab.run("--llm-url", stub.url)
    done.ends(0, "2 wrong answers")
    done.holds("still answering after 0.6 s (limit: pack)")


def test_the_speed_is_learnt_under_way(lab: Lab, stub: Stub) -> None:
    """A server that began fast and became slow is given more time by its own answers."""
    stub.set(service_s=0.1)
    quick = "ten words so that the speed of this can be measured [[seconds=0.8]]"
    cases = [*scenarios(3, marks=quick), *scenarios(1, marks="[[seconds=1.3]]", id="LATE", title="late")]
    lab.pack(cases, defaults={**DEFAULTS, "timeout_s": 1.0})
    done = lab.run("--llm-url", stub.url, "--llm-concurrency", "1")
    done.ends(0, "no wrong answer")
    assert [trial["timing"]["latency_s"] > 1 for trial in done.results["trials"] if trial["scenario"] == "LATE"] == [
        True
    ]


def test_time_in_the_servers_queue_is_not_the_models_fault(lab: Lab, stub: Stub) -> None:
    """A request that was never begun is an error of the server's, not a wrong answer."""
    stub.set(slots=1)
    lab.pack(scenarios(3, marks="[[seconds=1.5]]"))
    done = lab.run("--llm-url", stub.url, "--llm-concurrency", "3", "--llm-timeout", "2")
    done.ends(6, "incomplete")
    assert sorted(done.verdicts.values())[:1] == ["ERROR server_error"]
    done.holds("nothing of answer 1 came before the deadline of 2 s (limit: manual)")


def test_loading_takes_nobodys_time(lab: Lab, stub: Stub) -> None:
    """Deadlines begin when a trial does, not while the server reads its model."""
    stub.set(loading_s=1.5)
    lab.pack(scenarios(4))
    lab.run("--llm-url", stub.url, "--llm-timeout", "1").ends(0, "no wrong answer")
