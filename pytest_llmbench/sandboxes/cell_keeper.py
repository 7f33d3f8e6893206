"""The keeper: the process between PID 1 and the programs, which it forks one after the other.

Sent into the sandbox (standard library of Python 3.8). A program that kills its parent kills its keeper and with it
itself; PID 1 then makes another one. Whatever a program starts and leaves behind becomes the keeper's child, so it
knows for certain whether anything is left. No byte that a program reads or writes comes into its memory.
"""

# pathlib would cost every sandbox 10 ms
# ruff: noqa: PTH123
from __future__ import annotations

import array
import gc
import json
import os
import resource
import socket
import struct
from typing import Any, NamedTuple, NoReturn

from pytest_llmbench.sandboxes import cell_inmate as inmate

READY = b"ready"
MOST_PIPES = 4
ITS_SOCKET = 3


class Report(NamedTuple):
    """What a keeper says of its program.

    `status` is the wait status, `peak_kb` the resident KiB of the largest process; `programs_us` and `own_us` are
    microseconds of CPU since the keeper began, `others` is 1 where processes are left.
    """

    status: int
    peak_kb: int
    programs_us: int
    own_us: int
    others: int


_REPORT = struct.Struct("5q")


class Keeper:
    """PID 1's handle on a keeper, with the CPU that it and its programs are known to have used."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.programs_us = self.own_us = 0
        gc.collect()
        gc.freeze()  # what is collected in a fork is copied first
        self.pid = os.fork()
        if not self.pid:
            _serve(its, settings)
        its.close()
        if self._hear() != READY:
            raise OSError("the keeper cannot be set up")

    def start(self, order: dict[str, Any], pipes: list[int]) -> None:
        """Have a program started that holds these ends of pipes."""
        ends = array.array("i", pipes)
        self.socket.sendmsg([json.dumps(order).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, ends)])

    def report(self) -> Report | None:
        """Return how the program ended; None where the keeper has died. Waits for either."""
        said = self._hear()
        if not said:
            return None
        if len(said) != _REPORT.size:
            raise OSError(said.decode())
        return Report(*_REPORT.unpack(said))

    def _hear(self) -> bytes:
        try:
            return self.socket.recv(_REPORT.size)
        except ConnectionResetError:
            return b""

    def close(self) -> None:
        """Let go of a keeper that is dead."""
        self.socket.close()


def _serve(its: socket.socket, settings: dict[str, Any]) -> NoReturn:
    try:
        os.dup2(its.fileno(), ITS_SOCKET)
        os.closerange(ITS_SOCKET + 1, inmate.OUR_FILES)
        its.detach()
        connection = socket.socket(fileno=ITS_SOCKET)
        _confine(settings)
        connection.send(READY)
        while True:
            order, pipes = _next_order(connection)
            connection.send(_keep(order, settings, pipes))
    finally:
        os._exit(0)


def _confine(settings: dict[str, Any]) -> None:
    """Give up, for good, what no program gets either."""
    inmate.prctl(inmate.SUBREAPER, 1)
    inmate.prctl(inmate.DUMPABLE, 1)  # else this file could not be written
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    inmate.prctl(inmate.DUMPABLE, 0)
    inmate.tighten(resource.RLIMIT_AS, settings["address_space"])
    inmate.tighten(resource.RLIMIT_FSIZE, settings["disk_bytes"])
    inmate.tighten(resource.RLIMIT_NOFILE, settings["open_files"])
    inmate.tighten(resource.RLIMIT_CORE, 0)
    inmate.tighten(resource.RLIMIT_MSGQUEUE, 0)
    inmate.install(settings["filters"][0])


def _next_order(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    ends = array.array("i")
    text, extra, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(MOST_PIPES * ends.itemsize))
    if not text:
        os._exit(0)
    for _, _, data in extra:
        ends.frombytes(data)
    return json.loads(text), list(ends)


def _keep(order: dict[str, Any], settings: dict[str, Any], pipes: list[int]) -> bytes:
    try:
        pid = os.fork()
    except OSError as error:
        return f"no process can be started: {error}".encode()
    if not pid:
        inmate.become(order, settings, pipes)
    for fd in pipes:
        os.close(fd)
    _, status, usage = os.wait4(pid, 0)
    peak_kb, others = _others(usage.ru_maxrss)
    spent = (cpu_us(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
    return _REPORT.pack(status, peak_kb, *spent, others)


def _others(peak_kb: int) -> tuple[int, int]:
    """Bury what has died and become our child; return the highest peak and whether anything still lives."""
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return peak_kb, 0
        if not pid:
            return peak_kb, 1
        peak_kb = max(peak_kb, usage.ru_maxrss)


def cpu_us(who: int) -> int:
    """Return the microseconds of CPU that `who` (a constant of `resource`) has used."""
    usage = resource.getrusage(who)
    return int((usage.ru_utime + usage.ru_stime) * 1e6)
