"""GET with a deadline for the whole, and failures in plain words."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from pytest_llmbench.errors import EndpointUnreachable
from pytest_llmbench.web import get_json, is_loopback, shown, split_credentials
from tests.file_server import FileServer, Page, file_server


@pytest.fixture
def server() -> Iterator[FileServer]:
    """Serve pages on this machine."""
    with file_server() as running:
        yield running


def test_json_is_parsed(server: FileServer) -> None:
    """The body of a JSON answer arrives parsed, beside its text."""
    server.pages["/a"] = Page(body=b'{"x": [1]}')
    reply = get_json(f"{server.url}/a", timeout_s=10)
    assert (reply.status, reply.body, reply.text) == (200, {"x": [1]}, '{"x": [1]}')


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_status_is_no_exception(server: FileServer, status: int) -> None:
    """Whatever the status, the answer comes back."""
    server.pages["/a"] = Page(body=b'{"error": 1}', status=status)
    reply = get_json(f"{server.url}/a", timeout_s=10)
    assert (reply.status, reply.body) == (status, {"error": 1})


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[" * 100_000, b"9" * 10_000, b"\xff\xfe"])
def test_what_is_no_json_has_no_body(server: FileServer, body: bytes) -> None:
    """Text that is no JSON, or too deep or too long for it, gives None."""
    server.pages["/a"] = Page(body=body)
    assert get_json(f"{server.url}/a", timeout_s=10).body is None


def test_a_long_answer_is_cut(server: FileServer) -> None:
    """Of an answer beyond the limit only the beginning is read, and it is no JSON."""
    server.pages["/a"] = Page(body=b"7" * 1000)
    reply = get_json(f"{server.url}/a", timeout_s=10, limit=10)
    assert (reply.body, reply.text) == (None, "7" * 10)


def test_nobody_listens() -> None:
    """A refused connection is said in words."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(EndpointUnreachable, match=r"nothing listens at http://127\.0\.0\.1:\d+ \(connection ref"):
            get_json(url, timeout_s=10)


@pytest.mark.parametrize(
    "page", [Page(body=b"x" * 10_000, drip_s=0.05), Page(drip_headers=True)], ids=["body", "headers"]
)
def test_a_dripping_server_meets_the_deadline(server: FileServer, page: Page) -> None:
    """The deadline holds for the whole, however often a byte arrives, and the connection is given up."""
    server.pages["/a"] = page
    with pytest.raises(EndpointUnreachable, match=r"no complete answer within 0\.3 s"):
        get_json(f"{server.url}/a", timeout_s=0.3)
    for thread in threading.enumerate():
        if thread.name == "llmbench-get":
            thread.join(10)
            assert not thread.is_alive()


def test_a_silent_server_meets_the_deadline() -> None:
    """A server that accepts and says nothing does not hold us."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(EndpointUnreachable, match="within"):
        get_json(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.3)


def test_a_broken_answer_is_no_answer(server: FileServer) -> None:
    """A connection that ends before the announced length is a failure, not a short text."""
    server.pages["/a"] = Page(body=b"1234567890", cut_after=4, cuts=1)
    with pytest.raises(EndpointUnreachable, match="before its answer was complete"):
        get_json(f"{server.url}/a", timeout_s=10)


def test_what_speaks_no_http_is_said() -> None:
    """Another protocol on the port is named as such."""
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH_9\r\n\r\n")

        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(EndpointUnreachable, match="does not speak HTTP"):
            get_json(f"http://127.0.0.1:{other.getsockname()[1]}", timeout_s=10)


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/x", "http://", "http://no host/", "http://a\nb/"])
def test_what_is_no_url_is_said(url: str) -> None:
    """A URL that cannot be used is an error of ours, never a traceback of the standard library."""
    with pytest.raises(EndpointUnreachable):
        get_json(url, timeout_s=10)


def test_credentials_are_sent_and_not_shown(server: FileServer) -> None:
    """Name and password of a URL travel as a header and stay out of the request line and of messages."""
    server.pages["/a"] = Page(body=b"1")
    get_json(server.url.replace("//", "//us%40er:secret@") + "/a", timeout_s=10)
    path, headers = server.asked[0]
    assert (path, headers["authorization"]) == ("/a", "Basic dXNAZXI6c2VjcmV0")
    with pytest.raises(EndpointUnreachable) as caught:
        get_json("http://user:secret@host.invalid/a?key=secret", timeout_s=10)
    assert "secret" not in str(caught.value)


def test_redirects_are_followed_but_carry_no_secret_elsewhere(server: FileServer) -> None:
    """A redirect to another host gets the page, not the key."""
    server.pages["/here"] = Page(status=302, location=f"{server.url}/there")
    server.pages["/there"] = Page(body=b"1")
    secret = {"Authorization": "Bearer k", "X-Api-Key": "k"}
    assert get_json(f"{server.url}/here", headers=secret, timeout_s=10).body == 1
    assert server.asked[-1][1]["authorization"] == "Bearer k"
    get_json(f"{server.url.replace('127.0.0.1', 'localhost')}/here", headers=secret, timeout_s=10)
    assert not {"authorization", "x-api-key"} & set(server.asked[-1][1])


def test_a_redirect_that_leads_nowhere_is_an_answer(server: FileServer) -> None:
    """A redirect without a target comes back with its status."""
    server.pages["/a"] = Page(status=302, body=b"moved")
    assert get_json(f"{server.url}/a", timeout_s=10).status == 302


def test_a_proxy_is_used_but_not_for_this_machine(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy gets what goes outside; loopback and a container's host never go through it."""
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.pages["/a"] = Page(body=b"1")
    server.pages["http://host.invalid/b"] = Page(body=b"2")
    server.pages["http://host.docker.internal/c"] = Page(body=b"3")
    assert get_json(f"{server.url}/a", timeout_s=10).body == 1
    with pytest.raises(EndpointUnreachable):
        get_json("http://host.docker.internal/c", timeout_s=10)
    assert get_json("http://host.invalid/b", timeout_s=10).body == 2


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        *((ours, True) for ours in ("localhost", "LOCALHOST.", "127.9.9.9", "::1", "0.0.0.0")),
        *((other, False) for other in ("example.org", "10.0.0.1", "127.0.0.1.example.org", "")),
    ],
)
def test_loopback(host: str, *, is_ours: bool) -> None:
    """This machine's own names and addresses are known."""
    assert is_loopback(host) is is_ours


def test_shown_keeps_what_helps() -> None:
    """Scheme, host, port and path stay; the rest goes."""
    assert shown("https://u:p@h:1/a/b?k=v#f") == "https://h:1/a/b"
    assert shown("http://h/a@b") == "http://h/a@b"


def test_a_url_without_credentials_stays() -> None:
    """Nothing is added where nothing was given."""
    assert split_credentials("https://h/a@b") == ("https://h/a@b", {})
