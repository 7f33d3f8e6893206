"""A lab for every test, and one stub server for all of them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.lab import Lab, Nursery
from tests.stub.client import Stub, running_stub
from tests.stub.options import Options

_STARTING = ("loading_s", "refuse_s", "kept")


@pytest.fixture(scope="session")
def _nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.stop()


@pytest.fixture
def lab(tmp_path: Path, _nursery: Nursery) -> Iterator[Lab]:
    """Sessions in an empty folder."""
    root = tmp_path / "lab"
    root.mkdir()
    made = Lab(root, _nursery)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def _one_stub() -> Iterator[Stub]:
    with running_stub(kept=2000) as stub:
        yield stub


@pytest.fixture
def stub(_one_stub: Stub) -> Stub:
    """A server that echoes, with its counts at zero and its options as they are by default."""
    defaults = {name: value for name, value in dataclasses.asdict(Options()).items() if name not in _STARTING}
    _one_stub.set(**defaults)
    for _ in range(250):
        if not _one_stub.stats()["in_flight"]:
            break
        time.sleep(0.02)
    _one_stub.set(reset=True)
    return _one_stub
