"""Plain JSON of chat completions, sound and odd, into responses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.endpoints.normalise import Answer, Clock
from pytest_llmbench.errors import ServerError
from pytest_llmbench.records import Response, ToolCall, Usage

CLOCK = Clock(total_s=2.0)


def whole(message: Any, **more: Any) -> Response:
    """Read a body whose only choice carries `message`."""
    answer = Answer()
    answer.add_body({"choices": [{"message": message, "finish_reason": "stop"}], **more})
    return answer.response(CLOCK, retries=0)


def streamed(*deltas: dict[str, Any], clock: Clock = CLOCK, **last: Any) -> Response:
    """Read a stream of these deltas, the last chunk carrying `last` beside its choice."""
    answer = Answer()
    for delta in deltas:
        answer.add_chunk({"choices": [{"delta": delta, "finish_reason": None}]})
    answer.add_chunk({"choices": [{"delta": {}, "finish_reason": "stop"}], **last})
    return answer.response(clock, retries=0)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("", ""),
        ("hi", "hi"),
        ([], ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        (["a", {"type": "image_url"}, 7, None, "b"], "ab"),
        ([[["a"]]], ""),
        (7, ""),
        ({"text": "a"}, ""),
    ],
)
def test_content_of_any_type_becomes_text(content: Any, text: str) -> None:
    """Null is empty text, never the word None; parts are joined; what is no text is nothing."""
    assert whole({"content": content}).content == text
    assert streamed({"content": content}).content == text


def test_a_message_without_content_is_an_empty_answer() -> None:
    """Some servers leave the field out beside tool calls."""
    assert whole({"role": "assistant"}).content == ""


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_kept_apart_and_its_field_remembered(name: str) -> None:
    """Both servers' fields are read, in messages and in deltas."""
    found = whole({"content": "4", name: "two and two"})
    assert (found.content, found.reasoning, found.reasoning_field) == ("4", "two and two", name)
    found = streamed({name: "two "}, {name: "and two"}, {"content": "4"})
    assert (found.content, found.reasoning, found.reasoning_field) == ("4", "two and two", name)


def test_reasoning_sent_under_both_names_counts_once() -> None:
    """A server in transition sends the same text twice."""
    assert whole({"content": "4", "reasoning": "two", "reasoning_content": "two"}).reasoning == "two"


def test_thinking_in_tags_split_over_chunks_is_found() -> None:
    """Tags are looked for in the whole content, not in each chunk."""
    found = streamed({"content": "<thi"}, {"content": "nk>two</th"}, {"content": "ink>4"})
    assert (found.content, found.reasoning, found.reasoning_field) == ("4", "two", "think_tags")


def test_reasoning_never_stands_in_for_an_answer() -> None:
    """An answer that is only thinking is empty."""
    found = whole({"content": None, "reasoning_content": "the answer is 4"})
    assert (found.content, found.reasoning) == ("", "the answer is 4")


def test_tool_calls_of_a_whole_message_are_kept_in_order() -> None:
    """All calls are there, ids made up where they are null, even where each says index 0."""
    calls = [{"index": 0, "id": None, "function": {"name": n, "arguments": "{}"}} for n in ("a", "b")]
    found = whole({"content": None, "tool_calls": calls})
    assert found.tool_calls == (
        ToolCall(id="call_0", name="a", arguments="{}"),
        ToolCall(id="call_1", name="b", arguments="{}"),
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("not json", "not json"),
        ("null", "null"),
        (None, ""),
        ({"a": 1}, '{"a": 1}'),
        ([1, 2], "[1, 2]"),
        (7, "7"),
    ],
)
def test_arguments_stay_the_text_the_model_wrote(arguments: Any, text: str) -> None:
    """Whether they make sense is the verifier's business; objects become their JSON."""
    found = whole({"tool_calls": [{"id": "1", "function": {"name": "a", "arguments": arguments}}]})
    assert found.tool_calls[0].arguments == text


@pytest.mark.parametrize(
    "calls", [None, {}, "x", [None, 7], [{}], [{"function": None}], [{"function": {"name": None}}]]
)
def test_malformed_tool_calls_never_raise(calls: Any) -> None:
    """A call without a name is a call without a name."""
    assert all(call.name == "" for call in whole({"content": "x", "tool_calls": calls}).tool_calls)
    assert all(call.name == "" for call in streamed({"tool_calls": calls}).tool_calls)


