"""PID 1 of every sandbox: starts programs, carries their bytes, says what became of them.

Runs inside the sandbox (``python3 -I -c SOURCE``; standard library of Python 3.8) and speaks with `cell.Cell` over
its standard input and output.

One program at a time. PID 1 forks a keeper, the keeper forks the program: a program that kills its parent kills only
its keeper. Programs hold their own pipes and nothing else, and PID 1 carries what they write through memory that no
fork gets. At the end PID 1 kills whatever is left, buries it, and compares the sandbox with what it was before.
The end of its input is the end of PID 1, and with it of the sandbox.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import resource
import select
import signal
import sys
import time
import types
from typing import Any

from pytest_llmbench.sandboxes import cell_inmate as inmate
from pytest_llmbench.sandboxes import cell_link as wire
from pytest_llmbench.sandboxes import cell_traces as traces

TICK_S = 0.05
"""How often a running program's use of memory, files and processes is looked at."""

MODULES = (
    "array bisect calendar cmath collections.abc contextlib copy dataclasses datetime decimal enum fractions "
    "functools hashlib heapq inspect io itertools math numbers operator re string textwrap typing unicodedata"
).split()
"""Imported once, so that they cost the programs that use them nothing.

Not threading and random, nor what imports them: each would make every fork dearer than a program that needs it.
"""

TIME, MEMORY, FILES, PROCESSES, OWNER = "time", "memory", "files", "processes", "owner"
"""Why PID 1 has killed a program."""


class Program:
    """One program under way, as PID 1 sees it: its keeper and our ends of its pipes."""

    def __init__(self, order: dict[str, Any], settings: dict[str, Any]) -> None:
        self.order = order
        self.settings = settings
        self.outputs: dict[int, bytes] = {}
        self.left = {wire.STDOUT: settings["output_bytes"], wire.STDERR: settings["output_bytes"]}
        self.truncated = False
        self.silent_since = 0.0
        self.poll = select.poll()
        self.waiting_to_feed = False
        self.started = time.monotonic()
        self.cpu_before = _cpu_of_children()
        self._start()

    def _start(self) -> None:
        job, self.job = os.pipe()
        self.life, life = os.pipe()
        inside = [job]
        for kind in (wire.STDOUT, wire.STDERR, wire.LINES)[: 3 if self.order["driver"] else 2]:
            outer, inner = os.pipe()
            self.outputs[outer] = kind
            inside.append(inner)
        self.pid = os.fork()
        if not self.pid:
            inmate.keep(self.order, self.settings, inside, life)
        for fd in (*inside, life):
            os.close(fd)
        os.set_blocking(self.job, False)
        for fd in (self.life, *self.outputs):
            self.poll.register(fd, select.POLLIN)

    def feed(self, link: wire.Link) -> int:
        """Hand on input and return how much has left the ring; a program that is gone loses it."""
        before = link.ring.filled
        try:
            while link.ring.filled and self.job >= 0:
                link.ring.drop(os.writev(self.job, link.ring.contents()))
        except BlockingIOError:
            self._await_feeding(wanted=True)
            return before - link.ring.filled
        except BrokenPipeError:
            self._close_job()
        if self.job < 0:
            link.ring.drop(link.ring.filled)
        self._await_feeding(wanted=False)
        if link.input_ended:
            self._close_job()
        return before - link.ring.filled

    def _await_feeding(self, *, wanted: bool) -> None:
        if wanted != self.waiting_to_feed:
            self.waiting_to_feed = wanted
            if wanted:
                self.poll.register(self.job, select.POLLOUT)
            elif self.job >= 0:
                self.poll.unregister(self.job)

    def _close_job(self) -> None:
        if self.job >= 0:
            self._await_feeding(wanted=False)
            os.close(self.job)
            self.job = -1

    def carry(self, link: wire.Link, fd: int) -> bool:
        """Pass on one piece of output, or drop it where enough was kept; returns whether there was any."""
        kind = self.outputs[fd]
        count = link.read(fd)
        if not count:
            self._output_ended(fd)
            return False
        kept = min(count, self.left.get(kind, count))
        if kind in self.left:
            self.left[kind] -= kept
            self.truncated = self.truncated or kept < count
        if kept:
            link.pass_on(kind, kept)
        return True

    def _output_ended(self, fd: int) -> None:
        self.poll.unregister(fd)
        os.close(fd)
        if self.outputs.pop(fd) == wire.LINES:
            self.silent_since = time.monotonic()

    def bury(self, link: wire.Link) -> tuple[int | None, int]:
        """Kill and reap everything, pass on what is still in the pipes; returns wait status and peak memory.

        The status is None for a program that did not end by itself.
        """
        kilobytes = _kill_all()
        report = os.read(self.life, inmate.REPORT.size)
        status = None
        if report:
            status, own = inmate.REPORT.unpack(report)
            kilobytes = max(kilobytes, own)
        for fd in list(self.outputs):
            while self.carry(link, fd):
                pass
        self._close_job()
        os.close(self.life)
        return status, kilobytes * 1024


