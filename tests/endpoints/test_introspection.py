"""What a server says of itself, and what is said where it does not."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pytest_llmbench.endpoints.addresses import address_of
from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable
from pytest_llmbench.records import Connection
from tests.stub import Stub, running_stub

SECRET = "sk-very-secret-1234"


def test_llama_cpp_tells_slots_context_and_build(stub: Stub) -> None:
    """All of it from /props; the model list names the model that is asked by default."""
    endpoint = OpenAIChat(base_url=stub.url)
    facts = endpoint.facts(wait_s=1)
    assert (facts.base_url, facts.models, facts.kind) == (stub.url, ("stub-model",), "llama.cpp")
    assert (facts.slots, facts.context, endpoint.model) == (64, 32768, "stub-model")
    assert facts.detail["build"] == "b4242-0c0ffee0"
    assert facts.detail["model_path"] == "/models/stub-model.gguf"
    assert facts.detail["sampling_defaults"]["temperature"] == 0.8
    assert len(facts.detail["chat_template_sha256"]) == 64


def test_vllm_tells_its_version_and_no_slots(stub: Stub) -> None:
    """There is no /props: the number of slots is unknown, not zero."""
    stub.set(flavour="vllm")
    facts = OpenAIChat(base_url=stub.url).facts(wait_s=1)
    assert (facts.kind, facts.slots, facts.context) == ("vllm", None, 32768)
    told = dict(facts.detail)
    assert len(told.pop("rendered_prompt_sha256")) == 64
    assert told == {"build": "0.99.0", "model_root": "/models/stub-model"}


def test_the_slots_are_the_second_witness_of_the_context(stub: Stub) -> None:
    """Where they disagree the smaller one rules, and both are told."""
    stub.set(n_ctx=8192, slot_ctx=2048)
    facts = OpenAIChat(base_url=stub.url).facts(wait_s=1)
    assert facts.context == 2048
    assert (facts.detail["context_by_props"], facts.detail["context_by_slots"]) == (8192, 2048)


@pytest.mark.parametrize(
    ("typed", "api", "origin"),
    [
        ("http://h:1", "http://h:1/v1", "http://h:1"),
        ("http://h:1/", "http://h:1/v1", "http://h:1"),
        ("http://h:1/v1", "http://h:1/v1", "http://h:1"),
        (" http://h:1/v1/ ", "http://h:1/v1", "http://h:1"),
        ("http://h:1/v1/chat/completions", "http://h:1/v1", "http://h:1"),
        ("https://h/llama/v1", "https://h/llama/v1", "https://h/llama"),
        ("https://h/api", "https://h/api", "https://h/api"),
        ("http://u:p@h:1/v1", "http://h:1/v1", "http://h:1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1", "http://[::1]:8080"),
    ],
)
def test_addresses_are_worked_out_from_what_was_typed(typed: str, api: str, origin: str) -> None:
    """With or without /v1, a slash at the end, the whole route, a prefix, credentials."""
    found = address_of(typed, "", Connection())
    assert (found.api, found.origin) == (api, origin)


def test_a_server_without_v1_in_its_address_is_found(stub: Stub) -> None:
    """What newcomers type."""
    assert OpenAIChat(base_url=stub.origin).facts(wait_s=1).models == ("stub-model",)


def test_an_unknown_model_is_told_with_the_nearest_one(stub: Stub) -> None:
    """And with what is served."""
    with pytest.raises(BadConfiguration, match=r'"stub-modle": did you mean "stub-model".*serves stub-model'):
        OpenAIChat(base_url=stub.url, model="stub-modle").facts(wait_s=1)


def test_a_named_model_stays(stub: Stub) -> None:
    """The list only confirms it."""
    endpoint = OpenAIChat(base_url=stub.url, model="stub-model")
    endpoint.facts(wait_s=1)
    assert endpoint.model == "stub-model"


@pytest.mark.parametrize("flavour", ["llama.cpp", "vllm"])
def test_a_wrong_key_is_told_and_not_shown(stub: Stub, flavour: str) -> None:
    """llama.cpp guards /props, vLLM its model list; both repeat the key."""
    stub.set(flavour=flavour, key="right")
    with pytest.raises(BadConfiguration, match="LLMBENCH_API_KEY") as caught:
        OpenAIChat(base_url=stub.url, api_key=SECRET).facts(wait_s=1)
    assert SECRET not in str(caught.value)
    assert OpenAIChat(base_url=stub.url, api_key="right").facts(wait_s=1).models


@pytest.mark.parametrize("flavour", ["llama.cpp", "vllm"])
def test_a_loading_server_is_waited_for(stub: Stub, flavour: str) -> None:
    """503 until the model is read, then the facts."""
    stub.set(flavour=flavour, loading_s=0.8)
    assert OpenAIChat(base_url=stub.url).facts(wait_s=10).models == ("stub-model",)


def test_a_server_that_loads_too_long_is_told(stub: Stub) -> None:
    """With its own words."""
    stub.set(loading_s=30)
    with pytest.raises(EndpointUnreachable, match=r"503.*Loading model"):
        OpenAIChat(base_url=stub.url).facts(wait_s=0.5)


@contextlib.contextmanager
def _deaf() -> Iterator[int]:
    """Give the port of a socket that accepts connections and never answers."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        place.listen()
        yield place.getsockname()[1]


def test_nobody_there_is_told_at_once_and_says_what_to_do() -> None:
    """However long a loading server would have been waited for."""
    with running_stub() as gone:
        url = gone.url
    begin = time.monotonic()
    with pytest.raises(EndpointUnreachable, match=r"refused.*--llm-url .*LLMBENCH_URL"):
        OpenAIChat(base_url=url).facts(wait_s=600)
    assert time.monotonic() - begin < 10


def test_a_deaf_server_is_given_up_within_ten_seconds() -> None:
    """As is an address that swallows packets; credentials of the URL are not shown then either."""
    begin = time.monotonic()
    with _deaf() as port, pytest.raises(EndpointUnreachable, match="--llm-url") as caught:
        OpenAIChat(base_url=f"http://user:{SECRET}@127.0.0.1:{port}/v1").facts(wait_s=600)
    assert time.monotonic() - begin < 10
    assert SECRET not in str(caught.value)


class _Page(http.server.BaseHTTPRequestHandler):
    """Answers everything with a page for people."""

    def do_GET(self) -> None:
        """Send it."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html><title>A wiki</title></html>")

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


def test_another_kind_of_server_is_told() -> None:
    """A web site that answers is no model server; what it said is quoted."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Page) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        with pytest.raises(BadConfiguration, match=r"A wiki.*no OpenAI-compatible server"):
            OpenAIChat(base_url=f"http://127.0.0.1:{site.server_port}").facts(wait_s=1)
        site.shutdown()


def test_a_server_without_any_such_page_has_no_facts(stub: Stub) -> None:
    """A bare chat route is enough where the user names the model."""
    endpoint = OpenAIChat(base_url=f"{stub.origin}/stub/elsewhere", model="mine")
    facts = endpoint.facts(wait_s=1)
    assert (facts.models, facts.slots, facts.kind, endpoint.model) == ((), None, "", "mine")
