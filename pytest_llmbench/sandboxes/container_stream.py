"""The two ends of a sandbox in a container, taken out of the frames in which Docker carries them."""

from __future__ import annotations

import select
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_llmbench.sandboxes.launcher import OUT_OF_MEMORY

if TYPE_CHECKING:
    from pytest_llmbench.containers import Container

SEND_S = 60.0
"""Seconds a sandbox may leave its stdin unread while something is sent to it."""
TAIL_BYTES = 4096
_CHUNK = 1 << 18
_HEADER = 8
_STDOUT = 1


@dataclass(slots=True)
class Frames:
    """Takes apart what the daemon sends; `tail` is the end of all that was not stdout."""

    tail: bytearray = field(default_factory=bytearray)
    _header: bytearray = field(default_factory=bytearray)
    _kind: int = 0
    _left: int = 0

    def stdout(self, data: bytes) -> bytes:
        """Return what of `data`, the next bytes however they were cut, went to stdout."""
        parts: list[memoryview] = []
        rest = memoryview(data)
        while rest:
            if not self._left:
                rest = self._begin(rest)
                continue
            piece, rest = rest[: self._left], rest[self._left :]
            self._left -= len(piece)
            if self._kind == _STDOUT:
                parts.append(piece)
            else:
                self.tail += piece
                del self.tail[:-TAIL_BYTES]
        return b"".join(parts)

    def _begin(self, rest: memoryview) -> memoryview:
        missing = _HEADER - len(self._header)
        self._header += rest[:missing]
        if len(self._header) == _HEADER:
            self._kind, self._left = self._header[0], int.from_bytes(self._header[4:], "big")
            self._header.clear()
        return rest[missing:]


class ContainerStream:
    """See `launcher.Stream`."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._socket = container.socket
        self._socket.settimeout(SEND_S)
        self._frames = Frames()

    def write(self, data: bytes) -> None:
        """See `launcher.Stream`."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise BrokenPipeError(str(error)) from None

    def read(self, time_s: float) -> bytes:
        """See `launcher.Stream`."""
        deadline = time.monotonic() + time_s
        while self._is_readable(deadline):
            try:
                data = self._socket.recv(_CHUNK)
            except OSError:
                return b""
            if not data:
                return b""
            if output := self._frames.stdout(data):
                return output
        raise TimeoutError

    def destroy(self) -> None:
        """See `launcher.Stream`."""
        self._container.remove()

    def obituary(self) -> str:
        """See `launcher.Stream`."""
        seen = self._container.post_mortem()
        said = self._frames.tail.decode("utf-8", "replace").strip()
        text = f"{seen.text}; it said: {said}" if said else seen.text
        return f"{OUT_OF_MEMORY}: {text}" if seen.out_of_memory else text

    def _is_readable(self, deadline: float) -> bool:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        poll = select.poll()
        try:
            poll.register(self._socket, select.POLLIN)
        except ValueError:  # closed by `destroy`, as the read will find
            return True
        return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
