"""The stub itself: it must be a server before it can stand for one."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stub import Stub, running_stub


def complete(stub: Stub, text: str, **fields: Any) -> tuple[int, Any]:
    """Ask with the standard library's client; return status and JSON."""
    line = http.client.HTTPConnection("127.0.0.1", stub.port, timeout=30)
    body = {"model": "stub-model", "messages": [{"role": "user", "content": text}], **fields}
    line.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    answer = line.getresponse()
    data = json.loads(answer.read())
    line.close()
    return answer.status, data


def test_slots_are_shared_first_come_first_served() -> None:
    """Never more than its slots are busy, the rest wait, and the busy time is what the requests took."""
    with running_stub(slots=3, service_s=0.1) as stub:
        with ThreadPoolExecutor(9) as pool:
            found = list(pool.map(lambda number: complete(stub, f"hi {number}"), range(9)))
        stats = stub.stats()
    assert [status for status, _ in found] == [200] * 9
    assert (stats["peak_busy"], stats["answers"], stats["in_flight"], stats["waiting"]) == (3, 9, 0, 0)
    assert stats["busy_slot_s"] == pytest.approx(0.9, abs=0.3)
    assert stats["last_answer"] - stats["first_request"] >= 0.3
    assert sorted(stats["answered"].values()) == [1] * 9


def test_scripted_answers_follow_the_conversation() -> None:
    """A list of replies is read by the number of the assistant's messages so far; the longest key wins."""
    script = {"weather": [{"tool_calls": [{"name": "w", "arguments": {"c": 1}}]}, "4 degrees"], "the weather": "sunny"}
    with running_stub(service_s=0, answers=script) as stub:
        first = complete(stub, "weather?")[1]["choices"][0]
        history = [
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "tool_calls": []},
            {"role": "tool", "content": "4"},
        ]
        second = complete(stub, "", messages=history)[1]["choices"][0]
        third = complete(stub, "the weather?")[1]["choices"][0]
    assert first["message"]["tool_calls"][0]["function"] == {"name": "w", "arguments": '{"c": 1}'}
    assert (first["finish_reason"], second["message"]["content"]) == ("tool_calls", "4 degrees")
    assert third["message"]["content"] == "sunny"


def test_answers_end_at_max_tokens() -> None:
    """With the finish reason that says so."""
    with running_stub(service_s=0) as stub:
        choice = complete(stub, "[[tokens=9]]", max_tokens=4)[1]["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"].split()) == ("length", ["word"] * 4)


def test_sound_servers_refuse_what_they_must() -> None:
    """A prompt too long, in both servers' words; vLLM also another model and tools without a parser."""
    with running_stub(service_s=0, n_ctx=50) as stub:
        status, body = complete(stub, "x" * 1000)
        assert (status, body["error"]["type"]) == (400, "exceed_context_size_error")
        assert complete(stub, "hi", model="other")[0] == 200
        stub.set(flavour="vllm", auto_tools=False)
        status, body = complete(stub, "hi", max_tokens=60)
        assert (status, "maximum context length" in body["error"]["message"]) == (400, True)
        assert complete(stub, "hi", model="other")[0] == 404
        assert complete(stub, "hi", tool_choice="auto")[0] == 400


def test_the_control_plane_counts_and_forgets() -> None:
    """Requests are kept with their headers; reset forgets; unknown options are refused."""
    with running_stub(service_s=0) as stub:
        complete(stub, "one")
        complete(stub, "one")
        complete(stub, "two")
        assert sorted(stub.stats()["asked"].values()) == [1, 2]
        assert [request["body"]["messages"][0]["content"] for request in stub.requests(2)] == ["one", "two"]
        stub.set(reset=True)
        assert (stub.stats()["requests"], stub.requests()) == (0, [])
        with pytest.raises(ValueError, match="slotz"):
            stub.set(slotz=1)


def test_connections_are_refused_for_a_while() -> None:
    """The port is known at once, and nobody listens there yet."""
    with running_stub(refuse_s=0.5) as stub:
        with pytest.raises(ConnectionRefusedError):
            stub.stats()
        while True:
            try:
                assert stub.stats()["requests"] == 0
                break
            except ConnectionRefusedError:
                continue
