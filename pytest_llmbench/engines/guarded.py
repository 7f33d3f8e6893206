"""Our side of `guard`: a command that ends with us, however we end."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_llmbench.engines import guard
from pytest_llmbench.engines.child_process import ChildProcess


class Guarded(ChildProcess):
    """Runs `command` in `folder` under a guard; its output is the log, and `exit_code` is its own.

    With `at_end`, a command that is run once when all is over, the guard outlives the first one: `ended` tells
    of that. `lock` is a file that only one guard holds at a time: where another does, `exit_code` soon is
    `guard.LOCKED`.
    """

    grace_s = 2 * guard.AT_END_S + guard.GRACE_S + 5.0

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: str = "",
        at_end: Sequence[str] = (),
        lock: Path | None = None,
    ) -> None:
        spec = {"command": [*command], "folder": folder, "at_end": [*at_end], "lock": str(lock or "")}
        program = [sys.executable, "-P", str(Path(guard.__file__)), json.dumps(spec), str(os.getpid())]
        super().__init__(program, environment=environment)

    def ended(self, wait_s: float) -> int | None:
        """Return the exit code of a command that has an `at_end`, None where it did not end within `wait_s` seconds."""
        line = self.announcement(wait_s)
        return int(json.loads(line)["ended"]) if line else None

    def last_line(self) -> str:
        """Return the newest line of its log that says something."""
        lines = [line for line in self.log_tail().splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def _ask_to_end(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
