"""What every sandbox promises of its limits: each is reached, told, and no trouble for the next program."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pytest_llmbench.contracts import Sandbox
from pytest_llmbench.records import Ended
from pytest_llmbench.sandboxes.launcher import file_limit
from tests.sandboxes.lab import KINDS, SMALL, ask, pool, script, told, works

DEAF = "import signal\nfor number in set(signal.Signals) - {9, 19}: signal.signal(number, signal.SIG_IGN)\n"


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Make a sandbox of each kind."""
    with pool(request.param) as made:
        yield made


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        DEAF + "while True: pass",
        "import time\ntime.sleep(1000)",
        "pow(3, 10**9)",
        "import os\nos.close(0); os.close(1); os.close(2)\nwhile True: pass",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import os\nos.fork() or os.setsid()\nwhile True: pass",
        "import threading\nfor _ in range(8): threading.Thread(target=lambda: exec('while True: pass')).start()",
        "while True:\n    try: exec('while True: pass')\n    except BaseException: pass",
    ],
)
def test_what_does_not_end_is_ended(sandbox: Sandbox, code: str) -> None:
    """At its time limit, whatever it does, and the next program is unharmed."""
    done = script(sandbox, code, time_s=0.5)
    assert (done.ended, done.exit_code) == (Ended.TIMED_OUT, None)
    assert works(sandbox)


def test_what_it_wrote_before_its_time_was_up_is_kept(sandbox: Sandbox) -> None:
    """For whoever wants to know how far it came."""
    done = script(sandbox, "print('so far', flush=True)\nwhile True: pass", time_s=1)
    assert (done.ended, done.stdout) == (Ended.TIMED_OUT, b"so far\n")


def test_one_process_gets_no_more_memory_than_its_share(sandbox: Sandbox) -> None:
    """It is refused or killed for it."""
    done = script(sandbox, "x = bytearray(1 << 30)\nprint(len(x))")
    assert done.ended == Ended.OUT_OF_MEMORY or b"MemoryError" in done.stderr


def test_many_processes_get_no_more_memory_together(sandbox: Sandbox) -> None:
    """Six times 100 MiB, of which each alone would be allowed."""
    code = (
        "import os, time\n"
        "for _ in range(6):\n"
        "    if not os.fork():\n"
        "        x = b'x' * (100 << 20)\n"
        "        time.sleep(60)\n"
        "while True: os.wait()\n"
    )
    assert script(sandbox, code).ended == Ended.OUT_OF_MEMORY
    assert works(sandbox)


def test_shared_memory_counts(sandbox: Sandbox) -> None:
    """A mapping without a file is held by its processes like any other memory."""
    code = (
        "import mmap, time\n"
        "kept = [mmap.mmap(-1, 32 << 20) for _ in range(12)]\n"
        "for memory in kept: memory.write(b'x' * (32 << 20))\n"
        "time.sleep(60)\n"
    )
    done = script(sandbox, code)
    assert done.ended == Ended.OUT_OF_MEMORY or b"MemoryError" in done.stderr or b"OSError" in done.stderr


def test_memory_without_an_owner_is_refused(sandbox: Sandbox) -> None:
    """A file in memory that no folder shows would be counted nowhere."""
    assert (
        ask(sandbox, "import os\ntry: os.memfd_create('x'); answer = 'made'\nexcept OSError: answer = 'refused'")
        == "refused"
    )


def test_processes_are_counted(sandbox: Sandbox) -> None:
    """Some can be started, but not one more than allowed."""
    code = (
        "import json, os, time\n"
        "count = 0\n"
        "try:\n"
        "    while os.fork() or time.sleep(60): count += 1\n"
        "except OSError: print(json.dumps(count), flush=True)\n"
    )
    assert SMALL.pids // 2 < told(sandbox, code) < SMALL.pids
    assert works(sandbox)


def test_threads_are_counted_as_processes(sandbox: Sandbox) -> None:
    """They are what the kernel counts."""
    code = (
        "import json, os, threading, time\n"
        "count = 0\n"
        "try:\n"
        "    while True:\n"
        "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "        count += 1\n"
        "except RuntimeError: print(json.dumps(count), flush=True); os._exit(0)\n"
    )
    assert told(sandbox, code) < SMALL.pids


def test_a_fork_bomb_ends_with_its_program(sandbox: Sandbox) -> None:
    """In the middle of its work, and the next program is unharmed."""
    done = script(sandbox, "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", time_s=1)
    assert done.ended in (Ended.TIMED_OUT, Ended.SIGNALLED)
    assert works(sandbox)


def test_a_chain_of_forks_leaves_nobody(sandbox: Sandbox) -> None:
    """Each process dies as soon as it has a child, so that none can be caught by its id."""
    code = "import os\nos.fork() and os._exit(0)\nos.setsid()\nwhile True:\n    if os.fork(): os._exit(0)\n"
    done = script(sandbox, code, time_s=1)
    assert done.ended == Ended.EXITED
    assert told(sandbox, "import json, os; print(sum(n.isdigit() for n in os.listdir('/proc')))") <= 3


def test_a_file_cannot_fill_the_disk(sandbox: Sandbox) -> None:
    """What is too large does not fit."""
    code = "f = open('x', 'wb')\nwhile True: f.write(b'x' * 65536)"
    done = script(sandbox, code)
    assert done.exit_code == 1
    assert b"Errno 27" in done.stderr or b"Errno 28" in done.stderr
    assert works(sandbox)


