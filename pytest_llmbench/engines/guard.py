"""The process between us and what we start, so that nothing outlives us: ``guard.py SPEC PARENT_PID``.

`SPEC` is a JSON object. `command` is run at once, in a group of its own and in `folder`; both its outputs go to
standard error. With `at_end` (a command) the guard then prints one JSON line, ``{"ended": EXIT_CODE}``, and waits
on; without, it ends as the command did. At the end of its standard input, that is when its parent closes it or is
gone however it went, it ends the command and all that came of it, runs `at_end` and goes. `lock` is a file that it
holds meanwhile against other guards: where one has it for longer than `LOCK_WAIT_S`, nothing is run and the exit
code is `LOCKED`.

It runs as a script and imports nothing of this package, so that it starts in 30 ms and holds little memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

LOCKED = 75
CANNOT_RUN = 127
"""Exit codes: another guard holds the lock; the command is no program."""

GRACE_S = 5.0
"""Seconds between asking the command to end and killing it: a model server has nothing to save."""

AT_END_S = 60.0
"""Seconds that the command at the end may take."""

LOCK_WAIT_S = 12.0
"""Seconds to wait for a lock: the guard of a session that was just killed still takes its server down."""

_LOOK_S = 0.1
_DEATH_SIGNAL, _ADOPT = 1, 36  # prctl(2): PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER
_LINUX = sys.platform.startswith("linux")


def main(arguments: list[str]) -> int:
    """Guard until the parent is gone; return the exit code."""
    spec: dict[str, Any] = json.loads(arguments[0])
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())  # not ignored: the command would inherit that
    threading.Thread(target=_await_end_of_input, args=(over,), daemon=True).start()
    held = _hold(spec.get("lock"), over)
    if held is None:
        return LOCKED
    if _LINUX:
        ctypes.CDLL(None).prctl(_ADOPT, 1, 0, 0, 0)
    try:
        child = _started(spec)
    except OSError as error:
        sys.stderr.write(f"{spec['command'][0]}: {error.strerror or error}\n")
        return CANNOT_RUN
    stays = bool(spec.get("at_end"))
    _wait(child, over, parent=int(arguments[1]), stays=stays)
    interrupted = child.poll() is None
    _end(child)
    if stays:
        _finish(spec["at_end"], again=interrupted)
        _let_go(spec.get("lock"))
        return 0
    return _as(child.wait())


def _await_end_of_input(over: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    over.set()


def _hold(path: str | None, over: threading.Event) -> object | None:
    """Return something to keep while the lock is held, or None where somebody else keeps it or all is `over`."""
    if not path or sys.platform == "win32":
        return object()
    import fcntl  # noqa: PLC0415 - not on Windows

    limit = time.monotonic() + LOCK_WAIT_S
    while True:
        file = Path(path).open("ab")  # noqa: SIM115 - held until this process ends
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            if time.monotonic() > limit or over.wait(_LOOK_S):
                return None
            continue
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):  # noqa: PTH116 - as samestat wants it
                return file
        file.close()  # its holder has just removed it: ours is no name's any more


def _let_go(path: str | None) -> None:
    """Remove the lock's file, which is still held: whoever opens it now takes a new one."""
    if path:
        with contextlib.suppress(OSError):
            Path(path).unlink()


def _started(spec: dict[str, Any]) -> subprocess.Popen[bytes]:
    prctl = ctypes.CDLL(None).prctl if _LINUX else None
    return subprocess.Popen(
        spec["command"],
        cwd=spec.get("folder") or None,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        start_new_session=True,
        # so that it goes with a guard that is killed; one thread forks here, and prctl allocates nothing
        preexec_fn=(lambda: prctl(_DEATH_SIGNAL, signal.SIGKILL)) if prctl else None,  # noqa: PLW1509
    )


def _wait(child: subprocess.Popen[bytes], over: threading.Event, *, parent: int, stays: bool) -> None:
    told = False
    while not over.wait(_LOOK_S) and (sys.platform == "win32" or os.getppid() == parent):
        if told or child.poll() is None:
            continue
        if not stays:
            return
        told = True
        with contextlib.suppress(OSError):
            sys.stdout.write(json.dumps({"ended": child.poll()}) + "\n")
            sys.stdout.flush()


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the command's group, then whatever left the group: it was handed to us when its parent went."""
    if child.poll() is None:
        _signal(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
    _signal(child, getattr(signal, "SIGKILL", signal.SIGTERM))
    child.wait()
    while left := _children():
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            child.terminate()
        else:
            os.killpg(child.pid, number)


def _children() -> list[int]:
    try:
        listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in listed.split()]


def _finish(command: list[str], *, again: bool) -> None:
    """Run the command at the end; twice where the first was broken off, whose work the daemon may still finish."""
    for pause_s in (0.0, 2.0) if again else (0.0,):
        time.sleep(pause_s)
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,  # never into a pipe that nobody reads any more
                timeout=AT_END_S,
                check=False,
                start_new_session=True,
            )
            if done.returncode:
                sys.stderr.write(done.stderr.decode("utf-8", "replace"))


def _as(code: int) -> int:
    """Return an exit code, or die of the signal that the command died of."""
    if code >= 0:
        return code
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
