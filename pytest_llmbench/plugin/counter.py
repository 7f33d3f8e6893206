"""Where results lie until the items that asked for them get them, whichever worker ran the trial."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from pytest_llmbench.plugin.channel import Message
from pytest_llmbench.pump import Key


class ResultCounter:
    """`send` gives a message to the worker of that name, if it is still there."""

    def __init__(self, send: Callable[[str, Message], None]) -> None:
        self._send = send
        self._lying: dict[Key, Message] = {}
        self._askers: dict[Key, set[str]] = defaultdict(set)

    def put(self, key: Key, plain: Message) -> None:
        """Lay a result down, and give it to all who wait for it."""
        self._lying[key] = plain
        self.answer(key, plain)

    def serve(self, name: str, key: Key) -> bool:
        """Give a worker the result if it lies here; tell whether it does."""
        if key not in self._lying:
            return False
        self._send(name, {"result": self._lying[key], "key": key})
        return True

    def wait(self, name: str, key: Key) -> bool:
        """Remember that a worker waits; tell whether another one did so before."""
        known = key in self._askers
        self._askers[key].add(name)
        return known

    def forget(self, key: Key) -> None:
        """Let go of a result."""
        self._lying.pop(key, None)

    def waited_for(self) -> list[Key]:
        """Return what somebody waits for."""
        return list(self._askers)

    def answer(self, key: Key, plain: Message) -> None:
        """Give this to all who wait, without laying it down."""
        for name in self._askers.pop(key, ()):
            self._send(name, {"result": plain, "key": key})