def test_many_files_cannot_fill_the_disk(sandbox: Sandbox) -> None:
    """The folders together hold what the setting says, and no more than that each."""
    code = (
        "import json, errno\n"
        "sizes = {}\n"
        "for folder in ('/work', '/tmp', '/dev/shm'):\n"
        "    sizes[folder] = 0\n"
        "    try:\n"
        "        for number in range(100):\n"
        "            with open(f'{folder}/{number}', 'wb', 0) as f: sizes[folder] += f.write(b'x' * (1 << 20))\n"
        "    except OSError as error: assert error.errno == errno.ENOSPC\n"
        "print(json.dumps(sizes))\n"
    )
    sizes = told(sandbox, code)
    assert all(size <= SMALL.disk_bytes for size in sizes.values())
    assert sizes["/work"] > SMALL.disk_bytes // 2
    assert works(sandbox)


def test_the_number_of_files_is_limited(sandbox: Sandbox) -> None:
    """Empty files cost memory, too."""
    code = (
        "import json\n"
        "count = 0\n"
        "try:\n"
        "    while True:\n"
        "        open(f'/tmp/{count}', 'w').close()\n"
        "        count += 1\n"
        "except OSError: print(json.dumps(count))\n"
    )
    assert 500 < told(sandbox, code) <= file_limit(SMALL)
    assert works(sandbox)


def test_open_files_are_limited(sandbox: Sandbox) -> None:
    """Below what the setting says."""
    code = (
        "import json\n"
        "kept = []\n"
        "try:\n"
        "    while True: kept.append(open('/dev/null'))\n"
        "except OSError: print(json.dumps(len(kept)))\n"
    )
    assert told(sandbox, code) < SMALL.open_files


def test_no_program_raises_its_limits(sandbox: Sandbox) -> None:
    """Each is a hard one."""
    code = (
        "import json, resource as r\n"
        "refused = 0\n"
        "for kind in (r.RLIMIT_AS, r.RLIMIT_NOFILE, r.RLIMIT_FSIZE, r.RLIMIT_CORE):\n"
        "    soft, hard = r.getrlimit(kind)\n"
        "    try: r.setrlimit(kind, (hard + 1, hard + 1))\n"
        "    except (ValueError, OSError): refused += 1\n"
        "print(json.dumps(refused))\n"
    )
    assert told(sandbox, code) == 4


def test_each_stream_keeps_its_first_bytes(sandbox: Sandbox) -> None:
    """20 MB on each of both: the beginning is there, the rest is dropped, and that is said."""
    code = "import os\nfor _ in range(320):\n    os.write(1, b'o' * 65536)\n    os.write(2, b'e' * 65536)\n"
    done = script(sandbox, code)
    assert (done.exit_code, done.truncated) == (0, True)
    assert done.stdout == b"o" * SMALL.output_bytes
    assert done.stderr == b"e" * SMALL.output_bytes


def test_output_of_exactly_the_limit_is_whole(sandbox: Sandbox) -> None:
    """Only what is more is cut."""
    done = script(sandbox, f"print('x' * {SMALL.output_bytes}, end='')")
    assert (len(done.stdout), done.truncated) == (SMALL.output_bytes, False)


def test_endless_output_ends_with_its_time(sandbox: Sandbox) -> None:
    """And no more of it is kept."""
    done = script(sandbox, "import os\nwhile True: os.write(1, b'x' * 65536)", time_s=0.5)
    assert (done.ended, len(done.stdout), done.truncated) == (Ended.TIMED_OUT, SMALL.output_bytes, True)


def test_a_program_keeps_to_its_cores(sandbox: Sandbox) -> None:
    """It has as many as the settings give it, and cannot take others."""
    code = (
        "import json, os\n"
        "mine = os.sched_getaffinity(0)\n"
        "try: os.sched_setaffinity(0, set(range(os.cpu_count())))\n"
        "except OSError: pass\n"
        "print(json.dumps([len(mine), len(os.sched_getaffinity(0))]))\n"
    )
    assert told(sandbox, code) == [1, 1]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core is all this machine has")
def test_busy_processes_share_the_cores(sandbox: Sandbox) -> None:
    """Four of them use no more CPU than one core has seconds."""
    code = "import os\nos.fork(); os.fork()\nwhile True: pass"
    done = script(sandbox, code, time_s=1)
    assert 0 < done.cpu_s < 1.5 * done.wall_s + 0.2


def test_no_program_takes_precedence(sandbox: Sandbox) -> None:
    """Neither over its neighbours nor over those who watch it."""
    code = (
        "import json, os\n"
        "refused = []\n"
        "for name, act in {\n"
        "    'nice': lambda: os.nice(-5),\n"
        "    'real time': lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10)),\n"
        "    'others': lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),\n"
        "    'all of the user': lambda: os.setpriority(os.PRIO_USER, 0, 19),\n"
        "}.items():\n"
        "    try: act()\n"
        "    except OSError: refused.append(name)\n"
        "print(json.dumps(refused))\n"
    )
    assert told(sandbox, code) == ["nice", "real time", "others", "all of the user"]
