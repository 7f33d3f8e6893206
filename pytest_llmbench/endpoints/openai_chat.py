"""Asks any OpenAI-compatible server through the official SDK. The only file that imports it, and lazily.

The SDK sends, checks the status and names the errors; bodies are read as plain JSON by `normalise`, for
servers differ from the schema in ways the SDK's models hide, and building those models costs time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pytest_llmbench.contracts import Progress
from pytest_llmbench.endpoints.addresses import address_of
from pytest_llmbench.endpoints.events import lenient
from pytest_llmbench.endpoints.introspection import look_at
from pytest_llmbench.endpoints.load import LoadMeter
from pytest_llmbench.endpoints.message_body import body_of
from pytest_llmbench.endpoints.patience import Cause, Patience
from pytest_llmbench.endpoints.reading import BrokenStream, Reading, SaidError
from pytest_llmbench.endpoints.refusals import cause_of, mentions_stream_options, refused
from pytest_llmbench.errors import EndpointUnreachable, ServerError, TrialError
from pytest_llmbench.records import Connection, Request, Response, ServerFacts, ServerLoad, Trial
from pytest_llmbench.web import may_keep_secrets

if TYPE_CHECKING:
    import openai

KEEPALIVE_S = 4.0
"""Seconds an idle connection is kept: less than the five after which llama.cpp and vLLM close theirs."""

DRAIN_S = 0.5
"""Seconds for a stream to end after [DONE], so that its connection can be used again."""

_NO_KEY = "unused"
"""The SDK insists on a key; ours goes into a header per request, or none at all."""


def preload() -> None:
    """Import the SDK, half a second's work, where there is time to do it before the first question."""
    import openai

    del openai


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """A try that brought no answer: what to raise, and why another try may help (None: it will not)."""

    error: TrialError
    cause: Cause | None = None
    retry_after: str | None = None
    refuses_stream_options: bool = False


