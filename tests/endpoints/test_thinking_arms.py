"""From what a server says of itself to what it then does: each arm against each kind of switch, and against none."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.records import Message, Request, Response, Scenario, Turn
from pytest_llmbench.sampling import arm_of, request_for
from pytest_llmbench.settings import Settings
from pytest_llmbench.thinking_switch import KEYS, problem_of, switch_of
from pytest_llmbench.verdicts import cut_short
from tests.endpoints.asking import ask
from tests.stub import Stub

QUESTION = Scenario(
    id="Q",
    title="q",
    messages=(Message(role="user", content="How much is two and two?"),),
    dialogue="single_turn",
    verifier="v",
    max_tokens=16,
)
FIELDS = itertools.cycle(("reasoning_content", "reasoning", "think_tags"))


def answered(stub: Stub, settings: Settings) -> Response:
    """Ask the question the way a run would."""

    async def talk() -> Response:
        endpoint = OpenAIChat(base_url=stub.url)
        switch = switch_of(settings, await asyncio.to_thread(endpoint.facts, wait_s=5))
        request = request_for(
            QUESTION, settings, model="stub-model", attempt=1, messages=QUESTION.messages, switch=switch
        )
        try:
            return await ask(endpoint, request)
        finally:
            await endpoint.close()

    return asyncio.run(talk())


@pytest.mark.parametrize("arm", ["on", "off"])
@pytest.mark.parametrize("flavour", ["llama.cpp", "vllm"])
@pytest.mark.parametrize("style", ["enable_thinking", "thinking", "reasoning_effort", "effort_with_none"])
def test_a_model_thinks_as_asked(stub: Stub, style: str, flavour: str, arm: str) -> None:
    """By the one switch that its server was found to have; levels without an off are refused before."""
    stub.set(flavour=flavour, template=style, reasoning_field=next(FIELDS))
    settings = Settings(thinking=arm, thinking_max_tokens=64)
    problem = problem_of(settings, [""], OpenAIChat(base_url=stub.url).facts(wait_s=5))
    if (style, arm) == ("reasoning_effort", "off"):
        assert problem is not None
        return
    assert problem is None
    response = answered(stub, settings)
    assert (bool(response.reasoning), response.content) == (arm == "on", "How much is two and two?")
    (seen,) = stub.requests(last=1)
    sent = seen["body"]
    switches = [name for name in (*sent, *sent.get("chat_template_kwargs", {})) if name in KEYS]
    assert len(switches) == 1
    assert sent["max_tokens"] == (80 if arm == "on" else 16)


@pytest.mark.parametrize(("arm", "does"), [("on", "never"), ("off", "always")])
@pytest.mark.parametrize("style", ["enable_thinking", "thinking", "effort_with_none"])
def test_a_model_that_ignores_its_template_is_seen_in_its_answer(stub: Stub, style: str, arm: str, does: str) -> None:
    """The request was right, only the response shows it."""
    stub.set(template=style, thinks=does)
    response = answered(stub, Settings(thinking=arm))
    assert bool(response.reasoning) is (does == "always")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "think_tags"])
@pytest.mark.parametrize("flavour", ["llama.cpp", "vllm"])
def test_a_runaway_thought_is_recognised_in_every_field(stub: Stub, field: str, flavour: str) -> None:
    """The thoughts use up the answer's tokens and their own; what was not closed is no answer."""
    stub.set(template="enable_thinking", flavour=flavour, reasoning_field=field, thought_words=500)
    settings = Settings(thinking="on", thinking_max_tokens=64)
    response = answered(stub, settings)
    assert (response.content, response.finish_reason, response.usage.completion_tokens) == ("", "length", 80)
    turn = Turn(request=Request(model="m", messages=(), max_tokens=80), response=response)
    verdict = cut_short([turn])
    assert verdict is not None
    assert verdict.detail == "was still thinking at the limit of 80 tokens"


def test_a_server_without_a_switch_is_left_alone(stub: Stub) -> None:
    """A pack's wish is not sent, and no tokens are set aside for thoughts that will not come."""
    wish = replace(QUESTION, thinking="on")
    switch = switch_of(Settings(), OpenAIChat(base_url=stub.url).facts(wait_s=5))
    request = request_for(wish, Settings(), model="m", attempt=1, messages=wish.messages, switch=switch)
    assert (arm_of(wish, Settings(), switch), request.max_tokens, request.extra) == ("", 16, {})
