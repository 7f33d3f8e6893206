"""A server that somebody else runs: we only need to know where."""

from __future__ import annotations

import re
import urllib.parse

from pytest_llmbench.engines.host_address import Surroundings, surroundings
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import Server
from pytest_llmbench.web import shown

EXAMPLE = "such as --llm-url http://127.0.0.1:8080/v1"

_FROM_INSIDE = (
    "start the container with --network host, or with --add-host host.docker.internal:host-gateway, "
    "and let the server listen on 0.0.0.0"
)


class External:
    """Fits `contracts.Engine`; starts nothing and stops nothing. Raises `UsageProblem` for what is no URL.

    `replicas` are further servers of the same model. Inside a container, what is asked of its own loopback and not
    there is looked for on the container's host; `around` says where that may be.
    """

    name = "external"

    def __init__(self, url: str, *replicas: str, around: Surroundings | None = None) -> None:
        self._urls = tuple(base_url(one) for one in (url, *replicas))
        self._around = around
        self._unheard: tuple[str, ...] = ()

    def start(self) -> Server:
        """Return the server at once; whether it answers is the endpoint's business."""
        found = [self._found_around().reached(url) for url in self._urls]
        self._unheard = tuple(one.url for one in found if one.trouble)
        first, *others = (one.url for one in found)
        notices = [f"{one.notice}; say so with --llm-url {shown(one.url)}" for one in found if one.notice]
        return Server(base_url=first, engine=self.name, replicas=tuple(others), notice="\n".join(notices))

    def stop(self) -> None:
        """Leave the server alone."""

    def obituary(self) -> str:
        """Say why a server cannot be heard inside this container while it cannot; "" else, for its log is not ours."""
        now = (self._found_around().reached(url).trouble for url in self._unheard)
        trouble = next(filter(None, now), "")
        return trouble and f"{trouble}: {_FROM_INSIDE}"

    def _found_around(self) -> Surroundings:
        if self._around is None:
            self._around = surroundings()
        return self._around


def base_url(text: str) -> str:
    """Return `text` as the base URL of an OpenAI-compatible server: scheme added, path ``/v1`` where it has none.

    Raises `UsageProblem` where no such server can be meant.
    """
    url = text.strip()
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageProblem(f"{shown(text)!r} is no server URL ({error}); write one {EXAMPLE}") from error
    fault = _fault(parts, host, port)
    if fault:
        raise UsageProblem(f"{shown(text)!r} is no server URL: {fault}; write one {EXAMPLE}")
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path or "/v1", "", ""))


def _fault(parts: urllib.parse.SplitResult, host: str, port: int | None) -> str:
    if parts.scheme not in ("http", "https"):
        return f"{parts.scheme}:// is not served over HTTP"
    if not host:
        return "it names no host"
    if host.isdigit():
        return f"{host} is no host"
    if re.search(r"[\s\x00-\x1f]", parts.geturl()) or re.search(r"[^\w.:%-]", host):
        return "it holds characters that no URL has"
    if port == 0:
        return "port 0 is no port"
    if parts.query or parts.fragment:
        return "a base URL has no ? and no #"
    return ""
