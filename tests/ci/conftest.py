"""Jobs of the example workflows: each is run once, in a checkout of its own, however many tests look at it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.ci.steps import Checkout, Job

WORSE = {f"TC-{number:02d}": 99 for number in range(1, 10)}
"""Nine scenarios of one pack that are wrong however often they are asked."""

MOODS: dict[str, dict[str, Any]] = {
    "good": {},
    "worse": {"wrong": WORSE},
    "noisy": {"wrong": {"TC-02": 1, "IF-03": 1}},
    "dead": {"dead": True},
    "dying": {"dies_after": 12},
}
"""How the server behaves; see `model_server.Model`."""


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The job that captures a baseline."""
    root = tmp_path_factory.mktemp("ci") / "repo"
    root.mkdir()
    return Checkout(root).github("capture", PROFILE="q4")


@pytest.fixture(scope="session")
def new_checkout(captured: Job, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Checkout]:
    """Make a checkout in which that baseline is committed."""

    def make() -> Checkout:
        assert captured.code == 0, captured.out
        root = tmp_path_factory.mktemp("ci") / "repo"
        shutil.copytree(captured.root / "baselines", root / "baselines")
        return Checkout(root)

    return make


@pytest.fixture
def checkout(new_checkout: Callable[[], Checkout]) -> Checkout:
    """A checkout for one test."""
    return new_checkout()


@pytest.fixture(scope="session")
def quick_job(new_checkout: Callable[[], Checkout]) -> Callable[[str, str], Job]:
    """The job of a pull request: where it runs, and the server's mood -> how it ended."""
    known: dict[tuple[str, str], Job] = {}

    def run(where: str, mood: str) -> Job:
        if (where, mood) not in known:
            place = new_checkout()
            place.set(**MOODS[mood])
            on_github = where == "github"
            known[where, mood] = (
                place.github("gate", PROFILE="q4", PACKS="quick") if on_github else place.gitlab("quick gate")
            )
        return known[where, mood]

    return run
