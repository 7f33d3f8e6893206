"""A whole run inside a container, against a server on the machine outside."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests import sandbox_image
from tests.plugin.lab import CHECKOUT, Session, read_results, scenarios, write_pack
from tests.stub.client import Stub, running_stub

pytestmark = pytest.mark.needs("docker")

NAMED = ("--add-host", "host.docker.internal:host-gateway")


@pytest.fixture(scope="module")
def outside() -> Iterator[Stub]:
    """A server that listens on all addresses of this machine, those of its bridges too."""
    with running_stub(host="0.0.0.0") as found:
        yield found


@cache
def _image() -> str:
    """Return the image to run in; skips the test where its Python cannot load this one's compiled packages."""
    sandbox_image.sandbox_image()  # makes the base where it is missing
    asked = "import sys; print(*sys.version_info[:2])"
    command = ["docker", "run", "--rm", sandbox_image.BASE, "python3", "-c", asked]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if said != [str(part) for part in sys.version_info[:2]]:
        pytest.skip(f"{sandbox_image.BASE} has Python {'.'.join(said)}, and the packages here are of another")
    return sandbox_image.BASE


def run_inside(root: Path, *words: str, options: tuple[str, ...] = ()) -> Session:
    """Run pytest in a container that has this checkout and its packages to read, and `root` to work in."""
    packages = sysconfig.get_paths()["purelib"]
    command = ["docker", "run", "--rm", "--user", f"{os.getuid()}:{os.getgid()}", "--workdir", str(root), *options]
    for mounted in (f"{root}:{root}", f"{packages}:/packages:ro", f"{CHECKOUT}:{CHECKOUT}:ro"):
        command += ["--volume", mounted]
    for value in (f"PYTHONPATH={CHECKOUT}:/packages", "PYTHONDONTWRITEBYTECODE=1", "HOME=/tmp", "COLUMNS=160"):
        command += ["--env", value]
    command += [_image(), "python3", "-m", "pytest", "-p", "no:hypothesispytest", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return Session(code=done.returncode, out=done.stdout, root=root, seconds=0.0)


@pytest.mark.parametrize("options", [(), NAMED], ids=["by its gateway", "by its name"])
def test_a_server_on_the_host_is_found(tmp_path: Path, outside: Stub, options: tuple[str, ...]) -> None:
    """127.0.0.1 was typed, as on the host; the address that is used is told, and stands in the run's files."""
    write_pack(tmp_path, scenarios(4, wrong=[2]))
    done = run_inside(tmp_path, "packs", "-q", "--llm-url", outside.url, options=options)
    url = read_results(done.run_dir)["run"]["url"]
    assert (url.split(":")[1] == "//host.docker.internal") is (options == NAMED)
    assert url != outside.url
    done.holds(f"llmbench: {outside.url} was asked for and {url} is used: this runs inside a container, ")
    done.holds(f"say so with --llm-url {url}")
    assert list(done.verdicts.values()).count("PASS") == 3


def test_a_server_that_is_nowhere_is_told_with_what_to_start_the_container_with(tmp_path: Path) -> None:
    """The ordinary error, and the sentence on containers behind it."""
    write_pack(tmp_path, scenarios(2))
    done = run_inside(tmp_path, "packs", "-q", "--llm-url", "http://127.0.0.1:9/v1")
    assert done.code != 0
    done.holds("nothing listens at http://127.0.0.1:9/health (connection refused)")
    done.holds("this runs inside a container, where 127.0.0.1 is the container itself, and its host (host.docker")
    done.holds("--add-host host.docker.internal:host-gateway, and let the server listen on 0.0.0.0")
