"""What a program can reach from within a sandbox: ``python3 proof_program.py PROBE``, run by `proofs`.

Reads facts as JSON from stdin and writes as JSON the list of what it should not have been able to do.
Standard library of Python 3.8, no other file of ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Facts = dict[str, Any]
    Reached = list[str]

SCRATCH = ("/work", "/tmp", "/dev/shm", "/var/tmp")  # noqa: S108 - what is looked at
SYSTEM = ("/", "/etc", "/usr", "/usr/bin", "/var", "/dev", "/sys", "/proc/sys/kernel", str(Path(os.__file__).parent))
HARMLESS = ("PATH", "HOME", "HOSTNAME", "LANG", "PWD", "TMPDIR", "TZ", "USER", "LC_", "PYTHON", "OMP_", "OPENBLAS_")
"""Beginnings of names that an environment may hold."""


def network(_facts: Facts) -> Reached:
    """Look for a route to anywhere; the addresses are reserved for documentation, and nothing is sent."""
    reached = []
    for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as way:
            way.connect((address, 9))
            reached.append("there is a route to " + address)
    return reached


def loopback(facts: Facts) -> Reached:
    """Call the listeners that the host has on its loopback device and among its abstract sockets."""
    reached = []
    calls = [(socket.AF_INET, ("127.0.0.1", facts["port"])), (socket.AF_INET, (facts["address"], facts["port"]))]
    calls += [(socket.AF_UNIX, "\0" + facts["abstract"])] if facts["abstract"] else []
    for family, address in calls:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as caller:
            caller.settimeout(2)
            caller.connect(address)
            reached.append(f"the host answers at {address!r}")
    return reached


def host_files(facts: Facts) -> Reached:
    """Read what the host has; its processes are files too."""
    reached = []
    for path in facts["paths"]:
        with contextlib.suppress(OSError):
            Path(path).stat()
            reached.append(path + " of the host is there")
    processes = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return reached + ([f"{len(processes)} processes are to be seen"] if len(processes) > 5 else [])


def environment(_facts: Facts) -> Reached:
    """Read every environment there is."""
    names = set(os.environ)
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            names |= {line.partition("=")[0] for line in path.read_text(errors="replace").split("\0") if line}
    return [f"the variable {name} is to be seen" for name in sorted(names) if not name.startswith(HARMLESS)]


def privileges(_facts: Facts) -> Reached:
    """Look at our own rights."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    reached = ["it runs as root"] if 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid()) else []
    reached += ["it has " + name for name in ("CapEff", "CapPrm", "CapInh") if int(status.get(name, "0"), 16)]
    reached += [] if status.get("NoNewPrivs", "0").strip() == "1" else ["setuid programs would work"]
    with contextlib.suppress(OSError):
        os.setuid(0)
        reached.append("it could become root")
    return reached


def system_files(_facts: Facts) -> Reached:
    """Write where programs have no business."""
    reached = []
    for folder in SYSTEM:
        path = Path(folder) / "llmbench-proof"
        with contextlib.suppress(OSError):
            path.write_text("x")
            reached.append(folder + " can be written")
            path.unlink()
    return reached


def memory(facts: Facts) -> Reached:
    """Take half as much again as is allowed, alone or spread over several processes."""
    share = facts["bytes"] * 3 // 2 // facts["processes"]
    for _ in range(facts["processes"] - 1):
        if not os.fork():
            _fill(share)
            time.sleep(30)
            os._exit(0)
    _fill(share)
    time.sleep(2)
    return ["{} bytes could be used".format(share * facts["processes"])]


def _fill(size: int) -> None:
    block = bytearray(size)
    for start in range(0, size, 4096):
        block[start] = 1
    globals().setdefault("_blocks", []).append(block)


def processes(facts: Facts) -> Reached:
    """Start more processes than are allowed."""
    count = 0
    with contextlib.suppress(OSError):
        while count < facts["pids"] + 20:
            if not os.fork():
                time.sleep(30)
                os._exit(0)
            count += 1
    return [] if count <= facts["pids"] else [f"{count} processes could be started"]


def disk(facts: Facts) -> Reached:
    """Write more than is allowed."""
    written = 0
    with contextlib.suppress(OSError), Path("/work/llmbench-proof").open("wb", buffering=0) as stream:
        while written < facts["bytes"] * 2:
            written += stream.write(bytes(1 << 16))
    return [] if written <= facts["bytes"] + (1 << 20) else [f"{written} bytes could be written"]


def endless(_facts: Facts) -> Reached:
    """Refuse to end, with all signals ignored that can be."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGHUP, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def chatter(facts: Facts) -> Reached:
    """Write more than is kept."""
    for _ in range(facts["bytes"] // 4096 + 1000):
        os.write(1, b"x" * 4095 + b"\n")
    return []


def litter(facts: Facts) -> Reached:
    """Leave a file everywhere and a process that has left our session."""
    for folder in SCRATCH:
        with contextlib.suppress(OSError):
            (Path(folder) / facts["mark"]).write_text(facts["mark"])
    if not os.fork():
        os.setsid()
        if not os.fork():
            time.sleep(60)
        os._exit(0)
    return []


def traces(facts: Facts) -> Reached:
    """Look for what `litter` has left."""
    found = [str(Path(folder) / facts["mark"]) for folder in SCRATCH if (Path(folder) / facts["mark"]).exists()]
    alive = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            alive += b"litter" in path.read_bytes()
    return [path + " is still there" for path in found] + (["its process lives on"] if alive else [])


def murder(_facts: Facts) -> Reached:
    """Kill everything that can be killed, our parent first."""
    for target in (os.getppid(), 1, -1):
        with contextlib.suppress(OSError):
            os.kill(target, signal.SIGKILL)
    time.sleep(5)
    return ["it outlived its parent"]


PROBES: dict[str, Callable[[Facts], Reached]] = {
    probe.__name__: probe
    for probe in (
        *(network, loopback, host_files, environment, privileges, system_files, memory, processes, disk),
        *(endless, chatter, litter, traces, murder),
    )
}

if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]](json.load(sys.stdin))))  # noqa: T201 - this is how it answers
