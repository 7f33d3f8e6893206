"""What the benchmarks' conftests bring: an endpoint without a server, a lenient verifier, items without a body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pytest_llmbench.contracts import Families, Problem, Progress
from pytest_llmbench.records import Exchange, Outcome, Request, Response, Scenario, ServerFacts, Trial, Usage, Verdict


class Instant:
    """Answers at once, in this process."""

    name = "instant"

    def facts(self, *, wait_s: float) -> ServerFacts:
        """A server of 32 slots."""
        return ServerFacts(models=("instant",), slots=32)

    async def ask(self, request: Request, *, trial: Trial, turn: int, progress: Progress) -> Response:
        """Say ok."""
        return Response(
            content="ok", finish_reason="stop", model="instant", usage=Usage(prompt_tokens=9, completion_tokens=1)
        )

    async def close(self) -> None:
        """Nothing is open."""


class Trivial:
    """Lets everything pass."""

    name = "trivial"
    rules_version = "1"

    def problems(self, scenario: Scenario) -> Iterable[Problem]:
        """Nothing can be wrong."""
        return ()

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """Pass."""
        return Verdict(outcome=Outcome.PASS)


def pytest_llmbench_families(families: Families) -> None:
    """Add both."""
    families.endpoints["instant"] = lambda plan: Instant()
    families.verifiers["trivial"] = Trivial()


class EmptyItem(pytest.Item):
    """Passes at once."""

    def runtest(self) -> None:
        """Do nothing."""


class EmptyFile(pytest.File):
    """As many items as the file's text says."""

    def collect(self) -> Iterator[EmptyItem]:
        """Yield them."""
        for number in range(int(self.path.read_text())):
            yield EmptyItem.from_parent(self, name=f"S-{number:06d}")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the empty items."""
    return EmptyFile.from_parent(parent, path=file_path) if file_path.suffix == ".empty" else None
