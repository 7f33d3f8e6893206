"""One server after the other, whatever happens to one of them."""

from __future__ import annotations

from collections.abc import Callable

from pytest_llmbench.plugin.tour import Stage, Tour


def test_a_stage_that_ends_badly_is_told_and_the_next_one_begins() -> None:
    """The items of the next server wait for it."""
    told: list[str] = []

    def fails() -> None:
        raise OSError("the disk is full")

    def stage(name: str, end: Callable[[], None]) -> Stage:
        made = Stage(
            name=name,
            begin=lambda: told.append(f"{name} begins"),
            failed=lambda error: told.append(f"{name} failed: {error}"),
            end=end,
            trouble=lambda error: told.append(f"{name} ended badly: {error}"),
        )
        made.drained.set()
        return made

    tour = Tour([stage("A", fails), stage("B", lambda: told.append("B ends"))])
    tour.start()
    tour.join(10)
    assert not tour.is_under_way
    assert told == ["A begins", "A ended badly: the disk is full", "B begins", "B ends"]
