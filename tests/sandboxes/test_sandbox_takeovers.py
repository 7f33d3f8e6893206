"""What every sandbox promises of programs that have taken over their driver: told as they end, and no trouble."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from pytest_llmbench.contracts import Conversation, Sandbox
from pytest_llmbench.records import Ended
from tests.sandboxes.lab import KINDS, PROBE, ask, pool, put, works


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Make a sandbox of each kind."""
    with pool(request.param) as made:
        yield made


def wait_for_end(talk: Conversation) -> None:
    """Return when the driver is gone."""
    with pytest.raises(EOFError):
        talk.hear(time_s=30)


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("1 / 0", 1, b"ZeroDivisionError"),
        ("raise SystemExit", 0, b""),
        ("raise SystemExit('why')", 1, b"why"),
        ("raise SystemExit(300)", 300 & 0xFF, b""),
        ("import os; os._exit(0)", 0, b""),
        ("raise KeyboardInterrupt", 1, b"KeyboardInterrupt"),
        ("import os; os._exit = lambda code: None\nraise SystemExit(4)", 4, b""),
        ("import sys; sys.stdout = sys.stderr = None\n1 / 0", 1, b""),
        ("import traceback; traceback.print_exc = lambda: 1 / 0\n1 / 0", 1, b""),
    ],
)
def test_a_driver_may_end_in_many_ways(sandbox: Sandbox, code: str, exit_code: int, said: bytes) -> None:
    """Each is told by its exit code, and what Python says of it is on stderr."""
    with sandbox.converse(PROBE) as talk:
        put(talk, code)
        wait_for_end(talk)
        done = talk.end()
    assert (done.ended, done.exit_code) == (Ended.EXITED, exit_code)
    assert said in done.stderr
    assert works(sandbox)


@pytest.mark.parametrize(
    "code",
    [
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nwhile True: pass",
        "import os, signal\nos.kill(-1, signal.SIGKILL)\nwhile True: pass",
        "import os, signal\nos.kill(os.getppid(), signal.SIGTERM)\nwhile True: pass",
        "import ctypes, os\nctypes.CDLL(None).prctl(1, 0)\nos.kill(os.getppid(), 9)\nwhile True: pass",
        "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nwhile True: pass",
    ],
    ids=["parent", "everybody", "parent, gently", "parent, prepared", "stop the parent"],
)
def test_killing_the_parent_ends_the_program(sandbox: Sandbox, code: str) -> None:
    """It is told as killed, and nobody else is harmed."""
    with sandbox.converse(PROBE) as talk:
        put(talk, code)
        wait_for_end(talk)
        done = talk.end()
    assert done.ended == Ended.SIGNALLED
    assert works(sandbox)


def test_signals_to_pid_1_are_ignored(sandbox: Sandbox) -> None:
    """All of them, SIGKILL and SIGSTOP included."""
    code = (
        "import os, signal, time\n"
        "for number in signal.valid_signals(): os.kill(1, number)\n"
        "time.sleep(0.2)\n"
        "answer = 'alive'\n"
    )
    assert ask(sandbox, code) == "alive"
    assert works(sandbox)


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.closerange(0, 100)",
        "import os\nos.closerange(3, 100)",
        "import os\nfor fd in range(100):\n    try: os.dup2(1, fd)\n    except OSError: pass",
    ],
)
def test_a_driver_that_cannot_speak_any_more_is_gone(sandbox: Sandbox, code: str) -> None:
    """Though its process lives on."""
    with sandbox.converse(PROBE) as talk:
        put(talk, code + "\nwhile True: pass")
        wait_for_end(talk)
        assert talk.end().ended == Ended.CLOSED
    assert works(sandbox)


def test_rubbish_is_heard_as_rubbish(sandbox: Sandbox) -> None:
    """Whatever is written to whatever descriptor, only the channel's own is heard, and nothing is forged."""
    code = (
        "import os\n"
        "for fd in range(64):\n"
        "    for piece in (b'F\\0\\0\\0\\2{}', b'\\xff' * 999, b'\\n'):\n"
        "        try: os.write(fd, piece)\n"
        "        except OSError: pass\n"
    )
    with sandbox.converse(PROBE) as talk:
        put(talk, code)
        assert talk.hear(time_s=30) == b"F\0\0\0\2{}" + b"\xff" * 999
        assert talk.hear(time_s=30) == b"null"
    assert works(sandbox)


def test_a_thread_that_sleeps_delays_nothing(sandbox: Sandbox) -> None:
    """When main returns the program is over."""
    with sandbox.converse(PROBE) as talk:
        put(talk, "import threading as t, time\nt.Thread(target=time.sleep, args=(1000,)).start()\nraise SystemExit")
        wait_for_end(talk)
        assert talk.end().ended == Ended.EXITED


def test_a_flood_of_prints_delays_nothing(sandbox: Sandbox) -> None:
    """20 MB of them, and the answer still comes."""
    with sandbox.converse(PROBE) as talk:
        put(talk, "import os\nfor _ in range(320): os.write(1, b'x' * 65536)\nanswer = 'done'")
        assert talk.hear(time_s=30) == b'"done"'
        done = talk.end()
    assert done.truncated


def test_a_driver_that_runs_out_of_memory_is_told(sandbox: Sandbox) -> None:
    """As an exception of its own, or as its end."""
    with sandbox.converse(PROBE) as talk:
        put(talk, "x = []\nwhile True: x.append(bytearray(1 << 20))")
        wait_for_end(talk)
        done = talk.end()
    assert done.ended == Ended.OUT_OF_MEMORY or b"MemoryError" in done.stderr
    assert works(sandbox)


def test_a_crash_is_told_by_its_signal(sandbox: Sandbox) -> None:
    """Such as reading where there is no memory."""
    with sandbox.converse(PROBE) as talk:
        put(talk, "import ctypes; ctypes.string_at(0)")
        wait_for_end(talk)
        done = talk.end()
    assert (done.ended, done.signal) == (Ended.SIGNALLED, signal.SIGSEGV)
