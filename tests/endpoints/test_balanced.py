"""Several servers of one model: who is asked, what happens when one dies, and what they are together."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from pytest_llmbench.assemble import build_endpoint, builtin_families
from pytest_llmbench.contracts import EndpointPlan, LoadSignal, Progress
from pytest_llmbench.endpoints import balanced
from pytest_llmbench.endpoints.balanced import Balanced
from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable, ServerError
from pytest_llmbench.records import Connection, Response, Trial
from tests.endpoints.asking import request_of, trial_of
from tests.stub import Stub, running_stub
from tests.stub.options import Options


@pytest.fixture(scope="module")
def other_stub() -> Iterator[Stub]:
    """Run a second stub."""
    with running_stub() as stub:
        yield stub


@pytest.fixture
def other(other_stub: Stub) -> Stub:
    """Return the second stub as new, answering at once."""
    other_stub.set(reset=True, **{**asdict(Options()), "service_s": 0.0, "slots": 64})
    return other_stub


def over(*stubs: Stub, model: str = "stub-model") -> Balanced:
    """Return an endpoint over these servers."""
    return Balanced([OpenAIChat(base_url=stub.url, model=model) for stub in stubs])


async def ask(endpoint: Balanced, text: str, trial: Trial | None = None, *, turn: int = 0) -> Response:
    """Ask one question, streamed, as the first of its dialogue."""
    request = request_of(text, stream=True)
    return await endpoint.ask(request, trial=trial or trial_of(text), turn=turn, progress=Progress())


def asked(*stubs: Stub) -> list[int]:
    """Return how many requests each server has seen."""
    return [stub.stats()["requests"] for stub in stubs]


def test_requests_are_shared_out_evenly(stub: Stub, other: Stub) -> None:
    """One after the other they take turns, all at once each gets half."""

    async def talk() -> None:
        endpoint = over(stub, other)
        for number in range(6):
            await ask(endpoint, f"one {number}")
        assert asked(stub, other) == [3, 3]
        await asyncio.gather(*(ask(endpoint, f"all {number} [[seconds=0.2]]") for number in range(20)))
        assert asked(stub, other) == [13, 13]
        await endpoint.close()

    asyncio.run(talk())


def test_the_less_busy_one_is_asked(stub: Stub, other: Stub) -> None:
    """While one works on three long questions, the short ones go to the other."""

    async def talk() -> None:
        endpoint = over(stub, other)
        stub.set(service_s=30.0)
        long = [asyncio.create_task(ask(endpoint, f"long {number}")) for number in range(6)]
        await asyncio.to_thread(stub.wait_until, "busy", 3)
        ends = asyncio.as_completed(long)
        for _ in range(3):
            await next(ends)
        await asyncio.gather(*(ask(endpoint, f"short {number}") for number in range(3)))
        assert asked(stub, other) == [3, 6]
        for task in long:
            task.cancel()
        await asyncio.gather(*long, return_exceptions=True)
        await endpoint.close()

    asyncio.run(talk())


def test_a_dialogue_stays_where_it_began(stub: Stub, other: Stub) -> None:
    """Its prompt is in that server's cache; another attempt is another dialogue."""

    async def talk() -> None:
        endpoint = over(stub, other)
        first, second = trial_of("A"), trial_of("A", attempt=2)
        for turn in range(4):
            await ask(endpoint, f"first {turn}", first, turn=turn)
            await ask(endpoint, f"second {turn}", second, turn=turn)
        await endpoint.close()

    asyncio.run(talk())
    heard = [{one["body"]["messages"][0]["content"][:5] for one in server.requests()} for server in (stub, other)]
    assert sorted(heard, key=sorted) == [{"first"}, {"secon"}]


