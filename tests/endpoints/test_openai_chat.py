"""The chat client against a server that behaves, and against one that writes what models write."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from pytest_llmbench.contracts import Progress
from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.plain_data import from_plain, to_plain
from pytest_llmbench.records import Message, Sampling, Tool, ToolCall
from pytest_llmbench.records import Response as Heard
from tests.endpoints.asking import answer, ask, request_of
from tests.stub import Stub

TOOL = Tool(name="get_weather", description="Weather.", parameters={"type": "object", "properties": {}})
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@BOTH_WAYS
def test_an_answer_comes_with_its_figures(stub: Stub, *, stream: bool) -> None:
    """Text, finish reason, build, usage, and the server's rates."""
    found = answer(stub.url, "hello there [[seconds=0.05]]", stream=stream)
    assert (found.content, found.finish_reason, found.model) == ("hello there", "stop", "stub-model")
    assert found.system_fingerprint == "b4242-0c0ffee0"
    assert (found.usage.completion_tokens, found.usage.cached_tokens, found.retries) == (2, 0, 0)
    assert found.timing.prefill_tps == 1000.0
    assert found.timing.total_s >= 0.05


def test_a_stream_is_timed_at_the_client(stub: Stub) -> None:
    """Ten tokens in half a second: the first comes early, the rate is that of the rest."""
    progress = Progress()
    timing = answer(stub.url, "[[tokens=10]] [[seconds=0.5]]", stream=True, progress=progress).timing
    assert timing.first_token_s is not None
    assert timing.decode_tps is not None
    assert 0 < timing.first_token_s < timing.total_s
    assert timing.decode_tps == pytest.approx(9 / (timing.total_s - timing.first_token_s))
    assert (progress.streamed, progress.characters) == (True, len("word " * 10))


def test_a_whole_answer_has_the_servers_rate(stub: Stub) -> None:
    """Nobody saw its first token."""
    progress = Progress()
    timing = answer(stub.url, "[[tokens=10]] [[seconds=0.1]]", stream=False, progress=progress).timing
    assert (timing.first_token_s, timing.decode_tps) == (None, 100.0)
    assert not progress.streamed


def test_a_server_without_timings_is_fine(stub: Stub) -> None:
    """The figures of vLLM are fewer: only what the client measured is known."""
    stub.set(flavour="vllm")
    assert answer(stub.url, "hi", stream=False).timing.decode_tps is None
    assert answer(stub.url, "hi there", stream=True).usage.completion_tokens == 2


@BOTH_WAYS
def test_what_is_asked_reaches_the_server(stub: Stub, *, stream: bool) -> None:
    """Messages, tools, sampling and the parameters OpenAI does not know."""
    sampling = Sampling(temperature=0.0, seed=7, extra={"top_k": 3})
    answer(stub.url, "hi", stream=stream, sampling=sampling, tools=(TOOL,), tool_choice="auto", max_tokens=5)
    body = stub.requests()[-1]["body"]
    assert body["messages"] == [{"role": "user", "content": "hi"}]
    assert (body["temperature"], body["seed"], body["top_k"], body["max_tokens"]) == (0.0, 7, 3, 5)
    assert (body["tool_choice"], body["tools"][0]["function"]["name"]) == ("auto", "get_weather")
    assert body.get("stream_options") == ({"include_usage": True} if stream else None)


