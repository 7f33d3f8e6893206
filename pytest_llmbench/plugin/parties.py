"""Whom the controller's broker deals with: its workers, the server behind it, those who watch."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pytest_llmbench.plugin.channel import Hello, Message, Told, encode
from pytest_llmbench.plugin.ready import Ready
from pytest_llmbench.pump import Key
from pytest_llmbench.records import PackFacts, Result

NOBODY = Told(
    number=-1,
    nodeid="",
    scenario_id="",
    facts=PackFacts(id="", title="", version="", content_hash="", size=0),
    pack_path=Path(),
    ahead=False,
)
"""What a session without scenarios is told as, so that its server is started all the same."""


@dataclass(slots=True)
class Worker:
    """The controller's end of a connection. `guests` counts the slots that its tests hold, by leg."""

    name: str
    writer: asyncio.StreamWriter
    running: set[Key] = field(default_factory=set)
    judging: set[Key] = field(default_factory=set)
    guests: Counter[str] = field(default_factory=Counter)
    leaving: bool = False

    def send(self, message: Message) -> None:
        """Send a message; a worker that is gone is noticed by its reader."""
        if not self.writer.is_closing():
            self.writer.write(encode(message))


class Preparation(Protocol):
    """The server of a leg as the broker sees it."""

    def prepare(self, hello: Hello) -> Ready:
        """Start it for what a worker says it holds; blocks, raises what `Host.open` raises."""
        ...

    async def probe(self) -> None:
        """Ask whether it is still well; raises `TrialError`."""
        ...

    @property
    def limit(self) -> int | None:
        """How many requests may be in flight now; None where that is not watched."""
        ...

    def watch(self, ready: Ready, *, in_flight: Callable[[], int], resize: Callable[[int], object]) -> None:
        """Let the limit follow its queue until `end`."""
        ...

    def end(self) -> None:
        """Stop it; blocks."""
        ...


class Audience(Protocol):
    """Who watches the run."""

    def finished(self, result: Result) -> None:
        """Take note of a finished trial."""
        ...

    def tell(self, line: str) -> None:
        """Show a line that a worker has for the user."""
        ...
