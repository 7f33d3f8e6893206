"""What may be typed for --llm-url."""

from __future__ import annotations

import pytest

from pytest_llmbench.engines.external import External, base_url
from pytest_llmbench.engines.host_address import Surroundings
from pytest_llmbench.errors import UsageProblem


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        (" http://127.0.0.1:8080/ ", "http://127.0.0.1:8080/v1"),
        ("localhost:8080", "http://localhost:8080/v1"),
        ("127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
        ("my_host", "http://my_host/v1"),
        ("[::1]:8080", "http://[::1]:8080/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("https://h/v1/chat/completions", "https://h/v1"),
        ("https://user:secret@h/v1", "https://user:secret@h/v1"),
    ],
)
def test_urls_are_completed(typed: str, meant: str) -> None:
    """Scheme and path are added where they are missing; a pasted request URL is shortened."""
    assert base_url(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        *("", "  ", "a b", "see the wiki", "h{}", "8080", ":8080", "/v1"),
        *(
            "http://",
            "ftp://h/v1",
            "http://h/a b",
            "http://[::1",
            "http://h:port/v1",
            "http://h:99999",
            "http://h:0/v1",
        ),
        *("http://h/v1?key=secret", "http://h/v1#x"),
    ],
)
def test_nonsense_is_refused_with_an_example(typed: str) -> None:
    """What names no server is said to be so, with a line that works and without what may be a secret."""
    with pytest.raises(UsageProblem, match=r"--llm-url http://127\.0\.0\.1:8080/v1") as caught:
        External(typed)
    assert "secret" not in str(caught.value)


def test_each_server_that_is_outside_this_container_is_told() -> None:
    """The ports that answer on the host are used there, each with a line that says how to name it."""
    outside = {8001, 8002}
    around = Surroundings(hosts=("172.17.0.1",), accepts=lambda host, port: host == "172.17.0.1" and port in outside)
    server = External("localhost:8001", "gpu-box:8080", "127.0.0.1:8002", around=around).start()
    assert server.base_url == "http://172.17.0.1:8001/v1"
    assert server.replicas == ("http://gpu-box:8080/v1", "http://172.17.0.1:8002/v1")
    first, second = server.notice.splitlines()
    assert first.startswith("http://localhost:8001/v1 was asked for and http://172.17.0.1:8001/v1 is used: ")
    assert first.endswith("say so with --llm-url http://172.17.0.1:8001/v1")
    assert second.endswith("say so with --llm-url http://172.17.0.1:8002/v1")


def test_a_server_that_is_nowhere_has_a_line_on_containers_until_it_answers() -> None:
    """What the container must be started with is said beside the error, and no longer once the server is there."""
    there: set[tuple[str, int]] = set()
    around = Surroundings(hosts=("172.17.0.1",), accepts=lambda host, port: (host, port) in there)
    engine = External("127.0.0.1:8001", around=around)
    assert engine.obituary() == ""
    assert engine.start().notice == ""
    assert "--add-host host.docker.internal:host-gateway" in engine.obituary()
    there.add(("127.0.0.1", 8001))
    assert engine.obituary() == ""


def test_a_server_that_was_there_and_is_gone_has_no_such_line() -> None:
    """It was heard when the run began, so the container is not what is wrong."""
    there = {("172.17.0.1", 8001)}
    engine = External(
        "127.0.0.1:8001",
        around=Surroundings(hosts=("172.17.0.1",), accepts=lambda host, port: (host, port) in there),
    )
    engine.start()
    there.clear()
    assert engine.obituary() == ""
