"""A server process of ours: its log is drained into memory, and it never outlives this process."""

from __future__ import annotations

import atexit
import collections
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LOG_LINES = 30
"""Lines of the log that are shown."""

LINE_LIMIT = 2000
"""Characters of one log line that are kept."""

GRACE_S = 3.0
"""Seconds between asking the process to end and killing it."""

_OWN_GROUP = 0
if sys.platform == "win32":
    _OWN_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP


class ChildProcess:
    """Starts `command` in a session of its own, so that Ctrl-C reaches it only through `stop`.

    Its standard input is a pipe from this process and tells it by its end that this process is gone.
    What it prints first on standard output is its `announcement`; standard error is its log.
    """

    grace_s = GRACE_S

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str]) -> None:
        self._log: collections.deque[str] = collections.deque(maxlen=LOG_LINES)
        self._announced: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=dict(environment),
            start_new_session=True,
            creationflags=_OWN_GROUP,
        )
        atexit.register(self.stop)
        self._readers = [
            threading.Thread(target=_each_line, args=(self._process.stderr, self._log.append), daemon=True),
            threading.Thread(target=_each_line, args=(self._process.stdout, self._announced.put), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the number of the signal that ended it."""
        return self._process.poll()

    def announcement(self, wait_s: float) -> str:
        """Return the next line of its standard output, or "" where none came within `wait_s` seconds."""
        try:
            return self._announced.get(timeout=wait_s)
        except queue.Empty:
            return ""

    def log_tail(self) -> str:
        """Return the last lines of its log."""
        if self.exit_code is not None:
            self._readers[0].join(timeout=1.0)
        return "\n".join(list(self._log))

    def ending(self) -> str:
        """Say how it ended and what it logged last; "" while it runs."""
        code = self.exit_code
        if code is None:
            return ""
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by {_signal_name(-code)}"
        if code == -getattr(signal, "SIGKILL", 9):
            how += " (by somebody, or by the system when memory ran out)"
        return f"{how}; its last log lines:\n{self.log_tail() or '(no log)'}"

    def stop(self) -> None:
        """End the process, at the latest after `grace_s` seconds. Harmless when called twice."""
        atexit.unregister(self.stop)
        if os.getpid() != self._owner:
            return  # a fork of the owner: the server is not its to stop
        if self.exit_code is None:
            self._ask_to_end()
            try:
                self._process.wait(self.grace_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._close_pipes()

    def _ask_to_end(self) -> None:
        self._process.terminate()

    def _close_pipes(self) -> None:
        for reader in self._readers:
            reader.join(timeout=1.0)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _each_line(pipe: IO[str], take: Callable[[str], None]) -> None:
    with contextlib.suppress(ValueError, OSError):  # closed while being read
        while line := pipe.readline(LINE_LIMIT):
            take(line.rstrip("\n"))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
