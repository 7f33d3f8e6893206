"""A server that somebody else started: only its address is made usable."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import Server

_EXAMPLE = "give one such as http://127.0.0.1:8080/v1"


class External:
    """Hands over a URL; whether anybody answers there is for the endpoint to find out."""

    name = "external"

    def __init__(self, url: str) -> None:
        self._base_url = base_url(url)

    def start(self) -> Server:
        """Return the server at once."""
        return Server(base_url=self._base_url, engine=self.name)

    def stop(self) -> None:
        """Leave it running: it is not ours."""

    def obituary(self) -> str:
        """Return "": what became of it is not for us to know."""
        return ""


def base_url(text: str) -> str:
    """Return `text` as a base URL: with a scheme, with ``/v1`` where there is no path. Raises `UsageProblem`."""
    given = text.strip()
    parts = urlsplit(given if "://" in given else f"http://{given}")
    try:
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageProblem(f'--llm-url: "{given}" is no URL of a server; {_EXAMPLE}')
    path = parts.path.rstrip("/") or "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
