"""Several profiles in one session: one server at a time, each with a run of its own, all of them side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.lab import Lab, Session, read_results, scenarios
from tests.stub.client import Stub, running_stub

WAYS = pytest.mark.parametrize("way", [(), ("-n", "2")], ids=["alone", "n2"])
ALL_WAYS = pytest.mark.parametrize("way", [(), ("-n", "2"), ("-p", "no:xdist")], ids=["alone", "n2", "no-xdist"])


@pytest.fixture
def other() -> Iterator[Stub]:
    """A second server."""
    with running_stub(model="other-model") as found:
        yield found


def two(lab: Lab, first: Stub, second: Stub, more: str = "") -> None:
    """Write the profiles A and B."""
    lab.file("llmbench.yaml", f"profiles:\n  A: {{url: {first.url}}}\n  B: {{url: {second.url}}}\n{more}")


def runs(session: Session) -> dict[str, Any]:
    """Return every run's results by its profile."""
    folders = [path.parent for path in (session.root / ".llmbench" / "runs").glob("*/results.json")]
    found = [read_results(folder) for folder in sorted(folders)]
    return {results["run"]["profile"]: results for results in found}


def compared(session: Session) -> list[dict[str, Any]]:
    """Return the newest comparison."""
    path = max((session.root / ".llmbench" / "runs").glob("*-comparison.json"))
    profiles: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["profiles"]
    return profiles


@ALL_WAYS
def test_each_server_gets_its_own_run(lab: Lab, stub: Stub, other: Stub, way: tuple[str, ...]) -> None:
    """Every scenario is asked of every server; ids name the profile, results do not mix."""
    lab.pack(scenarios(8, wrong=[2]))
    two(lab, stub, other)
    other.set(answers={"S-05": "no"})
    done = lab.run("--llm-profile", "A", "--llm-profile", "B", *way)
    done.ends(0, "wrong answer")
    found = runs(done)
    assert {name: one["total"]["text"] for name, one in found.items()} == {"A": "7/8 (88%)", "B": "6/8 (75%)"}
    assert [one["run"]["model"] for one in found.values()] == ["stub-model", "other-model"]
    assert {trial["nodeid"] for trial in found["B"]["trials"]} == {
        f"packs/mini/pack.yaml::S-{number:02d}[B]" for number in range(1, 9)
    }
    assert [one["passed"] for one in compared(done)] == [7, 6]
    done.holds("side by side", "mini S-02[A] FAIL", "mini S-05[B] FAIL")


@WAYS
def test_only_one_server_is_at_work(lab: Lab, stub: Stub, other: Stub, way: tuple[str, ...]) -> None:
    """The second server is asked nothing before the first has given its last answer, and then at once."""
    lab.pack(scenarios(12, marks="[[seconds=0.2]]"))
    two(lab, stub, other)
    lab.run("--llm-profile", "all", *way).ends(0, "no wrong answer")
    first, second = stub.stats(), other.stats()
    assert first["last_answer"] <= second["first_request"]
    assert second["first_request"] - first["last_answer"] < 3


@WAYS
def test_a_dead_server_in_the_middle_stops_no_other(lab: Lab, stub: Stub, other: Stub, way: tuple[str, ...]) -> None:
    """Its scenarios are errors that say why, the rest is measured, and the run is incomplete."""
    lab.pack(scenarios(4))
    text = f"profiles:\n  A: {{url: {stub.url}}}\n  gone: {{url: 'http://127.0.0.1:9/v1'}}\n  B: {{url: {other.url}}}\n"
    lab.file("llmbench.yaml", text)
    done = lab.run("--llm-profile", "all", *way)
    done.ends(6, "gone could not be measured (endpoint_unreachable)")
    assert [one["counted"] for one in compared(done)] == [4, 0, 4]
    assert compared(done)[1]["errors"] == 4
    assert "A and B are complete, each 4 of 4, no wrong answer" in done.last
    assert done.out.count("nothing listens at") <= 3


@WAYS
def test_a_server_that_dies_under_way_stops_no_other(lab: Lab, other: Stub, way: tuple[str, ...]) -> None:
    """What it answered counts, the rest of its scenarios are errors, and the next server is measured."""
    lab.pack(scenarios(30, marks="[[seconds=0.2]]"))
    with running_stub(slots=4) as dying:
        two(lab, dying, other)
        going = lab.start("--llm-profile", "A", "--llm-profile", "B", *way)
        dying.wait_until("answers", 6, limit_s=30)
        dying.kill()
        done = going.end()
    done.ends(6, "A is incomplete")
    a, b = compared(done)
    assert a["counted"] >= 5
    assert a["counted"] < 30
    assert b["passed"] == 30