def _kill_all() -> int:
    kilobytes = 0
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            kilobytes = max(kilobytes, os.wait4(-1, 0)[2].ru_maxrss)
        except ChildProcessError:
            return kilobytes


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Warden:
    """PID 1 itself."""

    def __init__(self, link: wire.Link) -> None:
        self.link = link
        self.settings: dict[str, Any] = {}
        self.places = traces.writable_places()
        self.before = traces.inventory(self.places)
        self.files_before = traces.files_used(self.places)
        self.oom_kills = traces.oom_kills()

    def serve(self) -> None:
        """Follow orders until the owner is gone."""
        while True:
            kind, order = self.link.order()
            if kind == wire.SETTINGS:
                self._settle(order)
            elif kind == wire.LOAD:
                self.link.send(wire.LOADED, _load(order["name"], order["source"]))
            elif kind == wire.START:
                self._run(order)

    def _settle(self, settings: dict[str, Any]) -> None:
        settings["address_space"] = settings["memory_bytes"] + traces.address_space()
        settings["filter"] = settings["filters"].get(os.uname().machine, "") if _has_seccomp() else ""
        self.settings = settings

    def _run(self, order: dict[str, Any]) -> None:
        self.link.forget()
        program = Program(order, self.settings)
        program.poll.register(self.link.source, select.POLLIN)
        self.link.send(wire.STARTED)
        cause = self._tend(program)
        wall_s = time.monotonic() - program.started
        status, memory_bytes = program.bury(self.link)
        result = {
            "status": status,
            "cause": self._cause(status, cause),
            "wall_s": wall_s,
            "cpu_s": _cpu_of_children() - program.cpu_before,
            "memory_bytes": memory_bytes,
            "truncated": program.truncated,
            "clean": self._is_clean(driven=bool(order["driver"])),
        }
        self.link.forget()
        self.link.send(wire.FINISHED, result)

    def _tend(self, program: Program) -> str:
        link, freed, tick = self.link, 0, program.started + TICK_S
        while True:
            ready = program.poll.poll(max(0.0, tick - time.monotonic()) * 1000)
            for fd, _ in ready:
                if fd == link.source:
                    link.take()
                elif fd in program.outputs:
                    program.carry(link, fd)
            freed += program.feed(link)
            if freed >= wire.WINDOW // 2:
                link.send(wire.CREDIT, freed)
                freed = 0
            if link.killed:
                return OWNER
            if any(fd == program.life for fd, _ in ready):
                return ""
            if time.monotonic() >= tick:
                tick = time.monotonic() + TICK_S
                cause = self._look(program)
                if cause is not None:
                    return cause

    def _look(self, program: Program) -> str | None:
        now = time.monotonic()
        if now >= program.started + program.order["time_s"]:
            return TIME
        if os.waitid(os.P_PID, program.pid, os.WSTOPPED | os.WNOHANG):
            return ""  # its keeper was stopped, and only the program can have done that
        if program.silent_since and now >= program.silent_since + TICK_S:
            program.silent_since = 0.0
            self.link.send(wire.SILENT)
        return self._excess()

    def _excess(self) -> str | None:
        pids = traces.processes()
        if len(pids) > self.settings["pids"] + 1:
            return PROCESSES
        if traces.memory_used(pids, self.settings["memory_bytes"]) > self.settings["memory_bytes"]:
            return MEMORY
        files = traces.files_used(self.places) - self.files_before
        return FILES if files > self.settings["files"] else None

    def _cause(self, status: int | None, cause: str) -> str:
        """Correct `cause` where the kernel was first: a process killed for want of memory."""
        if cause == OWNER and status is None:
            return cause
        killed = status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
        before, self.oom_kills = self.oom_kills, traces.oom_kills() if killed else self.oom_kills
        return MEMORY if self.oom_kills > before else cause

    def _is_clean(self, *, driven: bool) -> bool:
        if driven:
            return traces.inventory(self.places) == self.before
        pid = os.fork()  # names of files are seen in there, never in PID 1, where the next program comes from
        if not pid:
            os._exit(not traces.sweep("/work", self.places, self.before))
        clean = os.waitpid(pid, 0)[1] == 0
        if clean:
            self.before = traces.inventory(self.places)
        return clean


def _load(name: str, source: str) -> str:
    module = types.ModuleType(name)
    sys.modules[name] = module
    try:
        exec(compile(source, f"<{name}>", "exec"), module.__dict__)  # noqa: S102 - a driver is ours
    except Exception as error:  # noqa: BLE001 - told to the owner, who raises it
        return f"{type(error).__name__}: {error}"
    gc.freeze()
    return ""


def _has_seccomp() -> bool:
    get_seccomp = 21
    return inmate.prctl(get_seccomp, 0) >= 0


def take_streams() -> wire.Link:
    """Move the connection out of the way of programs, which get 0, 1 and 2 and the two numbers after those."""
    os.closerange(3, inmate.OUR_FILES)
    os.dup2(0, inmate.DATA_IN, inheritable=False)
    os.dup2(1, inmate.DATA_OUT, inheritable=False)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return wire.Link(inmate.DATA_IN, inmate.DATA_OUT)


def main() -> None:
    """Greet and serve."""
    link = take_streams()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # with a handler of Python's, a program could interrupt PID 1
    inmate.prctl(inmate.DUMPABLE, 0)
    inmate.prctl(inmate.NO_NEW_PRIVS, 1)
    os.umask(0o022)
    for name in MODULES:
        importlib.import_module(name)
    if os.path.isdir("/work"):
        os.chdir("/work")
    gc.collect()
    gc.freeze()
    warden = Warden(link)
    version = ".".join(str(number) for number in sys.version_info[:3])
    link.send(wire.HELLO, {"python": version, "machine": os.uname().machine, "filter": _has_seccomp()})
    try:
        warden.serve()
    except wire.Gone:
        os._exit(0)
