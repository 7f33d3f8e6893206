"""Which local servers count as found."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from pytest_llmbench.engines import discovery
from pytest_llmbench.engines.discovery import Found, find_local_servers
from pytest_llmbench.engines.host_address import Surroundings
from tests.file_server import FileServer, Page, file_server

MODELS = json.dumps({"object": "list", "data": [{"id": "tiny"}, {"id": "other"}]}).encode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Serve pages on this machine; a busy test machine gets more time to answer."""
    monkeypatch.setattr(discovery, "PROBE_S", 10.0)
    with file_server() as running:
        yield running


def port(server: FileServer) -> int:
    """Return the port a server listens on."""
    return int(server.url.rpartition(":")[2])


def test_a_server_that_lists_models_is_found(server: FileServer) -> None:
    """It is found with its base URL and first model; a port where nobody listens is passed over."""
    server.pages["/v1/models"] = Page(body=MODELS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = find_local_servers((free.getsockname()[1], port(server)))
    assert found == [Found(url=f"{server.url}/v1", model="tiny")]


@pytest.mark.parametrize(
    "page",
    [
        Page(body=b"<html>a wiki</html>"),
        Page(body=MODELS, status=401),
        Page(body=b'{"data": []}'),
        Page(body=b'{"data": [{"name": "x"}, 3]}'),
        Page(body=b'{"data": "x"}'),
        Page(body=b"[]"),
        Page(body=b"null"),
    ],
)
def test_other_programs_do_not_count(server: FileServer, page: Page) -> None:
    """What does not answer like a list of models is no model server."""
    server.pages["/v1/models"] = page
    assert find_local_servers((port(server),)) == []


def test_a_port_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that accepts and says nothing costs the probe's time, no more."""
    monkeypatch.setattr(discovery, "PROBE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert find_local_servers((silent.getsockname()[1],)) == []


def test_no_ports_no_servers() -> None:
    """Nothing to ask is nothing found."""
    assert find_local_servers(()) == []


def test_a_container_looks_at_its_host_where_it_has_no_server_itself(server: FileServer) -> None:
    """Nothing but lists of models counts there either, and a server of this container comes before them."""
    around = Surroundings(hosts=("host.invalid", "127.0.0.2"))
    server.pages["/v1/models"] = Page(body=MODELS)
    with file_server("127.0.0.2") as outside:
        assert find_local_servers((port(outside),), around=around) == []
        outside.pages["/v1/models"] = Page(body=MODELS)
        assert find_local_servers((port(outside),), around=around) == [Found(url=f"{outside.url}/v1", model="tiny")]
        found = find_local_servers((port(outside), port(server)), around=around)
    assert found == [Found(url=f"{server.url}/v1", model="tiny")]
