"""What every sandbox promises when it breaks itself: an error of ours, and the next program is unharmed."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pytest_llmbench.errors import SandboxFailed
from pytest_llmbench.sandboxes.pool import Pool
from tests.patience import wait_until
from tests.sandboxes.lab import ECHO, KINDS, PROBE, ask, pool, put, script, works

CHILD = """
import sys, time
from tests.sandboxes.lab import PROBE, pool, put
with pool(sys.argv[1]) as made:
    with made.converse(PROBE) as talk:
        put(talk, sys.argv[4], mark=sys.argv[2])
        talk.hear(time_s=30)
        print("ready", flush=True)
        time.sleep(999) if sys.argv[3] == "killed" else sys.exit(0)
"""


START = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(999)", mark])
answer = 1
"""


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """Make a sandbox of each kind."""
    with pool(request.param) as made:
        yield made


def break_all(sandbox: Pool) -> None:
    """Take every running sandbox away from under its users, as the end of a daemon would."""
    for cell in list(sandbox._cells):
        cell.stream.destroy()


def is_marked(mark: str) -> bool:
    """Whether a process of this machine has `mark` in its command line."""
    return any(mark in (process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


def test_a_sandbox_that_dies_while_a_command_runs_has_failed(sandbox: Pool) -> None:
    """That is no verdict on the program."""
    mark = f"llmbench-{secrets.token_hex(8)}"

    def wait_and_break() -> None:
        wait_until(lambda: is_marked(mark))
        break_all(sandbox)

    thread = threading.Thread(target=wait_and_break)
    thread.start()
    with pytest.raises(SandboxFailed):
        script(sandbox, "import time; time.sleep(60)", mark)
    thread.join()
    assert works(sandbox)


def test_a_sandbox_that_dies_in_a_conversation_has_failed(sandbox: Pool) -> None:
    """Whoever listens is told."""
    with sandbox.converse(ECHO) as talk:
        talk.say(b"hello")
        talk.hear(time_s=30)
        break_all(sandbox)
        with pytest.raises(SandboxFailed):
            talk.hear(time_s=30)
    assert works(sandbox)


def test_a_sandbox_that_died_is_told_at_the_end_of_a_conversation(sandbox: Pool) -> None:
    """Whoever asks how it went is told, too; whoever does not ask is not bothered."""
    with sandbox.converse(ECHO) as talk:
        break_all(sandbox)
        with pytest.raises(SandboxFailed):
            talk.end()
    with sandbox.converse(ECHO) as talk:
        break_all(sandbox)
    assert works(sandbox)


def test_sandboxes_that_died_while_nobody_used_them_are_replaced(sandbox: Pool) -> None:
    """The next program does not notice."""
    with sandbox.converse(ECHO), sandbox.converse(ECHO), sandbox.converse(ECHO):
        pass
    break_all(sandbox)
    assert works(sandbox)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["killed", "exits"])
def test_nothing_outlives_its_owner(kind: str, end: str) -> None:
    """Neither when that is killed nor when it forgets to close."""
    mark = f"llmbench-{secrets.token_hex(8)}"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", CHILD, kind, mark, end, START]
    paths = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env={**os.environ, "PYTHONPATH": paths}) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        if end == "killed":
            owner.send_signal(signal.SIGKILL)
        owner.wait(60)
    wait_until(lambda: not is_marked(mark))


@pytest.mark.parametrize("kind", KINDS)
def test_closing_ends_what_still_runs(kind: str) -> None:
    """A conversation under way is over then, and no process is left."""
    mark = f"llmbench-{secrets.token_hex(8)}"
    with pool(kind) as made, made.converse(PROBE) as talk:
        put(talk, START, mark=mark)
        talk.hear(time_s=30)
        wait_until(lambda: is_marked(mark))
        made.close()
        assert not is_marked(mark)
        with pytest.raises(SandboxFailed):
            talk.hear(time_s=30)


@pytest.mark.parametrize("kind", KINDS)
def test_a_thread_that_ends_takes_no_sandbox_along(kind: str) -> None:
    """Sandboxes belong to the process, whoever of its threads was first."""
    with pool(kind) as made:
        which = "answer = open('/proc/1/stat').read().rpartition(')')[2].split()[19]"
        found: list[object] = []
        thread = threading.Thread(target=lambda: found.append(ask(made, which)))
        thread.start()
        thread.join()
        time.sleep(0.2)
        assert ask(made, which) == found[0]
