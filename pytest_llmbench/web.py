"""HTTP with the standard library: one GET, one bounded answer.

Credentials may be part of a URL (``https://user:secret@host/``); they are sent and never shown.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import ipaddress
import json
import os
import re
import socket
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HOST_NAMES = ("host.docker.internal", "host.containers.internal")
"""What the machine outside is called inside a container, by Docker and by Podman."""

BODY_LIMIT = 16 << 20
"""Bytes of an answer that are read; a longer one is cut and counts as no JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer. `body` is the parsed JSON, None where `text` is none."""

    status: int
    body: Any
    text: str


class Untrusted(EndpointUnreachable):
    """The server's certificate is not believed; `why` in the words of the TLS library."""

    def __init__(self, where: str, why: str) -> None:
        self.why = why
        super().__init__(f"the certificate of {where} is not trusted: {why} (SSL_CERT_FILE names those to trust)")


@functools.cache
def certificates(ca_file: str = "", *, verify: bool = True) -> ssl.SSLContext:
    """Return how TLS servers are believed: by the system's authorities, or by those in the PEM file `ca_file` alone.

    Without `verify` any certificate will do. Raises `BadConfiguration` for a file that is no such thing.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        said = "holds no certificate in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
        raise BadConfiguration(f"the certificate authorities' file {ca_file}: {said} (tls: in llmbench.yaml)") from None
    for variable in () if ca_file else ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        bundle = Path(os.environ.get(variable) or os.devnull)
        with contextlib.suppress(OSError):
            if bundle.is_file():
                context.load_verify_locations(cafile=bundle)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def get_json(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout_s: float,
    limit: int = BODY_LIMIT,
    trust: Callable[[], ssl.SSLContext] = certificates,
) -> Reply:
    """GET `url`; return the answer whatever its status, at most `limit` bytes of it.

    `timeout_s` bounds the whole: name lookup, connection, headers and body. Proxies of the
    environment are used except for hosts that are `is_near`; `trust` is called where TLS is spoken.
    Raises `EndpointUnreachable` where no complete answer came, as `Untrusted` for a certificate.
    """
    fetch = _Fetch(Line(trust), url, headers or {}, timeout_s=timeout_s)
    thread = threading.Thread(target=fetch.run, args=(limit,), name="llmbench-get", daemon=True)
    thread.start()
    if not fetch.done.wait(timeout_s):
        fetch.abort()
        raise EndpointUnreachable(f"{shown(url)} gave no complete answer within {timeout_s:g} s")
    if isinstance(fetch.failure, BadConfiguration):
        raise fetch.failure
    if fetch.failure is not None:
        raise explained(fetch.failure, url, timeout_s) from fetch.failure
    text = fetch.content[:limit].decode("utf-8", "replace")
    return Reply(status=fetch.status, body=_parsed(text) if len(fetch.content) <= limit else None, text=text)


def shown(url: str) -> str:
    """Return `url` fit for a message: without credentials, query and fragment."""
    return re.sub(r"(?<=//)[^/?#]*@|[?#].*", "", url)


def explained(error: BaseException, url: str, timeout_s: float) -> EndpointUnreachable:
    """Put a connection's failure into plain words."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    where = shown(url)
    host = urllib.parse.urlsplit(where).hostname or where
    if isinstance(cause, ConnectionRefusedError):
        said = f"nothing listens at {where} (connection refused)"
    elif isinstance(cause, socket.gaierror):
        said = f"the host name {host} of {where} cannot be resolved"
    elif isinstance(cause, TimeoutError):
        said = f"{where} gave no complete answer within {timeout_s:g} s"
    elif isinstance(cause, ssl.SSLCertVerificationError):
        return Untrusted(where, cause.verify_message)
    elif isinstance(cause, ssl.SSLError):
        said = f"no safe connection to {where}: {cause}"
    elif isinstance(cause, (ConnectionError, http.client.IncompleteRead)):
        said = f"{where} closed the connection before its answer was complete"
    elif isinstance(cause, http.client.HTTPException):
        said = f"what listens at {where} does not speak HTTP ({type(cause).__name__})"
    else:
        said = f"{where} cannot be reached: {shown(str(cause))}"
    return EndpointUnreachable(said)


