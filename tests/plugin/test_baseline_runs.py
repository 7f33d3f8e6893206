"""A run held against a baseline: refused before the first item, asked again before the server stops, and judged."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.lab import Lab, Session, read_results, scenario, scenarios
from tests.stub.client import Stub, running_stub

ALL_WAYS = pytest.mark.parametrize("way", [(), ("-n", "2"), ("-p", "no:xdist")], ids=["alone", "n2", "no-xdist"])
WAYS = pytest.mark.parametrize("way", [(), ("-n", "2")], ids=["alone", "n2"])
BAD = "no"


def ids(*numbers: int) -> list[str]:
    """Return the ids of these scenarios."""
    return [f"S-{number:02d}" for number in numbers]


def wrong(*numbers: int) -> dict[str, str]:
    """Return the stub's answers by which these scenarios fail."""
    return dict.fromkeys(ids(*numbers), BAD)


def captured(lab: Lab, stub: Stub, *words: str, slug: str = "stub") -> Path:
    """Run, capture the baseline and return its file."""
    lab.run("--llm-url", stub.url, *words).ends(0, "")
    command = [sys.executable, "-m", "pytest_llmbench.commands.main", "baseline", "capture", "latest", "--slug", slug]
    subprocess.run(command, cwd=lab.root, check=True, capture_output=True)
    return lab.root / "baselines" / f"{slug}.thinking-pack.json"


def held(session: Session) -> dict[str, Any]:
    """Return what results.json says of the baseline."""
    found: dict[str, Any] = session.results["run"]["baseline"]
    return found


def refuses(session: Session, words: str) -> None:
    """Assert that the session could not be run as asked, and said so."""
    assert session.code == 4, session.out
    session.holds(words)


def asked_again(session: Session) -> int:
    """Return how many requests the confirmation journal holds."""
    texts = [path.read_text(encoding="utf-8") for path in (session.run_dir / "confirm").glob("*.jsonl")]
    return sum(json.loads(line)["type"] == "turn" for text in texts for line in text.splitlines())


@ALL_WAYS
def test_a_broken_model_is_a_regression_that_was_confirmed(lab: Lab, stub: Stub, way: tuple[str, ...]) -> None:
    """Nine scenarios that always passed never do: exit 1, with the sentence, after each was asked again."""
    lab.pack(scenarios(30))
    captured(lab, stub)
    stub.set(answers=wrong(*range(1, 10)))
    done = lab.run("--llm-url", stub.url, "--llm-baseline", "stub", *way)
    done.ends(1, "REGRESSION 30->21 of 30 (exact paired test p=0.002, confirmed 9/9) (against stub)")
    done.holds("asking 18 scenarios again, 3 times each", "asked again: mini S-01 0/3 broken")
    assert done.results["total"]["text"] == "21/30 (70%)"
    assert (held(done)["word"], held(done)["failed"], asked_again(done)) == ("regression", True, 54)
    assert {trial["purpose"] for trial in done.results["trials"]} == {"item"}
    assert "REGRESSION 30-\\>21 of 30" in (done.run_dir / "REPORT.md").read_text(encoding="utf-8")


@WAYS
def test_noise_is_no_regression(lab: Lab, stub: Stub, way: tuple[str, ...]) -> None:
    """Scenarios that fail once and pass when they are asked again are flaky, whatever the first count said."""
    lab.pack(scenarios(30))
    captured(lab, stub)
    stub.set(once={name: [BAD] for name in ids(1, 2, 3, 4, 5, 6)})
    done = lab.run("--llm-url", stub.url, "--llm-baseline", "stub", *way)
    done.ends(0, "NOISE 6 flips")
    assert held(done)["word"] == "noise"
    assert done.results["total"]["text"] == "24/30 (80%)"


def test_nothing_worse_asks_nothing_again(lab: Lab, stub: Stub) -> None:
    """Where no scenario got worse the server is asked no more than the run itself asks."""
    lab.pack(scenarios(20, wrong=[3]))
    captured(lab, stub)
    stub.set(reset=True)
    done = lab.run("--llm-url", stub.url, "--llm-baseline", "stub")
    done.ends(0, "OK 19->19 of 20, none fails that passed; a drop of")
    assert stub.stats()["answers"] == 21, "the items, and the first short question"


