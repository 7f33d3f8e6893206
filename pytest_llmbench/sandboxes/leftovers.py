"""Which process started a sandbox, and is it gone? For what a killed run leaves behind.

The name of a process is ``BOOT NAMESPACE PID START``: no other has it, on this machine or another, now or later.
"""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def own_name() -> str:
    """Return the name of this process; "" where the system has no ``/proc``."""
    return _name(os.getpid())


def is_gone(name: str) -> bool:
    """Tell whether the process of that name has ended. Of other machines and PID namespaces nothing is known."""
    *place, pid, _ = name.split(" ") if name.count(" ") == 3 else ("", "", "")
    if not (pid.isascii() and pid.isdigit()):
        return False
    now = _name(int(pid))
    return now.split(" ")[:2] == place and now != name


def _name(pid: int) -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return f"{boot} {namespace} {pid} {_start_ticks(pid)}"


def _start_ticks(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; "" where there is none of that number."""
    try:
        facts = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return facts.rpartition(")")[2].split()[19]
