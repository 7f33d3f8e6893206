"""From PID 1 to an untrusted program: the keeper, the rights given up, and the way into a driver or a command.

Sent into the sandbox (standard library of Python 3.8). Nothing in here runs in PID 1 itself.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import signal
import struct
import sys
import traceback
from typing import Any, NoReturn

REPORT = struct.Struct("iq")
"""What a keeper says of its program: wait status, peak resident KiB."""

DATA_IN, DATA_OUT = 3, 4
"""The driver's channel; a command reads what it is from the first and has no second."""

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit codes of a command that could not be started, as a shell gives them."""

PDEATHSIG, DUMPABLE, SET_SECCOMP, NO_NEW_PRIVS = 1, 4, 22, 38
"""Options of prctl (linux/prctl.h)."""

SECCOMP_MODE_FILTER = 2
PIECE = 1 << 16

OUR_FILES = 256
"""PID 1 has no open file at or above this number."""


def prctl(option: int, value: int, more: Any = 0) -> int:
    """Call prctl; returns a negative number where the kernel refuses."""
    libc = ctypes.CDLL(None)
    return int(libc.prctl(option, ctypes.c_ulong(value), more, ctypes.c_ulong(0), ctypes.c_ulong(0)))


class Channel:
    """A driver's two ends: lines come in, bytes go out."""

    def __init__(self) -> None:
        self._lines = os.fdopen(DATA_IN, "rb", PIECE)
        self._write = os.write

    def read_line(self) -> bytes | None:
        """Return the next line without its newline, or None at the end."""
        line = self._lines.readline()
        return line[:-1] if line.endswith(b"\n") else None

    def write(self, data: bytes) -> None:
        """Send `data`, all of it."""
        view = memoryview(data)
        while view:
            view = view[self._write(DATA_OUT, view) :]


def keep(order: dict[str, Any], settings: dict[str, Any], inside: list[int], life: int) -> NoReturn:
    """Be the keeper: fork the program, wait for its end and say through `life` what it was."""
    pid = os.fork()
    if not pid:
        become(order, settings, inside)
    os.dup2(life, 3)
    os.closerange(4, OUR_FILES)
    _, status, usage = os.wait4(pid, 0)
    os.write(3, REPORT.pack(status, usage.ru_maxrss))
    os._exit(0)


def become(order: dict[str, Any], settings: dict[str, Any], inside: list[int]) -> NoReturn:
    """Be the program. Never returns into PID 1's code, whatever the program does."""
    code = 1
    try:
        code = lead(order, settings, inside)
    except SystemExit as exit_:
        code = exit_code(exit_)
    except BaseException:  # noqa: BLE001 - the program may raise anything
        traceback.print_exc()
    finally:
        flush()
        os._exit(code)


def lead(order: dict[str, Any], settings: dict[str, Any], inside: list[int]) -> int:
    """Give up what is not the program's, then run it; returns its exit code."""
    prctl(PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        return 1  # the keeper died before it could take us along
    os.setsid()
    take_places(inside)
    prctl(DUMPABLE, 1)
    confine(settings, order["time_s"])
    return drive(order["driver"]) if order["driver"] else execute()


def exit_code(exit_: SystemExit) -> int:
    """Return the exit code Python itself would end with, and print what it would print."""
    if exit_.code is None:
        return 0
    if isinstance(exit_.code, int):
        return exit_.code & 0xFF
    print(exit_.code, file=sys.stderr)
    return 1


def flush() -> None:
    """Write out what Python still holds; a program may have put anything in place of its streams."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: BLE001, S110, PERF203 - whatever it is, nothing more can be written
            pass


def take_places(inside: list[int]) -> None:
    """Put the pipes where a program expects them and close everything else."""
    for place, fd in zip((DATA_IN, 1, 2, DATA_OUT), inside):  # noqa: B905 - 3.8; a command has no DATA_OUT
        os.dup2(fd, place)
    os.closerange(len(inside) + 1, OUR_FILES)


def confine(settings: dict[str, Any], time_s: float) -> None:
    """Give up rights, for good: resources, cores, system calls."""
    import resource  # noqa: PLC0415 - not on Windows, where this file is only read

    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    cores = pin(settings["cores"])
    tighten(resource.RLIMIT_CPU, math.ceil(time_s) * cores + 1, grace=1)
    tighten(resource.RLIMIT_AS, settings["address_space"])
    tighten(resource.RLIMIT_FSIZE, settings["disk_bytes"])
    tighten(resource.RLIMIT_NOFILE, settings["open_files"])
    tighten(resource.RLIMIT_CORE, 0)
    tighten(resource.RLIMIT_MSGQUEUE, 0)
    install(settings["filter"])
    signal.signal(signal.SIGINT, signal.default_int_handler)


def tighten(kind: int, value: int, grace: int = 0) -> None:
    """Lower a limit, the hard one `grace` above the soft one; never raise one."""
    import resource  # noqa: PLC0415 - not on Windows

    _, hard = resource.getrlimit(kind)
    least = value if hard == resource.RLIM_INFINITY else min(value, hard - grace)
    resource.setrlimit(kind, (least, least + grace))


def pin(cores: int) -> int:
    """Stay on `cores` cores, the one the kernel has just chosen among them; returns how many there are."""
    able = sorted(os.sched_getaffinity(0))
    if cores >= len(able):
        return len(able)
    here = ctypes.CDLL(None).sched_getcpu()
    first = able.index(here) if here in able else 0
    os.sched_setaffinity(0, {able[(first + step) % len(able)] for step in range(cores)})
    return cores


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def install(code: str) -> None:
    """Install the system call filter `code` (hexadecimal BPF); an empty one is none."""
    if code:
        raw = bytes.fromhex(code)
        program = _FilterProgram(len(raw) // 8, raw)
        if prctl(SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program)) < 0:
            raise OSError("the kernel refuses the system call filter")


def drive(driver: str) -> int:
    """Run the driver's ``main``."""
    sys.modules[driver].main(Channel())  # type: ignore[attr-defined]
    return 0


def execute() -> int:
    """Read files and command from the job, write the files, become the command; its input is the job's rest."""
    size = int.from_bytes(_exactly(4), "big")
    job = json.loads(_exactly(size))
    for name, length in job["files"]:
        _write_file(name, length)
    os.dup2(DATA_IN, 0)
    os.close(DATA_IN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.execvp(job["command"][0], job["command"])  # noqa: S606 - that is the task
    except OSError as error:
        os.write(2, f"{job['command'][0]}: {error.strerror}\n".encode("utf-8", "backslashreplace"))
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


def _write_file(name: str, length: int) -> None:
    folder = os.path.dirname(name)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(name, "xb") as file:
        while length:
            length -= file.write(_exactly(min(length, PIECE)))


def _exactly(size: int) -> bytes:
    pieces = []
    while size:
        piece = os.read(DATA_IN, size)
        if not piece:
            raise EOFError("the job ends early")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