def test_an_earlier_run_is_a_baseline_too(lab: Lab, stub: Stub) -> None:
    """A run folder, a part of its name and latest all mean that run."""
    lab.pack(scenarios(12))
    first = lab.run("--llm-url", stub.url).run_dir
    stub.set(answers=wrong(*range(1, 9)))
    lab.run("--llm-url", stub.url, "--llm-baseline", str(first)).ends(1, "REGRESSION 12->4 of 12")
    lab.run("--llm-url", stub.url, "--llm-baseline", first.name).ends(1, "REGRESSION 12->4 of 12")
    lab.run("--llm-url", stub.url, "--llm-baseline", "latest").ends(0, "OK 4->4 of 12")


@WAYS
def test_what_cannot_be_compared_is_refused_before_the_first_item(lab: Lab, stub: Stub, way: tuple[str, ...]) -> None:
    """Other sampling and a changed pack end the run with 4 and the list; nothing is asked, no folder is left."""
    lab.pack(scenarios(6))
    captured(lab, stub)
    runs = sorted((lab.root / ".llmbench" / "runs").iterdir())
    lab.pack(scenarios(6, wrong=[2]))
    stub.set(reset=True)
    words = ("--llm-url", stub.url, "--llm-baseline", "stub", "--llm-sampling", "temperature=0.7")
    done = lab.run(*words, *way)
    refuses(done, "not comparable with the baseline: pack mini: ")
    done.holds('sampling: the packs\' own -> {"temperature": 0.7}', "llmbench baseline capture")
    assert stub.stats()["answers"] <= 1
    assert sorted((lab.root / ".llmbench" / "runs").iterdir()) == runs


def test_a_baseline_that_is_missing_is_told_with_what_there_is(lab: Lab, stub: Stub) -> None:
    """A misspelt slug, another thinking mode, a half-written run: exit 4 before any server is asked."""
    lab.pack(scenarios(6))
    captured(lab, stub)
    stub.set(reset=True)
    refuses(lab.run("--llm-url", stub.url, "--llm-baseline", "stubb"), 'there is no baseline "stubb": there are stub')
    other = lab.run("--llm-url", stub.url, "--llm-baseline", "stub", "--llm-thinking", "on")
    refuses(other, "it was captured with thinking pack: add --llm-thinking pack")
    refuses(lab.run("--llm-baseline", "stub"), "nothing is guessed under CI, --llm-gate, --llm-baseline")
    assert stub.stats()["answers"] == 0


def test_a_gate_and_a_baseline_together(lab: Lab, stub: Stub) -> None:
    """Both are told; one that does not hold is enough."""
    lab.pack(scenarios(12))
    captured(lab, stub)
    stub.set(answers=wrong(1))
    done = lab.run("--llm-url", stub.url, "--llm-baseline", "stub", "--llm-gate", "strict")
    done.ends(1, "1 wrong answer, and it allows none")
    done.holds("NOISE 1 flip" if held(done)["word"] == "noise" else "WATCH 12->11 of 12")


def test_slower_is_a_regression_too(lab: Lab, stub: Stub) -> None:
    """A server that decodes at a third of the speed fails the run although every answer is right."""
    lab.pack(scenarios(12, marks="[[tokens=40]] good"))
    stub.set(answers={"S-": "good " * 40}, service_s=0.2)
    captured(lab, stub)
    stub.set(service_s=0.9)
    done = lab.run("--llm-url", stub.url, "--llm-baseline", "stub")
    done.ends(1, "SLOWER decode ")
    assert held(done)["word"] == "ok"


@pytest.fixture
def other() -> Iterator[Stub]:
    """A second server."""
    with running_stub(model="other-model") as found:
        yield found


@WAYS
def test_several_servers_are_each_asked_again_before_they_are_left(
    lab: Lab, stub: Stub, other: Stub, way: tuple[str, ...]
) -> None:
    """Each profile is held against its own baseline; the one that got worse is named."""
    lab.pack(scenarios(20))
    captured(lab, stub, slug="A")
    captured(lab, other, slug="B")
    lab.file("llmbench.yaml", f"profiles:\n  A: {{url: {stub.url}}}\n  B: {{url: {other.url}}}\n")
    stub.set(answers=wrong(*range(1, 9)), reset=True)
    other.set(answers=wrong(4), reset=True)
    done = lab.run("--llm-profile", "A", "--llm-profile", "B", "--llm-baseline", "{profile}", *way)
    done.ends(1, "A fails the gate baseline")
    done.holds("A: asking 16 scenarios again", "B: asking 2 scenarios again")
    assert (stub.stats()["answers"], other.stats()["answers"]) == (1 + 20 + 48, 1 + 20 + 6)
    assert stub.stats()["last_answer"] <= other.stats()["first_request"]


