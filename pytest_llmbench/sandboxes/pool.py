"""The sandbox the house uses: cells of one launcher, started when needed and used again while they are clean."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from pytest_llmbench.contracts import Conversation, Driver
from pytest_llmbench.errors import SandboxFailed, SandboxUnavailable, TrialError
from pytest_llmbench.records import ExecResult
from pytest_llmbench.sandboxes.cell import Cell, CellDied, Run, source
from pytest_llmbench.sandboxes.conversing import Talk, job, result
from pytest_llmbench.sandboxes.launcher import Launcher
from pytest_llmbench.sandboxes.turns import Turns
from pytest_llmbench.settings import SandboxSettings

ATTEMPTS = 2
"""Fresh cells that are tried when one dies before its program has begun."""


class Pool:
    """A `Sandbox`. Each program has a cell of its own while it runs; a cell it has left any trace in is destroyed."""

    def __init__(self, launcher: Launcher, settings: SandboxSettings) -> None:
        self.name = launcher.name
        self._launcher = launcher
        self._settings = settings
        self._turns = Turns()
        self._lock = threading.Lock()
        self._free: list[Cell] = []
        self._cells: set[Cell] = set()
        self._most_free = 2 * (os.cpu_count() or 1)
        self._closed = False
        self._helpers = ThreadPoolExecutor(2, "llmbench-sandbox")
        self._finalizer = weakref.finalize(self, _destroy_all, self._cells)

    def describe(self) -> Mapping[str, str]:
        """See `Sandbox`; starts a cell if there is none, to ask its Python's version."""
        cell = self._acquire()
        try:
            facts = {"sandbox": self.name, "python": str(cell.facts["python"]), "machine": str(cell.facts["machine"])}
            facts["system_call_filter"] = "yes" if cell.facts["filter"] else "no"
        finally:
            self._release(cell)
        return {**facts, **self._launcher.describe()}

    def run(
        self,
        command: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        stdin: bytes = b"",
        time_s: float | None = None,
    ) -> ExecResult:
        """See `Sandbox`. Raises ValueError for names of files that lead out of the program's folder."""
        order = job(command, files or {}, self._settings)
        run = self._begin(None, time_s)
        try:
            return result(run, order, stdin)
        finally:
            self._release(run.cell)

    def converse(self, driver: Driver, *, time_s: float | None = None) -> AbstractContextManager[Conversation]:
        """See `Sandbox`."""
        return self._converse(driver, time_s)

    @contextlib.contextmanager
    def _converse(self, driver: Driver, time_s: float | None) -> Iterator[Conversation]:
        run = self._begin(driver, time_s)
        talk = Talk(run)
        try:
            yield talk
        finally:
            with contextlib.suppress(SandboxFailed):
                talk.end()
            self._release(run.cell)

    def turn(self, *, alone: bool = False) -> AbstractContextManager[bool]:
        """See `Sandbox`; knows of the programs of this process only."""
        return self._turns.alone() if alone else self._turns.together()

    def close(self) -> None:
        """See `Sandbox`."""
        with self._lock:
            self._closed = True
            self._free.clear()
            cells = tuple(self._cells)
        with contextlib.suppress(RuntimeError):  # closed before, or Python itself is at its end: one after the other
            list(self._helpers.map(self._destroy, cells))
        self._helpers.shutdown(wait=True)
        _destroy_all(self._cells)

    def _begin(self, driver: Driver | None, time_s: float | None) -> Run:
        """Start a program. A cell that turns out dead has run nothing of it, so another one is taken."""
        limit_s = self._settings.time_s if time_s is None else time_s
        fresh = tried = 0
        while True:
            cell = self._acquire()
            fresh, tried = fresh + cell.fresh, tried + 1
            try:
                return Run(cell, driver=cell.load(driver) if driver is not None else "", time_s=limit_s)
            except CellDied as error:
                self._release(cell)
                if fresh >= ATTEMPTS or tried > self._most_free + ATTEMPTS:
                    raise SandboxFailed(f"no program can be started in the {self.name} sandbox: {error}") from None
            except BaseException:
                cell.fit = False
                self._release(cell)
                raise

    def _acquire(self) -> Cell:
        """Return a cell that nobody else uses; never waits for another one's."""
        with self._lock:
            if self._closed:
                raise SandboxUnavailable(f"the {self.name} sandbox is closed")
            if self._free:
                cell = self._free.pop()
                cell.fresh = False
                return cell
        return self._launch()

    def _launch(self) -> Cell:
        cell = Cell(self._launcher.launch(source()), self._settings)
        try:
            self._own(cell)
            cell.greet()
        except CellDied as error:
            self._destroy(cell)
            raise SandboxFailed(f"the {self.name} sandbox did not start: {error}") from None
        except BaseException:
            self._destroy(cell)
            raise
        return cell

    def _own(self, cell: Cell) -> None:
        with self._lock:
            if self._closed:
                raise SandboxUnavailable(f"the {self.name} sandbox is closed")
            self._cells.add(cell)

    def _release(self, cell: Cell) -> None:
        with self._lock:
            if cell.fit and not self._closed and len(self._free) < self._most_free:
                self._free.append(cell)
                return
        try:
            self._helpers.submit(self._replace, cell)
        except RuntimeError:  # closed meanwhile
            self._destroy(cell)

    def _replace(self, cell: Cell) -> None:
        """Destroy `cell`, and start another one if there is none left for the next program."""
        self._destroy(cell)
        with self._lock:
            if self._free or self._closed:
                return
        with contextlib.suppress(TrialError):  # whoever needs one next will be told
            fresh = self._launch()
            with self._lock:
                if not self._closed:
                    self._free.append(fresh)

    def _destroy(self, cell: Cell) -> None:
        cell.stream.destroy()
        with self._lock:
            self._cells.discard(cell)


def _destroy_all(cells: set[Cell]) -> None:
    while cells:
        cells.pop().stream.destroy()
