"""Taking part in the work, and being alone with it."""

from __future__ import annotations

import threading

import pytest

from pytest_llmbench.sandboxes.turns import Turns


def test_the_first_is_told_that_nobody_else_is_there() -> None:
    """The second that somebody is."""
    turns = Turns()
    with turns.together() as crowded:
        assert not crowded
        with turns.together() as second:
            assert second
    with turns.together() as crowded:
        assert not crowded


def test_whoever_is_alone_waits_for_the_others() -> None:
    """And those that come later wait for him, though others are still at work when they come."""
    turns = Turns()
    order: list[str] = []
    working, wanting = threading.Event(), threading.Event()

    def work() -> None:
        with turns.together():
            working.set()
            wanting.wait(60)
            order.append("together")

    def be_alone() -> None:
        working.wait(60)
        with turns.alone() as crowded:
            assert not crowded
            order.append("alone")

    def come_late() -> None:
        with turns.together():
            order.append("late")

    threads = [threading.Thread(target=act) for act in (work, be_alone)]
    for thread in threads:
        thread.start()
    while not turns._wanting_alone:
        working.wait(1)
    threads.append(threading.Thread(target=come_late))
    threads[-1].start()
    wanting.set()
    for thread in threads:
        thread.join(60)
    assert order == ["together", "alone", "late"]


def test_an_exception_ends_a_turn() -> None:
    """Nobody waits for what has failed."""
    turns = Turns()

    def fail(*, alone: bool) -> None:
        with turns.alone() if alone else turns.together():
            raise KeyError

    for alone in (False, True):
        with pytest.raises(KeyError):
            fail(alone=alone)
    with turns.alone() as crowded:
        assert not crowded
