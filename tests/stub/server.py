"""The stub's routes and its life: ``python -m tests.stub.server --port 0 --slots 8 --service-s 1.0``.

Prints one line ``{"port": ...}`` when it is about to listen; runs until killed or told ``/stub/quit``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import hashlib
import json
import socket
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.stub import faults, pages
from tests.stub.answering import deliver, service_seconds
from tests.stub.engine import Slots, Tally, Tokens
from tests.stub.options import Options
from tests.stub.replies import read_ask, reply_to
from tests.stub.wire import Call, Connection


class StubServer:
    """One server: its options, slots, counts and open connections."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.slots = Slots(options.slots)
        self.tally = Tally()
        self.tokens = Tokens()
        self.refused = 0
        self._seen: deque[dict[str, Any]] = deque(maxlen=options.kept)
        self._connections: set[Connection] = set()
        self._born = time.monotonic()
        self._quit = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def serve(self, port: int) -> None:
        """Listen until told to quit; a port that does not listen yet refuses connections."""
        # named as TCP, or asyncio leaves Nagle's algorithm on and each stream ends 40 ms late
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as place:
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            place.bind((self.options.host, port))
            self._port = place.getsockname()[1]
            print(json.dumps({"port": self._port}), flush=True)
            await asyncio.sleep(self.options.refuse_s)
            if self.options.refuse_s:
                self._born = time.monotonic()
            await self._listen(place)
            await self._quit.wait()

    async def _listen(self, place: socket.socket | None = None) -> None:
        loop = asyncio.get_running_loop()
        where: dict[str, Any] = {"sock": place} if place else {"host": self.options.host, "port": self._port}
        self._listener = await loop.create_server(
            lambda: Connection(self.handle, self._connections), backlog=4096, **where
        )

    async def _refuse(self, seconds: float) -> None:
        assert self._listener is not None
        self._listener.close()
        for connection in list(self._connections):
            connection.transport.abort()
        await asyncio.sleep(seconds)
        await self._listen()

    async def handle(self, call: Call) -> None:
        """Answer one request."""
        path = urlsplit(call.path).path
        if path.startswith("/stub/"):
            self._control(call, path.removeprefix("/stub/"))
        elif path.removeprefix("/v1") == "/chat/completions" and call.method == "POST":
            await self._complete(call)
        else:
            pages.page(call, path, self)

    @property
    def is_loading(self) -> bool:
        """Whether the model is still being read."""
        return time.monotonic() - self._born < self.options.loading_s

    async def _complete(self, call: Call) -> None:
        body = _parsed(call.body)
        if body is None:
            call.answer(400, faults.llama_error(400, "parse error: not a JSON object", "invalid_request_error"))
            return
        self._seen.append({"body": body, "headers": dict(call.headers)})
        digest = content_hash(body)
        seen_before = self.tally.begin(digest)
        try:
            if await self._answer(call, body, seen_before):
                self.tally.finish(digest)
        except asyncio.CancelledError:
            self.tally.aborted += 1
            raise
        finally:
            self.tally.in_flight -= 1

    async def _answer(self, call: Call, body: Mapping[str, Any], seen_before: int) -> bool:
        ask = read_ask(body)
        if self.is_loading:
            call.answer(503, faults.LOADING)
            return False
        refused = faults.refusal(ask, call, self.options)
        if refused is not None:
            call.answer(*refused)
            return False
        if 0 < self.options.most <= self.slots.busy + self.slots.waiting:
            self.refused += 1
            call.answer(503, faults.FULL)
            return False
        fault = faults.fault_for(ask, self.options, seen_before)
        if fault is not None:
            async with self.slots.one():
                await faults.FAULTS[fault.name](call, fault)
            return False
        reply = reply_to(ask, self.options)
        seconds = service_seconds(ask, self.options)
        async with self.slots.one():
            with self.tokens.request(ask.prompt_tokens, reply.tokens, seconds):
                await deliver(call, ask, reply, self.options)
        return True

    def _control(self, call: Call, verb: str) -> None:
        if verb == "stats":
            call.answer(200, self._stats(counts="counts=0" not in call.path))
        elif verb == "requests":
            wanted = int(parse_qs(urlsplit(call.path).query).get("last", ["0"])[0])
            call.answer(200, list(self._seen)[-wanted:])
        elif verb == "set":
            self._set(call, json.loads(call.body))
        elif verb == "quit":
            call.answer(200, {})
            self._quit.set()
        else:
            call.answer(404, {"error": f"no /stub/{verb}"})

    def _set(self, call: Call, values: dict[str, Any]) -> None:
        if values.pop("reset", False):
            in_flight = self.tally.in_flight
            self.tally = Tally()
            self.tally.in_flight = in_flight
            self.slots.forget()
            self._seen.clear()
        try:
            self.options.change(values)
        except AttributeError as error:
            call.answer(400, {"error": f"no option {error}"})
            return
        self.slots.resize(self.options.slots)
        if "loading_s" in values:
            self._born = time.monotonic()
        call.answer(200, {})
        if values.get("refuse_s"):
            self._reopening = asyncio.create_task(self._refuse(self.options.refuse_s))

    def _stats(self, *, counts: bool) -> dict[str, Any]:
        found = {
            **self.tally.plain(),
            "busy_slot_s": self.slots.busy_seconds(),
            "busy": self.slots.busy,
            "peak_busy": self.slots.peak,
            "waiting": self.slots.waiting,
            "connections": len(self._connections),
            "cpu_s": time.process_time(),
        }
        return {**found, "asked": self.tally.asked, "answered": self.tally.answered} if counts else found


def content_hash(body: Mapping[str, Any]) -> str:
    """Return 16 hex digits that stand for what was asked: messages, tools and seed."""
    what = json.dumps([body.get("messages"), body.get("tools"), body.get("seed")])
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def main(arguments: list[str]) -> None:
    """Run a stub as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.stub.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--options", type=json.loads, default={}, help="any option, as a JSON object")
    for item in fields(Options):
        if isinstance(getattr(Options(), item.name), (str, int, float)):
            kind = type(getattr(Options(), item.name))
            reader = (lambda text: text == "true") if kind is bool else kind
            parser.add_argument(f"--{item.name.replace('_', '-')}", type=reader)
    given = vars(parser.parse_args(arguments))
    port, options = given.pop("port"), Options(**given.pop("options"))
    options.change({name: value for name, value in given.items() if value is not None})
    gc.freeze()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(options, port))


async def _run(options: Options, port: int) -> None:
    await StubServer(options).serve(port)


if __name__ == "__main__":
    main(sys.argv[1:])
