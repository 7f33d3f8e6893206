"""An image with a real llama.cpp server in it, built without a registry, and compose files that run it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import subprocess
import tarfile
import tempfile
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pytest_llmbench.containers import Docker, DockerTrouble
from pytest_llmbench.engines.weights import embedded_weights
from pytest_llmbench.errors import BadConfiguration
from tests import sandbox_image

NAME = "llmbench-test-llama"
PROGRAM = Path(__file__).with_name("llama_program.py")
OPENMP = next(
    (path for folder in ("/lib", "/usr/lib", "/usr/lib64") for path in Path(folder).rglob("libgomp.so.1")), Path()
)
"""The one library that the wheel needs and the base image lacks."""

DOCKERFILE = f"""
FROM {sandbox_image.BASE}
COPY files /opt/llama
ENV PYTHONPATH=/opt/llama LD_LIBRARY_PATH=/opt/llama LLAMA_ARG_HOST=0.0.0.0 PYTHONUNBUFFERED=1
ENTRYPOINT ["python3", "/opt/llama/llama_program.py"]
"""


@cache
def llama_image() -> str:
    """Return the name of the image, built where it is missing.

    It takes the arguments and LLAMA_ARG_ variables of llama-server that `llama_program` knows, and listens on 8080.
    Skips the test where the wheel or the library it needs is not installed.
    """
    found = importlib.util.find_spec("xllamacpp")
    if found is None or found.origin is None or not OPENMP.name:
        pytest.skip("xllamacpp or its libgomp.so.1 is not installed")
    with _alone():
        sandbox_image.sandbox_image()  # makes the base where it is missing
        docker = Docker.connect()
        version = importlib.metadata.version("xllamacpp")
        base = docker.image(sandbox_image.BASE).id
        mark = hashlib.sha256(f"{DOCKERFILE}{version}{base}".encode() + PROGRAM.read_bytes()).hexdigest()[:12]
        tag = f"{NAME}:{mark}"
        try:
            docker.image(tag)
        except DockerTrouble:
            _build(tag, Path(found.origin).parent)
        return tag


def weights() -> Path:
    """Return the path of SmolLM2's weights; skips the test where they cannot be had."""
    try:
        return embedded_weights(print)
    except BadConfiguration as error:
        pytest.skip(str(error).splitlines()[0])


def write_compose(folder: Path, *, model: str = "", name: str = "compose.yaml", more: str = "") -> Path:
    """Write a compose file with the service ``llama`` into `folder` and return its path.

    Its port on the host is ``${PORT}``, or one that Docker chooses; SLOTS, CTX, ALIAS and MODEL are variables too.
    `model` is the file's name in the folder of the weights, `more` are further lines of the service.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, served = folder / name, model or weights().name
    service = f"""\
services:
  llama:
    image: {llama_image()}
    command: --model /models/${{MODEL:-{served}}} --port 8080 --metrics --alias ${{ALIAS:-smollm2}}
    environment:
      LLAMA_ARG_N_PARALLEL: "${{SLOTS:-2}}"
      LLAMA_ARG_CTX_SIZE: "${{CTX:-4096}}"
      LLAMA_ARG_UBATCH: "${{LLAMA_ARG_UBATCH:-512}}"
    ports: ["127.0.0.1:${{PORT:-}}:8080"]
    volumes: ["{weights().parent}:/models:ro"]
"""
    path.write_text(service + textwrap.indent(more, "    "), encoding="utf-8")
    return path


def _build(tag: str, package: Path) -> None:
    with tempfile.TemporaryFile() as context:
        with tarfile.open(fileobj=context, mode="w") as archive:
            about = tarfile.TarInfo("Dockerfile")  # first: by its header docker tells an archive
            about.size = len(DOCKERFILE.encode())
            archive.addfile(about, io.BytesIO(DOCKERFILE.encode()))
            archive.add(package, "files/xllamacpp", filter=lambda one: None if "__pycache__" in one.name else one)
            archive.add(OPENMP.resolve(), "files/libgomp.so.1")
            archive.add(PROGRAM, f"files/{PROGRAM.name}")
        context.seek(0)
        subprocess.run(
            ["docker", "build", "--quiet", "--tag", tag, "-"],  # noqa: S607
            stdin=context,
            env={**os.environ, "DOCKER_BUILDKIT": "0"},
            check=True,
            capture_output=True,
        )


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keep the other workers of the suite from making the same image at the same time."""
    with (Path(tempfile.gettempdir()) / f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