def test_the_key_is_sent_and_none_where_there_is_none(stub: Stub) -> None:
    """Neither the SDK's placeholder nor a key from its environment goes anywhere."""
    answer(stub.url, "hi", api_key="sk-local")
    answer(stub.url, "hi")
    answer(stub.url.replace("//", "//user:pw@"), "hi")
    sent = [request["headers"].get("authorization") for request in stub.requests()]
    assert sent == ["Bearer sk-local", None, "Basic dXNlcjpwdw=="]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("shape", "content", "reasoning", "finish_reason"),
    [
        ("content_null", "", "", "stop"),
        ("content_missing", "", "", "stop"),
        ("content_parts", "hi", "", "stop"),
        ("reasoning", "hi", "let me think", "stop"),
        ("only_reasoning", "", "let me", "length"),
        ("think_closed", "hi", "let me think", "stop"),
        ("think_orphan", "hi", "let me think", "stop"),
        ("think_unclosed", "", "let me think hi", "stop"),
        ("surrogate", "lone \ud800 surrogate", "", "stop"),
        ("nul", "a\x00b", "", "stop"),
        ("comments", "hi", "", "stop"),
        ("empty_choices", "hi", "", "stop"),
        ("no_usage", "hi", "", "stop"),
        ("length", "hi", "", "length"),
        ("content_filter", "", "", "content_filter"),
    ],
)
def test_every_shape_of_answer_is_understood(
    stub: Stub, *, stream: bool, shape: str, content: str, reasoning: str, finish_reason: str
) -> None:
    """Streamed or not, the same comes out; and the record survives its way through plain data."""
    found = answer(stub.url, f"hi [[shape={shape}]]", stream=stream)
    assert (found.content, found.reasoning.strip(), found.finish_reason) == (content, reasoning, finish_reason)
    assert from_plain(Heard, json.loads(json.dumps(to_plain(found, text_limit=None)))) == found


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content", "think_tags"])
@BOTH_WAYS
def test_the_field_of_the_thinking_is_named(stub: Stub, *, stream: bool, field: str) -> None:
    """Each server has its own."""
    stub.set(reasoning_field=field, answers={"sum": {"content": "4", "reasoning": "two and two"}})
    found = answer(stub.url, "the sum?", stream=stream)
    assert (found.content, found.reasoning.strip(), found.reasoning_field) == ("4", "two and two", field)


@BOTH_WAYS
@pytest.mark.parametrize("shape", ["calls", "split_calls"])
def test_parallel_calls_are_the_same_streamed_or_whole(stub: Stub, *, stream: bool, shape: str) -> None:
    """However the server cuts them."""
    found = answer(stub.url, f"[[shape={shape}]]", stream=stream, tools=(TOOL,))
    assert found.tool_calls == (
        ToolCall(id="call_0", name="get_weather", arguments='{"city": "Oslo"}'),
        ToolCall(id="call_1", name="get_time", arguments='{"zone": "CET"}'),
    )
    assert found.finish_reason == "tool_calls"


@BOTH_WAYS
@pytest.mark.parametrize(
    "shape",
    [
        "null_ids",
        "args_not_json",
        "args_null",
        "args_list",
        "args_nan",
        "args_huge",
        "args_deep",
        "args_surrogate",
        "args_object",
        "args_missing",
        "name_null",
    ],
)
def test_malformed_calls_arrive_and_can_be_told_again(stub: Stub, *, stream: bool, shape: str) -> None:
    """They are the model's fault: no exception, an id to answer to, and a history the server accepts."""
    found = answer(stub.url, f"[[shape={shape}]]", stream=stream, tools=(TOOL,))
    assert found.tool_calls
    assert all(call.id for call in found.tool_calls)
    history = (
        Message(role="user", content="?"),
        Message(role="assistant", content=found.content, tool_calls=found.tool_calls),
        *(Message(role="tool", content="x", tool_call_id=call.id) for call in found.tool_calls),
        Message(role="user", content="and now?"),
    )
    assert answer(stub.url, "", messages=history, stream=stream, tools=(TOOL,)).content == "and now?"
    for call in stub.requests()[-1]["body"]["messages"][1]["tool_calls"]:
        assert isinstance(json.loads(call["function"]["arguments"]), dict)


@BOTH_WAYS
def test_ten_megabytes_are_an_answer(stub: Stub, *, stream: bool) -> None:
    """Long, but within bounds."""
    assert len(answer(stub.url, "[[shape=big]]", stream=stream).content) == 10 << 20


