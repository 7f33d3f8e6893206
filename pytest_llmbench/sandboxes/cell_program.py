"""PID 1 of every sandbox: has programs started, carries their bytes, says what became of them.

Runs inside the sandbox (``python3 -I -S -c SOURCE``; standard library of Python 3.8) and speaks with `cell.Cell`
over its standard input and output.

One program at a time, forked by a keeper that is forked by PID 1. Programs hold their own pipes and nothing else,
and PID 1 carries what they write through memory that no fork gets. At the end PID 1 kills whatever is left, buries
it, and compares the sandbox with what it was before. The end of its input is the end of PID 1, and with it of the
sandbox.
"""

# pathlib would cost every sandbox 10 ms
# ruff: noqa: PTH110, PTH112, PTH118, PTH120
from __future__ import annotations

import contextlib
import importlib
import os
import resource
import select
import signal
import site
import sys
import time
import types
from typing import Any

from pytest_llmbench.sandboxes import cell_inmate as inmate
from pytest_llmbench.sandboxes import cell_keeper as keeping
from pytest_llmbench.sandboxes import cell_link as wire
from pytest_llmbench.sandboxes import cell_relay as relay
from pytest_llmbench.sandboxes import cell_traces as traces

TICK_S = 0.05
"""How often a running program's use of memory, files and processes is looked at."""

MODULES = (
    "array",
    "bisect",
    "calendar",
    "cmath",
    "collections.abc",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "inspect",
    "io",
    "itertools",
    "math",
    "numbers",
    "operator",
    "re",
    "string",
    "textwrap",
    "typing",
    "unicodedata",
)
"""Imported once, so that they cost the programs that use them nothing.

Not threading and random, nor what imports them: each makes every fork dearer than a program that needs it.
"""

TIME, MEMORY, FILES, PROCESSES, OWNER = "time", "memory", "files", "processes", "owner"
"""Why PID 1 has killed a program."""


class Warden:
    """PID 1 itself."""

    def __init__(self, link: wire.Link, settings: dict[str, Any]) -> None:
        settings["address_space"] = settings["memory_bytes"] + traces.address_space()
        filters = settings["filters"] if _has_seccomp() else {}
        settings["filters"] = filters.get(os.uname().machine, ("", ""))
        self.link = link
        self.settings = settings
        self.traces = traces.Traces(own_network=not settings["network"])
        self.oom_kills = 0
        self.keeper: keeping.Keeper | None = keeping.Keeper(settings)

    def serve(self) -> None:
        """Follow orders until the owner is gone."""
        while True:
            kind, order = self.link.order()
            if kind == wire.LOAD:
                self._end_keeper()
                self.link.send(wire.LOADED, _load(order["name"], order["source"]))
            elif kind == wire.START:
                self._run(order)
            if self.keeper is None:
                self.keeper = keeping.Keeper(self.settings)

    def _run(self, order: dict[str, Any]) -> None:
        self.link.forget()
        self.oom_kills = traces.oom_kills()
        keeper = self.keeper = self.keeper or keeping.Keeper(self.settings)
        program = relay.Program(order, keeper, self.settings["output_bytes"])
        program.poll.register(self.link.source, select.POLLIN)
        self.link.send(wire.STARTED)
        cause, report = self._tend(program)
        wall_s = time.monotonic() - program.started
        cpu_us, peak_kb = self._bury(keeper, report)
        program.drain(self.link)
        status = report.status if report else None
        result = {
            "status": status,
            "cause": _cause(status, cause, self.oom_kills),
            "wall_s": wall_s,
            "cpu_s": cpu_us / 1e6,
            "memory_bytes": peak_kb * 1024,
            "truncated": program.truncated,
            "clean": self._is_clean(driven=bool(order["driver"])),
        }
        self.link.forget()
        self.link.send(wire.FINISHED, result)

    def _bury(self, keeper: keeping.Keeper, report: keeping.Report | None) -> tuple[int, int]:
        """Leave no process but a keeper that is alone; return the CPU microseconds and peak KiB of the program."""
        cpu_us = peak_kb = 0
        if report:
            cpu_us, peak_kb = report.programs_us - keeper.programs_us, report.peak_kb
            keeper.programs_us, keeper.own_us = report.programs_us, report.own_us
            if not report.others and self.settings["filters"][0]:  # without a filter it may have been tampered with
                return cpu_us, peak_kb
        more_us, more_kb = self._end_keeper()
        return cpu_us + more_us, max(peak_kb, more_kb)

    def _end_keeper(self) -> tuple[int, int]:
        """Kill and reap everything; return CPU microseconds that were not known of before, and the peak in KiB."""
        keeper, self.keeper = self.keeper, None
        if keeper is None:
            return 0, 0
        before_us = keeping.cpu_us(resource.RUSAGE_CHILDREN)
        peak_kb = _kill_all(keeper.pid)
        keeper.close()
        spent_us = keeping.cpu_us(resource.RUSAGE_CHILDREN) - before_us
        return max(0, spent_us - keeper.programs_us - keeper.own_us), peak_kb

    def _tend(self, program: relay.Program) -> tuple[str, keeping.Report | None]:
        """Carry bytes until the program has ended or must end; return why, and what its keeper says of its end."""
        link, freed, tick = self.link, 0, program.started + TICK_S
        while True:
            ready = [fd for fd, _ in program.poll.poll(max(0.0, tick - time.monotonic()) * 1000)]
            if link.source in ready:  # first, for while output waits to be sent, more of it may be taken
                link.take()
            for fd in ready:
                if fd in program.outputs:
                    program.carry(link, fd)
            freed += program.feed(link)
            if freed >= wire.WINDOW // 2:
                link.send(wire.CREDIT, freed)
                freed = 0
            if program.life in ready:
                return "", program.keeper.report()
            if link.killed:
                return OWNER, None
            if time.monotonic() >= tick:
                tick = time.monotonic() + TICK_S
                cause = self._look(program)
                if cause is not None:
                    return cause, None

    def _look(self, program: relay.Program) -> str | None:
        now = time.monotonic()
        if now >= program.started + program.order["time_s"]:
            return TIME
        if not _is_at_work(program.keeper.pid):
            return ""
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
        if traces.own_oom_kills() > self.oom_kills:  # one of its processes, while the others go on
            return MEMORY
        return FILES if self.traces.files_made() > self.settings["files"] else None

    def _is_clean(self, *, driven: bool) -> bool:
        if driven:
            return self.traces.is_clean()
        pid = os.fork()  # names of files are seen in there, never in PID 1, where the next program comes from
        if not pid:
            os._exit(not self.traces.sweep("/work"))
        clean = os.waitpid(pid, 0)[1] == 0
        if clean:
            self.traces.renew()
        return clean


