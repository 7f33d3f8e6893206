"""Reads the bytes of an answer as they come, keeps the clock, and stops where an answer has no end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from pytest_llmbench.contracts import Progress
from pytest_llmbench.endpoints.events import DONE, EventLines, parsed
from pytest_llmbench.endpoints.normalise import Answer, Clock, error_of
from pytest_llmbench.errors import ServerError
from pytest_llmbench.records import Response

ANSWER_LIMIT = 32 << 20
"""Bytes of a whole answer, or characters of a streamed one, after which nobody reads on."""


class BrokenStream(Exception):
    """The stream ended before the answer did."""


class SaidError(Exception):
    """The server reports an error inside an answer with status 200; `body` is what it said."""

    def __init__(self, body: Any) -> None:
        super().__init__("error inside an answer")
        self.body = body


class Reading:
    """One answer on its way. `progress` is told what has arrived."""

    def __init__(self, progress: Progress, *, begin: float) -> None:
        self._progress = progress
        self._begin = begin
        self._answer = Answer()
        self._first: float | None = None
        self._bursts = 0
        self._end = begin

    def response(self, *, retries: int) -> Response:
        """Return the answer once it has been read."""
        first_s = None if self._first is None else self._first - self._begin
        clock = Clock(total_s=self._end - self._begin, first_token_s=first_s, bursts=self._bursts)
        return self._answer.response(clock, retries=retries)

    async def whole(self, blocks: AsyncIterator[bytes]) -> None:
        """Read a body that is one JSON text. Raises `ServerError` or `SaidError`."""
        body = bytearray()
        async for block in blocks:
            body += block
            _check_length(len(body))
        self._end = time.monotonic()
        data = parsed(body.decode("utf-8", "replace"))
        if error_of(data) and "choices" not in data:
            raise SaidError(data)
        self._answer.add_body(data)
        self._progress.characters = self._answer.characters

    async def events(self, blocks: AsyncIterator[bytes]) -> None:
        """Read a stream up to [DONE], or to its end. Raises `BrokenStream`, `ServerError` or `SaidError`."""
        lines = EventLines()
        async for block in blocks:
            before = self._answer.characters
            is_done = any([self._is_last(data) for data in lines.feed(block)])  # noqa: C419 - every line is taken
            self._end = time.monotonic()
            if self._answer.characters > before:
                self._note_burst()
            _check_length(self._answer.characters + lines.held)
            if is_done:
                break
        if not self._answer.finish_reason:
            raise BrokenStream

    def _is_last(self, data: str) -> bool:
        if data == DONE:
            return True
        if data:
            chunk = parsed(data)
            if error_of(chunk):
                raise SaidError(chunk)
            self._answer.add_chunk(chunk)
        return False

    def _note_burst(self) -> None:
        self._bursts += 1
        self._progress.characters = self._answer.characters
        if self._first is None:
            self._first = self._end


def _check_length(length: int) -> None:
    if length > ANSWER_LIMIT:
        raise ServerError(f"the answer is longer than {ANSWER_LIMIT >> 20} MiB: gave up reading it")