def test_a_whole_answer_to_a_streaming_request_is_read(stub: Stub) -> None:
    """Some gateways do not stream; the content type decides."""
    stub.set(fault="whole")
    assert answer(stub.url, "hi", stream=True).content == "whole"


def test_a_server_that_knows_no_stream_options_is_asked_without(stub: Stub) -> None:
    """Once for the whole run, however many requests met the refusal, and without counting as a retry."""
    stub.set(fault="stream_options")

    async def talk() -> list[Heard]:
        endpoint = OpenAIChat(base_url=stub.url)
        first = await asyncio.gather(*(ask(endpoint, request_of(f"hi {n}")) for n in range(5)))
        last = await ask(endpoint, request_of("hi"))
        await endpoint.close()
        return [*first, last]

    found = asyncio.run(talk())
    assert [one.content for one in found] == ["hi 0", "hi 1", "hi 2", "hi 3", "hi 4", "hi"]
    assert all(one.retries == 0 for one in found)
    assert stub.stats()["requests"] == 11


def test_connections_are_kept(stub: Stub) -> None:
    """Twenty requests one after another need one connection, streamed or not."""

    async def talk() -> None:
        endpoint = OpenAIChat(base_url=stub.url)
        for turn in range(20):
            await ask(endpoint, request_of("hi", stream=bool(turn % 2)))
        assert stub.stats()["connections"] <= 2
        await endpoint.close()

    asyncio.run(talk())


def test_nothing_limits_the_connections(stub: Stub) -> None:
    """150 requests are in flight at once: more than the HTTP library's own limit."""
    stub.set(slots=200)

    async def talk() -> None:
        endpoint = OpenAIChat(base_url=stub.url)
        await asyncio.gather(*(ask(endpoint, request_of(f"{n} [[seconds=1]]")) for n in range(150)))
        await endpoint.close()

    asyncio.run(talk())
    assert stub.stats()["peak_in_flight"] == 150


@BOTH_WAYS
@pytest.mark.parametrize("when", ["hang", "drip"])
def test_cancelling_closes_the_connection(stub: Stub, *, stream: bool, when: str) -> None:
    """Before the first byte and in the middle of a stream: the server sees that nobody listens."""

    async def talk() -> None:
        endpoint = OpenAIChat(base_url=stub.url)
        task = asyncio.create_task(ask(endpoint, request_of(f"[[fault={when}]]", stream=stream)))
        await asyncio.to_thread(stub.wait_until, "busy", 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(stub.wait_until, "aborted", 1)
        assert (await ask(endpoint, request_of("hi"))).content == "hi"
        await endpoint.close()

    asyncio.run(talk())
    assert stub.stats()["in_flight"] == 0


def test_a_slow_drip_meets_the_callers_deadline(stub: Stub) -> None:
    """The client has no timeout of its own; what arrived until then is known."""
    progress = Progress()

    async def talk() -> None:
        endpoint = OpenAIChat(base_url=stub.url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await ask(endpoint, request_of("[[fault=drip]]"), progress)
        await endpoint.close()

    asyncio.run(talk())
    assert (progress.streamed, progress.characters > 0) == (True, True)


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://h/v1", "http://", "/v1", "http:///v1"])
def test_what_is_no_address_is_said_at_once(url: str) -> None:
    """With an example of one."""
    with pytest.raises(UsageProblem, match="--llm-url http://"):
        OpenAIChat(base_url=url)


def test_the_sdk_is_not_imported_before_it_is_needed() -> None:
    """Not with the package, not with the endpoint's file, not by asking for facts of a dead server."""
    code = (
        "import sys; import pytest_llmbench.endpoints; from pytest_llmbench.endpoints.openai_chat import OpenAIChat;"
        "OpenAIChat(base_url='http://127.0.0.1:9/v1'); sys.exit('openai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
