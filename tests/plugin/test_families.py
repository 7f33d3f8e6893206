"""Verifiers and endpoints of others, from a conftest and from a plugin."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab, scenario, scenarios

OWN = """
    from pytest_llmbench.records import Outcome, Reason, Response, ServerFacts, Verdict

    class Longest:
        name = "longest"
        rules_version = "1"

        def problems(self, scenario):
            return ()

        def judge(self, scenario, exchange):
            if "crash" in exchange.answer:
                raise ZeroDivisionError("of my own")
            number = len(exchange.answer)
            metrics = {"letters": number, "odd": float("nan"), "worst": float("inf")}
            return Verdict(outcome=Outcome.PASS, metrics=metrics)

    class Echo:
        name = "echo"

        def facts(self, *, wait_s):
            if BROKEN:
                raise RuntimeError("no such device")
            return ServerFacts(models=("echo-1",), slots=2)

        async def ask(self, request, *, trial, turn, progress):
            if "boom" in request.messages[-1].content:
                raise ValueError("boom of my own")
            return Response(content=request.messages[-1].content, finish_reason="stop")

        async def close(self):
            pass

    BROKEN = False

    def pytest_llmbench_families(families):
        families.verifiers["longest"] = Longest()
        families.endpoints["echo"] = lambda plan: Echo()
"""
DEFAULTS = {"dialogue": "single_turn", "verifier": "longest"}


@pytest.mark.parametrize("words", [("-n", "2"), ("-p", "own_families")], ids=["conftest-n2", "plugin"])
def test_own_members_judge_and_answer(lab: Lab, words: tuple[str, ...]) -> None:
    """Metrics reach the table and the JSON without their NaN; what raises is an error of that scenario alone."""
    lab.file("own_families.py" if "-p" in words else "conftest.py", OWN)
    cases = [*scenarios(2), scenario("X-crash"), scenario("X-boom")]
    lab.pack(cases, defaults=DEFAULTS)
    done = lab.run("--llm-endpoint", "echo", *words)
    done.ends(6, "2 verifier_error" if "2 verifier_error" in done.last else "1 verifier_error")
    done.holds("echo-1", "letters", "2/2, 2 errors", "ZeroDivisionError: of my own", "boom of my own")
    assert done.results["packs"][0]["metrics"]["letters"]["count"] == 2
    assert list(done.results["packs"][0]["metrics"]) == ["letters"]
    assert done.results["trials"][0]["metrics"] == {"letters": len("S-01: the word is good ")}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_an_endpoint_that_raises_at_once_does_not_hang(lab: Lab, workers: tuple[str, ...]) -> None:
    """Whatever it raises ends the run, in good time, with what it said."""
    lab.file("conftest.py", OWN.replace("BROKEN = False", "BROKEN = True"))
    lab.pack(scenarios(2), defaults=DEFAULTS)
    done = lab.start("--llm-endpoint", "echo", *workers).end(limit_s=20)
    assert done.code in (3, 6), done.out
    done.holds("no such device")
