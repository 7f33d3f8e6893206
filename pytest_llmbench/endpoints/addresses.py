"""The addresses of a server, worked out from the one the user typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from pytest_llmbench import web
from pytest_llmbench.endpoints.refusals import Secrets
from pytest_llmbench.errors import UsageProblem

_ROUTE = "/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is. `api` ends in the API's prefix (mostly /v1), `origin` is what lies above it.

    Both are free of credentials: those are in `headers`, which carry the key too.
    """

    api: str
    origin: str
    headers: dict[str, str] = field(repr=False)
    secrets: Secrets = field(repr=False)

    @property
    def is_local(self) -> bool:
        """Whether this machine itself is meant, so that no proxy is asked."""
        return web.is_loopback(urlsplit(self.api).hostname or "")


def address_of(base_url: str, api_key: str, headers: Mapping[str, str]) -> Address:
    """Read the base URL a user gave; one without a path gets /v1. Raises `UsageProblem` for what is no URL.

    `headers` are sent beside the key, and their values kept as secret as it.
    """
    api_key = api_key.strip()  # a key from a file often ends in a line break
    if not (api_key.isascii() and api_key.isprintable()):
        raise UsageProblem("the API key holds a character that no HTTP header may hold: is it pasted whole, and alone?")
    plain, authorization = web.split_credentials(base_url.strip())
    parts = urlsplit(plain)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageProblem(
            f'"{web.shown(plain)}" is no address of a server: write --llm-url http://127.0.0.1:8080/v1 or the like'
        )
    path = parts.path.rstrip("/").removesuffix(_ROUTE) or "/v1"
    return Address(
        api=urlunsplit((parts.scheme, parts.netloc, path, "", "")),
        origin=urlunsplit((parts.scheme, parts.netloc, path.removesuffix("/v1"), "", "")),
        headers={**({"Authorization": f"Bearer {api_key}"} if api_key else authorization), **headers},
        secrets=Secrets(words=(api_key, *headers.values(), *_secrets_in(base_url, authorization))),
    )


def _secrets_in(url: str, authorization: dict[str, str]) -> tuple[str, ...]:
    if not authorization:
        return ()
    user_info = urlsplit(url.strip()).netloc.rpartition("@")[0]
    password = user_info.partition(":")[2]
    return user_info, password, authorization["Authorization"].removeprefix("Basic ")
