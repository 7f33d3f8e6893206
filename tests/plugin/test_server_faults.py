"""A server that cannot be measured, or that goes away: one message, exit 6, no hanging, no traceback."""

from __future__ import annotations

import socket

import pytest

from tests.plugin.lab import Lab, Session, scenario, scenarios
from tests.stub.client import Stub, running_stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])


def one_message(done: Session, *words: str) -> None:
    """Assert that the run could not begin, and that one line says why."""
    done.ends(6, "incomplete; the server could not be measured")
    told = [line for line in done.lines if line.startswith("llmbench: ") and words[0] in line]
    assert len(told) == 1, done.out
    for word in words:
        assert word in told[0]
    for noise in ("Traceback", "INTERNALERROR", "ERROR at setup", "FAILED"):
        assert noise not in done.out
    assert done.seconds < 10


@WORKERS
def test_nobody_listens(lab: Lab, workers: tuple[str, ...]) -> None:
    """The URL is named, thirty scenarios are not thirty errors."""
    lab.pack(scenarios(30))
    with socket.create_server(("127.0.0.1", 0)) as place:
        server = f"http://127.0.0.1:{place.getsockname()[1]}/"
    one_message(lab.run("--llm-url", f"{server}v1", *workers), "endpoint_unreachable", server)


@WORKERS
def test_a_wrong_key(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """The message names the variable to set and never repeats the key."""
    stub.set(key="right-key")
    lab.pack(scenarios(30))
    done = lab.run("--llm-url", stub.url, *workers, LLMBENCH_API_KEY="wrong-key")
    one_message(done, "bad_configuration", "LLMBENCH_API_KEY")
    assert "wrong-key" not in done.out
    assert stub.stats()["requests"] <= 1


def test_a_model_the_server_does_not_have(lab: Lab, stub: Stub) -> None:
    """The name that was asked for is in the message."""
    stub.set(flavour="vllm")
    lab.pack(scenarios(30))
    one_message(lab.run("--llm-url", stub.url, "--llm-model", "other"), "bad_configuration", "other")


def test_ordinary_tests_run_without_the_server(lab: Lab) -> None:
    """What asks no model is not punished for it."""
    lab.pack(scenarios(3))
    lab.file("test_plain.py", "def test_passes(): pass\ndef test_asks(llm): llm('hello')\n")
    for workers in ((), ("-n", "2")):
        done = lab.run("--llm-url", "http://127.0.0.1:9", *workers)
        assert done.code == 6, done.out
        done.holds("1 passed")
        assert "Traceback" not in done.out


@WORKERS
def test_a_server_that_dies_half_way(lab: Lab, workers: tuple[str, ...]) -> None:
    """What was answered stands, the rest are errors, and the run does not hang."""
    with running_stub(slots=1 if workers else 2) as own:
        lab.pack(scenarios(24, marks="[[seconds=0.25]]"))
        going = lab.start("--llm-url", own.url, *workers)
        own.wait_until("answers", 7, limit_s=30)
        own.kill()
        done = going.end(limit_s=40)
    done.ends(6, "endpoint_unreachable")
    total = done.results["total"]
    assert total["passed"] >= 5
    assert total["errors"] >= 10
    assert total["passed"] + total["errors"] == 24
    assert set(done.verdicts.values()) == {"PASS", "ERROR endpoint_unreachable"}
    assert "Traceback" not in done.out


def test_one_bad_scenario_is_not_a_dead_server(lab: Lab, stub: Stub) -> None:
    """Errors in a row stop the run only if the server is found ill."""
    lab.pack([*[scenario(f"B-{n:02d}", marks="[[fault=broken]]") for n in range(10)], *scenarios(4)])
    done = lab.run("--llm-url", stub.url, "--llm-concurrency", "1")
    done.ends(6, "10 server_error")
    assert done.results["total"]["passed"] == 4
