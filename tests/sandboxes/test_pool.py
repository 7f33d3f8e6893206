"""Which sandboxes the pool starts, keeps and gives up, shown with sandboxes that are only played."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from pytest_llmbench.contracts import Driver
from pytest_llmbench.errors import SandboxFailed, SandboxUnavailable
from pytest_llmbench.records import Ended
from pytest_llmbench.sandboxes import cell_link as wire
from pytest_llmbench.sandboxes.pool import ATTEMPTS, Pool
from pytest_llmbench.settings import SandboxSettings

DRIVER = Driver(name="any", source="")


def frame(kind: bytes, content: object = None) -> bytes:
    """Return a frame as PID 1 sends it."""
    payload = b"" if content is None else json.dumps(content).encode()
    return wire.HEADER.pack(kind, len(payload)) + payload


GREETING = frame(wire.HELLO, {"python": "3.11.0", "machine": "x86_64", "filter": True})
LOADED, STARTED = frame(wire.LOADED, ""), frame(wire.STARTED)
FACTS = {"cause": "", "wall_s": 1.5, "cpu_s": 0.5, "memory_bytes": 1000, "truncated": False, "clean": True}


def finished(**facts: object) -> bytes:
    """Return the frame that ends a program; it exits with 0 unless told otherwise."""
    return frame(wire.FINISHED, {"status": 0, **FACTS, **facts})


class Player:
    """A stream that plays a sandbox: says these things one after the other, then ends with these last words."""

    def __init__(self, *said: bytes, last_words: str = "gone") -> None:
        self.said = list(said)
        self.last_words = last_words
        self.destroyed = 0

    def write(self, data: bytes) -> None:
        """See `Stream`."""

    def read(self, time_s: float) -> bytes:
        """See `Stream`."""
        return self.said.pop(0) if self.said else b""

    def destroy(self) -> None:
        """See `Stream`."""
        self.destroyed += 1

    def obituary(self) -> str:
        """See `Stream`."""
        return self.last_words


class Stage:
    """A launcher of played sandboxes."""

    name = "played"

    def __init__(self, make: Callable[[], Player]) -> None:
        self.make = make
        self.players: list[Player] = []

    def problem(self) -> str:
        """See `Launcher`."""
        return ""

    def describe(self) -> Mapping[str, str]:
        """See `Launcher`."""
        return {"stage": "small"}

    def launch(self, source: str) -> Player:
        """See `Launcher`."""
        self.players.append(self.make())
        return self.players[-1]


def test_a_sandbox_that_does_not_start_has_failed() -> None:
    """With its last words, and it is destroyed."""
    stage = Stage(lambda: Player(last_words="no such image"))
    pool = Pool(stage, SandboxSettings())
    with pytest.raises(SandboxFailed, match="no such image"):
        pool.run(["true"])
    pool.close()
    assert [player.destroyed for player in stage.players] == [1]


def test_where_there_is_none_that_is_passed_on() -> None:
    """Unchanged: the launcher knows best what helps."""

    def refuse() -> Player:
        raise SandboxUnavailable("install it")

    with pytest.raises(SandboxUnavailable, match="install it"):
        Pool(Stage(refuse), SandboxSettings()).run(["true"])


def test_a_sandbox_that_dies_before_its_program_is_replaced() -> None:
    """The program has not begun, so nothing of it is lost."""
    plays = [Player(GREETING), Player(GREETING, STARTED, finished())]
    stage = Stage(lambda: plays.pop(0))
    pool = Pool(stage, SandboxSettings())
    assert pool.run(["true"]).exit_code == 0
    pool.close()
    assert [player.destroyed for player in stage.players] == [1, 1]


def test_two_that_die_before_their_program_are_enough() -> None:
    """A third would fare no better."""
    stage = Stage(lambda: Player(GREETING))
    pool = Pool(stage, SandboxSettings())
    with pytest.raises(SandboxFailed, match="no program can be started"):
        pool.run(["true"])
    pool.close()
    assert len(stage.players) >= ATTEMPTS
    assert all(player.destroyed for player in stage.players)


def test_a_clean_sandbox_is_kept_and_a_dirty_one_is_not() -> None:
    """By what PID 1 has seen."""
    plays = [
        Player(GREETING, STARTED, finished(), STARTED, finished(clean=False)),
        *(Player(GREETING, STARTED, finished()) for _ in range(2)),
    ]
    stage = Stage(lambda: plays.pop(0))
    pool = Pool(stage, SandboxSettings())
    for _ in range(3):
        assert pool.run(["true"]).exit_code == 0
    pool.close()
    assert not stage.players[0].said
    assert len(stage.players) <= 3


@pytest.mark.parametrize(
    ("facts", "ended", "exit_code", "signal"),
    [
        ({"status": 0}, Ended.EXITED, 0, 0),
        ({"status": 3 << 8}, Ended.EXITED, 3, 0),
        ({"status": 11}, Ended.SIGNALLED, None, 11),
        ({"status": 24}, Ended.TIMED_OUT, None, 24),
        ({"status": 9, "cause": "memory"}, Ended.OUT_OF_MEMORY, None, 0),
        ({"status": None, "cause": "memory"}, Ended.OUT_OF_MEMORY, None, 0),
        ({"status": None, "cause": "time"}, Ended.TIMED_OUT, None, 0),
        ({"status": None, "cause": "owner"}, Ended.CLOSED, None, 0),
        ({"status": None, "cause": "files"}, Ended.SIGNALLED, None, 9),
        ({"status": None, "cause": "processes"}, Ended.SIGNALLED, None, 9),
        ({"status": None, "cause": ""}, Ended.SIGNALLED, None, 9),
    ],
)
def test_ends_are_told_apart(facts: Mapping[str, object], ended: Ended, exit_code: int | None, signal: int) -> None:
    """By wait status and by why PID 1 has killed."""
    pool = Pool(Stage(lambda: Player(GREETING, LOADED, STARTED, finished(**facts))), SandboxSettings())
    with pool.converse(DRIVER) as talk:
        done = talk.end()
    pool.close()
    assert (done.ended, done.exit_code, done.signal) == (ended, exit_code, signal)
    assert (done.wall_s, done.cpu_s, done.memory_bytes) == (1.5, 0.5, 1000)


def test_a_sandbox_killed_for_memory_is_its_programs_doing() -> None:
    """When the whole of it was: no failure of ours, for commands and for conversations."""
    words = "out of memory: the container was killed"
    pool = Pool(Stage(lambda: Player(GREETING, STARTED, last_words=words)), SandboxSettings())
    assert pool.run(["true"]).ended == Ended.OUT_OF_MEMORY
    pool.close()
    pool = Pool(Stage(lambda: Player(GREETING, LOADED, STARTED, last_words=words)), SandboxSettings())
    with pool.converse(DRIVER) as talk:
        with pytest.raises(EOFError):
            talk.hear(time_s=1)
        assert talk.end().ended == Ended.OUT_OF_MEMORY
    pool.close()


def test_it_is_described_with_what_its_launcher_says() -> None:
    """Beside what it runs."""
    pool = Pool(Stage(lambda: Player(GREETING)), SandboxSettings())
    about = pool.describe()
    pool.close()
    assert (about["sandbox"], about["python"], about["stage"]) == ("played", "3.11.0", "small")


def test_turns_are_taken_in_the_sandbox() -> None:
    """Together with others, or alone."""
    pool = Pool(Stage(Player), SandboxSettings())
    with pool.turn() as first, pool.turn() as second:
        assert (first, second) == (False, True)
    with pool.turn(alone=True) as crowded:
        assert not crowded
    pool.close()