def test_deltas_of_interleaved_calls_merge_by_index() -> None:
    """Ids come once, names may repeat or come in pieces, arguments are joined (llama.cpp#12379, vllm#19056)."""

    def part(index: int, **function: Any) -> dict[str, Any]:
        return {"tool_calls": [{"index": index, "id": function.pop("id", None), "function": function}]}

    found = streamed(
        part(0, id="x", name="get_weather"),
        part(1, id="y", name="get_"),
        part(0, name="get_weather", arguments='{"city": '),
        part(1, name="time", arguments="{"),
        part(0, name=None, arguments='"Oslo"}'),
        part(1, arguments="}"),
    )
    assert found.tool_calls == (
        ToolCall(id="x", name="get_weather", arguments='{"city": "Oslo"}'),
        ToolCall(id="y", name="get_time", arguments="{}"),
    )


def test_missing_usage_is_unknown_never_zero() -> None:
    """None says that nobody counted."""
    assert whole({"content": "x"}).usage == Usage()
    assert whole({"content": "x"}, usage={"prompt_tokens": "7", "completion_tokens": True}).usage == Usage()


def test_usage_and_cached_tokens_are_read() -> None:
    """The prompt cache is in the usage, or in llama.cpp's timings."""
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 5}}
    assert whole({}, usage=usage).usage == Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=5)
    assert whole({}, usage={"prompt_tokens": 9}, timings={"cache_n": 3}).usage.cached_tokens == 3


def test_a_usage_chunk_without_choices_is_read() -> None:
    """With include_usage the last chunk has an empty list of choices."""
    answer = Answer()
    assert answer.add_chunk({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]})
    assert not answer.add_chunk({"choices": [], "usage": {"completion_tokens": 1}})
    found = answer.response(CLOCK, retries=2)
    assert (found.content, found.usage.completion_tokens, found.retries) == ("a", 1, 2)


def test_the_decode_rate_is_measured_at_the_client_where_it_streamed() -> None:
    """Tokens after the first per second after the first; the server's word only where that cannot be had."""
    timings = {"predicted_per_second": 50.0, "prompt_per_second": 100.0}
    clock = Clock(total_s=3.0, first_token_s=1.0, bursts=5)
    usage = {"completion_tokens": 9}
    found = streamed({"content": "x"}, clock=clock, usage=usage, timings=timings).timing
    assert (found.first_token_s, found.decode_tps, found.prefill_tps) == (1.0, 4.0, 100.0)
    burst = Clock(total_s=3.0, first_token_s=1.0, bursts=1)
    assert streamed({"content": "x"}, clock=burst, usage=usage, timings=timings).timing.decode_tps == 50.0
    assert streamed({"content": "x"}, clock=clock).timing.decode_tps is None


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), "7", True, None])
def test_rates_that_are_none_are_unknown(rate: Any) -> None:
    """Servers divide by zero."""
    assert whole({}, timings={"predicted_per_second": rate}).timing.decode_tps is None


@pytest.mark.parametrize(
    "body", [None, [], 7, "x", {}, {"choices": []}, {"choices": None}, {"choices": [7]}, {"choices": [{}]}]
)
def test_what_is_no_completion_is_the_servers_fault(body: Any) -> None:
    """It is named an error and quoted."""
    with pytest.raises(ServerError, match="no chat completion"):
        Answer().add_body(body)


def test_a_chunk_that_is_no_object_is_the_servers_fault() -> None:
    """A stream of numbers is no answer."""
    with pytest.raises(ServerError, match="no object"):
        Answer().add_chunk([1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["content", "tool_calls", "function", "name", "arguments", "index", "id", "reasoning"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(message=JSON, extra=JSON)
def test_junk_is_a_response_or_the_servers_fault(message: Any, extra: Any) -> None:
    """Whatever JSON a server sends, nothing else is raised, and all texts are texts."""
    answer = Answer()
    try:
        answer.add_body({"choices": [{"message": message, "finish_reason": extra}], "usage": extra, "timings": extra})
        answer.add_chunk({"choices": [{"delta": message}], "model": extra, "usage": {"prompt_tokens_details": extra}})
    except ServerError:
        return
    found = answer.response(CLOCK, retries=0)
    assert isinstance(found.content, str)
    assert isinstance(found.reasoning, str)
    assert all(isinstance(text, str) for call in found.tool_calls for text in (call.id, call.name, call.arguments))
    json.dumps(found.usage.prompt_tokens)
