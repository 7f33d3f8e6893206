"""Marks for tests that need what a machine may lack: skipped without it, failed where LLMBENCH_REQUIRE names it."""

from __future__ import annotations

import pytest

docker = pytest.mark.needs("docker")
bubblewrap = pytest.mark.needs("bubblewrap")
