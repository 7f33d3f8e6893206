"""Our lines on the terminal that pytest writes to, whoever captures output just now."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest


class Console:
    """Says nothing where pytest has no terminal (-p no:terminal)."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
        self.writing = threading.RLock()
        """With workers, progress lines are written by a thread: never into pytest's own."""

    @property
    def verbosity(self) -> int:
        """How often -v was given less how often -q."""
        return int(self._config.getoption("verbose", 0))  # absent with -p no:terminal

    @property
    def is_live(self) -> bool:
        """Whether somebody watches, not a file or a pipe."""
        return bool(self.terminal is not None and self.terminal.isatty)

    def say(self, line: str, *, red: bool = False) -> None:
        """Print a line of ours at once."""
        if self.verbosity > -2:
            self.print([f"llmbench: {line}"], red=red)

    def print(self, lines: Iterable[str], *, red: bool = False) -> None:
        """Print lines as they are, at once."""
        for line in lines if self.terminal is not None else ():
            with self.writing, self._uncaptured():
                self._begin_line()
                self.terminal.write_line(line, red=red)
                self.terminal.flush()  # into a pipe or a file, too, a line shall come when it is written

    def flush(self) -> None:
        """Let everything printed so far be seen, into a pipe too: starting a server may take minutes."""
        if self.terminal is not None:
            self.terminal.flush()

    def short(self, path: Path) -> str:
        """Return a path as the user would type it."""
        with contextlib.suppress(ValueError):
            return str(path.relative_to(self._config.invocation_params.dir))
        return str(path)

    def _begin_line(self) -> None:
        self.terminal.ensure_newline()  # which knows of file names, not of the dots after none
        writer = self._config.get_terminal_writer()
        if writer.width_of_current_line:
            writer.line()

    @contextlib.contextmanager
    def _uncaptured(self) -> Iterator[None]:
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            yield
