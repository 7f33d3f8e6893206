"""What a bubblewrap sandbox does first, while it still may: make its scratch room, then give up every right.

Sent into the sandbox in front of the cell program (standard library of Python 3.8).
"""

# pathlib would cost every sandbox 10 ms
# ruff: noqa: PTH101, PTH102
from __future__ import annotations

import ctypes
import os
import resource
import signal

PDEATHSIG, CAPBSET_DROP, NO_NEW_PRIVS, CAP_AMBIENT, CLEAR_ALL = 1, 24, 38, 47, 4
"""Options of prctl (linux/prctl.h)."""

NOSUID, NODEV, BIND = 2, 4, 4096
"""Flags of mount (linux/mount.h)."""

CAPABILITY_VERSION = 0x20080522


def make_room(size: int, files: int, *, bounded: bool) -> None:
    """Mount one bounded file system under /work, /tmp and /dev/shm together.

    Where the kernel's guards allow no mount, the ones that bubblewrap made stay if they are `bounded`: each as
    large as all together.
    """
    options = f"size={size},nr_inodes={files},mode=0755".encode()
    if not _mount(b"tmpfs", b"/tmp", b"tmpfs", NOSUID | NODEV, options):
        if bounded:
            return
        raise OSError("cannot mount a bounded file system: bubblewrap 0.7 or newer is needed here")
    for name, place in (("work", b"/work"), ("shm", b"/dev/shm"), ("tmp", b"/tmp")):
        inner = "/tmp/" + name  # noqa: S108 - hidden by the last mount
        os.mkdir(inner)
        os.chmod(inner, 0o1777)  # noqa: S103 - as such folders are
        if not _mount(inner.encode(), place, None, BIND, None):
            raise OSError(f"cannot mount {place.decode()}")


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int, options: bytes | None) -> bool:
    return bool(ctypes.CDLL(None).mount(source, target, kind, ctypes.c_ulong(flags), options) == 0)


def give_up(uid: int) -> None:
    """Become user `uid` (0: stay who we are) without any capability, for good."""
    libc = ctypes.CDLL(None)
    capability = 0
    while libc.prctl(CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    libc.prctl(CAP_AMBIENT, CLEAR_ALL, 0, 0, 0)
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError("cannot give up capabilities")
    libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # forgotten by the kernel when the user changes


def settle(*, uid: int, size: int, files: int, processes: int, bounded: bool) -> None:
    """Do all of it; `processes` bounds those of this user (0: not at all)."""
    make_room(size, files, bounded=bounded)
    give_up(uid)
    if processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
