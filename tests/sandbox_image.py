"""The image that tests of docker sandboxes run on: our own Dockerfile on a base that is here."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import pytest_llmbench.sandboxes
from pytest_llmbench.containers import Cause, Docker, DockerTrouble

BASE = os.environ.get("LLMBENCH_TEST_BASE", "llmbench-test-base:latest")
"""The image to build on, with python3 in it; made once with debootstrap where it is missing."""
NAME = "llmbench-test-sandbox"
DOCKERFILE = Path(pytest_llmbench.sandboxes.__path__[0]) / "Dockerfile"


@cache
def sandbox_image() -> str:
    """Return the name of the image, built when its Dockerfile or base is new; without packages, so without a network.

    Skips the test (fails it where LLMBENCH_REQUIRE has docker) where there is no base and none can be made.
    """
    with _alone():
        docker = Docker.connect()
        base = _base(docker)
        tag = f"{NAME}:{hashlib.sha256(DOCKERFILE.read_bytes() + base.encode()).hexdigest()[:12]}"
        try:
            docker.image(tag)
        except DockerTrouble:
            for line in docker.build(DOCKERFILE.read_bytes(), tag=tag, arguments={"BASE": BASE, "PACKAGES": ""}):
                print(line)
        return tag


def _base(docker: Docker) -> str:
    try:
        return docker.image(BASE).id
    except DockerTrouble as trouble:
        if trouble.cause is not Cause.NO_IMAGE:
            raise
    if not shutil.which("debootstrap") or not shutil.which("docker") or os.geteuid():
        required = "docker" in os.environ.get("LLMBENCH_REQUIRE", "").split(",")
        (pytest.fail if required else pytest.skip)(f"no image {BASE}: name one with python3 in LLMBENCH_TEST_BASE")
    _make_base()
    return docker.image(BASE).id


def _make_base() -> None:
    with tempfile.TemporaryDirectory(prefix="llmbench-base-") as folder:
        root = Path(folder) / "root"
        command = ["debootstrap", "--variant=minbase", "--include=python3", "bookworm", str(root)]
        subprocess.run(command, check=True, capture_output=True)
        with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as archive:  # noqa: S607
            subprocess.run(["docker", "import", "-", BASE], check=True, stdin=archive.stdout)  # noqa: S607


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keep the other workers of the suite from making the same image at the same time."""
    with (Path(tempfile.gettempdir()) / f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
