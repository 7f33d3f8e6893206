"""A worker process that dies takes no count with it."""

from __future__ import annotations

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
    assert len(errors) <= 5, done.out
    assert done.results["total"]["counted"] + len(errors) == 8
    asked = [request["body"]["messages"][-1]["content"] for request in stub.requests()]
    assert sum("S-03" in text for text in asked) == 1
