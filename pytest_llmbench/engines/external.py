"""A server that somebody else runs: we only need to know where."""

from __future__ import annotations

import re
import urllib.parse

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import Server
from pytest_llmbench.web import shown

EXAMPLE = "such as --llm-url http://127.0.0.1:8080/v1"


class External:
    """Fits `contracts.Engine`; starts nothing and stops nothing. Raises `UsageProblem` for what is no URL.

    `replicas` are further servers of the same model.
    """

    name = "external"

    def __init__(self, url: str, *replicas: str) -> None:
        self._base_url = base_url(url)
        self._replicas = tuple(base_url(one) for one in replicas)

    def start(self) -> Server:
        """Return the server at once; whether it answers is the endpoint's business."""
        return Server(base_url=self._base_url, engine=self.name, replicas=self._replicas)

    def stop(self) -> None:
        """Leave the server alone."""

    def obituary(self) -> str:
        """Return "": a server that is not ours leaves no log here."""
        return ""


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
