"""What a kind of sandbox has to bring: start the cell program somewhere, and carry bytes to it and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pytest_llmbench.settings import SandboxSettings

OUT_OF_MEMORY = "out of memory"
"""How an obituary begins when the whole sandbox was killed because its program took too much memory."""


class Stream(Protocol):
    """The two ends of one running sandbox: bytes to its standard input, bytes from its standard output.

    Used by one thread at a time, but `destroy` may come from another one while `read` or `write` waits.
    """

    def write(self, data: bytes) -> None:
        """Send all of `data`; raises BrokenPipeError when the sandbox is gone or has stopped reading."""
        ...

    def read(self, time_s: float) -> bytes:
        """Return what has arrived, waiting up to `time_s` seconds for at least one byte.

        Returns ``b""`` when the sandbox has ended; raises TimeoutError when nothing came.
        """
        ...

    def destroy(self) -> None:
        """End the sandbox and all processes in it, and wait until they are gone. Harmless when called twice."""
        ...

    def obituary(self) -> str:
        """Say why the sandbox died: exit code, last lines of its standard error. "" where nothing is known.

        Begins with `OUT_OF_MEMORY` when the sandbox as a whole was killed for that.
        """
        ...


class Launcher(Protocol):
    """One kind of sandbox, made from the settings."""

    name: str

    def problem(self) -> str:
        """Return "" or why this kind cannot be used here, with the command that mends it."""
        ...

    def describe(self) -> Mapping[str, str]:
        """Return what the manifest says of it beside the Python version: versions, image, digest."""
        ...

    def launch(self, source: str) -> Stream:
        """Start Python on `source` as PID 1 of a fresh sandbox, with the settings' limits on the whole of it.

        Returns at once; the program greets over the stream. Raises `SandboxUnavailable` where there is none
        of this kind, `SandboxFailed` where it broke.
        """
        ...


def file_limit(settings: SandboxSettings) -> int:
    """Return how many files and folders a program may make: one for each page of its scratch room."""
    return max(1024, settings.disk_bytes // 4096)