class OpenAIChat:
    """An OpenAI-compatible server.

    `base_url` may hold credentials, which are sent as a header; without a path it gets ``/v1``.
    `model` is the one to ask; empty means the first that the server lists, known after `facts`.
    Of `connection` the headers and what it says of certificates are used here.
    """

    name = "openai_chat"

    def __init__(
        self, *, base_url: str, model: str = "", api_key: str = "", connection: Connection | None = None
    ) -> None:
        self._address = address_of(base_url, api_key, connection or Connection())
        self.model = model
        self._meter = LoadMeter(self._address)
        self._asks_usage = True
        self._client: openai.AsyncOpenAI | None = None

    def __repr__(self) -> str:
        return f"OpenAIChat(base_url={self._address.api!r}, model={self.model!r})"

    def facts(self, *, wait_s: float) -> ServerFacts:
        """Ask the server what it is; sets `model` where none was named. See `contracts.Endpoint`."""
        found = look_at(self._address, model=self.model, wait_s=wait_s)
        self.model = self.model or (found.models[0] if found.models else "")
        return found

    def load(self) -> ServerLoad | None:
        """Say how busy the server is; see `contracts.LoadSignal`."""
        return self._meter.load()

    async def ask(self, request: Request, *, trial: Trial, turn: int, progress: Progress) -> Response:
        """Return the answer, streamed where `request.stream`.

        Retries 429, 503 and broken connections, see `patience`. Raises a `TrialError`.
        Cancelling closes the connection, upon which servers stop decoding.
        """
        del trial, turn
        patience = Patience()
        while True:
            progress.streamed, progress.characters = request.stream, 0
            asks_usage = self._asks_usage
            found = await self._try(request, progress, patience.retries)
            if isinstance(found, Response):
                return found
            if found.refuses_stream_options and asks_usage:
                self._asks_usage = False
                continue
            pause_s = patience.pause(found.cause, retry_after=found.retry_after) if found.cause else None
            if pause_s is None:
                raise found.error
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """Close all connections; the next `ask` would open new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _try(self, request: Request, progress: Progress, retries: int) -> Response | _Failure:
        """Send the request once. Exceptions of the SDK end here, so that none of its texts is ever shown."""
        import openai

        http = _http_library(openai)
        try:
            return await self._send(request, progress, retries)
        except openai.OpenAIError as error:
            return self._explained(error, request.model)
        except SaidError as error:
            return self._status(_status_in(error.body), error.body, model=request.model)
        except BrokenStream:
            said = f"{self._address.api} ended its stream before the answer was finished"
            return self._failure(ServerError(said), cause=Cause.BROKEN)
        except (http.TransportError, http.StreamError, OSError) as error:
            return self._disconnected(error)
        except (http.HTTPError, ServerError) as error:
            return self._failure(ServerError(f"{self._address.api}: {error or type(error).__name__}"))

    async def _send(self, request: Request, progress: Progress, retries: int) -> Response:
        import openai

        http = _http_library(openai)
        client = self._connected()
        reading = Reading(progress, begin=time.monotonic())
        raw: Any = await client.post(
            "/chat/completions",
            cast_to=http.Response,
            body=body_of(request, stream_usage=self._asks_usage),
            options={"headers": {"Authorization": openai.Omit(), **self._address.headers}},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        try:
            blocks = raw.aiter_bytes()
            if "text/event-stream" in raw.headers.get("content-type", ""):
                await reading.events(blocks)
                with contextlib.suppress(http.TransportError, OSError):
                    await _drain(blocks)
            else:
                await reading.whole(blocks)
        finally:
            await raw.aclose()
        return reading.response(retries=retries)

    def _connected(self) -> openai.AsyncOpenAI:
        """Return the client; connections are not limited here, for the pump limits the requests."""
        if self._client is None:
            import openai

            limits = _http_library(openai).Limits(
                max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEPALIVE_S
            )
            http_client = openai.DefaultAsyncHttpxClient(
                limits=limits,
                timeout=None,
                trust_env=not self._address.is_local,
                verify=self._address.trust(),
                event_hooks={"request": [self._keep_secrets]},
            )
            self._client = openai.AsyncOpenAI(
                base_url=self._address.api, api_key=_NO_KEY, max_retries=0, timeout=None, http_client=http_client
            )
        return self._client

    async def _keep_secrets(self, request: Any) -> None:
        """Send no header of ours where a redirect leads away; the library itself drops ``Authorization`` alone."""
        home = str(type(request.url)(self._address.api))  # spelled as the library spells it
        if not may_keep_secrets(home, str(request.url)):
            for name in self._address.headers:
                request.headers.pop(name, None)

    def _explained(self, error: openai.OpenAIError, model: str) -> _Failure:
        """Turn any of the SDK's exceptions into ours."""
        import openai

        if isinstance(error, openai.APITimeoutError):
            return self._failure(EndpointUnreachable(f"{self._address.api} timed out while connecting"))
        if isinstance(error, openai.APIConnectionError):
            return self._disconnected(error.__cause__ or error)
        if isinstance(error, openai.APIStatusError):
            headers, body = error.response.headers, lenient(error.response.text)
            return self._status(error.status_code, body, model=model, retry_after=headers.get("retry-after"))
        return self._failure(ServerError(f"{self._address.api}: {type(error).__name__}: {error}"))

    def _status(self, status: int, body: Any, *, model: str, retry_after: str | None = None) -> _Failure:
        error = refused(status, body, model=model, url=self._address.api)
        return self._failure(
            error,
            cause=cause_of(status, error),
            retry_after=retry_after,
            refuses_stream_options=status < HTTPStatus.INTERNAL_SERVER_ERROR and mentions_stream_options(body),
        )

    def _disconnected(self, error: BaseException) -> _Failure:
        if why := _distrust(error):
            return self._failure(self._address.untrusted(why))
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        return self._failure(
            EndpointUnreachable(f"no connection to {self._address.api}, or it broke ({said})"), cause=Cause.BROKEN
        )

    def _failure(self, error: TrialError, **more: Any) -> _Failure:
        """Make the error anew without secrets and without the SDK's exception behind it."""
        return _Failure(error=type(error)(self._address.secrets.hide(str(error))), **more)


async def _drain(blocks: AsyncIterator[bytes]) -> None:
    """Read on to the end of the stream; raises TimeoutError where it does not come."""
    async with asyncio.timeout(DRAIN_S):
        async for _ in blocks:
            pass


def _http_library(sdk: Any) -> Any:
    """Return the HTTP library below the SDK: httpx2 since its version 3, httpx before."""
    client = next(base for base in sdk.DefaultAsyncHttpxClient.__mro__ if base.__name__ == "AsyncClient")
    return sys.modules[client.__module__.partition(".")[0]]


def _distrust(error: BaseException | None) -> str:
    """Return why a certificate is not believed, where that is behind `error`, else ""."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error.verify_message if error is not None else ""


def _status_in(body: Any) -> int:
    """Return the status that an error inside a 200 names, else 500."""
    code = body["error"].get("code") if isinstance(body["error"], Mapping) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500
