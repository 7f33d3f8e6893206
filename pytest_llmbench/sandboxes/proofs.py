"""Proofs that a sandbox keeps its promises, on this machine, now: programs that try what they must not do.

Limits are proven with small figures, so that a proof cannot harm a machine whose sandbox is broken.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_llmbench.contracts import Sandbox
from pytest_llmbench.errors import SandboxFailed
from pytest_llmbench.records import Ended, ExecResult
from pytest_llmbench.settings import SandboxSettings

PROGRAM = Path(__file__).with_name("proof_program.py")
PATIENCE_S = 20.0
"""Seconds for a probe that should end by itself in far less."""
TIME_LIMIT_S = 1.0
SLACK_S = 1.0
"""Seconds after its limit in which a program must be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A promise and what became of it: `fault` is empty where it is kept."""

    promise: str
    fault: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What the probes work with."""

    sandbox: Sandbox
    settings: SandboxSettings
    mark: str = field(default_factory=lambda: f"llmbench-{secrets.token_hex(8)}")

    def run(self, probe: str, facts: Mapping[str, Any] | None = None, *, time_s: float = PATIENCE_S) -> ExecResult:
        """Run one probe of the program."""
        command = ("python3", PROGRAM.name, probe)
        files = {PROGRAM.name: PROGRAM.read_bytes()}
        return self.sandbox.run(command, files=files, stdin=json.dumps(facts or {}).encode(), time_s=time_s)


def proof_settings(settings: SandboxSettings) -> SandboxSettings:
    """Return the settings with which a sandbox is proven: the same, with limits that are quickly reached."""
    return replace(
        settings,
        memory_bytes=min(settings.memory_bytes, 256 << 20),
        disk_bytes=min(settings.disk_bytes, 8 << 20),
        pids=min(settings.pids, 64),
    )


def prove(sandbox: Sandbox, settings: SandboxSettings) -> Iterator[Proof]:
    """Yield a proof for each promise; `settings` are those the sandbox was made with.

    Raises `SandboxUnavailable` where it cannot even be started.
    """
    bench = Bench(sandbox, settings)
    for promise, probe in _PROMISES.items():
        if settings.network and promise in _OFFLINE:
            continue
        started = time.monotonic()
        try:
            fault = probe(bench)
        except SandboxFailed as error:
            fault = f"the sandbox broke: {error}"
        yield Proof(promise=promise, fault=fault, seconds=time.monotonic() - started)


def _starts(bench: Bench) -> str:
    result = bench.sandbox.run(("python3", "-c", "import sys; print(*sys.version_info[:2])"), time_s=PATIENCE_S)
    try:
        version = tuple(map(int, result.stdout.split()))
    except ValueError:
        version = ()
    if not version:
        return _odd(result)
    return "" if version >= (3, 8) else f"its Python is {version[0]}.{version[1]}: 3.8 or newer is needed"


def _quietly(probe: str) -> Callable[[Bench], str]:
    return lambda bench: _told(bench.run(probe))


def _loopback(bench: Bench) -> str:
    with contextlib.ExitStack() as stack:
        facts = _listeners(stack, bench.mark)
        return _told(bench.run("loopback", facts))


def _listeners(stack: contextlib.ExitStack, mark: str) -> dict[str, Any]:
    listener = stack.enter_context(socket.create_server(("0.0.0.0", 0)))  # noqa: S104 - it is to be found if it can
    facts = {"port": listener.getsockname()[1], "address": _own_address(), "abstract": ""}
    with contextlib.suppress(OSError, AttributeError):  # only Linux has abstract sockets
        hidden = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        hidden.bind(f"\0{mark}")
        hidden.listen()
        facts["abstract"] = mark
    return facts


def _own_address() -> str:
    """Return an address of this machine that is not loopback, where it has one."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect(("192.0.2.1", 9))
        return str(way.getsockname()[0])
    return "127.0.0.1"


def _host_files(bench: Bench) -> str:
    with tempfile.TemporaryDirectory(prefix="llmbench-") as here, tempfile.NamedTemporaryFile(dir=Path.home()) as there:
        secret = Path(here) / "secret"
        secret.write_text(bench.mark, encoding="utf-8")
        return _told(bench.run("host_files", {"paths": [str(secret), there.name, str(PROGRAM)]}))


def _memory(processes: int) -> Callable[[Bench], str]:
    def probe(bench: Bench) -> str:
        result = bench.run("memory", {"bytes": bench.settings.memory_bytes, "processes": processes})
        return _told(result) if result.ended is Ended.EXITED and result.exit_code == 0 else ""

    return probe


def _processes(bench: Bench) -> str:
    return _told(bench.run("processes", {"pids": bench.settings.pids}))


def _disk(bench: Bench) -> str:
    return _told(bench.run("disk", {"bytes": bench.settings.disk_bytes}))


def _time(bench: Bench) -> str:
    started = time.monotonic()
    result = bench.run("endless", time_s=TIME_LIMIT_S)
    seconds = time.monotonic() - started
    if result.ended is not Ended.TIMED_OUT:
        return _odd(result)
    return "" if seconds < TIME_LIMIT_S + SLACK_S else f"it ran for {seconds:.1f} s"


def _output(bench: Bench) -> str:
    result = bench.run("chatter", {"bytes": bench.settings.output_bytes})
    kept = len(result.stdout)
    return "" if kept <= bench.settings.output_bytes and result.truncated else f"{kept} bytes were kept"


def _traces(bench: Bench) -> str:
    left = _told(bench.run("litter", {"mark": bench.mark}))
    return left or _told(bench.run("traces", {"mark": bench.mark}))


def _murder(bench: Bench) -> str:
    result = bench.run("murder")
    if result.ended is not Ended.SIGNALLED:
        return _odd(result)
    return _starts(bench)


def _told(result: ExecResult) -> str:
    if result.ended is not Ended.EXITED or result.exit_code != 0:
        return _odd(result)
    return "; ".join(json.loads(result.stdout))


def _odd(result: ExecResult) -> str:
    how = {Ended.EXITED: f" with code {result.exit_code}", Ended.SIGNALLED: f" by signal {result.signal}"}
    said = result.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"the probe {result.ended}{how.get(result.ended, '')}{': ' + said[-1] if said else ''}"


_PROMISES: Mapping[str, Callable[[Bench], str]] = {
    "Python starts": _starts,
    "no network": _quietly("network"),
    "nothing of the host answers": _loopback,
    "no files or processes of the host": _host_files,
    "an empty environment": _quietly("environment"),
    "no root, no capabilities": _quietly("privileges"),
    "the system is read-only": _quietly("system_files"),
    "memory of one process is limited": _memory(1),
    "memory of all together is limited": _memory(4),
    "processes are limited": _processes,
    "disk is limited": _disk,
    "time is limited, whatever is ignored": _time,
    "output is limited": _output,
    "nothing of a program is left for the next": _traces,
    "killing everything kills only itself": _murder,
}
_OFFLINE = frozenset({"no network", "nothing of the host answers"})
"""Promises that are not made where the settings allow the network."""
