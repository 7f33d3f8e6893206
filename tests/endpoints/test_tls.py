"""Servers behind TLS: which certificates are believed, and what is said of those that are not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.errors import BadConfiguration
from pytest_llmbench.records import Connection
from tests.endpoints.asking import ask, request_of
from tests.endpoints.tls import certificate, tls_door
from tests.stub import Stub


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make one certificate for this machine's own names."""
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def url(stub: Stub, made: tuple[Path, Path]) -> Iterator[str]:
    """Put TLS in front of the stub."""
    with tls_door(stub.port, made) as url:
        yield url


def talk(url: str, connection: Connection) -> tuple[str, ...]:
    """Look at a server and ask it one question: its models, then the answer."""

    async def talk() -> str:
        try:
            return (await ask(endpoint, request_of("hello"))).content
        finally:
            await endpoint.close()

    endpoint = OpenAIChat(base_url=url, connection=connection)
    return *endpoint.facts(wait_s=1).models, asyncio.run(talk())


def refusals(url: str, connection: Connection) -> list[str]:
    """Return what looking at the server and what asking it raises."""
    endpoint = OpenAIChat(base_url=url, connection=connection)
    with pytest.raises(BadConfiguration) as looking:
        endpoint.facts(wait_s=1)
    with pytest.raises(BadConfiguration) as asking:
        asyncio.run(ask(endpoint, request_of("hello")))
    return [str(looking.value), str(asking.value)]


def test_a_certificate_of_a_named_authority_is_believed(url: str, made: tuple[Path, Path]) -> None:
    """By what looks at the server and by what asks it."""
    assert talk(url, Connection(ca_file=str(made[0]))) == ("stub-model", "hello")


def test_without_verification_any_certificate_will_do(url: str) -> None:
    """Even one for another name."""
    assert talk(url.replace("127.0.0.1", "localhost"), Connection(verify=False)) == ("stub-model", "hello")


def test_an_unknown_certificate_is_a_configuration_error(url: str, stub: Stub) -> None:
    """Told at once, with what to write where; nothing was asked."""
    for said in refusals(url, Connection()):
        assert "self-signed certificate" in said
        assert "llmbench.yaml: server: {tls: {ca: FILE}}, or the same tls: in the server's profile" in said
        assert url in said
    assert not stub.requests()


def test_a_certificate_for_another_name_says_so(stub: Stub, tmp_path: Path) -> None:
    """Naming the authority would not help, so that is not the advice."""
    made = certificate(tmp_path, "DNS:elsewhere.example")
    with tls_door(stub.port, made) as url:
        for said in refusals(url, Connection(ca_file=str(made[0]))):
            assert "mismatch" in said
            assert "use the name that it was made for" in said


@pytest.mark.parametrize(("text", "said"), [(None, "No such file"), ("no PEM", "holds no certificate")])
def test_a_bad_file_of_authorities_is_named(url: str, tmp_path: Path, *, text: str | None, said: str) -> None:
    """With its path and the place where it was written down."""
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)
    for message in refusals(url, Connection(ca_file=str(file))):
        assert str(file) in message
        assert said in message
        assert "llmbench.yaml" in message


def test_a_file_of_authorities_may_start_at_home(made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The tilde is the user's folder."""
    monkeypatch.setenv("HOME", str(made[0].parent))
    endpoint = OpenAIChat(base_url="https://127.0.0.1:1", connection=Connection(ca_file="~/server.pem"))
    assert endpoint._address.trust().get_ca_certs()
