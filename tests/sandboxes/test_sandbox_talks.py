"""What every sandbox promises of a conversation with a driver, and of drivers that were taken over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from pytest_llmbench.contracts import Conversation, Driver, Sandbox
from pytest_llmbench.errors import SandboxFailed
from pytest_llmbench.records import Ended
from tests.sandboxes.lab import ECHO, KINDS, PROBE, ask, pool, put, works

FLOOD = Driver(
    name="flood",
    source="""
def main(channel):
    for _ in range(10):
        channel.write(b"x" * (1 << 20))
    channel.write(b"\\n")
    total = 0
    while True:
        line = channel.read_line()
        if line is None or not line:
            break
        total += len(line)
    channel.write(str(total).encode() + b"\\n")
""",
)
"""Says 10 MB before it listens."""


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Make a sandbox of each kind."""
    with pool(request.param) as made:
        yield made


def wait_for_end(talk: Conversation) -> None:
    """Return when the driver is gone."""
    with pytest.raises(EOFError):
        talk.hear(time_s=30)


def test_lines_go_both_ways(sandbox: Sandbox) -> None:
    """In order, empty ones and any byte but the newline included."""
    lines = [b"", b"one", bytes(range(10)) + bytes(range(11, 256)), b"x" * 100_000, b"last"]
    with sandbox.converse(ECHO) as talk:
        for line in lines:
            talk.say(line)
        assert [talk.hear(time_s=30) for _ in lines] == lines


def test_a_driver_that_returns_has_exited(sandbox: Sandbox) -> None:
    """Then there is nothing more to hear, and the result stays the same."""
    with sandbox.converse(ECHO) as talk:
        talk.say(b"stop")
        wait_for_end(talk)
        done = talk.end()
        assert (done.ended, done.exit_code, done.signal) == (Ended.EXITED, 0, 0)
        assert talk.end() is done


def test_what_was_said_before_the_end_is_heard(sandbox: Sandbox) -> None:
    """A driver that is gone has still said what it said."""
    with sandbox.converse(PROBE) as talk:
        put(talk, "import os; channel.write(b'a\\nb\\nhalf a line'); os._exit(7)")
        assert [talk.hear(time_s=30), talk.hear(time_s=30)] == [b"a", b"b"]
        wait_for_end(talk)
        assert talk.end().exit_code == 7


def test_a_conversation_may_end_early(sandbox: Sandbox) -> None:
    """Whatever the driver is doing; also by an exception of its caller's."""
    with sandbox.converse(ECHO) as talk:
        talk.say(b"hello")
    assert talk.end().ended == Ended.CLOSED
    assert works(sandbox)


def test_a_callers_exception_passes_through(sandbox: Sandbox) -> None:
    """And ends the conversation."""

    def fail() -> None:
        with sandbox.converse(PROBE) as talk:
            put(talk, "while True: pass")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert works(sandbox)


def test_speaking_to_nobody_is_no_error(sandbox: Sandbox) -> None:
    """A driver that is gone, or a conversation that is over, hears nothing."""
    with sandbox.converse(ECHO) as talk:
        talk.say(b"stop")
        wait_for_end(talk)
        talk.say(b"hello?")
        talk.end()
        talk.say(b"hello?")
        wait_for_end(talk)


def test_a_newline_makes_no_line(sandbox: Sandbox) -> None:
    """The caller's mistake is shown to him."""
    with sandbox.converse(ECHO) as talk, pytest.raises(ValueError, match="newline"):
        talk.say(b"two\nlines")


def test_waiting_has_an_end(sandbox: Sandbox) -> None:
    """After that the conversation can go on."""
    with sandbox.converse(PROBE) as talk:
        put(talk, "import time; time.sleep(0.6); answer = 'late'")
        with pytest.raises(TimeoutError):
            talk.hear(time_s=0.1)
        assert talk.hear(time_s=30) == b'"late"'


def test_a_driver_that_was_late_has_timed_out(sandbox: Sandbox) -> None:
    """If it never came to an end."""
    with sandbox.converse(PROBE) as talk:
        put(talk, "while True: pass")
        with pytest.raises(TimeoutError):
            talk.hear(time_s=0.3)
        assert talk.end().ended == Ended.TIMED_OUT
    assert works(sandbox)


def test_the_whole_conversation_has_its_time(sandbox: Sandbox) -> None:
    """However much each answer might take."""
    with sandbox.converse(PROBE, time_s=0.5) as talk:
        put(talk, "while True: pass")
        with pytest.raises(TimeoutError):
            talk.hear(time_s=600)
        assert talk.end().ended == Ended.TIMED_OUT


