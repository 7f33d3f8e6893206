"""The control channel between the controller of xdist and its workers: JSON lines over loopback TCP.

A worker says ``hello`` (its scenarios), ``want`` (an item waits), ``talked`` and ``done`` (a trial),
``slot`` and ``leave`` (a question of a hand-written test), ``say`` (a line for the user), ``bye`` (its items
are done). The controller
says ``ready`` (a leg's server and run folder), ``over`` (a leg's server is not needed any more), ``run`` (a
trial), ``result`` (for an item, whoever ran it), ``slot``, ``bye`` (no trial will follow) and ``stop``.

The controller holds the one queue, so a trial runs wherever a slot is free and items may be spread
over the workers in any way: no work has to be moved at the tail.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmbench.loop import Loop
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.plugin.demand import Needs
from pytest_llmbench.records import PackFacts

LINE_LIMIT = 1 << 30
"""Bytes of one message; a hello names every scenario of the session."""

Message = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a worker says of one of its scenarios; `ahead` is False where its item may be skipped."""

    number: int
    nodeid: str
    scenario_id: str
    facts: PackFacts
    pack_path: Path
    own_tags: tuple[str, ...] = ()
    max_tokens: int = 0
    prefix: str = ""
    ahead: bool = True
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A worker's first message. `token` proves that the controller of this session started it.

    `needs` says what the scenarios of each leg need, `late` names the items that ask when they start, with
    their legs.
    """

    token: str
    worker: str
    needs: tuple[Needs, ...]
    tag_totals: Mapping[str, int]
    scenarios: tuple[Told, ...]
    late: Mapping[str, str]


def encode(message: Message) -> bytes:
    """Return the line of a message."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class ToTheLastLine(asyncio.StreamReaderProtocol):
    """Lets what a peer wrote be read to its end, also where it was killed before it had read all we sent.

    A reset connection would make the reader raise before the lines that had arrived were read.
    """

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """End the stream as if the peer had closed it."""
        super().connection_lost(None)


class Link:
    """The worker's end. `heard` gets each message, on the loop; None when the controller is gone."""

    def __init__(self, address: Mapping[str, Any], loop: Loop, heard: Callable[[Message | None], None]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", address["port"]))
        self._loop = loop
        self._heard = heard
        self._writer: asyncio.StreamWriter | None = None
        self._early: list[Message] = []

    def hello(self, hello: Hello) -> None:
        """Say what this worker holds. That it called is known to the controller from the connection alone."""
        # the loop sends it: the controller reads only when the collection is reported, and a hello may be long
        self._early.append(to_plain(hello))
        self._loop.submit(self._listen())

    def send(self, message: Message) -> None:
        """Send a message; from any thread."""
        self._loop.call(self._send, message)

    def send_now(self, message: Message) -> None:
        """Hand a message to the socket before returning; to be called on the loop."""
        self._send(message)

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()

    def _send(self, message: Message) -> None:
        if self._writer is None:
            self._early.append(message)
        elif not self._writer.is_closing():
            self._writer.write(encode(message))

    async def _listen(self) -> None:
        reader, self._writer = await asyncio.open_connection(sock=self._socket, limit=LINE_LIMIT)
        for message in self._early:
            self._send(message)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while line := await reader.readline():
                    self._heard(json.loads(line))
        finally:
            self._heard(None)
