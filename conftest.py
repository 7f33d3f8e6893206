"""For this repository's own tests: which missing parts count as failures."""

from __future__ import annotations

import functools
import os
import shutil

import pytest

_PARTS = {"chromium": "chromium"}


def pytest_configure(config: pytest.Config) -> None:
    """Register our own marker."""
    config.addinivalue_line(
        "markers", "needs(part): skipped where docker, bubblewrap, chromium or the embedded model is missing"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose part is missing, or fail it where LLMBENCH_REQUIRE says the part must be there."""
    for mark in item.iter_markers("needs"):
        part = mark.args[0]
        if not _is_there(part):
            required = part in os.environ.get("LLMBENCH_REQUIRE", "").split(",")
            (pytest.fail if required else pytest.skip)(f"{part} is not on this machine")


def _is_there(part: str) -> bool:
    if part == "embedded":
        from importlib.util import find_spec

        return find_spec("xllamacpp") is not None
    if part == "docker":
        return _docker_answers()
    if part == "bubblewrap":
        return _bubblewrap_works()
    return shutil.which(_PARTS[part]) is not None


@functools.cache
def _bubblewrap_works() -> bool:
    from pytest_llmbench.sandboxes import LAUNCHERS
    from pytest_llmbench.settings import SandboxSettings

    return not LAUNCHERS["bubblewrap"](SandboxSettings()).problem()


@functools.cache
def _docker_answers() -> bool:
    import docker
    from docker.errors import DockerException

    try:
        return bool(docker.from_env().ping())
    except DockerException:
        return False
