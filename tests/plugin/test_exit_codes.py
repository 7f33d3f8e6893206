"""The exit codes and the last line that explains them, alone and with workers."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab, scenario, scenarios
from tests.stub.client import Stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])


@WORKERS
def test_wrong_answers_do_not_fail_the_command(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """A model that answers wrong has been measured: exit 0."""
    lab.pack(scenarios(4, wrong=[1, 3]))
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(0, "complete; no gate was set, so 2 wrong answers do not fail this run")
    done.holds("2 failed, 2 passed", "2/4")
    assert done.verdicts["S-01"] == "FAIL missing_field"


@pytest.mark.parametrize(
    ("gate", "code", "words"), [("strict", 1, "the gate strict does not hold"), ("floors", 0, "watch")]
)
def test_a_gate_decides(lab: Lab, stub: Stub, gate: str, code: int, words: str) -> None:
    """Strict allows no wrong answer; floors fail only where the whole interval is below."""
    lab.pack(scenarios(3, wrong=[1, 2]))
    lab.run("--llm-url", stub.url, "--llm-gate", gate).ends(code, words)


def test_errors_come_before_gates_and_failures(lab: Lab, stub: Stub) -> None:
    """One scenario without a verdict makes the run incomplete, whatever else went wrong."""
    lab.pack([*scenarios(2, wrong=[1]), scenario("S-03", marks="[[fault=broken]]")])
    lab.file("test_plain.py", "def test_fails(): assert 0\n")
    done = lab.run("--llm-url", stub.url, "--llm-gate", "strict")
    done.ends(6, "1 of 3 scenarios met an error that is not the model's (1 server_error)")
    done.holds("2 failed, 1 passed, 1 error", "1/2, 1 error")


@WORKERS
def test_an_ordinary_failing_test_is_one(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """In a mixed session pytest's own exit code stands."""
    lab.pack(scenarios(2, wrong=[1]))
    lab.file("test_plain.py", "def test_fails(): assert 0\ndef test_passes(): pass\n")
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(1, "1 ordinary test failed")
    done.holds("2 failed, 2 passed")


@WORKERS
@pytest.mark.parametrize(("option", "said"), [("-x", "-x"), ("--maxfail=2", "--maxfail=2")])
def test_a_stop_at_a_failure_is_one(lab: Lab, stub: Stub, workers: tuple[str, ...], option: str, said: str) -> None:
    """-x and --maxfail end the run with 1, cancel what is in flight and ask nothing more."""
    stub.set(slots=2)
    lab.pack([*scenarios(3, wrong=[1, 2]), *[scenario(f"T-{n:02d}", marks="[[seconds=1.5]]") for n in range(20)]])
    done = lab.run("--llm-url", stub.url, option, *workers)
    done.ends(1, f"stopped by {said}, ")
    assert "not run" in done.last
    assert stub.stats()["requests"] < 12
    assert done.results["total"]["not_run"] >= 15
    assert done.results["run"]["stopped_early"] == said


def test_nothing_selected_is_five(lab: Lab) -> None:
    """As in pytest; no server is looked for."""
    lab.pack(scenarios(1))
    done = lab.run("--llm-url", "http://127.0.0.1:9", "-k", "nothing_like_it")
    assert done.code == 5
    done.holds("1 deselected")


@WORKERS
def test_an_internal_error_of_another_plugin_is_three(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """What was measured until then is kept, and the run ends at once."""
    lab.pack(scenarios(2))
    lab.file("conftest.py", "def pytest_runtest_logfinish(): 1 / 0\n")
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(3, "an internal error")
    done.holds("ZeroDivisionError")