def _is_at_work(keeper: int) -> bool:
    """Tell whether a keeper is neither stopped nor dead: only its program can have done that."""
    try:
        return not os.waitid(os.P_PID, keeper, os.WSTOPPED | os.WNOHANG)
    except ChildProcessError:
        return False  # dead, and not yet reaped


def _cause(status: int | None, cause: str, oom_kills: int) -> str:
    """Correct `cause` where the kernel was first: a process killed for want of memory."""
    if cause == OWNER and status is None:
        return cause
    killed = status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
    return MEMORY if killed and traces.oom_kills() > oom_kills else cause


def _kill_all(keeper: int) -> int:
    """Kill and reap every process but this one; return the peak in KiB of the largest, the keeper aside."""
    peak_kb = 0
    while True:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        try:
            pid, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return peak_kb
        if pid != keeper:
            peak_kb = max(peak_kb, usage.ru_maxrss)


def _load(name: str, source: str) -> str:
    module = types.ModuleType(name)
    sys.modules[name] = module
    try:
        exec(compile(source, f"<{name}>", "exec"), module.__dict__)  # noqa: S102 - a driver is ours
    except Exception as error:  # noqa: BLE001 - told to the owner, who raises it
        return f"{type(error).__name__}: {error}"
    return ""


def _has_seccomp() -> bool:
    return inmate.prctl(inmate.GET_SECCOMP, 0) >= 0


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


def add_packages() -> None:
    """Do what ``-S`` left out, but for the start-up files of installed packages, which cost every fork."""
    if sys.flags.no_site:
        site.setquit()
        site.sethelper()
        home = os.path.dirname(os.path.dirname(sys.executable))
        homes = [home] if os.path.exists(os.path.join(home, "pyvenv.cfg")) else None
        sys.path += [path for path in site.getsitepackages(homes) if os.path.isdir(path)]


def main() -> None:
    """Greet and serve."""
    link = take_streams()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # with a handler of Python's, a program could interrupt PID 1
    inmate.prctl(inmate.DUMPABLE, 0)
    inmate.prctl(inmate.NO_NEW_PRIVS, 1)
    os.umask(0o022)
    add_packages()
    for name in MODULES:
        importlib.import_module(name)
    if os.path.isdir("/work"):
        os.chdir("/work")
    version = ".".join(str(number) for number in sys.version_info[:3])
    link.send(wire.HELLO, {"python": version, "machine": os.uname().machine, "filter": _has_seccomp()})
    try:
        _, settings = link.order()
        Warden(link, settings).serve()
    except wire.Gone:
        os._exit(0)
