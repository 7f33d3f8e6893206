"""Waiting for a server: what counts as ready, what is said meanwhile, and what ends the wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.engines import readiness
from pytest_llmbench.engines.readiness import Wait, look, wait_until_ready
from pytest_llmbench.engines.start_times import KEPT, remember_start, usual_start_s
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable
from pytest_llmbench.settings import Profile
from pytest_llmbench.user_cache import CACHE_VARIABLE
from tests.file_server import FileServer, Page, file_server
from tests.stub.client import running_stub


class Subject:
    """A server that ends when told."""

    title = "A (x)"

    def __init__(self) -> None:
        self.end = ""

    def ending(self) -> str:
        """As told."""
        return self.end

    def last_line(self) -> str:
        """Always the same."""
        return "loading layer 7"

    def last_words(self) -> str:
        """A log of one line."""
        return "loading layer 7"


@pytest.fixture
def pages() -> Iterator[FileServer]:
    """Serve pages."""
    with file_server() as server:
        yield server


@pytest.mark.parametrize(
    ("health", "models", "state"),
    [
        (200, 404, ""),
        (503, 404, "loading its model"),
        (500, 200, "answering 500"),
        (404, 200, ""),
        (404, 503, "loading its model"),
        (401, 404, ""),
        (404, 403, ""),
    ],
)
def test_what_counts_as_ready(pages: FileServer, health: int, models: int, state: str) -> None:
    """``/health`` decides; a server without that page is ready when it lists models; a wanted key is an answer."""
    pages.pages["/health"] = Page(status=health)
    pages.pages["/v1/models"] = Page(status=models)
    assert look(f"{pages.url}/v1") == state


def test_nobody_listens() -> None:
    """A closed port is a server that loads, as vLLM does it."""
    assert look("http://127.0.0.1:9/v1") == "not listening yet"


@pytest.mark.parametrize("options", [{"loading_s": 1.0}, {"flavour": "vllm", "refuse_s": 1.0}], ids=["503", "refused"])
def test_a_loading_server_is_waited_for(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """503 and refused connections alike; lines tell state, time, what it took last time, and the log."""
    monkeypatch.setattr(readiness, "TOLD_S", 0.0)
    said: list[str] = []
    with running_stub(**options) as stub:
        took_s = wait_until_ready(Subject(), stub.url, Wait(limit_s=60, usual_s=4.0), say=said.append)
    assert took_s > 0
    assert said[0].startswith("A (x): ")
    assert said[0].endswith("of about 4 s (as last time): loading layer 7")


def test_a_server_that_ends_is_not_waited_for(pages: FileServer) -> None:
    """Its end is an error at once, whatever answers on its port."""
    pages.pages["/health"] = Page()
    subject = Subject()
    subject.end = "A ended with exit code 1"
    with pytest.raises(BadConfiguration, match="A ended with exit code 1"):
        wait_until_ready(subject, f"{pages.url}/v1", Wait(limit_s=60), say=print)
    subject.end, pages.pages["/health"] = "", Page(status=503)
    threading.Timer(0.5, lambda: setattr(subject, "end", "A was killed")).start()
    with pytest.raises(BadConfiguration, match="A was killed"):
        wait_until_ready(subject, f"{pages.url}/v1", Wait(limit_s=60), say=print)


def test_time_over(pages: FileServer) -> None:
    """State, log and the setting that gives more time."""
    pages.pages["/health"] = Page(status=503)
    with pytest.raises(EndpointUnreachable, match=r"(?s)within 0.5 s \(loading its model\).*layer 7.*start_limit"):
        wait_until_ready(Subject(), f"{pages.url}/v1", Wait(limit_s=0.5), say=print)


def test_start_times_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Per profile, the last one, for a bounded number of profiles; a broken file is as none."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    one, two = (Profile(name=name, engine="compose", folder="/x") for name in "ab")
    assert usual_start_s(one) is None
    remember_start(one, 12.34)
    remember_start(two, 3)
    remember_start(one, 9.99)
    assert (usual_start_s(one), usual_start_s(two)) == (10.0, 3.0)
    for number in range(KEPT):
        remember_start(Profile(name=str(number), engine="compose"), number)
    assert usual_start_s(one) is None
    (tmp_path / "cache" / "start_times.json").write_text("{", encoding="utf-8")
    assert usual_start_s(two) is None
