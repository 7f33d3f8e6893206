"""What a program does to what it shares with the next one: found by a reviewer, mended, and kept from coming back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_llmbench.contracts import Sandbox
from pytest_llmbench.records import Ended
from tests.sandboxes.lab import KINDS, ask, pool, script, works


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each kind."""
    with pool(request.param) as made:
        yield made


@pytest.mark.parametrize("mode", ["0", "0o111", "0o300"])
@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])  # noqa: S108 - those of the sandbox
def test_a_folder_made_unreadable_harms_nobody(sandbox: Sandbox, folder: str, mode: str) -> None:
    """The program has its result, and the next one a sandbox."""
    code = f"import contextlib, os\nwith contextlib.suppress(OSError): os.chmod({folder!r}, {mode})\nanswer = 'on'"
    assert ask(sandbox, code) == "on"
    done = script(sandbox, code.replace("answer = 'on'", "print('on')"))
    assert (done.ended, done.stdout) == (Ended.EXITED, b"on\n")
    assert works(sandbox)


def test_standard_input_is_each_programs_own(sandbox: Sandbox) -> None:
    """Flags and signals set on it are gone with the program."""
    mark = "import fcntl, os\nfcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK)\nfcntl.fcntl(0, 10, 42)"
    look = "import fcntl, os\nanswer = [fcntl.fcntl(0, fcntl.F_GETFL) & os.O_NONBLOCK, fcntl.fcntl(0, 11)]"
    ask(sandbox, mark)
    assert ask(sandbox, look) == [0, 0]


def test_what_is_sent_to_oneself_is_not_seen_by_the_next(sandbox: Sandbox) -> None:
    """The counters of the loopback interface are those of a fresh sandbox."""
    look = "answer = [line.split()[1] for line in open('/proc/net/dev') if 'lo:' in line]"
    send = (
        "import socket\nself = socket.socket(2, 2)\nself.bind(('127.0.0.1', 0))\nself.sendto(b'x', self.getsockname())"
    )
    fresh = ask(sandbox, look)
    ask(sandbox, send)
    assert ask(sandbox, look) == fresh
