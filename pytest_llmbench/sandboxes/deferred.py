"""A sandbox that is chosen and started when the first program wants to run: a run without programs never needs one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from pytest_llmbench.contracts import Conversation, Driver, Sandbox
from pytest_llmbench.errors import SandboxUnavailable
from pytest_llmbench.records import ExecResult


class DeferredSandbox:
    """Stands for the sandbox that `choose` returns; asks once, and remembers what it was told."""

    name = "deferred"

    def __init__(self, choose: Callable[[], Sandbox]) -> None:
        self._choose = choose
        self._lock = threading.Lock()
        self._chosen: Sandbox | None = None
        self._refusal: SandboxUnavailable | None = None

    def chosen(self) -> Sandbox:
        """Return the sandbox; raises `SandboxUnavailable` where there is none."""
        with self._lock:
            if self._refusal is not None:
                raise SandboxUnavailable(str(self._refusal))
            if self._chosen is None:
                try:
                    self._chosen = self._choose()
                except SandboxUnavailable as error:
                    self._refusal = error
                    raise
            return self._chosen

    def describe(self) -> Mapping[str, str]:
        """See `Sandbox`; empty where none was needed."""
        return self._chosen.describe() if self._chosen is not None else {}

    def run(
        self,
        command: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        stdin: bytes = b"",
        time_s: float | None = None,
    ) -> ExecResult:
        """See `Sandbox`."""
        return self.chosen().run(command, files=files, stdin=stdin, time_s=time_s)

    @contextlib.contextmanager
    def converse(self, driver: Driver, *, time_s: float | None = None) -> Iterator[Conversation]:
        """See `Sandbox`."""
        with self.chosen().converse(driver, time_s=time_s) as conversation:
            yield conversation

    @contextlib.contextmanager
    def turn(self, *, alone: bool = False) -> Iterator[bool]:
        """See `Sandbox`."""
        with self.chosen().turn(alone=alone) as crowded:
            yield crowded

    def close(self) -> None:
        """Close what was chosen, if anything was."""
        with self._lock:
            chosen, self._chosen = self._chosen, None
            self._refusal = SandboxUnavailable("the run has ended")
        if chosen is not None:
            chosen.close()
