"""The untrusted program: the rights it gives up first, and its way into a driver or a command.

Sent into the sandbox (standard library of Python 3.8). Nothing in here runs in PID 1 itself.
"""

# pathlib would cost every sandbox 10 ms
# ruff: noqa: PTH103, PTH120, PTH123
from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import resource
import signal
import sys
import traceback
from typing import Any, NoReturn

DATA_IN, DATA_OUT = 3, 4
"""The driver's channel; a command reads from the first what it is, and has no second."""

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit codes of a command that cannot be started, as a shell gives them."""

PDEATHSIG, DUMPABLE, GET_SECCOMP, SET_SECCOMP, SUBREAPER, NO_NEW_PRIVS = 1, 4, 21, 22, 36, 38
"""Options of prctl (linux/prctl.h)."""

SECCOMP_MODE_FILTER = 2
PIECE = 1 << 16

OUR_FILES = 64
"""Neither PID 1 nor a keeper has an open file at or above this number."""

LIBC = ctypes.CDLL(None)


def prctl(option: int, value: int, more: Any = 0) -> int:
    """Call prctl; returns a negative number where the kernel refuses."""
    return int(LIBC.prctl(option, ctypes.c_ulong(value), more, ctypes.c_ulong(0), ctypes.c_ulong(0)))


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


def become(order: dict[str, Any], settings: dict[str, Any], pipes: list[int]) -> NoReturn:
    """Be the program. Never returns into the keeper's code, whatever the program does."""
    code, leave = 1, os._exit
    try:
        code = lead(order, settings, pipes)
    except SystemExit as exit_:
        code = exit_code(exit_)
    except BaseException:  # noqa: BLE001 - the program may raise anything
        traceback.print_exc()
    finally:
        flush()
        leave(code)


def lead(order: dict[str, Any], settings: dict[str, Any], pipes: list[int]) -> int:
    """Take the program's place and give up what is not the program's, then run it; returns its exit code."""
    prctl(PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        return 1  # the keeper died before it could take us along
    os.setsid()
    take_places(pipes)
    prctl(DUMPABLE, 1)
    cores = pin(settings["cores"])
    tighten(resource.RLIMIT_CPU, math.ceil(order["time_s"]) * cores + 1, grace=1)
    install(settings["filters"][1])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return drive(order["driver"]) if order["driver"] else execute()


def take_places(pipes: list[int]) -> None:
    """Put the pipes where a program expects them and close everything else.

    Its empty standard input is its own: flags and locks stay with an open file, for whoever shares it.
    """
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    for place, fd in zip((DATA_IN, 1, 2, DATA_OUT), pipes):  # noqa: B905 - 3.8; a command has no DATA_OUT
        os.dup2(fd, place)
    os.closerange(len(pipes) + 1, OUR_FILES)


def exit_code(exit_: SystemExit) -> int:
    """Return the exit code Python itself would end with, and print what it would print."""
    if exit_.code is None:
        return 0
    if isinstance(exit_.code, int):
        return exit_.code & 0xFF
    sys.stderr.write(f"{exit_.code}\n")
    return 1


def flush() -> None:
    """Write out what Python still holds; a program may have put anything in place of its streams."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()


def tighten(kind: int, value: int, grace: int = 0) -> None:
    """Lower a limit, the hard one `grace` above the soft one; never raise one."""
    _, hard = resource.getrlimit(kind)
    least = value if hard == resource.RLIM_INFINITY else min(value, hard - grace)
    resource.setrlimit(kind, (least, least + grace))


def pin(cores: int) -> int:
    """Stay on `cores` cores, the one the kernel has just chosen among them; returns how many there are."""
    able = sorted(os.sched_getaffinity(0))
    if cores >= len(able):
        return len(able)
    here = LIBC.sched_getcpu()
    first = able.index(here) if here in able else 0
    os.sched_setaffinity(0, {able[(first + step) % len(able)] for step in range(cores)})
    return cores


class FilterProgram(ctypes.Structure):
    """struct sock_fprog (linux/filter.h)."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def install(code: str) -> None:
    """Install the system call filter `code` (hexadecimal BPF); an empty one is none. Raises OSError."""
    if code:
        raw = bytes.fromhex(code)
        program = FilterProgram(len(raw) // 8, raw)
        if prctl(SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program)) < 0:
            raise OSError("the kernel refuses the system call filter")


def drive(driver: str) -> int:
    """Run the driver's ``main``, with as much room for recursion as in a process of its own."""
    depth, frame = 0, sys._getframe()  # noqa: SLF001 - the only way to count
    while frame.f_back:
        depth, frame = depth + 1, frame.f_back
    sys.setrecursionlimit(sys.getrecursionlimit() + depth)
    sys.modules[driver].main(Channel())
    return 0


def execute() -> int:
    """Read files and command from the job, write the files, become the command; its input is the job's rest."""
    size = int.from_bytes(_exactly(4), "big")
    job = json.loads(_exactly(size))
    for name, length in job["files"]:
        _write_file(name, length)
    os.dup2(DATA_IN, 0)
    os.close(DATA_IN)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
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
