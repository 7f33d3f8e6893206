"""Headers that a user adds to every request: they arrive, and neither they nor the key are shown or given away."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import threading
from collections.abc import Iterator

import pytest

from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.errors import TrialError, UsageProblem
from pytest_llmbench.records import Connection
from tests.endpoints.asking import ask, request_of
from tests.stub import Stub

SECRET = "sk-very-secret-1234"


def told(url: str, text: str = "hello", *, api_key: str = "", **headers: str) -> str:
    """Ask a server with these headers; underscores stand for hyphens."""

    async def talk() -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        endpoint = OpenAIChat(base_url=url, api_key=api_key, connection=Connection(headers=named))
        try:
            return (await ask(endpoint, request_of(text))).content
        finally:
            await endpoint.close()

    return asyncio.run(talk())


def test_headers_arrive_beside_the_key(stub: Stub) -> None:
    """Each request carries them."""
    told(stub.url, api_key=SECRET, X_Team="bench", X_Route="b")
    heard = stub.requests()[0]["headers"]
    assert (heard["x-team"], heard["x-route"], heard["authorization"]) == ("bench", "b", f"Bearer {SECRET}")


def test_a_header_of_the_users_own_takes_the_place_of_the_key(stub: Stub) -> None:
    """However it spells its name."""
    told(stub.url, api_key="the-other-key", authorization=f"Token {SECRET}")
    assert stub.requests()[0]["headers"]["authorization"] == f"Token {SECRET}"


def test_looking_at_a_server_sends_them_too(stub: Stub) -> None:
    """A gateway lets nothing through without."""
    stub.set(key=SECRET)
    connection = Connection(headers={"Authorization": f"Bearer {SECRET}"})
    assert OpenAIChat(base_url=stub.url, connection=connection).facts(wait_s=1).models == ("stub-model",)


@pytest.mark.parametrize("name", ["X_Key", "Authorization"])
def test_no_value_is_ever_shown(stub: Stub, name: str) -> None:
    """A server that repeats the key it was sent repeats it in vain."""
    with pytest.raises(TrialError) as caught:
        told(stub.url, f"{SECRET} [[fault=key]]", **{name: f"Bearer {SECRET}"})
    assert SECRET not in str(caught.value) + repr(caught.value)
    connection = Connection(headers={name: f"Bearer {SECRET}"})
    assert SECRET not in repr(connection) + repr(OpenAIChat(base_url=stub.url, connection=connection)._address)


@pytest.mark.parametrize(
    ("headers", "said"),
    [({"X Team": "a"}, '"X Team" is no name'), ({"X": f"{SECRET}\n"}, "value of X"), ({"X": f"{SECRET}é"}, "of X")],
)
def test_what_no_header_may_hold_is_refused(headers: dict[str, str], said: str) -> None:
    """Before anything is sent, and without the value."""
    with pytest.raises(UsageProblem) as caught:
        OpenAIChat(base_url="http://h/v1", connection=Connection(headers=headers))
    assert said in str(caught.value)
    assert "llmbench.yaml" in str(caught.value)
    assert SECRET not in str(caught.value)


@contextlib.contextmanager
def redirecting_to(place: str) -> Iterator[str]:
    """Run a server that sends every question elsewhere; yield its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", place)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_a_redirect_elsewhere_takes_no_secret_along(stub: Stub) -> None:
    """The other server gets the question alone."""
    with redirecting_to(f"{stub.url}/chat/completions") as url:
        assert told(url, api_key=SECRET, X_Key=SECRET) == "hello"
    heard = stub.requests()[0]["headers"]
    assert "x-key" not in heard
    assert SECRET not in str(heard)
