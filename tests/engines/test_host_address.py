"""Where the machine outside a container is looked for."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Collection
from pathlib import Path

import pytest

from pytest_llmbench.engines import host_address
from pytest_llmbench.engines.host_address import Accepts, Reached, Surroundings, accepts, gateway_of, surroundings

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="the tables below are a PC's")

HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
BRIDGE = "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
DEFAULT = "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
NAMES = ("host.docker.internal", "host.containers.internal")
URL = "http://127.0.0.1:8080/v1"


def only(*places: str) -> Accepts:
    """Return a probe to which these hosts, or HOST:PORT, answer."""
    return lambda host, port: host in places or f"{host}:{port}" in places


def container(*places: str, hosts: Collection[str] = (*NAMES, "172.17.0.1")) -> Surroundings:
    """Return the surroundings of a container on Docker's bridge in which these answer."""
    return Surroundings(hosts=tuple(hosts), accepts=only(*places))


@pytest.mark.parametrize(
    ("rows", "gateway"),
    [
        (DEFAULT + BRIDGE, "172.17.0.1"),
        (BRIDGE + DEFAULT, "172.17.0.1"),
        (DEFAULT.replace("010011AC", "0101A8C0"), "192.168.1.1"),
        (DEFAULT.replace("010011AC", "0200000A"), "10.0.0.2"),
        (DEFAULT.replace("010011AC", "08080808"), ""),
        (DEFAULT.replace("010011AC", "010200C0"), ""),
        (DEFAULT.replace("0003", "0001"), ""),
        (DEFAULT.replace("00000000\t0\t0\t0\n", "00000080\t0\t0\t0\n"), ""),
        (BRIDGE, ""),
        ("\neth0\n", ""),
        ("", ""),
    ],
)
def test_the_gateway_stands_in_the_table_of_routes(rows: str, gateway: str) -> None:
    """It is that of the default route, and only a private address is the host of a container."""
    assert gateway_of(HEADER + rows) == gateway


def test_an_empty_table_has_no_gateway() -> None:
    """A system without /proc reads as an empty file."""
    assert gateway_of("") == ""


def test_docker_and_podman_mark_their_containers(tmp_path: Path) -> None:
    """One of the two files makes a container; the names come before the address."""
    marks, routes = (tmp_path / ".dockerenv", tmp_path / ".containerenv"), tmp_path / "route"
    routes.write_text(HEADER + DEFAULT + BRIDGE, encoding="ascii")
    assert surroundings(marks=marks, routes=routes).hosts == ()
    marks[1].touch()
    assert surroundings(marks=marks, routes=routes).hosts == (*NAMES, "172.17.0.1")
    routes.unlink()
    assert surroundings(marks=marks, routes=routes).hosts == NAMES


@pytest.mark.parametrize(
    ("asked", "answering", "used"),
    [
        (URL, ("172.17.0.1:8080",), "http://172.17.0.1:8080/v1"),
        (URL, ("host.containers.internal", "172.17.0.1"), "http://host.containers.internal:8080/v1"),
        (URL, ("host.docker.internal", "172.17.0.1"), "http://host.docker.internal:8080/v1"),
        ("http://localhost:1234/api", ("172.17.0.1:1234",), "http://172.17.0.1:1234/api"),
        ("http://[::1]:8000/v1", ("172.17.0.1:8000",), "http://172.17.0.1:8000/v1"),
        ("http://localhost/v1", ("172.17.0.1:80",), "http://172.17.0.1/v1"),
        ("https://localhost/v1", ("172.17.0.1:443",), "https://172.17.0.1/v1"),
        ("http://me:secret@localhost:8080/v1", ("172.17.0.1:8080",), "http://me:secret@172.17.0.1:8080/v1"),
    ],
)
def test_a_server_outside_is_found_and_told(asked: str, answering: tuple[str, ...], used: str) -> None:
    """Same scheme, port and path; the first name that answers wins; no secret is told."""
    reached = container(*answering).reached(asked)
    assert (reached.url, reached.trouble) == (used, "")
    assert "is used: this runs inside a container" in reached.notice
    assert "secret" not in reached.notice


@pytest.mark.parametrize(
    ("asked", "around"),
    [
        (URL, container("127.0.0.1:8080", "172.17.0.1:8080")),
        ("http://gpu-box:8080/v1", container("172.17.0.1")),
        (URL, Surroundings(accepts=only("172.17.0.1"))),
    ],
    ids=["it answers here", "it was meant elsewhere", "this is no container"],
)
def test_otherwise_nothing_changes(asked: str, around: Surroundings) -> None:
    """What was asked for is used and nothing is said."""
    assert around.reached(asked) == Reached(url=asked)


def test_a_server_that_is_nowhere_is_told_with_where_it_was_looked_for() -> None:
    """The URL stays as it is, for the error to come."""
    reached = container().reached(URL)
    assert (reached.url, reached.notice) == (URL, "")
    assert reached.trouble == (
        "this runs inside a container, where 127.0.0.1 is the container itself, and its host "
        "(host.docker.internal, host.containers.internal, 172.17.0.1) accepts no connection on port 8080 either"
    )


def test_a_name_that_is_looked_up_for_ever_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that does not answer costs the probe's time once."""
    monkeypatch.setattr(host_address, "PROBE_S", 0.1)
    is_over, waited_for = threading.Event(), list[str]()

    def slow(host: str, port: int) -> bool:
        if host in NAMES:
            is_over.wait(30)
            waited_for.append(host)
        return host == "172.17.0.1"

    assert Surroundings(hosts=(*NAMES, "172.17.0.1"), accepts=slow).host_of(8080) == "172.17.0.1"
    assert not waited_for
    is_over.set()


def test_a_connection_is_really_tried() -> None:
    """A port where somebody listens, one where nobody does, and names that are none."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert accepts("127.0.0.1", port)
    assert not accepts("127.0.0.1", port)
    assert not accepts("host.invalid", port)
    assert not accepts("a..localhost", port)
