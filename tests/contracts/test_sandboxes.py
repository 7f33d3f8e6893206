"""What every sandbox promises of a command: its files, streams and end. More of the battery: tests/sandboxes/."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator

import pytest

from pytest_llmbench.contracts import Sandbox
from pytest_llmbench.errors import SandboxUnavailable
from pytest_llmbench.records import Ended
from tests.sandboxes.lab import KINDS, SMALL, pool, script, told, works

ODD_NAMES = (
    "two words.txt",
    "new\nline",
    "-rf",
    "ünï ☃",
    os.fsdecode(b"not \xff utf-8"),
    "deep/er/and/deeper.txt",
    "'quoted\"",
    ".hidden",
    "n" * 255,
)
REFUSED_NAMES = (
    *("../x", "a/../../x", "/etc/x", "", ".", "folder/", "zero\0byte", "lone \ud800", "n" * 256),
    "d/" * 600 + "f",
)


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Make a sandbox of each kind."""
    with pool(request.param) as made:
        yield made


def test_a_command_ends_with_its_exit_code(sandbox: Sandbox) -> None:
    """What it wrote and how it ended come back."""
    done = script(sandbox, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.ended, done.exit_code, done.signal) == (Ended.EXITED, 3, 0)
    assert (done.stdout, done.stderr, done.truncated) == (b"out\n", b"err\n", False)


def test_time_and_memory_are_measured(sandbox: Sandbox) -> None:
    """Seconds of wall clock and of CPU, and the peak of memory."""
    done = script(sandbox, "x = b'x' * (50 << 20)\nfor i in range(10**6): pass")
    assert done.wall_s >= done.cpu_s / 2 > 0
    assert 50 << 20 < done.memory_bytes < 200 << 20


def test_a_command_that_is_not_there_exits_127(sandbox: Sandbox) -> None:
    """As in a shell, with its name on stderr."""
    done = sandbox.run(["no-such-program"])
    assert done.exit_code == 127
    assert b"no-such-program" in done.stderr


def test_a_file_that_cannot_be_run_exits_126(sandbox: Sandbox) -> None:
    """As in a shell."""
    assert sandbox.run(["./data"], files={"data": b"#!/bin/sh\n"}).exit_code == 126


@pytest.mark.parametrize("command", [[], ["a\0b"]])
def test_words_that_make_no_command_are_refused(sandbox: Sandbox, command: list[str]) -> None:
    """Before anything is started."""
    with pytest.raises(ValueError, match="command"):
        sandbox.run(command)


def test_stdin_arrives_byte_for_byte(sandbox: Sandbox) -> None:
    """Binary, of several MB, with an end."""
    sent = bytes(range(256)) * 20_000
    code = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest(), end='')"
    assert script(sandbox, code, stdin=sent).stdout.decode() == hashlib.sha256(sent).hexdigest()


def test_stdin_that_nobody_reads_is_no_obstacle(sandbox: Sandbox) -> None:
    """A program that ends without having read it ends."""
    assert script(sandbox, "pass", stdin=b"x" * (5 << 20)).exit_code == 0


def test_no_stdin_is_an_empty_one(sandbox: Sandbox) -> None:
    """A read returns at once."""
    assert script(sandbox, "import sys; print(repr(sys.stdin.read()))").stdout == b"''\n"


def test_output_of_any_bytes_comes_back(sandbox: Sandbox) -> None:
    """Nothing is decoded on the way."""
    sent = bytes(range(256)) * 40
    done = script(sandbox, "import sys; sys.stdout.buffer.write(bytes(range(256)) * 40)")
    assert done.stdout == sent


def test_files_are_there_with_their_contents(sandbox: Sandbox) -> None:
    """Text and binary, and one as large as fits."""
    files = {"text.txt": b"text", "data/all.bin": bytes(range(256)), "big": b"x" * (6 << 20)}
    code = (
        "import json; print(json.dumps([len(open(name, 'rb').read()) for name in ('text.txt', 'data/all.bin', 'big')]))"
    )
    assert told(sandbox, code, files=files) == [4, 256, 6 << 20]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_kept(sandbox: Sandbox, name: str) -> None:
    """The program finds the very bytes."""
    code = (
        "import os, sys\n"
        "found = [os.path.join(at, file)[2:] for at, _, files in os.walk(b'.') for file in files]\n"
        "sys.stdout.buffer.write(b'|'.join(found))"
    )
    assert script(sandbox, code, files={name: b"1"}).stdout == os.fsencode(name)


@pytest.mark.parametrize("name", REFUSED_NAMES)
def test_names_that_lead_elsewhere_are_refused(sandbox: Sandbox, name: str) -> None:
    """No name of a file may leave the folder, or be none."""
    with pytest.raises(ValueError, match="name"):
        sandbox.run(["true"], files={name: b"1"})


def test_files_beyond_the_room_are_refused(sandbox: Sandbox) -> None:
    """With the setting to raise."""
    with pytest.raises(ValueError, match="disk_bytes"):
        sandbox.run(["true"], files={"a": b"x" * SMALL.disk_bytes, "b": b"y"})


def test_the_program_may_write_beside_its_files_and_run_them(sandbox: Sandbox) -> None:
    """In its folder, in /tmp and in /dev/shm."""
    code = (
        "import os, subprocess\n"
        "for name in ('made', '/tmp/made', '/dev/shm/made'):\n"
        "    open(name, 'w').write('#!/bin/sh\\necho ran')\n"
        "os.chmod('made', 0o755)\n"
        "print(subprocess.check_output(['./made']).decode(), os.getcwd())"
    )
    assert script(sandbox, code).stdout == b"ran\n /work\n"


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL, signal.SIGTERM])
def test_a_signal_is_told(sandbox: Sandbox, number: signal.Signals) -> None:
    """Also SIGKILL, which a program can send itself: nobody takes that for a lack of memory."""
    done = script(sandbox, f"import os; os.kill(os.getpid(), {int(number)})")
    assert (done.ended, done.exit_code, done.signal) == (Ended.SIGNALLED, None, number)


def test_a_program_has_all_its_stack(sandbox: Sandbox) -> None:
    """Recursion without end is an exception, not a crash."""
    done = script(sandbox, "def f(): f()\nf()")
    assert done.exit_code == 1
    assert b"RecursionError" in done.stderr


def test_what_it_runs_on_is_described(sandbox: Sandbox) -> None:
    """Name and Python version at least."""
    about = sandbox.describe()
    assert about["sandbox"] == sandbox.name
    assert about["python"].startswith("3.")
    assert all(isinstance(value, str) for value in about.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_sandbox_runs_nothing(kind: str) -> None:
    """Closing is harmless when repeated, or before the first program."""
    with pool(kind) as made:
        assert works(made)
        made.close()
        with pytest.raises(SandboxUnavailable, match="closed"):
            made.run(["true"])
