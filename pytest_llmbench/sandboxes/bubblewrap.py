"""Sandboxes without a daemon: bubblewrap, on any Linux that lets its users make namespaces.

A program sees /usr and the interpreter, read-only; /proc of its own processes; five harmless devices; an empty
network; scratch room in memory. Nothing else of the machine is there.

Run by root, bubblewrap makes no user namespace, and each sandbox has a user id of its own; run by anybody else it
makes one. Limits hold without cgroups: memory of one process by RLIMIT_AS, of all together by PID 1, which looks
every 50 ms; processes by RLIMIT_NPROC; cores by an affinity that the system call filter makes final.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from pytest_llmbench.errors import SandboxFailed, SandboxUnavailable
from pytest_llmbench.sandboxes.bubblewrap_view import BWRAP, command, environment, version
from pytest_llmbench.sandboxes.launcher import Stream
from pytest_llmbench.settings import SandboxSettings

START_S = 30.0
"""How long bwrap may take to make a sandbox."""

WRITE_S = 10.0
"""How long PID 1 may refuse to read before it counts as gone."""

DEATH_S = 10.0
"""How long the kernel may take to end a sandbox that was killed."""

PIECE = 1 << 18
_TAIL = 2000

_READY = "import json, os; os.write(1, b'ready')"
"""Tells that a sandbox can be made and its Python finds its library."""

_FORBIDDEN = (
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
)
"""What a kernel says that lets no user make namespaces -> how it is told otherwise."""


class BubblewrapStream:
    """A running sandbox: the process ``bwrap``, and its child that is PID 1 inside."""

    def __init__(self, process: subprocess.Popen[bytes], child: int) -> None:
        self._process = process
        self._child = os.pidfd_open(child)
        self._lock = threading.Lock()
        self._in_use = threading.Lock()
        self._destroyed = False
        self._errors = b""
        self._pipes = [_pipe(process.stdin), _pipe(process.stdout), _pipe(process.stderr)]
        for fd in (self._pipes[0], self._pipes[2]):
            os.set_blocking(fd, False)

    def write(self, data: bytes) -> None:
        """See `Stream`."""
        view = memoryview(data)
        with self._in_use:
            while view:
                if self._destroyed:
                    raise BrokenPipeError("the sandbox was destroyed")
                try:
                    view = view[os.write(self._pipes[0], view) :]
                except BlockingIOError:
                    if not _ready(self._pipes[0], select.POLLOUT, WRITE_S):
                        raise BrokenPipeError("the sandbox has stopped reading") from None

    def read(self, time_s: float) -> bytes:
        """See `Stream`."""
        with self._in_use:
            if self._destroyed:
                return b""
            if not _ready(self._pipes[1], select.POLLIN, time_s):
                raise TimeoutError
            return os.read(self._pipes[1], PIECE)

    def destroy(self) -> None:
        """See `Stream`."""
        with self._lock:
            if self._destroyed:
                return
            self._kill()
            with self._in_use:  # whoever reads has met the end by now
                self._destroyed = True
                self._collect_errors()
                for fd in self._pipes:
                    os.close(fd)

    def _kill(self) -> None:
        """Kill PID 1, whose end the kernel tells when all of the sandbox has ended, and bury bwrap."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._child, signal.SIGKILL)
        _ready(self._child, select.POLLIN, DEATH_S)
        os.close(self._child)
        try:
            self._process.wait(DEATH_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def obituary(self) -> str:
        """See `Stream`."""
        with self._lock:
            if not self._destroyed:
                self._collect_errors()
        if self._process.poll() is None and not self._errors:
            return ""
        return f"bwrap ended with {self._process.poll()}: {self._errors.decode(errors='replace').strip()}"

    def _collect_errors(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._pipes[2], PIECE):
                self._errors = (self._errors + piece)[-_TAIL:]


class BubblewrapLauncher:
    """Starts sandboxes with ``bwrap``; needs Linux 5.3."""

    name = "bubblewrap"

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings

    def problem(self) -> str:
        """See `Launcher`; what was found out once is not tried again."""
        if not sys.platform.startswith("linux"):
            return "bubblewrap runs on Linux only: use the docker sandbox"
        if shutil.which(BWRAP) is None:
            return "bwrap is not installed: sudo apt-get install bubblewrap"
        try:
            return _refusal(self._settings)
        except SandboxUnavailable as error:
            return str(error)

    def describe(self) -> Mapping[str, str]:
        """See `Launcher`."""
        return {"bubblewrap": ".".join(str(part) for part in version()), "kernel": platform.release()}

    def launch(self, source: str) -> Stream:
        """See `Launcher`."""
        if problem := self.problem():
            raise SandboxUnavailable(problem)
        return _starter().submit(_start, self._settings, source).result()


@functools.cache
def _starter() -> ThreadPoolExecutor:
    """Return the one thread that starts sandboxes: the kernel ends each when the thread that started it ends."""
    return ThreadPoolExecutor(1, "llmbench-bubblewrap")


def _start(settings: SandboxSettings, source: str) -> BubblewrapStream:
    told, info = os.pipe()
    try:
        process = subprocess.Popen(
            command(settings, source, info=info),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(settings),
            pass_fds=(info,),
            start_new_session=True,  # Ctrl-C is for us alone
        )
    finally:
        os.close(info)
    try:
        child = _child_pid(told)
    finally:
        os.close(told)
    if child:
        return BubblewrapStream(process, child)
    process.kill()
    _, errors = process.communicate()
    raise SandboxFailed(f"bwrap made no sandbox: {errors.decode(errors='replace').strip()}")


def _child_pid(told: int) -> int:
    said = b""
    while _ready(told, select.POLLIN, START_S) and (piece := os.read(told, PIECE)):
        said += piece
    return int(json.loads(said)["child-pid"]) if said else 0


@functools.cache
def _refusal(settings: SandboxSettings) -> str:
    try:
        stream = _starter().submit(_start, settings, _READY).result()
    except SandboxFailed as error:
        return _advice(str(error))
    try:
        answer = stream.read(START_S)
    except TimeoutError:
        answer = b""
    stream.destroy()
    return "" if answer == b"ready" else _advice(stream.obituary())


def _advice(seen: str) -> str:
    for path, forbidding, cure in _FORBIDDEN:
        if os.geteuid() and _text(path) == forbidding:
            return f"this system lets no user make namespaces, which bubblewrap needs: sudo sysctl -w {cure} ({seen})"
    return (
        f"bubblewrap cannot make a sandbox here ({seen}). In a container, start that with --privileged; where Python "
        "is not found, set python: /usr/bin/python3 in the sandbox: block of llmbench.yaml; or use docker: "
        "llmbench sandbox build"
    )


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _ready(fd: int, event: int, time_s: float) -> bool:
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(max(0.0, time_s) * 1000))


def _pipe(file: IO[bytes] | None) -> int:
    """Return a number of our own for the pipe, and close Popen's: files are closed when we say so."""
    if file is None:
        raise ValueError("the process has no such pipe")
    fd = os.dup(file.fileno())
    file.close()
    return fd
