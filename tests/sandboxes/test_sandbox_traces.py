"""What every sandbox promises of one program to the next: nothing passes, in the warm pool neither."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pytest_llmbench.contracts import Sandbox
from pytest_llmbench.records import Ended
from tests.sandboxes.lab import ECHO, KINDS, PROBE, ask, pool, put, script, told, works

WHICH = "answer = open('/proc/1/stat').read().rpartition(')')[2].split()[19]"
"""Tells one sandbox from another: when its PID 1 began."""

SEARCH = """
first, second, answer = half.encode(), other.encode(), 0
whole = len(first) + len(second)
for line in open('/proc/self/maps'):
    span, rights, *_ = line.split()
    if rights[0] != 'r' or '[v' in line:
        continue
    low, high = (int(part, 16) for part in span.split('-'))
    with open('/proc/self/mem', 'rb', 0) as memory:
        memory.seek(low)
        kept = b''
        while low < high:
            try:
                kept = kept[-whole:] + memory.read(min(high - low, 1 << 20))
            except OSError:
                break
            at = kept.find(first)
            while at >= 0:
                answer += kept[at + len(first):at + whole] == second
                at = kept.find(first, at + 1)
            low += 1 << 20
"""
"""Counts the places in its own memory, a copy of its parents', where one half of a secret follows the other."""


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Make a sandbox of each kind."""
    with pool(request.param) as made:
        yield made


def marked(mark: str) -> list[int]:
    """Return the processes of this machine with `mark` in their command line; containers are seen, too."""
    running = psutil.process_iter(["cmdline"])
    return [process.pid for process in running if mark in (process.info["cmdline"] or ())]


def test_a_clean_sandbox_is_used_again(sandbox: Sandbox) -> None:
    """Starting one is not paid for each program."""
    assert ask(sandbox, WHICH) == ask(sandbox, WHICH)


def test_a_sandbox_with_traces_is_not(sandbox: Sandbox) -> None:
    """It is thrown away."""
    before = ask(sandbox, WHICH)
    ask(sandbox, "open('/tmp/trace', 'w').write('x')")
    assert ask(sandbox, WHICH) != before


WRITE = (
    "import os\n"
    "for folder in ('/work', '/tmp', '/dev/shm', '/var/tmp', '/run', '/run/lock', '/dev/mqueue'):\n"
    "    for name in ('trace', 'folder/below'):\n"
    "        try:\n"
    "            os.makedirs(os.path.dirname(f'{folder}/{name}'), exist_ok=True)\n"
    "            open(f'{folder}/{name}', 'w').write('secret')\n"
    "        except OSError: pass\n"
)
READ = (
    "import os\n"
    "answer = []\n"
    "for folder in ('/work', '/tmp', '/dev/shm', '/var/tmp', '/run', '/dev/mqueue'):\n"
    "    for at, folders, files in os.walk(folder):\n"
    "        answer += [os.path.join(at, name) for name in files if at != '/proc']\n"
)


@pytest.mark.parametrize("first", ["command", "driver"])
@pytest.mark.parametrize("second", ["command", "driver"])
def test_files_of_one_program_are_not_seen_by_the_next(sandbox: Sandbox, first: str, second: str) -> None:
    """Whoever wrote them, wherever, and whoever looks."""
    script(sandbox, WRITE) if first == "command" else ask(sandbox, WRITE)
    found = (
        told(sandbox, READ + "import json; print(json.dumps(answer))") if second == "command" else ask(sandbox, READ)
    )
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.makedirs('a')\nfor _ in range(700): os.mkdir('d' * 100); os.chdir('d' * 100)",
        "import os\nos.mkfifo('pipe'); os.symlink('/etc', 'link'); os.mkdir('closed'); os.chmod('closed', 0)",
        "import os\nos.mkdir(b'not \\xff utf-8\\n'); open(b'not \\xff utf-8\\n/\\n', 'w')",
        "for n in range(1000): open(f'file{n}', 'w')",
        "import os\nos.mkdir('full'); open('full/x', 'w'); os.chmod('full', 0o100)",
    ],
    ids=["deep", "odd kinds", "odd names", "many", "closed"],
)
def test_traces_that_are_hard_to_clean_away_are_gone(sandbox: Sandbox, code: str) -> None:
    """The sandbox is thrown away where cleaning is not simple."""
    script(sandbox, code)
    assert told(sandbox, "import json, os; print(json.dumps(os.listdir('.')))") == []
    assert works(sandbox)


def test_signs_on_the_folders_themselves_are_not_seen(sandbox: Sandbox) -> None:
    """Times, rights and attributes could carry a message, too."""
    code = (
        "import os\n"
        "answer = []\n"
        "for folder in ('/work', '/tmp', '/dev/shm'):\n"
        "    for act in (lambda: os.utime(folder, (1, 2)), lambda: os.chmod(folder, 0o1707),\n"
        "                lambda: os.setxattr(folder, 'user.trace', b'x')):\n"
        "        try: act()\n"
        "        except OSError: pass\n"
    )
    ask(sandbox, code)
    look = (
        "import os\n"
        "answer = []\n"
        "for folder in ('/work', '/tmp', '/dev/shm'):\n"
        "    about = os.stat(folder)\n"
        "    signs = [about.st_atime < 9, about.st_mtime < 9, about.st_mode & 0o7777 == 0o1707]\n"
        "    answer.append([*signs, os.listxattr(folder)])\n"
    )
    assert ask(sandbox, look) == [[False, False, False, []]] * 3


def test_limits_and_priority_of_pid_1_are_not_changed(sandbox: Sandbox) -> None:
    """They would be those of the next program."""
    code = (
        "import os, resource\n"
        "for pid in (1, os.getppid()):\n"
        "    for act in (lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (5, 5)),\n"
        "                lambda: resource.prlimit(pid, resource.RLIMIT_STACK, (1 << 20, 1 << 20)),\n"
        "                lambda: os.setpriority(os.PRIO_PROCESS, pid, 7),\n"
        "                lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))):\n"
        "        try: act()\n"
        "        except OSError: pass\n"
    )
    look = (
        "import os, resource\n"
        "answer = [resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_STACK),\n"
        "          os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)]\n"
    )
    before = ask(sandbox, look)
    ask(sandbox, code)
    assert ask(sandbox, look) == before
    assert works(sandbox)


def test_connections_that_wait_to_be_forgotten_are_not_seen(sandbox: Sandbox) -> None:
    """The ports of a connection could carry a message, too."""
    code = (
        "import socket\n"
        "listener = socket.create_server(('127.0.0.1', 4711))\n"
        "caller = socket.create_connection(('127.0.0.1', 4711))\n"
        "caller.close()\n"
        "listener.accept()[0].close()\n"
    )
    ask(sandbox, code)
    assert ask(sandbox, "answer = sum(1 for line in open('/proc/net/tcp'))") == 1


@pytest.mark.parametrize("end", ["ends", "is killed", "crashes"])
def test_no_process_outlives_its_program(sandbox: Sandbox, end: str) -> None:
    """However it ends: not one that has left its session, nor one that ignores every signal it can."""
    mark = f"llmbench-{secrets.token_hex(8)}"
    code = (
        "import os, signal, subprocess, sys, time\n"
        "for number in set(signal.Signals) - {9, 19}: signal.signal(number, signal.SIG_IGN)\n"
        "for _ in range(3):\n"
        "    sleeper = [sys.executable, '-c', 'import time; time.sleep(1000)', sys.argv[1]]\n"
        "    subprocess.Popen(sleeper, start_new_session=True)\n"
        "if not os.fork():\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    while True: time.sleep(1)\n"
        f"{{'ends': lambda: None, 'is killed': lambda: time.sleep(100), 'crashes': os.abort}}[{end!r}]()\n"
    )
    script(sandbox, code, mark, time_s=2)
    assert marked(mark) == []
    assert told(sandbox, "import json, os; print(sum(name.isdigit() for name in os.listdir('/proc')))") <= 3


def test_an_orphan_does_not_write_into_the_next_program(sandbox: Sandbox) -> None:
    """What it wrote up to the end of its own program is all there ever is."""
    code = "import os\nif not os.fork():\n    os.setsid()\n    while True: os.write(1, b'orphan')\n"
    script(sandbox, code)
    done = script(sandbox, "import time; time.sleep(0.3); print('clean')")
    assert (done.stdout, done.stderr) == (b"clean\n", b"")


@pytest.mark.parametrize(
    "code",
    [
        "key = libc.shmget(0x5EC2, 4096, 0o1666)",
        "key = libc.semget(0x5EC2, 1, 0o1666)",
        "key = libc.msgget(0x5EC2, 0o1666)",
        "key = libc.mq_open(b'/trace', 0o102, 0o666, None)",
        "key = libc.syscall(248, b'user', b'trace', b'secret', 6, -4)",
        "key = libc.syscall(248, b'user', b'trace', b'secret', 6, -5)",
    ],
    ids=["shm", "sem", "msg", "mqueue", "user keyring", "session keyring"],
)
def test_what_the_kernel_keeps_for_nobody_is_not_there(sandbox: Sandbox, code: str) -> None:
    """System V objects, message queues, keys: they would outlive every process."""
    tables = [f"/proc/sysvipc/{name}" for name in ("shm", "sem", "msg")]
    look = "answer = [sum(1 for line in open(t)) for t in tables] + ['trace' in open('/proc/keys').read()]"
    ask(sandbox, f"import ctypes\nlibc = ctypes.CDLL('librt.so.1')\n{code}")
    assert ask(sandbox, look, tables=tables) == [1, 1, 1, False]


def test_what_one_program_was_told_is_not_in_the_memory_of_the_next(sandbox: Sandbox) -> None:
    """Nor what it said: every program is a copy of the same parents, and this one reads all of its memory."""
    half, other = secrets.token_hex(16), secrets.token_hex(16)
    secret = (half + other).encode()
    before = ask(sandbox, WHICH)
    with sandbox.converse(ECHO) as talk:
        for _ in range(50):
            talk.say(secret * 1000)
            assert talk.hear(time_s=30) == secret * 1000
    with sandbox.converse(PROBE) as talk:
        put(
            talk,
            "import sys; print(secret); print(secret, file=sys.stderr, flush=True); answer = secret",
            secret=half + other,
        )
        talk.hear(time_s=30)
    assert ask(sandbox, WHICH) == before
    assert ask(sandbox, SEARCH, half=half, other=other) == 0
    assert ask(sandbox, WHICH) == before


def test_what_a_command_was_given_is_not_in_the_memory_of_the_next(sandbox: Sandbox) -> None:
    """Its files, their names, its words and its input."""
    half, other = secrets.token_hex(16), secrets.token_hex(16)
    secret = (half + other).encode()
    files = {f"{half}{other}/{half}{other}": secret * 1000}
    done = script(sandbox, "import sys; print(sys.stdin.read())", half + other, files=files, stdin=secret * 10)
    assert done.stdout == secret * 10 + b"\n"
    assert ask(sandbox, SEARCH, half=half, other=other) == 0


def test_the_search_finds_what_is_there(sandbox: Sandbox) -> None:
    """Or the tests above would show nothing."""
    half, other = secrets.token_hex(16), secrets.token_hex(16)
    assert ask(sandbox, "here = (half + other).encode()\n" + SEARCH, half=half, other=other) > 0


@pytest.mark.parametrize(
    "path", ["/proc/1/mem", "/proc/1/maps", "/proc/1/environ", "/proc/1/fd", "/proc/1/root", "keeper"]
)
def test_pid_1_is_closed(sandbox: Sandbox, path: str) -> None:
    """Its memory, its pipes and its view of the files, and the keeper's as well."""
    code = (
        "import os\n"
        "path = f'/proc/{os.getppid()}/mem' if path == 'keeper' else path\n"
        "try: answer = os.listdir(path) if path.endswith(('fd', 'root')) else open(path, 'rb').read(1) and 'read'\n"
        "except OSError as error: answer = 'refused'\n"
    )
    assert ask(sandbox, code, path=path) == "refused"


def test_chance_differs_from_program_to_program(sandbox: Sandbox) -> None:
    """Copies of one process must not draw the same numbers."""
    code = "import os, random\nanswer = [random.random(), os.urandom(8).hex()]"
    first, second = ask(sandbox, code), ask(sandbox, code)
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_what_a_program_does_to_the_library_is_its_own_affair(sandbox: Sandbox) -> None:
    """Patched modules are gone with it."""
    ask(sandbox, "import json, math, builtins\nmath.sqrt = lambda x: 42\nbuiltins.len = lambda x: 42\nanswer = 1")
    assert ask(sandbox, "import math\nanswer = [math.sqrt(4), len('abc')]") == [2.0, 3]


def test_nothing_is_left_on_the_host(sandbox: Sandbox, tmp_path: Path) -> None:
    """A file by an absolute name is not made, even where everybody may write."""
    tmp_path.chmod(0o777)
    target = tmp_path / "written"
    done = script(sandbox, f"open({str(target)!r}, 'w').write('x')")
    assert (done.ended, done.exit_code) == (Ended.EXITED, 1)
    assert not target.exists()