def test_the_memory_of_dialogues_is_bounded(stub: Stub, other: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten first."""
    monkeypatch.setattr(balanced, "HOMES_LIMIT", 3)

    async def talk() -> list[str]:
        endpoint = over(stub, other)
        for number in range(9):
            await ask(endpoint, f"{number}")
        await endpoint.close()
        return [key.scenario for key in endpoint._homes]

    assert asyncio.run(talk()) == ["6", "7", "8"]


@pytest.mark.usefixtures("impatient")
def test_a_server_that_dies_in_the_middle_loses_nothing(stub: Stub) -> None:
    """What it was working on is asked of the other, once, and so is all that follows."""
    with running_stub(service_s=30.0) as doomed:

        async def talk() -> list[Response]:
            endpoint = over(doomed, stub)
            tasks = [asyncio.create_task(ask(endpoint, f"hello {number}")) for number in range(8)]
            await asyncio.to_thread(doomed.wait_until, "busy", 4)
            doomed.kill()
            found = await asyncio.gather(*tasks)
            found += [await ask(endpoint, f"hello {number}") for number in range(8, 12)]
            await endpoint.close()
            return found

        found = asyncio.run(talk())
    assert [one.content for one in found] == [f"hello {number}" for number in range(12)]
    assert sum(one.retries for one in found) == 4
    assert asked(stub) == [12]


@pytest.mark.usefixtures("impatient")
def test_a_dialogue_moves_when_its_server_dies_and_stays_there(stub: Stub) -> None:
    """The conversation is sent whole with every turn, so it can go on elsewhere."""
    with running_stub(service_s=0.0) as doomed:

        async def talk() -> None:
            endpoint, trial = over(doomed, stub), trial_of()
            endpoint._chosen = 1
            await ask(endpoint, "turn 0", trial)
            await asyncio.to_thread(doomed.kill)
            for turn in (1, 2):
                await ask(endpoint, f"turn {turn}", trial, turn=turn)
            await endpoint.close()

        asyncio.run(talk())
    assert [one["body"]["messages"][0]["content"] for one in stub.requests()] == ["turn 1", "turn 2"]


@pytest.mark.usefixtures("impatient")
def test_each_server_that_is_left_out_is_told_once(stub: Stub) -> None:
    """However many requests broke; to the one who wants to hear, and without a key."""
    said: list[str] = []
    with running_stub(service_s=30.0) as doomed:
        address = doomed.url.replace("//", "//user:secret-word@")
        members = [OpenAIChat(base_url=url, model="stub-model") for url in (address, stub.url)]
        endpoint = Balanced(members, say=said.append)

        async def talk() -> None:
            tasks = [asyncio.create_task(ask(endpoint, f"hello {number}")) for number in range(8)]
            await asyncio.to_thread(doomed.wait_until, "busy", 4)
            doomed.kill()
            await asyncio.gather(*tasks)
            await endpoint.close()

        asyncio.run(talk())
    (left,) = said
    assert left.startswith(f"a server is left out, 1 of 2 servers are asked: no connection to {doomed.url}")
    assert "secret-word" not in left
    assert endpoint.notices == []


def test_with_all_of_them_dead_the_error_says_so() -> None:
    """And asking again raises again."""
    with running_stub() as one, running_stub() as two:
        endpoint = over(one, two)

    async def talk() -> None:
        for number in range(4):
            with pytest.raises(EndpointUnreachable, match="no connection"):
                await ask(endpoint, f"hello {number}")
        await endpoint.close()

    asyncio.run(talk())


@pytest.mark.usefixtures("impatient")
def test_an_error_that_a_server_answers_is_its_own(stub: Stub, other: Stub) -> None:
    """Only one that cannot be reached is given up for another."""

    async def talk() -> None:
        endpoint = over(stub, other)
        with pytest.raises(ServerError):
            await ask(endpoint, "hi [[fault=broken]]")
        await endpoint.close()

    asyncio.run(talk())
    assert sum(asked(stub, other)) == 1


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_had_begun_is_not_asked_for_elsewhere(stub: Stub, other: Stub) -> None:
    """Its beginning has arrived, so nobody can say that the other would have gone on like it."""

    async def talk() -> None:
        endpoint = over(stub, other)
        with pytest.raises(EndpointUnreachable):
            await ask(endpoint, "hi there [[fault=cut_stream]]")
        await endpoint.close()

    asyncio.run(talk())
    assert sorted(asked(stub, other)) == [0, 5]


@pytest.mark.usefixtures("impatient")
def test_one_that_comes_back_takes_part_again(stub: Stub, other: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while it is looked at, and asked as soon as it answers."""
    monkeypatch.setattr(balanced, "REST_S", 0.3)

    async def talk() -> None:
        endpoint = over(stub, other)
        other.set(refuse_s=0.6)
        await asyncio.gather(*(ask(endpoint, f"gone {number}") for number in range(4)))
        assert asked(stub) == [4]
        while endpoint._replicas[1].rests_until:
            await ask(endpoint, "anybody there?")
            await asyncio.sleep(0.02)
        await asyncio.gather(*(ask(endpoint, f"back {number}") for number in range(4)))
        left, back = endpoint.notices
        assert left.startswith("a server is left out, 1 of 2 servers are asked: ")
        assert other.url in left
        assert back == f"{other.url} answers again, 2 of 2 servers are asked"
        await endpoint.close()

    asyncio.run(talk())
    assert asked(other) == [2]


@pytest.mark.usefixtures("impatient")
def test_one_that_comes_back_as_another_model_stays_out(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers would be counted for the model that is measured."""
    monkeypatch.setattr(balanced, "REST_S", 0.05)
    with running_stub(service_s=0.0) as first:
        port, endpoint = first.port, over(first, stub)
        first.kill()
        with running_stub(port=port, model="another-model") as second:

            async def talk() -> None:
                endpoint._replicas[0].rests_until = 0.01
                for number in range(25):
                    await ask(endpoint, f"hello {number}")
                    await asyncio.sleep(0.01)
                await endpoint.close()

            asyncio.run(talk())
            assert asked(second, stub) == [0, 25]


def test_together_they_have_all_slots_and_the_smallest_context(stub: Stub, other: Stub) -> None:
    """What each said is kept beside it."""
    stub.set(slots=4, n_ctx=8192)
    other.set(slots=2, n_ctx=4096)
    facts = over(stub, other, model="").facts(wait_s=1)
    assert (facts.slots, facts.context, facts.models, facts.kind) == (6, 4096, ("stub-model",), "llama.cpp")
    assert facts.base_url == stub.url
    assert facts.detail["replicas"] == [
        {"base_url": stub.url, "slots": 4, "context": 8192},
        {"base_url": other.url, "slots": 2, "context": 4096},
    ]


def test_slots_of_which_one_does_not_tell_are_unknown(stub: Stub, other: Stub) -> None:
    """Half of them would leave the other server idle."""
    for server in (stub, other):
        server.set(flavour="vllm")
    assert over(stub, other).facts(wait_s=1).slots is None


def test_servers_of_different_models_are_refused(stub: Stub, other: Stub) -> None:
    """Naming what differs, and where."""
    other.set(model="other-model", flavour="vllm")
    with pytest.raises(BadConfiguration) as caught:
        over(stub, other, model="").facts(wait_s=1)
    said = str(caught.value)
    assert f"model: {stub.url} has stub-model, {other.url} has other-model" in said
    assert f"server: {stub.url} has llama.cpp, {other.url} has vllm" in said


def test_a_named_model_must_be_served_by_all(stub: Stub, other: Stub) -> None:
    """The one that does not is named."""
    other.set(model="other-model")
    with pytest.raises(BadConfiguration, match=f'{other.url} does not serve the model "stub-model"'):
        over(stub, other).facts(wait_s=1)


def test_another_chat_template_is_another_model(stub: Stub, other: Stub) -> None:
    """The same weights answer otherwise with it."""
    other.set(template="enable_thinking")
    with pytest.raises(BadConfiguration, match="chat template"):
        over(stub, other).facts(wait_s=1)


def test_one_that_is_not_there_is_told_before_the_run(stub: Stub) -> None:
    """Whoever names two servers wants two."""
    with running_stub() as gone:
        pass
    with pytest.raises(EndpointUnreachable, match=f":{gone.port}/"):
        over(stub, gone).facts(wait_s=1)


def test_their_work_is_told_together(stub: Stub, other: Stub) -> None:
    """Requests under way and tokens add up; one that is gone takes no tokens back."""
    endpoint = over(stub, other)
    assert isinstance(endpoint, LoadSignal)

    async def talk() -> None:
        tasks = [asyncio.create_task(ask(endpoint, f"long {number} [[seconds=30]]")) for number in range(6)]
        for server in (stub, other):
            await asyncio.to_thread(server.wait_until, "busy", 3)
        load = await asyncio.to_thread(endpoint.load)
        assert load is not None
        assert load.busy == 6
        endpoint._replicas[1].rests_until = 1e9
        rest = await asyncio.to_thread(endpoint.load)
        assert rest is not None
        assert rest.busy == 3
        assert dataclasses.replace(rest, busy=6) == load
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await endpoint.close()

    asyncio.run(talk())


def test_each_server_gets_what_the_connection_says(stub: Stub, other: Stub) -> None:
    """Headers go to all of them."""

    async def talk() -> None:
        connection = Connection(headers={"X-Team": "bench"})
        endpoint = Balanced([OpenAIChat(base_url=one.url, connection=connection) for one in (stub, other)])
        await asyncio.gather(*(ask(endpoint, f"{number}") for number in range(4)))
        await endpoint.close()

    asyncio.run(talk())
    assert {one["headers"]["x-team"] for server in (stub, other) for one in server.requests()} == {"bench"}


def test_further_addresses_make_one_endpoint_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """One typed twice is one server, and a key goes to none but its own."""
    monkeypatch.delenv("LLMBENCH_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-1234")
    here, there = "http://127.0.0.1:9/v1", "https://api.openai.com/v1"

    def built(*urls: str) -> object:
        return build_endpoint("openai_chat", builtin_families(), EndpointPlan(base_url=urls[0], replicas=urls[1:]))

    assert isinstance(built(here), OpenAIChat)
    assert isinstance(built(here, here), OpenAIChat)
    for urls in ((here, there), (there, here)):
        both = built(*urls)
        assert isinstance(both, Balanced)
        assert ["Authorization" in one.endpoint._address.headers for one in both._replicas] == [
            url == there for url in urls
        ]
