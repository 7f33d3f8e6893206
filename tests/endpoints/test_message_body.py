"""What is sent for a request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_llmbench.endpoints.message_body import body_of
from pytest_llmbench.records import Message, Request, Sampling, Tool, ToolCall

USER = Message(role="user", content="hi")
TOOL = Tool(name="get_weather", description="Weather.", parameters={"type": "object"})


def body(**fields: Any) -> dict[str, Any]:
    """Return the body of a request that is not streamed unless told."""
    request = Request(**{"model": "m", "messages": (USER,), "stream": False, **fields})
    return body_of(request, stream_usage=True)


def test_only_what_is_set_is_sent() -> None:
    """An unset parameter leaves the server's default alone."""
    assert body() == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1024}


def test_zero_is_sent() -> None:
    """Temperature 0 is not the same as none."""
    sampling = Sampling(temperature=0.0, top_p=1.0, seed=0, extra={"top_k": 1, "model": "other"})
    sent = body(sampling=sampling)
    assert (sent["temperature"], sent["top_p"], sent["seed"], sent["top_k"]) == (0.0, 1.0, 0, 1)
    assert sent["model"] == "m"


def test_extra_fields_give_way_to_all_others() -> None:
    """They are the user's or the server's switch, and never replace what was asked."""
    extra = {"chat_template_kwargs": {"thinking": True}, "model": "x", "max_tokens": 1, "temperature": 2, "top_k": 9}
    sent = body(extra=extra, sampling=Sampling(temperature=0.0, extra={"top_k": 1}))
    assert sent["chat_template_kwargs"] == {"thinking": True}
    assert (sent["model"], sent["max_tokens"], sent["temperature"], sent["top_k"]) == ("m", 1024, 0.0, 1)


def test_tool_choice_goes_only_with_tools() -> None:
    """Servers refuse the one without the other."""
    assert "tool_choice" not in body(tool_choice="auto")
    assert "tool_choice" not in body(tools=(TOOL,))
    sent = body(tools=(TOOL,), tool_choice="required")
    assert sent["tool_choice"] == "required"
    assert sent["tools"][0]["function"]["name"] == "get_weather"


def test_several_calls_in_one_turn_are_allowed_where_tools_are_offered() -> None:
    """llama.cpp would else cut the second call off, and the model would be blamed."""
    assert body(tools=(TOOL,))["parallel_tool_calls"] is True
    assert "parallel_tool_calls" not in body()


def test_a_stream_asks_for_token_counts_unless_told_not_to() -> None:
    """Old servers refuse the wish."""
    assert body(stream=True)["stream_options"] == {"include_usage": True}
    request = Request(model="m", messages=(USER,), stream=True)
    assert "stream_options" not in body_of(request, stream_usage=False)


def talk(arguments: str) -> dict[str, Any]:
    """Return the body of a conversation in which a call with `arguments` was answered."""
    call = ToolCall(id="c1", name="get_weather", arguments=arguments)
    return body(
        messages=(
            USER,
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", content="{}", tool_call_id="c1"),
        )
    )


def test_a_tool_conversation_is_told_in_full() -> None:
    """The call goes back with its id, the result names it."""
    _, assistant, result = talk('{"city": "Oslo"}')["messages"]
    assert assistant["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    assert (assistant["tool_calls"][0]["id"], result["tool_call_id"]) == ("c1", "c1")


@pytest.mark.parametrize(
    "arguments", ["city is Oslo", "null", "[1]", '{"a": NaN}', '{"a": 1' + "0" * 5000 + "}", '{"a": ' * 9000, "\ud800"]
)
def test_malformed_arguments_go_back_as_an_object(arguments: str) -> None:
    """Chat templates parse the history; a server's error would book the model's fault as the server's."""
    text = talk(arguments)["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert list(json.loads(text)) == ["malformed_arguments"]


def test_missing_arguments_go_back_as_an_empty_object() -> None:
    """A call without arguments is a sound call."""
    assert talk("")["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_lone_surrogates_in_the_history_can_be_sent() -> None:
    """A model may have written them."""
    call = ToolCall(id="\ud800", name="\ud800", arguments='{"\ud800": 1}')
    sent = body(messages=(Message(role="assistant", content="a\ud800b", tool_calls=(call,)),))
    json.dumps(sent, ensure_ascii=False).encode("utf-8")


def test_a_model_name_that_is_no_text_can_be_sent() -> None:
    """A server may list one with a lone surrogate; the run then has the server's own answer, not our fault."""
    assert json.dumps(body(model="m \ud800"), ensure_ascii=False).encode()
