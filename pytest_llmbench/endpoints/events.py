"""Server-sent events, as model servers send them: one JSON text per ``data:`` line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pytest_llmbench.errors import ServerError
from pytest_llmbench.plain_data import printable

DONE = "[DONE]"


class EventLines:
    """Cuts the bytes of a stream into its events, wherever the network cut them."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def held(self) -> int:
        """Bytes of a line whose end has not come yet."""
        return len(self._rest)

    def feed(self, block: bytes) -> Iterator[str]:
        """Yield the data of each line that is complete now; comments and other fields are left out.

        Old builds of llama.cpp send an error as a field of its own: it comes out as ``{"error": ...}``.
        """
        self._rest += block
        if b"\n" not in block:
            return
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            name, colon, value = bytes(line).rstrip(b"\r").partition(b":")
            if not colon or name not in (b"data", b"error"):
                continue
            data = value.decode("utf-8", "replace").strip()
            yield f'{{"error": {data}}}' if name == b"error" else data


def parsed(text: str) -> Any:
    """Return the JSON in `text`; raises `ServerError` where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        excerpt = printable(" ".join(text[:400].split()), 200) or "nothing"
        raise ServerError(f"the answer is not JSON: {excerpt}") from None


def lenient(text: str) -> Any:
    """Return the JSON in `text`, or the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