@WAYS
def test_finished_profiles_are_not_started_again(lab: Lab, stub: Stub, other: Stub, way: tuple[str, ...]) -> None:
    """After a kill in the second server's run a resume asks the first nothing and the second only what is missing."""
    lab.pack(scenarios(8, marks="[[seconds=0.2]]"))
    two(lab, stub, other)
    going = lab.start("--llm-profile", "all", "--llm-concurrency", "2", *way)
    other.wait_until("answers", 4, limit_s=40)
    going.kill()
    stub.set(reset=True)
    done = lab.run("--llm-profile", "all", "--llm-concurrency", "2", "--llm-resume", *way)
    done.ends(0, "no wrong answer")
    done.holds("A: every trial has its verdict already, so its server is not started")
    assert stub.stats()["requests"] == 0
    assert other.stats()["answers"] <= 1 + 8 + 1 + 3  # one to begin with each time, and what was in flight once more
    assert [one["passed"] for one in compared(done)] == [8, 8]
    assert len(list((lab.root / ".llmbench" / "runs").glob("*/manifest.json"))) == 2


@WAYS
def test_tests_that_ask_are_run_for_each_server(lab: Lab, stub: Stub, other: Stub, way: tuple[str, ...]) -> None:
    """A hand-written test, and a scenario that may be skipped, still find their server there."""
    lab.pack(scenarios(4))
    two(lab, stub, other)
    lab.file(
        "test_own.py",
        """
        import time

        def test_asks(llm):
            time.sleep(0.3)
            assert "hello" in llm("hello").text
        """,
    )
    done = lab.run("--llm-profile", "A", "--llm-profile", "B", "packs", "test_own.py", *way)
    done.ends(0, "no wrong answer")
    found = runs(done)
    assert {name: one["total"]["passed"] for name, one in found.items()} == {"A": 5, "B": 5}


def test_the_flow_of_one_profile_is_that_of_one_server(lab: Lab, stub: Stub) -> None:
    """One profile changes no node id and makes no comparison; its name stands in the results."""
    lab.pack(scenarios(3))
    lab.file("llmbench.yaml", f"profiles:\n  A: {{url: {stub.url}}}\n")
    done = lab.run("--llm-profile", "A")
    done.ends(0, "complete")
    assert done.results["run"]["profile"] == "A"
    assert done.results["trials"][0]["nodeid"] == "packs/mini/pack.yaml::S-01"
    assert "side by side" not in done.out


def test_a_named_folder_holds_a_folder_for_each_server(lab: Lab, stub: Stub, other: Stub) -> None:
    """--llm-out with several servers: one run folder each, the comparison beside them."""
    lab.pack(scenarios(2))
    two(lab, stub, other)
    lab.run("--llm-profile", "all", "--llm-out", "night").ends(0, "no wrong answer")
    names = {path.name for path in (lab.root / "night").iterdir()}
    assert names == {"A", "B", "comparison.md", "comparison.json"}
    assert read_results(lab.root / "night" / "B")["total"]["passed"] == 2


def test_the_limit_counts_for_each_server(lab: Lab, stub: Stub, other: Stub) -> None:
    """--llm-limit 2 asks two scenarios of each server."""
    lab.pack(scenarios(5))
    two(lab, stub, other)
    done = lab.run("--llm-profile", "all", "--llm-limit", "2")
    assert [one["counted"] for one in compared(done)] == [2, 2]


def test_a_profile_may_have_packs_and_repeats_of_its_own(lab: Lab, stub: Stub, other: Stub) -> None:
    """A profile with `packs` asks those alone, one with `repeat` asks as often as it says."""
    lab.pack(scenarios(2), name="one")
    lab.pack(scenarios(3), name="two")
    text = f"profiles:\n  A: {{url: {stub.url}, packs: [one]}}\n  B: {{url: {other.url}, repeat: 2}}\n"
    lab.file("llmbench.yaml", text)
    done = lab.run("packs", "--llm-profile", "all")
    found = runs(done)
    assert sorted(pack["id"] for pack in found["A"]["packs"]) == ["one"]
    assert len(found["B"]["trials"]) == 10


@pytest.mark.parametrize("way", [(), ("-n", "2")], ids=["alone", "n2"])
def test_interrupted_between_servers_nothing_is_lost(lab: Lab, stub: Stub, other: Stub, way: tuple[str, ...]) -> None:
    """Ctrl-C while the second server answers ends within seconds; the first server's run is whole."""
    lab.pack(scenarios(6, marks="[[seconds=0.5]]"))
    two(lab, stub, other)
    going = lab.start("--llm-profile", "all", "--llm-concurrency", "2", *way)
    other.wait_until("answers", 2, limit_s=40)
    going.interrupt()
    done = going.end(limit_s=20)
    assert done.code == 2
    assert compared(done)[0]["passed"] == 6
    assert Path(compared(done)[0]["run_dir"], "results.json").is_file()


