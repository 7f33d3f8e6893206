"""What a program takes while it runs and what it leaves: looked at by PID 1, inside the sandbox.

Sent into the sandbox (standard library of Python 3.8).
"""

# pathlib would cost every sandbox 10 ms
# ruff: noqa: PTH106, PTH108, PTH112, PTH116, PTH123, PTH208
from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from typing import Any

PLACES = ("/work", "/tmp", "/dev/shm", "/var/tmp", "/dev/mqueue", "/run", "/run/lock")  # noqa: S108 - looked at only
"""Where something could be left, if it can be written at all."""

TABLES = ("/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg", "/proc/keys")
"""What the kernel keeps beyond the life of a process; the first two columns name each entry."""

SOCKET_TABLES = ("/proc/net/sockstat", "/proc/net/sockstat6")
"""Counts of sockets in the network of whoever reads them."""

OWN_OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
"""Files with a line ``oom_kill N`` for this sandbox alone, where it has a cgroup: version 2, version 1."""

OOM_COUNTER = "/proc/vmstat"
"""The file with such a line for the whole machine."""

_LIMITS = [number for name, number in vars(resource).items() if name.startswith("RLIMIT_")]

SWEEP_LIMIT = 256
"""Entries that are worth cleaning away; with more, a fresh sandbox is cheaper."""

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Traces:
    """What the sandbox was before its first program, to be compared with what it is after each.

    Where it has a network of its own, what that still holds is compared as well.
    """

    def __init__(self, *, own_network: bool) -> None:
        self.places = [place for place in PLACES if os.path.isdir(place) and os.access(place, os.W_OK)]
        self._own_network = own_network
        self._before = self._inventory()
        self._files_before = self._files()

    def is_clean(self) -> bool:
        """Whether nothing is different. Times of last change cannot be set: what was there for a moment shows, too."""
        try:
            return self._inventory() == self._before
        except OSError:
            return False  # a folder that its owner has made unreadable

    def renew(self) -> None:
        """Take what is now for what was before."""
        self._before = self._inventory()

    def sweep(self, folder: str) -> bool:
        """Empty `folder`; returns whether all is then as before, but for the time of its last change.

        Anything but a few plain files and folders counts as not cleaned.
        """
        try:
            _empty(folder, SWEEP_LIMIT)
            os.utime(folder)
            after = self._inventory()
        except (OSError, RecursionError):
            return False
        at = self.places.index(folder)
        after[at] = (after[at][0], self._before[at][1])
        return after == self._before

    def files_made(self) -> int:
        """Return how many files the places hold that they did not hold before."""
        return self._files() - self._files_before

    def _files(self) -> int:
        counts = {os.stat(place).st_dev: os.statvfs(place) for place in self.places}
        return sum(count.f_files - count.f_ffree for count in counts.values())

    def _inventory(self) -> list[Any]:
        folders = [(_shape(place), os.stat(place).st_ctime_ns) for place in self.places]
        sockets = [*map(_sockets, SOCKET_TABLES), _passed_along()] if self._own_network else []
        return [*folders, *(_entries(table) for table in TABLES), *sockets, _standing()]


def _shape(place: str) -> tuple[Any, ...]:
    about = os.stat(place)
    return about.st_mode, about.st_uid, about.st_gid, tuple(os.listxattr(place)), tuple(os.listdir(place))


def _entries(table: str) -> list[list[str]]:
    try:
        with open(table, encoding="latin-1") as file:
            return [line.split()[:2] for line in file]
    except OSError:
        return []


def _sockets(table: str) -> list[str]:
    """Return what a network still holds of TCP connections: open ones and those that wait to be forgotten."""
    try:
        with open(table, encoding="ascii") as file:
            words = next((line.split() for line in file if line.startswith("TCP")), [])
    except OSError:
        return []
    return [words[words.index(name) + 1] for name in ("inuse", "tw") if name in words]


def _passed_along() -> list[str]:
    """Return the counters of the network's interfaces: what a program sends to itself shows in them."""
    try:
        with open("/proc/net/dev", encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []


def _standing() -> tuple[Any, ...]:
    """Return the limits and the priority of PID 1, which every program inherits."""
    limits = [resource.getrlimit(kind) for kind in _LIMITS]
    return limits, os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), os.sched_getaffinity(0)


def _empty(folder: str, budget: int) -> int:
    for entry in list(os.scandir(folder)):
        budget -= 1
        if budget < 0:
            raise OSError("too much to clean")
        if entry.is_dir(follow_symlinks=False):
            budget = _empty(entry.path, budget)
            os.rmdir(entry.path)
        elif entry.is_file(follow_symlinks=False):
            os.unlink(entry.path)
        else:
            raise OSError("neither file nor folder")
    return budget


def processes() -> list[int]:
    """Return the ids of all processes but PID 1."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def memory_used(pids: list[int], enough: int) -> int:
    """Return the bytes of memory these processes hold.

    What several of them share is counted once for each, and precisely only where that makes more than `enough`.
    """
    rough = sum(_resident(pid) for pid in pids)
    return rough if rough <= enough else sum(_own_part(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _own_part(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return next(_kilobytes(line) for line in file if line.startswith(b"Pss:"))
    except (OSError, StopIteration):
        return _resident(pid)


def _kilobytes(line: bytes) -> int:
    return int(line.split()[1]) * 1024


def address_space() -> int:
    """Return the bytes of address space this process has mapped."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * PAGE_BYTES


def oom_kills() -> int:
    """Return how many processes the kernel has killed for want of memory, in this sandbox or else on this machine."""
    return next(_oom_counts((*OWN_OOM_COUNTERS, OOM_COUNTER)), 0)


def own_oom_kills() -> int:
    """Return how many it has killed in this sandbox, 0 where it does not tell."""
    return next(_oom_counts(OWN_OOM_COUNTERS), 0)


def _oom_counts(paths: tuple[str, ...]) -> Iterator[int]:
    for path in paths:
        try:
            with open(path, "rb") as file:
                yield from (int(line.split()[1]) for line in file if line.startswith(b"oom_kill "))
        except OSError:
            continue