class _Fetch:
    """One GET in a thread of its own, for neither a name lookup nor a dripping header obeys a socket's timeout."""

    def __init__(self, line: Line, url: str, headers: Mapping[str, str], *, timeout_s: float) -> None:
        self.done = threading.Event()
        self.failure: Exception | None = None
        self.status = 0
        self.content = b""
        self._url, self._headers, self._timeout_s = url, headers, timeout_s
        self._line = line

    def run(self, limit: int) -> None:
        """Fetch; every failure is kept for the caller, who runs in another thread."""
        try:
            with self._line.open(self._url, self._headers, self._timeout_s) as response:
                self.status = response.status
                self.content = response.read(limit + 1)
            if len(self.content) <= limit and response.length:
                self.failure = http.client.IncompleteRead(self.content, response.length)
        except Exception as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
            self.failure = error
        self.done.set()

    def abort(self) -> None:
        """Break the connection, so that the thread ends."""
        self._line.cut()


class Line:
    """Opens URLs and knows the sockets in use, so that another thread can cut them."""

    def __init__(self, trust: Callable[[], ssl.SSLContext] = certificates) -> None:
        self.sockets: list[socket.socket] = []
        self.is_cut = False
        self.trust = trust

    def open(self, url: str, headers: Mapping[str, str], timeout_s: float) -> http.client.HTTPResponse:
        """Return the response, of any status; redirects are followed."""
        plain, secret = split_credentials(url)
        request = urllib.request.Request(  # noqa: S310 - the opener below knows only http and https
            plain, headers={"User-Agent": "pytest-llmbench", **secret, **headers}
        )
        near = is_near(urllib.parse.urlsplit(plain).hostname or "")
        opener, proxies = urllib.request.OpenerDirector(), urllib.request.ProxyHandler({} if near else None)
        for handler in (proxies, urllib.request.UnknownHandler(), _Http(self), _Https(self), _Redirects(), _Every()):
            opener.add_handler(handler)
        response: http.client.HTTPResponse = opener.open(request, timeout=timeout_s)
        return response

    def note(self, connected: socket.socket) -> None:
        """Remember a socket; refuse it where the line was cut while it was being connected."""
        self.sockets.append(connected)
        if self.is_cut:
            raise TimeoutError

    def cut(self) -> None:
        """Shut down whatever is connected and whatever will be."""
        self.is_cut = True
        for connected in self.sockets:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: str, *, line: Line, **options: Any) -> None:
        super().__init__(host, **options)
        self._line = line

    def connect(self) -> None:
        super().connect()
        self._line.note(self.sock)


class _TlsConnection(_Connection, http.client.HTTPSConnection):
    """The same over TLS: the order of the bases makes `connect` shake hands first."""


class _Http(urllib.request.HTTPHandler):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._connect: Any = functools.partial(_Connection, line=line)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connect, req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._connect: Any = functools.partial(_TlsConnection, line=line)
        self._trust = line.trust

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connect, req, context=self._trust())


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects; to another host it sends no credentials."""

    def redirect_request(self, req: Any, *rest: Any) -> urllib.request.Request | None:
        following = super().redirect_request(req, *rest)
        if following is not None and not may_keep_secrets(req.full_url, following.full_url):
            harmless = {"User-agent", "Accept", "Range"}
            following.headers = {name: value for name, value in following.headers.items() if name in harmless}
        return following


class _Every(urllib.request.HTTPErrorProcessor):
    """Hands every answer through, whatever its status, except the redirects."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        if response.status not in (301, 302, 303, 307, 308):
            return response
        return self.parent.error("http", request, response, response.status, response.reason, response.headers)

    https_response = http_response

    def http_error_default(self, _request: Any, response: Any, *_rest: Any) -> Any:
        """Hand a redirect that leads nowhere through as it is."""
        return response


def split_credentials(url: str) -> tuple[str, dict[str, str]]:
    """Return `url` without its credentials, and the header that carries them."""
    parts = urllib.parse.urlsplit(url)
    if "@" not in parts.netloc:
        return url, {}
    secret, _, host = parts.netloc.rpartition("@")
    token = base64.b64encode(urllib.parse.unquote_to_bytes(secret)).decode("ascii")
    return urllib.parse.urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {token}"}


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def is_near(host: str) -> bool:
    """Whether `host` is this machine, or the one outside this container: no proxy leads there."""
    return is_loopback(host) or host.rstrip(".").lower() in HOST_NAMES


def may_keep_secrets(old_url: str, new_url: str) -> bool:
    """Whether what was meant for `old_url` may also be sent to `new_url`, to which it redirects."""
    old, new = urllib.parse.urlsplit(old_url), urllib.parse.urlsplit(new_url)
    if old.hostname != new.hostname:
        return False
    return new.scheme == "https" or (old.scheme, _port(old)) == (new.scheme, _port(new))


def _port(parts: urllib.parse.SplitResult) -> int | None:
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