def test_a_conversation_that_its_caller_forgets_is_ended(sandbox: Sandbox) -> None:
    """PID 1 looks at the clock, too."""
    with sandbox.converse(PROBE, time_s=0.2) as talk:
        put(talk, "while True: pass")
        time.sleep(1.5)
        done = talk.end()
    assert done.ended == Ended.TIMED_OUT
    assert done.wall_s < 1.4


def test_a_line_can_be_too_long(sandbox: Sandbox) -> None:
    """Whether it ever ends or not; what is kept of it is bounded."""
    with sandbox.converse(FLOOD) as talk, pytest.raises(OverflowError):
        talk.hear(time_s=30)
    with sandbox.converse(PROBE) as talk:
        put(talk, "while True: channel.write(b'x' * 65536)")
        with pytest.raises(OverflowError):
            talk.hear(time_s=30, limit=100_000)
    assert works(sandbox)


def test_a_line_of_exactly_the_limit_is_heard(sandbox: Sandbox) -> None:
    """One byte more is not."""
    with sandbox.converse(ECHO) as talk:
        talk.say(b"x" * 1000)
        assert len(talk.hear(time_s=30, limit=1000)) == 1000
        talk.say(b"x" * 1001)
        with pytest.raises(OverflowError):
            talk.hear(time_s=30, limit=1000)


def test_both_may_speak_much_at_the_same_time(sandbox: Sandbox) -> None:
    """10 MB against 10 MB: neither waits for the other for ever."""
    with sandbox.converse(FLOOD) as talk:
        for _ in range(10):
            talk.say(b"y" * (1 << 20))
        talk.say(b"")
        assert len(talk.hear(time_s=60, limit=1 << 24)) == 10 << 20
        assert talk.hear(time_s=60) == str(10 << 20).encode()


def test_a_driver_that_does_not_listen_is_no_obstacle(sandbox: Sandbox) -> None:
    """10 MB for one that loops: it is ended in time all the same."""
    with sandbox.converse(PROBE) as talk:
        put(talk, "while True: pass")
        talk.say(b"y" * (10 << 20))
        with pytest.raises(TimeoutError):
            talk.hear(time_s=0.3)
    assert talk.end().ended == Ended.TIMED_OUT
    assert works(sandbox)


def test_prints_are_kept_apart(sandbox: Sandbox) -> None:
    """What a program prints is no line of its driver's."""
    with sandbox.converse(PROBE) as talk:
        put(talk, "import os, sys\nprint('out')\nos.write(1, b'raw')\nprint('err', file=sys.stderr)\nanswer = 1")
        assert talk.hear(time_s=30) == b"1"
        put(talk, "raise SystemExit(3)")
        wait_for_end(talk)
        done = talk.end()
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"rawout\n", b"err\n")


def test_a_driver_has_no_stdin(sandbox: Sandbox) -> None:
    """A program that asks for input meets its end."""
    code = "import os\ntry: input()\nexcept EOFError: answer = os.read(0, 10).decode()"
    assert ask(sandbox, code) == ""


def test_two_conversations_at_once_see_nothing_of_each_other(sandbox: Sandbox) -> None:
    """One thread may hold both."""
    with sandbox.converse(PROBE) as one, sandbox.converse(PROBE) as two:
        put(
            one, "open('/tmp/x', 'w').close(); import os; answer = len([n for n in os.listdir('/proc') if n.isdigit()])"
        )
        assert int(one.hear(time_s=30)) <= 3
        put(two, "import os; answer = os.path.exists('/tmp/x')")
        assert two.hear(time_s=30) == b"false"
        put(one, "import os; answer = os.path.exists('/tmp/x')")
        assert one.hear(time_s=30) == b"true"


def test_many_threads_may_converse(sandbox: Sandbox) -> None:
    """Each hears its own driver."""
    wrong: list[str] = []

    def talk_much(number: int) -> None:
        for turn in range(5):
            said = f"{number}-{turn}".encode() * 1000
            with sandbox.converse(ECHO) as talk:
                talk.say(said)
                if talk.hear(time_s=60) != said:
                    wrong.append(f"{number}-{turn}")

    threads = [threading.Thread(target=talk_much, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_driver_has_all_the_usual_room_for_recursion(sandbox: Sandbox) -> None:
    """What runs in a process of its own runs here."""
    code = "def deep(n): return n and 1 + deep(n - 1)\nanswer = deep(990)"
    assert ask(sandbox, code) == 990


def test_a_driver_that_cannot_be_imported_is_ours(sandbox: Sandbox) -> None:
    """The program is not to blame."""
    with pytest.raises(SandboxFailed, match=r"broken.*NameError"), sandbox.converse(Driver(name="broken", source="x")):
        pass
    assert works(sandbox)
