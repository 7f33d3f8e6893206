"""What tests of the compose engine share: tiny services on the base image, and a look at what is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from pytest_llmbench.engines.compose import Compose
from pytest_llmbench.engines.host_address import Surroundings
from pytest_llmbench.settings import Profile
from tests import sandbox_image

HEALTHY = """
    import http.server, sys
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data": [{"id": "tiny"}]}')
        def log_message(self, *words):
            pass
    print("tiny server listens", flush=True)
    place = ("127.0.0.1", int(sys.argv[1])) if len(sys.argv) > 1 else ("0.0.0.0", 8000)
    http.server.HTTPServer(place, Page).serve_forever()
"""
"""A program that is healthy at once and lists a model; on port 8000 of a container, or on a port of this machine."""


def require_compose() -> None:
    """Skip where ``docker compose`` does not work; fail where LLMBENCH_REQUIRE says that docker must be there."""
    if not _compose_works():
        required = "docker" in os.environ.get("LLMBENCH_REQUIRE", "").split(",")
        (pytest.fail if required else pytest.skip)("docker compose v2 is not on this machine")


@cache
def _compose_works() -> bool:
    return docker("compose", "version") != ""


def docker(*words: str) -> str:
    """Return what ``docker WORDS`` prints, "" where it fails."""
    program = shutil.which("docker")
    if program is None:
        return ""
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def left(project: str) -> list[str]:
    """Return the containers and networks of a compose project."""
    label = f"label=com.docker.compose.project={project}"
    return [*docker("ps", "-aq", "--filter", label).split(), *docker("network", "ls", "-q", "--filter", label).split()]


def tiny(folder: Path, program: str = HEALTHY, *, more: str = "", service: str = "web") -> Path:
    """Write a compose file whose service runs a Python program on the base image, and return its path.

    The program cannot refuse to end. Port 8000 is published as ``${PORT}``, or where Docker likes; `more` are
    further lines of the service.
    """
    sandbox_image.sandbox_image()  # makes the base where it is missing
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "program.py").write_text(textwrap.dedent(program), encoding="utf-8")
    text = f"""\
services:
  {service}:
    image: {sandbox_image.BASE}
    command: python3 /program.py
    stop_signal: SIGKILL
    ports: ["127.0.0.1:${{PORT:-}}:8000"]
    volumes: ["./program.py:/program.py:ro"]
"""
    path = folder / "compose.yaml"
    path.write_text(text + textwrap.indent(textwrap.dedent(more), "    "), encoding="utf-8")
    return path


@dataclass(slots=True)
class Lab:
    """Makes compose engines that are stopped at the end, and keeps what they said."""

    folder: Path
    said: list[str] = field(default_factory=list)
    made: list[Compose] = field(default_factory=list)

    def engine(
        self, *, env: Mapping[str, str] | None = None, around: Surroundings | None = None, **values: object
    ) -> Compose:
        """Return an engine for the lab's compose file."""
        facts = {"name": "A", "engine": "compose", "folder": str(self.folder), "start_limit_s": 60.0, **values}
        profile = Profile(env=env or {}, **facts)  # type: ignore[arg-type]
        self.made.append(Compose(profile, say=self.said.append, around=around))
        return self.made[-1]


def lab(folder: Path) -> Iterator[Lab]:
    """Yield a lab in `folder`; skips where compose is missing."""
    require_compose()
    made = Lab(folder)
    yield made
    for engine in made.made:
        engine.stop()
