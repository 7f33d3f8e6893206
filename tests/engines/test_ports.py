"""Free ports, taken ports, and who has them."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from pytest_llmbench.engines.ports import free_port, holder, is_taken, port_of


def test_taken_and_free() -> None:
    """A port somebody listens on is taken, on its own address; it is free once he is gone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert is_taken(port)
        assert is_taken(port, "0.0.0.0")
    assert not is_taken(port)
    assert not is_taken(free_port())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_the_holder_is_named() -> None:
    """Name and process id of who listens; nothing where nobody does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert f"(pid {os.getpid()})" in holder(listener.getsockname()[1])
    assert holder(free_port()) == ""


def test_a_place_for_the_port() -> None:
    """A free port is chosen where {port} stands and no port is given."""
    assert port_of(8080, ["x", "{port}"], {}) == 8080
    assert port_of(None, ["x"], {"A": "b"}) is None
    assert port_of(None, ["--port={port}"], {})
    assert port_of(None, [], {"PORT": "{port}"})
