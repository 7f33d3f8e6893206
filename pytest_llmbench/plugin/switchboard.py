"""The controller's listening end of the channel: lets workers in, reads their lines, notices when they are gone."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
from collections.abc import Iterable
from typing import Protocol

from pytest_llmbench.plain_data import from_plain
from pytest_llmbench.plugin.address import Address
from pytest_llmbench.plugin.channel import LINE_LIMIT, Hello, Message, ToTheLastLine
from pytest_llmbench.plugin.parties import Worker


class Patron(Protocol):
    """Whom the switchboard works for."""

    def greet(self, worker: Worker, hello: Hello) -> None:
        """Take note of a worker that has called and proved who it is."""

    def hear(self, worker: Worker, message: Message) -> None:
        """Take a worker's message."""

    def gone(self, worker: Worker) -> None:
        """Take note that a worker has hung up, or died."""

    def broken(self, error: Exception) -> None:
        """Take note of a fault of our own, by which a worker's messages are lost."""


class Switchboard:
    """To be used on one event loop."""

    def __init__(self, address: Address, patron: Patron) -> None:
        self._address = address
        self._patron = patron

    async def listen(self) -> None:
        """Let workers call."""

        def protocol() -> ToTheLastLine:
            return ToTheLastLine(asyncio.StreamReader(limit=LINE_LIMIT), self._serve)

        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(protocol, sock=self._address.listener)

    async def hang_up(self, workers: Iterable[Worker]) -> None:
        """Let them hear what was said last, and end all calls."""
        for worker in workers:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(worker.writer.drain(), 0.3)
            worker.writer.close()
        self._listening.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        worker = None
        try:
            worker = await self._let_in(reader, writer)
            while worker is not None and (line := await reader.readline()):
                self._patron.hear(worker, json.loads(line))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            worker = None  # the session is over: nothing is to be run again
        except Exception as error:  # noqa: BLE001 - items wait for what this worker would have said
            self._patron.broken(error)
        finally:
            writer.close()
            if worker is not None:
                self._patron.gone(worker)

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Worker | None:
        first = json.loads(await reader.readline() or b"{}")
        if not hmac.compare_digest(str(first.get("token", "")), self._address.token):
            return None
        hello = from_plain(Hello, first)
        worker = Worker(hello.worker, writer)
        self._patron.greet(worker, hello)
        return worker
