"""What every endpoint promises, held against each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_llmbench import contracts
from pytest_llmbench.contracts import Endpoint, GoldAnswer, Progress
from pytest_llmbench.endpoints import Broken, Gold, Replay
from pytest_llmbench.endpoints.balanced import Balanced
from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.records import Message, PackFacts, Request, Response, Scenario, ServerFacts, Trial
from tests.stub import Stub, running_stub

TEXT = "the answer"
REQUEST = Request(model="stub-model", messages=(Message(role="user", content=TEXT),))
TRIAL = Trial(
    nodeid="n",
    pack=PackFacts(id="p", title="P", version="1", content_hash="0", size=1),
    scenario=Scenario(id="A", title="A", messages=REQUEST.messages, dialogue="single_turn", verifier="instructions"),
    pack_path=Path("packs/p"),
)

_ANSWER = (GoldAnswer(turns=(Message(role="assistant", content=TEXT),)),)


def _book(path: Path) -> dict[str, contracts.Gold]:
    return {"A": contracts.Gold(passing=_ANSWER, failing=_ANSWER)}


MEMBERS: dict[str, Callable[[Stub], Endpoint]] = {
    "openai_chat": lambda stub: OpenAIChat(base_url=stub.url),
    "balanced": lambda stub: Balanced([OpenAIChat(base_url=stub.url), OpenAIChat(base_url=stub.url)]),
    "gold": lambda stub: Gold(_book),
    "broken": lambda stub: Broken(_book),
    "replay": lambda stub: Replay(lambda key, turn: (REQUEST.fingerprint(), Response(content=TEXT)), model="m"),
}


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    """Run a stub for the endpoint that needs a server."""
    with running_stub(slots=8, service_s=0.02) as running:
        yield running


@pytest.fixture(params=MEMBERS)
def endpoint(request: pytest.FixtureRequest, stub: Stub) -> Endpoint:
    """Return a new endpoint of each kind."""
    return MEMBERS[request.param](stub)


def _ask(endpoint: Endpoint, progress: Progress | None = None) -> asyncio.Task[Response]:
    talk = endpoint.ask(REQUEST, trial=TRIAL, turn=0, progress=progress or Progress())
    return asyncio.ensure_future(talk)


def test_it_bears_the_name_it_is_found_by(endpoint: Endpoint, request: pytest.FixtureRequest) -> None:
    """The name in the table and the name on the object are one."""
    assert MEMBERS.keys() >= {endpoint.name}
    assert endpoint.name in request.node.name


def test_facts_are_told_before_the_first_question(endpoint: Endpoint) -> None:
    """Blocking, outside any event loop, with a model to ask."""
    facts = endpoint.facts(wait_s=1)
    assert isinstance(facts, ServerFacts)
    assert facts.models
    asyncio.run(endpoint.close())


def test_a_question_is_answered_and_progress_told(endpoint: Endpoint) -> None:
    """The caller's progress knows that something arrived."""

    async def talk() -> Response:
        progress = Progress()
        found = await _ask(endpoint, progress)
        assert progress.characters == len(TEXT)
        await endpoint.close()
        return found

    assert asyncio.run(talk()).content == TEXT


def test_fifty_questions_at_once_are_answered(endpoint: Endpoint) -> None:
    """One instance serves them all."""

    async def talk() -> list[Response]:
        found = await asyncio.gather(*(_ask(endpoint) for _ in range(50)))
        await endpoint.close()
        return found

    assert [one.content for one in asyncio.run(talk())] == [TEXT] * 50


def test_a_cancelled_question_ends_and_disturbs_no_other(endpoint: Endpoint) -> None:
    """Before it has begun, and under way."""

    async def talk() -> None:
        tasks = [_ask(endpoint) for _ in range(10)]
        tasks[0].cancel()
        await asyncio.sleep(0.005)
        tasks[1].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert all(isinstance(one, Response) for one in found[2:])
        await endpoint.close()

    asyncio.run(talk())


def test_closing_twice_is_harmless(endpoint: Endpoint) -> None:
    """Before any question, after one, and again."""

    async def talk() -> None:
        await endpoint.close()
        await _ask(endpoint)
        await endpoint.close()
        await endpoint.close()

    asyncio.run(talk())
