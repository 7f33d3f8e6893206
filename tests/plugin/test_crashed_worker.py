"""A worker process that dies takes no count with it."""

from __future__ import annotations

from pytest_llmbench.plugin.suspects import Suspects
from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub

KILLER = """
    import os, pathlib, signal

    def pytest_runtest_logstart(nodeid):
        once = pathlib.Path("killed")
        if nodeid.endswith("S-03") and "PYTEST_XDIST_WORKER" in os.environ and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
"""

DEADLY = """
    import os, signal
    from pytest_llmbench.verifiers import VERIFIERS

    class Deadly:
        name = "deadly"
        rules_version = "1"

        def problems(self, scenario):
            return ()

        def judge(self, scenario, exchange):
            if scenario.id == "S-03" and "PYTEST_XDIST_WORKER" in os.environ:
                os.kill(os.getpid(), signal.SIGKILL)
            return VERIFIERS["instructions"].judge(scenario, exchange)

    def pytest_llmbench_families(families):
        families.verifiers["deadly"] = Deadly()
"""


def test_the_item_it_ran_is_an_error_and_the_rest_go_on(lab: Lab, stub: Stub) -> None:
    """What the dead worker had in flight is asked again elsewhere."""
    lab.pack(scenarios(12, wrong=[5], marks="[[seconds=0.1]]"))
    lab.file("conftest.py", KILLER)
    done = lab.run("--llm-url", stub.url, "-n", "2")
    done.ends(6, "1 worker_crashed")
    assert done.verdicts.pop("S-03") == "ERROR worker_crashed"
    assert done.verdicts == {f"S-{n:02d}": "FAIL missing_field" if n == 5 else "PASS" for n in range(1, 13)} | {
        "S-03": "ERROR worker_crashed"
    }
    assert done.results["total"]["text"] == "10/11, 1 error"
    assert len(done.progress) >= 11


def test_a_verifier_that_kills_its_process_is_given_up(lab: Lab, stub: Stub) -> None:
    """Two workers lost to one trial are enough; its answer came from the journal the second time."""
    cases = scenarios(8, marks="[[seconds=0.1]]")
    lab.pack(cases, defaults={"dialogue": "single_turn", "verifier": "deadly", "max_tokens": 64})
    lab.file("conftest.py", DEADLY)
    done = lab.run("--llm-url", stub.url, "-n", "2")
    assert done.code == 6, done.out
    errors = {name for name, verdict in done.verdicts.items() if verdict.startswith("ERROR")}
    assert "S-03" in errors
    assert done.verdicts["S-03"] == "ERROR worker_crashed"
    # one item for each lost worker, by xdist; the deadly trial; those that were judged beside it both times
    assert len(errors) <= 3, done.out
    assert done.results["total"]["counted"] + len(errors) == 8
    asked = [request["body"]["messages"][-1]["content"] for request in stub.requests()]
    assert sum("S-03" in text for text in asked) == 1


def test_only_the_guilty_trial_is_given_up() -> None:
    """Whoever shared a worker with it is run again alone, and is not blamed for the second crash."""
    suspects = Suspects()
    first = suspects.crashed({(1, 1), (2, 1), (3, 1)}, set())
    assert (first.deadly, first.free, first.parked) == (set(), set(), {(1, 1), (2, 1), (3, 1)})
    assert suspects.take_next() == (1, 1)
    assert suspects.take_next() is None
    suspects.done((1, 1))
    assert suspects.take_next() == (2, 1)
    second = suspects.crashed({(2, 1), (7, 1), (8, 1)}, {(7, 1)})
    assert (second.deadly, second.free, second.parked) == ({(2, 1)}, {(7, 1), (8, 1)}, set())
    assert suspects.take_next() == (3, 1)
    assert suspects.orphans == {(1, 1), (2, 1), (3, 1), (7, 1), (8, 1)}


def test_those_being_judged_are_suspected_first() -> None:
    """Waiting for a server takes no process down."""
    crash = Suspects().crashed({(1, 1), (2, 1)}, {(2, 1)})
    assert (crash.free, crash.parked) == ({(1, 1)}, {(2, 1)})
