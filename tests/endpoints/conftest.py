"""A stub server for each process, put back to its defaults before each test, and a short way to ask it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from pytest_llmbench.endpoints import patience
from tests.stub import Stub, running_stub
from tests.stub.options import Options


@pytest.fixture(scope="session")
def one_stub() -> Iterator[Stub]:
    """Run one stub for all tests of this process."""
    with running_stub() as stub:
        yield stub


@pytest.fixture
def stub(one_stub: Stub) -> Stub:
    """Return the stub as new, answering at once."""
    one_stub.set(reset=True, **{**asdict(Options()), "service_s": 0.0, "slots": 64})
    return one_stub


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pauses between retries too short to notice; their number stays."""
    monkeypatch.setattr(patience, "RATE_PAUSES_S", (0.01,) * len(patience.RATE_PAUSES_S))
    monkeypatch.setattr(patience, "BROKEN_PAUSES_S", (0.01,) * len(patience.BROKEN_PAUSES_S))
    monkeypatch.setattr(patience, "BUSY_PAUSES_S", (0.01,) * len(patience.BUSY_PAUSES_S))
