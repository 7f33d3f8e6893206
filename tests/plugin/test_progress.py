"""One line for each finished trial, as it happens."""

from __future__ import annotations

import re

import pytest

from tests.plugin.lab import Lab, scenario, scenarios
from tests.stub.client import Stub


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
@pytest.mark.parametrize("more", [(), ("-s",)], ids=["", "s"])
def test_a_line_for_each_trial(lab: Lab, stub: Stub, workers: tuple[str, ...], more: tuple[str, ...]) -> None:
    """Numbered 1 to n, each scenario once, nothing of pytest's dots between, no control characters in a pipe."""
    if workers and more:
        pytest.skip("xdist has no use for -s")
    lab.pack([*scenarios(11, wrong=[4]), scenario("S-12", marks="[[fault=broken]]")])
    lab.file("test_plain.py", "def test_one():\n    print('noise')\ndef test_two(): pass\n")
    done = lab.run("--llm-url", stub.url, *workers, *more)
    told = [re.match(r"\[ ?(\d+)/12\] mini (S-\d\d) (\w+)", line) for line in done.progress]
    assert all(told), done.progress
    assert [int(found[1]) for found in told if found] == list(range(1, 13))
    assert sorted(found[2] for found in told if found) == [f"S-{n:02d}" for n in range(1, 13)]
    assert "S-04 FAIL  missing_field" in done.out
    assert re.search(r"S-12 ERROR  server_error  .*1 error so far", done.out)
    assert "\r" not in done.out
    assert "\x1b" not in done.out
    done.holds("1 failed, 12 passed, 1 error")


def test_lines_come_while_the_run_goes_on(lab: Lab, stub: Stub) -> None:
    """The first line is there long before the last answer, even while an ordinary test runs."""
    lab.pack([scenario("S-01"), *[scenario(f"T-{n}", marks="[[seconds=3]]") for n in range(3)]])
    going = lab.start("--llm-url", stub.url, "--llm-concurrency", "2")
    going.wait_for("[1/4] mini S-01 PASS")
    assert stub.stats()["answers"] <= 3
    going.interrupt()
    assert going.end().code == 2


@pytest.mark.parametrize("flag", ["-q", "-qq", "-v", "-p no:terminal"])
def test_other_verbosities_have_no_lines(lab: Lab, stub: Stub, flag: str) -> None:
    """Under -q there is none, under -v pytest's own lines say it; results and exit code stay the same."""
    lab.pack(scenarios(4, wrong=[2]))
    done = lab.run("--llm-url", stub.url, *flag.split(" "))
    assert done.code == 0
    assert done.progress == []
    assert done.results["total"]["passed"] == 3
    if flag == "-q":
        done.holds("Mini (v1.0.0)", "Quality:")
    if flag == "-v":
        done.holds("packs/mini/pack.yaml::S-01 PASSED", "packs/mini/pack.yaml::S-02 FAILED")
    if flag != "-p no:terminal":
        done.ends(0, "1 wrong answer does not fail this run")


def test_repeats_are_trials_too(lab: Lab, stub: Stub) -> None:
    """--llm-repeat asks each scenario several times: every attempt has its line, the first one scores."""
    lab.pack(scenarios(3, wrong=[2]))
    for workers in ((), ("-n", "2")):
        stub.set(reset=True)
        done = lab.run("--llm-url", stub.url, "--llm-repeat", "3", *workers)
        assert len(done.progress) == 9
        assert sum("S-01 #3 PASS" in line for line in done.progress) == 1
        assert len(done.results["trials"]) == 9
        assert done.results["total"]["text"] == "2/3 (67%)"
        done.holds("1 failed, 2 passed")
        assert stub.stats()["requests"] == 10
