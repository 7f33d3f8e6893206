"""Runs that were measured once for all tests of the verbs on saved runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.commands.saved_runs import make_runs


@pytest.fixture(scope="session")
def _measured_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runs(tmp_path_factory.mktemp("measured"))


@pytest.fixture
def runs(tmp_path: Path, _measured_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder below which a right and a wrong run lie, and that the command finds by itself."""
    base = tmp_path / ".llmbench" / "runs"
    shutil.copytree(_measured_once, base)
    monkeypatch.chdir(tmp_path)
    return base