def test_a_resumed_run_does_not_ask_again_what_was_asked_again(lab: Lab, stub: Stub) -> None:
    """What the first session asked again is taken from its journal; the verdict is the same."""
    lab.pack(scenarios(20))
    captured(lab, stub)
    stub.set(answers=wrong(*range(1, 9)))
    words = ("--llm-url", stub.url, "--llm-baseline", "stub", "--llm-out", "run")
    lab.run(*words).ends(1, "confirmed 8/8")
    stub.set(reset=True)
    lab.run(*words, "--llm-resume").ends(1, "confirmed 8/8")
    assert stub.stats()["answers"] == 1


def test_an_incomplete_run_confirms_nothing(lab: Lab, stub: Stub) -> None:
    """Errors of the server are no regression: exit 6, and nothing is asked again."""
    lab.pack([*scenarios(8), scenario("S-09", marks="[[fault=context_pool]]")])
    first = lab.run("--llm-url", stub.url).run_dir
    stub.set(answers=wrong(*range(1, 9)))
    done = lab.run("--llm-url", stub.url, "--llm-baseline", str(first))
    done.ends(6, "1 of 9 scenarios met an error that is not the model's (1 context_overflow)")
    assert (held(done)["word"], asked_again(done)) == ("regression", 0)


def test_interrupted_while_it_asks_again(lab: Lab, stub: Stub) -> None:
    """Ctrl-C during the confirmations ends the run at once, with 2, and what was counted is kept."""
    lab.pack(scenarios(20))
    captured(lab, stub)
    stub.set(answers=wrong(*range(1, 9)), service_s=0.5)
    running = lab.start("--llm-url", stub.url, "--llm-baseline", "stub")
    running.wait_for("asking 16 scenarios again")
    running.interrupt()
    done = running.end()
    done.ends(2, "interrupted")
    assert read_results(done.run_dir)["total"]["counted"] == 20


@WAYS
def test_skipped_scenarios_do_not_keep_others_from_being_asked_again(
    lab: Lab, stub: Stub, way: tuple[str, ...]
) -> None:
    """What a mark or a hook skips is left out on both sides; flaky ones beside it are no regression."""
    lab.pack(scenarios(20))
    captured(lab, stub)
    lab.file(
        "conftest.py",
        """
        import pytest

        def pytest_itemcollected(item):
            if "S-20" in item.nodeid:
                item.add_marker(pytest.mark.skip)

        def pytest_runtest_setup(item):
            if "S-19" in item.nodeid:
                pytest.skip("not today")
        """,
    )
    stub.set(once={name: [BAD] for name in ids(1, 2, 3, 4, 5, 6, 19)})
    done = lab.run("--llm-url", stub.url, "--llm-baseline", "stub", *way)
    done.ends(0, "NOISE 6 flips")
    assert (held(done)["size"], asked_again(done)) == (18, 36)


@WAYS
def test_a_pack_that_changes_meanwhile_is_told_and_no_verdict_is_made_up(
    lab: Lab, stub: Stub, way: tuple[str, ...]
) -> None:
    """What flipped cannot be asked again then: the papers are written, and the run ends with 6."""
    lab.pack(scenarios(12))
    captured(lab, stub)
    stub.set(answers=wrong(*range(1, 9)), service_s=0.5)
    running = lab.start("--llm-url", stub.url, "--llm-baseline", "stub", *way)
    running.wait_for("12 trials of stub-model")
    lab.pack(scenarios(12, wrong=[3]))
    done = running.end()
    done.ends(6, "8 scenarios that flipped were not asked again (")
    done.holds("was changed while its scenarios were asked")
    assert (held(done)["word"], done.results["total"]["text"]) == ("regression", "4/12 (33%)")


