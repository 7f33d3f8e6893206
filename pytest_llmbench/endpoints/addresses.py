"""The addresses of a server, worked out from the one the user typed."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pytest_llmbench import web
from pytest_llmbench.endpoints.refusals import Secrets
from pytest_llmbench.errors import BadConfiguration, UsageProblem
from pytest_llmbench.records import Connection

_ROUTE = "/chat/completions"
_SCHEME_LIMIT = 7
"""A word of a header's value up to this length is a scheme such as Bearer, not the secret behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is. `api` ends in the API's prefix (mostly /v1), `origin` is what lies above it.

    Both are free of credentials: those are in `headers`, which carry the key too. `ca_file` and `verify` say
    which certificates are believed, see `settings.Connection`.
    """

    api: str
    origin: str
    headers: dict[str, str] = field(repr=False)
    secrets: Secrets = field(repr=False)
    ca_file: str = ""
    verify: bool = True

    @property
    def is_local(self) -> bool:
        """Whether this machine is meant, or the one outside this container, so that no proxy is asked."""
        return web.is_near(urlsplit(self.api).hostname or "")

    def get(self, url: str, *, timeout_s: float) -> web.Reply:
        """GET a page of this server with all it wants to see; as `web.get_json`.

        Raises `BadConfiguration` where its certificate is not believed.
        """
        try:
            return web.get_json(url, headers=self.headers, timeout_s=timeout_s, trust=self.trust)
        except web.Untrusted as error:
            why = error.why
        raise self.untrusted(why)

    def trust(self) -> ssl.SSLContext:
        """Return which certificates are believed; raises `BadConfiguration` for a bad `ca_file`."""
        return web.certificates(self.ca_file, verify=self.verify)

    def untrusted(self, why: str) -> BadConfiguration:
        """Return the error for a certificate that is not believed, with what to do about it."""
        advice = (
            "name the file of its authority in llmbench.yaml: server: {tls: {ca: FILE}}, "
            "or the same tls: in the server's profile"
        )
        if "mismatch" in why:
            advice = "use the name that it was made for in the URL"
        return BadConfiguration(f"the certificate of {self.api} is not trusted: {why}; {advice}")


def address_of(base_url: str, api_key: str, connection: Connection) -> Address:
    """Read the base URL a user gave; one without a path gets /v1. Raises `UsageProblem` for what is no URL.

    The headers of `connection` are sent beside the key, or in its place where they say ``Authorization``;
    their values are kept as secret as it.
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
    _check_headers(connection.headers)
    path = parts.path.rstrip("/").removesuffix(_ROUTE) or "/v1"
    return Address(
        api=urlunsplit((parts.scheme, parts.netloc, path, "", "")),
        origin=urlunsplit((parts.scheme, parts.netloc, path.removesuffix("/v1"), "", "")),
        headers=_merged({"Authorization": f"Bearer {api_key}"} if api_key else authorization, connection.headers),
        secrets=Secrets(
            words=(api_key, *_secrets_in(base_url, authorization), *_words_of(connection.headers.values()))
        ),
        ca_file=str(Path(connection.ca_file).expanduser()) if connection.ca_file else "",
        verify=connection.verify,
    )


def _merged(own: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Join headers, whose names differ in more than case; the user's own win."""
    taken = {name.lower() for name in given}
    return {**{name: value for name, value in own.items() if name.lower() not in taken}, **given}


def _check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what no HTTP header may hold, without showing a value."""
    for name, value in headers.items():
        if not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII):
            raise UsageProblem(f'headers: in llmbench.yaml: "{name}" is no name of an HTTP header')
        if not (value.isascii() and value.isprintable()):
            raise UsageProblem(f"headers: in llmbench.yaml: the value of {name} holds a character that none may hold")


def _words_of(values: Iterable[str]) -> Iterator[str]:
    """Yield each value, and the token in one like ``Bearer TOKEN``, which a server may repeat alone."""
    for value in values:
        yield value
        yield from (word for word in value.split() if len(word) > _SCHEME_LIMIT)


def _secrets_in(url: str, authorization: dict[str, str]) -> tuple[str, ...]:
    if not authorization:
        return ()
    user_info = urlsplit(url.strip()).netloc.rpartition("@")[0]
    password = user_info.partition(":")[2]
    return user_info, password, authorization["Authorization"].removeprefix("Basic ")
