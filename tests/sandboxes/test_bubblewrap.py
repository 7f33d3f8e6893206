"""Bubblewrap's own affairs: who may use it, what is said where nobody may, and doing without a filter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pytest_llmbench.errors import SandboxUnavailable
from pytest_llmbench.sandboxes import bubblewrap, bubblewrap_view, cell
from pytest_llmbench.sandboxes.bubblewrap import BubblewrapLauncher
from pytest_llmbench.settings import SandboxSettings
from tests.patience import is_running
from tests.sandboxes.lab import ECHO, ask, pool, told, works

needs_bubblewrap = pytest.mark.needs("bubblewrap")
SYSTEM_PYTHON = Path("/usr/bin/python3")

AS_NOBODY = """
import sys
from pytest_llmbench.sandboxes.bubblewrap import BubblewrapLauncher
from pytest_llmbench.sandboxes.pool import Pool
from pytest_llmbench.settings import SandboxSettings

settings = SandboxSettings(pids=20, disk_bytes=4 << 20)
sandbox = Pool(BubblewrapLauncher(settings), settings)
code = sys.argv[1]
done = sandbox.run(["python3", "-c", code])
print(done.stdout.decode(), done.stderr.decode())
sandbox.close()
"""
LOOK = """
import os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(os.getuid(), int(status["CapEff"], 16), int(status["CapBnd"], 16), sorted(os.listdir("/")))
room = os.statvfs("/tmp")
print(room.f_blocks * room.f_frsize, room.f_files)
count = 0
try:
    while os.fork() or __import__("time").sleep(9): count += 1
except OSError: print("forked", count)
"""


@needs_bubblewrap
@pytest.mark.skipif(os.geteuid() != 0 or not SYSTEM_PYTHON.exists(), reason="only root can become somebody else")
def test_an_ordinary_user_needs_no_rights() -> None:
    """His sandboxes have the same walls and limits."""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [str(SYSTEM_PYTHON), "-B", "-c", AS_NOBODY, LOOK],
        env={"PYTHONPATH": root, "PATH": "/usr/bin:/bin"},
        cwd="/",
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    if "ModuleNotFoundError" in done.stderr or "SyntaxError" in done.stderr:
        pytest.skip("the system's Python cannot run this package")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("60000 0 0 ["), done
    assert lines[1] == f"{4 << 20} 1024"
    assert 10 < int(lines[2].split()[1]) < 20


@needs_bubblewrap
def test_it_can_be_used_here() -> None:
    """Where it can, there is no problem."""
    assert BubblewrapLauncher(SandboxSettings()).problem() == ""


def test_without_bwrap_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And how to install it."""
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: None)
    launcher = BubblewrapLauncher(SandboxSettings())
    assert "apt-get install bubblewrap" in launcher.problem()
    with pytest.raises(SandboxUnavailable, match="bubblewrap"):
        launcher.launch("pass")


def test_elsewhere_than_on_linux_docker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no namespaces."""
    monkeypatch.setattr(bubblewrap.sys, "platform", "darwin")
    assert "docker" in BubblewrapLauncher(SandboxSettings()).problem()


@pytest.mark.parametrize(("forbidding", "cure"), [(path, cure) for path, _, cure in bubblewrap._FORBIDDEN])
def test_a_kernel_that_forbids_is_told_otherwise(forbidding: str, cure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the very command."""
    values = {path: value for path, value, _ in bubblewrap._FORBIDDEN if path == forbidding}
    monkeypatch.setattr(bubblewrap, "_text", lambda path: values.get(path, ""))
    monkeypatch.setattr(bubblewrap.os, "geteuid", lambda: 1000)
    assert f"sudo sysctl -w {cure}" in bubblewrap._advice("bwrap: setting up uid map: Permission denied")


