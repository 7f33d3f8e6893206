"""Waiting until a server that we started answers, or is seen to have failed."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable
from pytest_llmbench.web import get_json

LOOK_S = 0.25
"""Seconds between two looks at a server that starts."""

ANSWER_S = 2.0
"""Seconds one answer may take; the next look at the process waits for it."""

TOLD_S = 10.0
"""Seconds between two lines for the user."""

_NO_HEALTH_PAGE = {404, 405, 501}
_KEY_WANTED = {401, 403}


class Starting(Protocol):
    """A server on its way. `title` is what messages call it."""

    title: str

    def ending(self) -> str:
        """Say how it ended, with its log and what to try; "" while it may still become ready."""
        ...

    def last_line(self) -> str:
        """Return the newest line of its log."""
        ...

    def last_words(self) -> str:
        """Return the last lines of its log."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long to wait: at most `limit_s` seconds; `usual_s` is what it took the last time, None where unknown."""

    limit_s: float
    usual_s: float | None = None


def wait_until_ready(server: Starting, base_url: str, wait: Wait, *, say: Callable[[str], None]) -> float:
    """Return the seconds it took until `base_url` answered; `say` gets a line now and then.

    ``/health`` is asked, which is 503 while llama.cpp loads and refused while vLLM does; where there is no such
    page, the list of models. Raises `BadConfiguration` where the server ended, `EndpointUnreachable` where it was
    not ready in time.
    """
    started = told = time.monotonic()
    while True:
        ending = server.ending()
        if ending:
            raise BadConfiguration(ending)
        state = look(base_url)
        now = time.monotonic()
        if not state:
            return now - started
        if now - started > wait.limit_s:
            raise EndpointUnreachable(_late(server, state, wait))
        if now - told >= TOLD_S:
            told = now
            say(_told(server, state, now - started, wait))
        time.sleep(LOOK_S)


def look(base_url: str) -> str:
    """Return what a server still does, "" once it answers."""
    parts = urllib.parse.urlsplit(base_url)
    status = _status(urllib.parse.urlunsplit((parts.scheme, parts.netloc, "/health", "", "")))
    if status in _NO_HEALTH_PAGE:
        status = _status(f"{base_url}/models")
    if status == 200 or status in _KEY_WANTED:
        return ""
    if status is None:
        return "not listening yet"
    return "loading its model" if status == 503 else f"answering {status}"


def _status(url: str) -> int | None:
    try:
        return get_json(url, timeout_s=ANSWER_S).status
    except EndpointUnreachable:
        return None


def _told(server: Starting, state: str, elapsed_s: float, wait: Wait) -> str:
    usual = f" of about {wait.usual_s:.0f} s (as last time)" if wait.usual_s else ""
    line = server.last_line()
    return f"{server.title}: {state}, {elapsed_s:.0f} s{usual}{': ' if line else ''}{line}"


def _late(server: Starting, state: str, wait: Wait) -> str:
    return (
        f"{server.title} was not ready within {wait.limit_s:g} s ({state}); its last log lines:\n"
        f"{server.last_words() or '(no log)'}\n"
        "What to try: a large model may need more time, start_limit in its profile; one that stays silent may listen "
        "on another port, or in a container on its loopback alone (--host 0.0.0.0 inside it); one that answers 404 "
        "may have its API elsewhere, path in its profile"
    )
