"""Scenarios that cannot fit into what a server gives to one request stop a run before anything is asked."""

from __future__ import annotations

import re

import pytest

from tests.plugin.lab import Lab, scenario, scenarios
from tests.plugin.test_several_servers import compared, runs, two
from tests.stub.client import Stub, running_stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])


@WORKERS
def test_answers_that_do_not_fit(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """A usage error with the numbers and what to type, and nothing is asked."""
    stub.set(n_ctx=256, slots=4)
    lab.pack(scenarios(30, max_tokens=500))
    done = lab.run("--llm-url", stub.url, *workers)
    assert done.code == 4, done.out
    done.holds(
        "At least 12 scenarios cannot fit into what this server gives to one request: 256 tokens, with 4 slots.",
        "mini::S-",
        "500 of answer",
        "start the server with -c 3072 -np 4, or with -np 1 and the context it has",
        "or --llm-max-tokens 24",
    )
    assert stub.stats()["requests"] == 0
    assert "Traceback" not in done.out


def test_the_advice_is_enough(lab: Lab, stub: Stub) -> None:
    """The number of tokens that is advised for an answer lets the run go through."""
    stub.set(n_ctx=256)
    lab.pack(scenarios(3, max_tokens=500))
    refused = lab.run("--llm-url", stub.url)
    advised = re.search(r"--llm-max-tokens (\d+)", refused.out)
    assert advised is not None
    lab.run("--llm-url", stub.url, "--llm-max-tokens", advised[1]).ends(0, "no wrong answer")


def test_one_long_prompt_among_many(lab: Lab, stub: Stub) -> None:
    """Prompts that seem to fit are counted by the server; the one that is too long is named with its number."""
    stub.set(n_ctx=400)
    lab.pack([*scenarios(20), scenario("LONG", marks="some further words " * 70), *scenarios(1, id="LAST")])
    done = lab.run("--llm-url", stub.url)
    assert done.code == 4, done.out
    found = re.search(r"mini::LONG needs (\d+): (\d+) of prompt, 64 of answer", done.out)
    assert found is not None, done.out
    assert (int(found[1]) > 400, int(found[1]) - int(found[2])) == (True, 64)
    done.holds("1 scenario cannot fit")
    assert stub.stats()["requests"] == 0


def test_only_what_is_selected_must_fit(lab: Lab, stub: Stub) -> None:
    """A scenario that is not asked stops nobody."""
    stub.set(n_ctx=400)
    lab.pack([*scenarios(3), scenario("LONG", max_tokens=1000)])
    lab.run("--llm-url", stub.url, "-k", "not LONG").ends(0, "no wrong answer")


def test_thoughts_need_room_too(lab: Lab, stub: Stub) -> None:
    """What thoughts may take is counted, in vLLM's words, and the advised limit for them is enough."""
    stub.set(flavour="vllm", template="enable_thinking", n_ctx=4096)
    lab.pack(scenarios(3))
    refused = lab.run("--llm-url", stub.url, "--llm-thinking", "on")
    assert refused.code == 4, refused.out
    refused.holds("64 of answer and 16,384 of thoughts", "--max-model-len 16640")
    assert stub.stats()["requests"] == 0
    advised = re.search(r"--llm-thinking-max-tokens (\d+)", refused.out)
    assert advised is not None
    words = ("--llm-thinking", "on", "--llm-thinking-max-tokens", advised[1])
    lab.run("--llm-url", stub.url, *words).ends(0, "no wrong answer")


@WORKERS
def test_one_server_of_several(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """The server whose slots are too small is told with the numbers and asked nothing; the other is measured."""
    lab.pack(scenarios(4, max_tokens=500))
    with running_stub(model="other-model") as other:
        two(lab, stub, other)
        stub.set(n_ctx=256)
        done = lab.run("--llm-profile", "all", *workers)
    assert stub.stats()["requests"] == 0
    assert [(one["counted"], one["errors"]) for one in compared(done)] == [(0, 4), (4, 0)]
    done.ends(6, "A could not be measured (bad_configuration)")
    assert "B is complete, 4 of 4" in done.last
    done.holds("A: bad_configuration: 4 scenarios cannot fit", "not measured")
    assert runs(done)["B"]["total"]["passed"] == 4
    done.holds("4 scenarios cannot fit into what this server gives to one request: 256 tokens")