def test_stopping_at_the_first_failure_stops_the_tour(lab: Lab, stub: Stub, other: Stub) -> None:
    """-x on the first server's wrong answer asks the second nothing that matters."""
    lab.pack(scenarios(3, wrong=[1]))
    two(lab, stub, other)
    done = lab.run("--llm-profile", "all", "-x")
    assert done.code == 1
    assert "stopped by -x" in done.last


def test_unknown_profiles_are_told_before_anything_is_asked(lab: Lab, stub: Stub) -> None:
    """A misspelt name is a usage error with the nearest one."""
    lab.pack(scenarios(2))
    lab.file("llmbench.yaml", f"profiles:\n  balanced: {{url: {stub.url}}}\n")
    done = lab.run("--llm-profile", "balnced")
    assert done.code == 4
    done.holds("balanced")
    assert stub.stats()["requests"] == 0


def test_the_quality_line_is_of_one_server(lab: Lab, stub: Stub, other: Stub) -> None:
    """--llm-write-quality with several servers is refused before anything is asked."""
    lab.pack(scenarios(2))
    two(lab, stub, other)
    compose = lab.file("compose.yaml", "# Quality:\nservices: {}\n")
    done = lab.run("--llm-profile", "all", "--llm-write-quality", str(compose))
    assert done.code == 4
    done.holds("one server at a time")
    assert stub.stats()["requests"] == other.stats()["requests"] == 0


def test_collecting_starts_nothing(lab: Lab, stub: Stub, other: Stub) -> None:
    """--collect-only lists every scenario for every server and asks none."""
    lab.pack(scenarios(2))
    two(lab, stub, other)
    done = lab.run("--llm-profile", "all", "--collect-only", "-q")
    done.holds("S-01[A]", "S-02[B]")
    assert stub.stats()["requests"] == other.stats()["requests"] == 0


@WAYS
def test_a_server_nobody_asks_is_not_started(lab: Lab, stub: Stub, other: Stub, way: tuple[str, ...]) -> None:
    """With -k only one profile's scenarios are left: the other one appears nowhere."""
    lab.pack(scenarios(3))
    two(lab, stub, other)
    done = lab.run("--llm-profile", "all", "-k", "[B]", *way)
    done.ends(0, "no wrong answer")
    assert stub.stats()["requests"] == 0
    assert [one["profile"] for one in compared(done)] == ["B"]


@pytest.mark.parametrize("way", [(), ("-n", "2")], ids=["alone", "n2"])
def test_a_taken_folder_is_told_before_the_first_server(
    lab: Lab, stub: Stub, other: Stub, way: tuple[str, ...]
) -> None:
    """What yesterday's run left for the second profile is no news for tomorrow morning."""
    lab.pack(scenarios(2))
    two(lab, stub, other)
    lab.run("--llm-profile", "B", "--llm-out", "night/B").ends(0, "complete")
    done = lab.run("--llm-profile", "all", "--llm-out", "night", *way)
    assert done.code == 4
    done.holds("holds a finished run")
    assert stub.stats()["requests"] == 0


def test_a_profile_after_x_has_no_problem(lab: Lab, stub: Stub) -> None:
    """-x on a first server that cannot be measured leaves the second one not run, not broken."""
    lab.pack(scenarios(3))
    lab.file("llmbench.yaml", f"profiles:\n  gone: {{url: 'http://127.0.0.1:9/v1'}}\n  A: {{url: {stub.url}}}\n")
    done = lab.run("--llm-profile", "all", "-x")
    assert "cancelled" not in done.last


def test_a_changed_pack_is_asked_again_and_said_so(lab: Lab, stub: Stub) -> None:
    """--llm-resume with a pack that was edited meanwhile: no verdict of the old one is counted or listed."""
    lab.pack(scenarios(3))
    lab.run("--llm-url", stub.url).ends(0, "complete")
    lab.pack(scenarios(3, wrong=[2]))
    done = lab.run("--llm-url", stub.url, "--llm-resume")
    done.holds("mini was changed since", "resuming: 0 trials have their verdict already")
    assert len(done.results["trials"]) == 3
    assert done.results["total"]["text"] == "2/3 (67%)"


def test_a_second_interrupt_loses_no_report(lab: Lab, stub: Stub, other: Stub) -> None:
    """Ctrl-C twice: what was measured is reported all the same."""
    lab.pack(scenarios(4, marks="[[seconds=0.5]]"))
    two(lab, stub, other)
    going = lab.start("--llm-profile", "all", "--llm-concurrency", "1")
    other.wait_until("answers", 2, limit_s=40)
    going.interrupt()
    time.sleep(0.05)
    going.interrupt()
    done = going.end(limit_s=20)
    assert "exit 2: " in done.out
    assert compared(done)[0]["passed"] == 4