@WAYS
def test_a_server_that_cannot_be_asked_again_does_not_stop_the_others(
    lab: Lab, stub: Stub, other: Stub, way: tuple[str, ...]
) -> None:
    """The pack is gone when the first server has flips to ask again; the second is measured all the same."""
    pack = lab.pack(scenarios(12))
    captured(lab, stub, slug="A")
    captured(lab, other, slug="B")
    lab.file("llmbench.yaml", f"profiles:\n  A: {{url: {stub.url}}}\n  B: {{url: {other.url}}}\n")
    stub.set(answers=wrong(*range(1, 9)), service_s=0.5)
    running = lab.start("--llm-profile", "A", "--llm-profile", "B", "--llm-baseline", "{profile}", *way)
    running.wait_for("A: 12 trials")
    pack.unlink()
    done = running.end()
    done.ends(6, "8 scenarios that flipped were not asked again")
    assert "B is complete, 12 of 12" in done.last


def test_an_alarm_that_a_dead_server_leaves_open_is_no_verdict(lab: Lab) -> None:
    """A server that dies while it is asked again: exit 6 and why; what it still said is asked no more on resume."""
    lab.pack(scenarios(20))
    with running_stub() as first:
        captured(lab, first)
        first.set(answers=wrong(*range(1, 9)), service_s=0.5)
        words = ("--llm-url", first.url, "--llm-baseline", "stub", "--llm-out", "run")
        running = lab.start(*words)
        running.wait_for("asking 16 scenarios again")
        first.kill()
        done = running.end()
    done.ends(6, "8 scenarios that flipped were not asked again (endpoint_unreachable); add --llm-resume")
    with running_stub(port=first.port, answers=wrong(*range(1, 9))):
        lab.run(*words, "--llm-resume").ends(1, "confirmed 8/8")


def test_a_profile_killed_while_it_is_asked_again_is_asked_on_when_resumed(lab: Lab, stub: Stub) -> None:
    """That every trial has its verdict is not enough: an alarm that nobody looked into is no verdict."""
    lab.pack(scenarios(20))
    captured(lab, stub, slug="A")
    lab.file("llmbench.yaml", f"profiles:\n  A: {{url: {stub.url}}}\n")
    stub.set(once={name: [BAD] for name in ids(*range(1, 9))}, service_s=0.3)
    words = ("--llm-profile", "A", "--llm-baseline", "A")
    running = lab.start(*words)
    running.wait_for("asking 16 scenarios again")
    running.kill()
    stub.set(service_s=0.02)
    lab.run(*words, "--llm-resume").ends(0, "NOISE 8 flips")
    stub.set(reset=True)
    lab.run(*words, "--llm-resume").ends(0, "NOISE 8 flips")
    assert stub.stats()["answers"] == 0, "now it is settled"


def test_a_finished_profile_is_refused_too_where_it_does_not_compare(lab: Lab, stub: Stub) -> None:
    """Going on with a run that has every verdict starts no server, and still compares like with like only."""
    lab.pack(scenarios(6))
    file = captured(lab, stub, slug="A")
    lab.file("llmbench.yaml", f"profiles:\n  A: {{url: {stub.url}}}\n")
    lab.run("--llm-profile", "A").ends(0, "")
    plain = json.loads(file.read_text(encoding="utf-8"))
    plain["facts"]["sampling"] = {"temperature": 0.7}
    file.write_text(json.dumps(plain), encoding="utf-8")
    refuses(lab.run("--llm-profile", "A", "--llm-baseline", "A", "--llm-resume"), "not comparable with the baseline")


def test_latest_is_not_the_run_that_is_gone_on_with(lab: Lab, stub: Stub) -> None:
    """Held against itself a regressed run would be fine: the combination is refused, with what to name instead."""
    lab.pack(scenarios(12))
    lab.run("--llm-url", stub.url)
    stub.set(answers=wrong(*range(1, 9)))
    words = ("--llm-url", stub.url, "--llm-baseline", "latest")
    lab.run(*words).ends(1, "REGRESSION 12->4 of 12")
    refuses(lab.run(*words, "--llm-resume"), "would be the run itself that is gone on with")


def test_a_baseline_that_knows_nothing_of_the_selection_is_refused(lab: Lab, stub: Stub) -> None:
    """It is found out before the first request, not when nothing has a verdict in both."""
    lab.pack(scenarios(12))
    first = lab.run("--llm-url", stub.url, "--llm-limit", "3").run_dir.name
    stub.set(reset=True)
    done = lab.run("--llm-url", stub.url, "--llm-baseline", first, "-k", "S-12")
    refuses(done, "knows mini, and none of the scenarios that are selected")
    assert stub.stats()["answers"] == 0