@needs_bubblewrap
def test_a_failure_shows_what_bwrap_said(tmp_path: Path) -> None:
    """With what might be done."""
    broken = tmp_path / "python"
    broken.write_text(f"#!/bin/sh\necho {tmp_path}/no-such-python; echo /usr; echo {tmp_path}/none; echo /usr\n")
    broken.chmod(0o755)
    problem = BubblewrapLauncher(SandboxSettings(python=str(broken))).problem()
    assert "none" in problem
    assert "python: /usr/bin/python3" in problem


def test_a_python_that_is_none_is_told() -> None:
    """With the setting that named it."""
    assert "python:" in BubblewrapLauncher(SandboxSettings(python="/bin/false")).problem()


@needs_bubblewrap
def test_a_killed_bwrap_leaves_nothing() -> None:
    """Its sandbox ends with it, or goes on until it is closed."""
    with pool("bubblewrap") as made:
        with made.converse(ECHO) as talk:
            talk.say(b"x")
            talk.hear(time_s=30)
            stream = next(iter(made._cells)).stream
            assert isinstance(stream, bubblewrap.BubblewrapStream)
            inside = psutil.Process(stream._process.pid).children(recursive=True)
            stream._process.kill()
        assert works(made)
    assert len(inside) == 3
    assert not any(is_running(process.pid) for process in inside)


@needs_bubblewrap
def test_each_sandbox_has_a_user_of_its_own() -> None:
    """Where root starts them; else the number is always the same."""
    with pool("bubblewrap") as made:
        with made.converse(ECHO), made.converse(ECHO):
            pass
        users = {ask(made, "import os; open('/tmp/dirty', 'w'); answer = os.getuid()") for _ in range(3)}
    allowed = range(bubblewrap_view.FIRST_UID, bubblewrap_view.FIRST_UID + bubblewrap_view.UIDS)
    assert all(user in allowed for user in users)


@needs_bubblewrap
@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="this is no virtual environment")
def test_a_virtual_environment_is_shown_where_it_is_named() -> None:
    """With its packages; the one this runs in is not shown by itself."""
    look = "import json, importlib.util as u; print(json.dumps(u.find_spec('psutil') is not None))"
    with pool("bubblewrap", python=sys.executable) as made:
        assert told(made, look) is True
        assert ask(made, "import importlib.util as u; answer = u.find_spec('psutil') is not None") is True


@needs_bubblewrap
def test_a_network_is_there_where_it_is_allowed() -> None:
    """It is the host's, then."""
    with pool("bubblewrap", network=True) as made:
        names = told(made, "import json, socket; print(json.dumps([name for _, name in socket.if_nameindex()]))")
        assert Path("/sys/class/net").is_dir()
        assert set(names) == {path.name for path in Path("/sys/class/net").iterdir()}
        assert works(made)


TRACES = {
    "shared memory": "libc.shmget(0x5EC2, 4096, 0o1666)",
    "semaphores": "libc.semget(0x5EC2, 1, 0o1666)",
    "messages": "libc.msgget(0x5EC2, 0o1666)",
    "a key": "libc.syscall(248, b'user', b'trace', b'secret', 6, -4)",
    "a limit of PID 1": "resource.prlimit(1, resource.RLIMIT_NOFILE, (50, 50))",
    "a limit of the keeper": "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (50, 50))",
    "priority": "os.setpriority(os.PRIO_USER, 0, 5)",
}


@needs_bubblewrap
@pytest.mark.parametrize("trace", TRACES)
def test_without_a_filter_traces_are_noticed(trace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine whose system calls we do not know, what is left is seen instead of refused."""
    look = (
        "import os, resource\n"
        "tables = [f'/proc/sysvipc/{name}' for name in ('shm', 'sem', 'msg')]\n"
        "answer = [sum(1 for line in open(t)) for t in tables] + ['trace' in open('/proc/keys').read(),\n"
        "    resource.getrlimit(resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, 0)]\n"
    )
    monkeypatch.setattr(cell, "filters", dict)
    with pool("bubblewrap") as made:
        before = ask(made, look)
        ask(made, f"import ctypes, os, resource\nlibc = ctypes.CDLL(None)\n{TRACES[trace]}")
        assert ask(made, look) == before
