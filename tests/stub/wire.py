"""Just enough HTTP/1.1 for a server: keep-alive, fixed bodies and chunked ones, and rude ways to hang up."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

JSON = "application/json; charset=utf-8"
EVENTS = "text/event-stream"


@dataclass(slots=True, kw_only=True)
class Call:
    """One request and the ways to answer it. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    transport: asyncio.Transport

    def answer(
        self,
        status: int,
        data: Any,
        *,
        kind: str = JSON,
        headers: Mapping[str, str] | None = None,
        promise: int = 0,
    ) -> None:
        """Send a whole answer. `data`: bytes or text as they are, else JSON; `promise` more bytes that never come."""
        text = data if isinstance(data, (bytes, str)) else json.dumps(data)
        body = text.encode() if isinstance(text, str) else text
        length = len(body) + promise
        self.write(_head(status, {"Content-Type": kind, "Content-Length": length, **(headers or {})}) + body)

    def begin_events(self) -> None:
        """Start a chunked event stream."""
        self.write(_head(200, {"Content-Type": EVENTS, "Transfer-Encoding": "chunked"}))

    def event(self, data: Any) -> None:
        """Send ``data: <data>`` as one chunk; text is sent as it is."""
        self.raw_chunk(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n")

    def raw_chunk(self, text: str) -> None:
        """Send `text` as one chunk of the body."""
        block = text.encode()
        self.write(b"%x\r\n%b\r\n" % (len(block), block))

    def end_events(self) -> None:
        """End a chunked body; the connection stays open."""
        self.write(b"0\r\n\r\n")

    def write(self, data: bytes) -> None:
        """Send bytes unless the client has gone."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def hang_up(self) -> None:
        """Close the connection in good order."""
        self.transport.close()

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


Handle = Callable[[Call], Awaitable[None]]


class Connection(asyncio.Protocol):
    """One client connection: parses requests one after another and runs `handle` on each.

    When the client goes away the running handler is cancelled.
    """

    def __init__(self, handle: Handle, members: set[Connection]) -> None:
        self._handle = handle
        self._members = members
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._members.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop working for a client that has gone."""
        self._members.discard(self)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Collect bytes; run the next request once it is whole."""
        self._buffer += data
        if self._task is None:
            self._next()

    def _next(self) -> None:
        call = self._parse()
        if call is None or self.transport.is_closing():
            return
        self._task = asyncio.get_running_loop().create_task(self._handle(call))  # type: ignore[arg-type]
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():
            return
        fault = task.exception()
        if fault is not None:
            traceback.print_exception(fault, file=sys.stderr)
            self.transport.abort()
            return
        self._next()

    def _parse(self) -> Call | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        stop = end + 4 + int(headers.get("content-length", 0))
        if len(self._buffer) < stop:
            return None
        body = bytes(self._buffer[end + 4 : stop])
        del self._buffer[:stop]
        method, path, _ = first.split(" ", 2)
        return Call(method=method, path=path, headers=headers, body=body, transport=self.transport)


def _head(status: int, headers: Mapping[str, object]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}\r\n".encode("latin-1")
