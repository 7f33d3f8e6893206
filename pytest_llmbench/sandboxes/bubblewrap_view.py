"""What a program in a bubblewrap sandbox sees of the machine: the arguments of ``bwrap``."""

from __future__ import annotations

import functools
import os
import platform
import random
import re
import subprocess
import sys
from pathlib import Path

from pytest_llmbench.errors import SandboxUnavailable
from pytest_llmbench.sandboxes.launcher import file_limit
from pytest_llmbench.settings import SandboxSettings

BWRAP = "bwrap"

FIRST_UID, UIDS = 60000, 5000
"""The user ids that sandboxes take when root starts them: a limit on a user's processes is one on a sandbox's."""

_SCRATCH = ("/work", "/tmp", "/dev/shm")  # noqa: S108 - folders inside
_SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/ca-certificates")
_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
"""What `settle` needs before it gives everything up."""

_PROCESSES_COUNTED_APART = (5, 14)
"""Since this Linux a user's processes are counted within a user namespace; before, RLIMIT_NPROC would count all."""

_TMPFS_WITH_SIZE = (0, 7)
"""Since this bubblewrap its file systems in memory can be bounded."""

_WHERE_IS_PYTHON = """
import os, sys
print(sys.executable, sys.prefix, sep="\\n")
print(os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable), sys.base_prefix, sep="\\n")
"""


def command(settings: SandboxSettings, source: str, *, info: int) -> list[str]:
    """Return the command that runs Python on `source` as PID 1 of a sandbox; bwrap writes its pid to fd `info`."""
    executable, prefixes = interpreter(settings.python)
    uid = 0 if os.geteuid() else FIRST_UID + random.randrange(UIDS)  # noqa: S311 - only to differ from the others
    return [
        BWRAP,
        *_namespaces(settings),
        *_system(prefixes),
        *(_bind(_NETWORK_FILES) if settings.network else ()),
        *_devices(),
        *_scratch(settings),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--info-fd", str(info)),
        *(_shown(executable), "-I", "-S", "-c", _settled(settings, uid) + source),
    ]


def environment(settings: SandboxSettings) -> dict[str, str]:
    """Return all the environment a program gets."""
    executable, _ = interpreter(settings.python)
    return {
        "PATH": f"{Path(_shown(executable)).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/work",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 - the sandbox's own
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _namespaces(settings: SandboxSettings) -> list[str]:
    rights = [word for name in _CAPABILITIES for word in ("--cap-add", name)]
    user = ["--unshare-user", "--uid", str(FIRST_UID), "--gid", str(FIRST_UID)] if os.geteuid() else []
    network = [] if settings.network else ["--unshare-net"]
    kinds = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox"]
    return [*user, *kinds, *network, "--as-pid-1", "--die-with-parent", "--new-session", "--cap-drop", "ALL", *rights]


def _system(prefixes: tuple[str, ...]) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for folder in map(Path, _SYSTEM_FOLDERS):
        if folder.is_symlink():
            words += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            words += ["--ro-bind", str(folder), str(folder)]
    for prefix in prefixes:
        words += _python_below(Path(prefix), Path(_shown(prefix)))
    return [*words, "--dir", "/etc", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc"]


def _python_below(prefix: Path, shown: Path) -> list[str]:
    """Show only what Python needs of its prefix, which may be a folder with other things in it."""
    if prefix.is_relative_to("/usr"):
        return []
    # Made by itself, a folder above a mount would be as closed as the one outside, such as the user's home.
    words = [word for above in [*reversed(shown.parents[:-1]), shown] for word in ("--dir", str(above))]
    for name in ("bin", "lib", "lib64", "pyvenv.cfg"):
        words += ["--ro-bind-try", str(prefix / name), str(shown / name)]
    return words


def _shown(path: str) -> str:
    """Return where a path of the interpreter is shown: in its place, unless that is where scratch room is."""
    hidden = any(Path(path).is_relative_to(place) for place in _SCRATCH)
    return f"/opt{path}" if hidden else path


def _bind(paths: tuple[str, ...]) -> list[str]:
    return [word for path in paths for word in ("--ro-bind-try", os.path.realpath(path), path)]


def _devices() -> list[str]:
    words = ["--tmpfs", "/dev"]
    for name in _DEVICES:
        words += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        words += ["--symlink", f"/proc/self/fd{target}", f"/dev/{name}"]
    return words


def _scratch(settings: SandboxSettings) -> list[str]:
    """Return folders that hold nothing yet; `settle` mounts one bounded file system under all of them."""
    bounded = ["--perms", "1777", "--size", str(settings.disk_bytes)] if version() >= _TMPFS_WITH_SIZE else []
    return [word for place in _SCRATCH for word in (*bounded, "--tmpfs", place)]


def _settled(settings: SandboxSettings, uid: int) -> str:
    text = Path(__file__).with_name("settle.py").read_text(encoding="utf-8")
    counted = not os.geteuid() or _kernel() >= _PROCESSES_COUNTED_APART
    facts = {
        "uid": uid,
        "size": settings.disk_bytes,
        "files": file_limit(settings),
        "processes": settings.pids + 2 if counted else 0,  # PID 1 and a keeper are not the program's
        "bounded": version() >= _TMPFS_WITH_SIZE,
    }
    return f"rules = {{}}\nexec(compile({text!r}, '<settle>', 'exec'), rules)\nrules['settle'](**{facts!r})\n"


def _kernel() -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])


@functools.cache
def version() -> tuple[int, ...]:
    """Return bubblewrap's version."""
    said = subprocess.run([BWRAP, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(number) for number in re.findall(r"\d+", said)[:3])


@functools.cache
def interpreter(python: str) -> tuple[str, tuple[str, ...]]:
    """Return the executable of `python` and the folders it needs.

    A virtual environment named by the user is shown as it is; the one this runs in ("") never is, only its base.
    """
    asked = [python or sys.executable, "-I", "-c", _WHERE_IS_PYTHON]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60)
        executable, prefix, base_executable, base_prefix = done.stdout.splitlines()
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise SandboxUnavailable(
            f"{asked[0]} is no Python that runs here ({error}): set python: in the sandbox: block of llmbench.yaml"
        ) from None
    if python and prefix != base_prefix:
        return executable, (base_prefix, prefix)
    return base_executable, (base_prefix,)
