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

FIRST_UID, UIDS = 60000, 5000
"""The user ids that sandboxes take when root starts them: a limit on a user's processes is one on a sandbox's."""

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
print(os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable))
print(os.path.realpath(sys.base_prefix))
"""


def command(settings: SandboxSettings, source: str, *, info: int) -> list[str]:
    """Return the command that runs Python on `source` as PID 1 of a sandbox; bwrap writes its pid to fd `info`."""
    executable, prefix = interpreter(settings.python)
    uid = 0 if os.geteuid() else FIRST_UID + random.randrange(UIDS)  # noqa: S311 - only to differ from the others
    return [
        "bwrap",
        *_namespaces(settings),
        *_system(prefix),
        *(_bind(_NETWORK_FILES) if settings.network else ()),
        *_devices(),
        *_scratch(settings),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--info-fd", str(info)),
        *(executable, "-I", "-c", _settled(settings, uid) + source),
    ]


def environment(settings: SandboxSettings) -> dict[str, str]:
    """Return all the environment a program gets."""
    executable, _ = interpreter(settings.python)
    return {
        "PATH": f"{Path(executable).parent}:/usr/local/bin:/usr/bin:/bin",
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


def _system(prefix: str) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for folder in _SYSTEM_FOLDERS:
        if os.path.islink(folder):
            words += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            words += ["--ro-bind", folder, folder]
    if not Path(prefix).is_relative_to("/usr"):
        # Made by itself, a folder above it would be as closed as the user's home.
        words += [word for above in reversed(Path(prefix).parents[:-1]) for word in ("--dir", str(above))]
        words += ["--ro-bind", prefix, prefix]
    return [*words, "--dir", "/etc", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc"]


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
    return [word for place in ("/work", "/tmp", "/dev/shm") for word in (*bounded, "--tmpfs", place)]  # noqa: S108


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
    said = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(number) for number in re.findall(r"\d+", said)[:3])


@functools.cache
def interpreter(python: str) -> tuple[str, str]:
    """Return the executable of `python` ("" for the one this runs on), outside any virtual environment, and its prefix."""
    asked = [python or sys.executable, "-I", "-c", _WHERE_IS_PYTHON]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60)
        executable, prefix = done.stdout.splitlines()
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise SandboxUnavailable(
            f"{asked[0]} is no Python that runs here ({error}): set python: in the sandbox: block of llmbench.yaml"
        ) from None
    return executable, prefix
