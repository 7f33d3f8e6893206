"""The parts of the program that runs as PID 1, and what is sent to it."""

from __future__ import annotations

import ast
import faulthandler
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import pytest_llmbench.sandboxes
from pytest_llmbench.sandboxes import cell_link as wire
from pytest_llmbench.sandboxes.cell import Cell, CellDied, source
from pytest_llmbench.sandboxes.conversing import job
from pytest_llmbench.settings import SandboxSettings

FOLDER = Path(pytest_llmbench.sandboxes.__path__[0])
SENT = [*sorted(path.name for path in FOLDER.glob("cell_*.py")), "settle.py"]


class Script:
    """A stream that says what it was given."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.heard = b""

    def write(self, data: bytes) -> None:
        """See `Stream`."""
        self.heard += data

    def read(self, time_s: float) -> bytes:
        """See `Stream`."""
        if not self.pieces:
            raise TimeoutError
        return self.pieces.pop(0)

    def destroy(self) -> None:
        """See `Stream`."""

    def obituary(self) -> str:
        """See `Stream`."""
        return ""


@pytest.mark.parametrize("name", SENT)
def test_what_is_sent_is_python_3_8(name: str) -> None:
    """And imports nothing that is not sent along or in the library."""
    tree = ast.parse((FOLDER / name).read_text(encoding="utf-8"), feature_version=(3, 8))
    ours = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "pytest" in (node.module or "")]
    assert all(node.module and node.module.startswith("pytest_llmbench.sandboxes") for node in ours)
    imported = {node.module.rpartition(".")[2] for node in ours if node.module} | {
        a.name for n in ours for a in n.names
    }
    assert all(f"{name}.py" in SENT for name in imported if name.startswith("cell"))


def test_it_fits_one_word_of_a_command() -> None:
    """Linux allows 128 KiB."""
    assert len(source()) < 100_000


def test_the_oldest_python_runs_it() -> None:
    """Up to its greeting, without anything around it."""
    old = shutil.which("python3.8")
    if old is None or subprocess.run([old, "-V"], capture_output=True, check=False).returncode:
        pytest.skip("there is no python3.8 here")
    run = [old, "-I", "-S", "-c", source()]
    done = subprocess.run(run, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.stdout.startswith(wire.HELLO), done.stderr


def test_a_ring_is_read_in_the_order_it_was_filled() -> None:
    """Around its end as well."""
    ring = wire.Ring(10)

    def fill(data: bytes) -> None:
        for view in ring.room(len(data)):
            view[:], data = data[: len(view)], data[len(view) :]
            ring.filled += len(view)

    fill(b"abcdefg")
    ring.drop(5)
    fill(b"hijklmn")
    assert b"".join(ring.contents()) == b"fghijklmn"
    assert sum(map(len, ring.room(100))) == 1
    ring.drop(9)
    assert b"".join(ring.contents()) == b""


def test_frames_are_put_together_from_any_pieces() -> None:
    """However the bytes were cut on their way."""
    sent = wire.HEADER.pack(wire.STDOUT, 3) + b"abc" + wire.HEADER.pack(wire.SILENT, 0)
    cell = Cell(Script(*(sent[at : at + 1] for at in range(len(sent)))), SandboxSettings())
    assert [cell.frame(1), cell.frame(1)] == [(wire.STDOUT, b"abc"), (wire.SILENT, b"")]
    with pytest.raises(TimeoutError):
        cell.frame(0)
    assert cell.fit


@pytest.mark.parametrize("said", [b"", wire.HEADER.pack(wire.STDOUT, 1 << 30), wire.HEADER.pack(wire.CREDIT, 0)])
def test_a_cell_that_does_not_greet_is_dead(said: bytes) -> None:
    """Whether it has ended, or says something else."""
    cell = Cell(Script(said), SandboxSettings())
    with pytest.raises(CellDied):
        cell.greet()
    assert not cell.fit


def test_a_job_begins_with_what_it_is() -> None:
    """Its length, then names and sizes, then the contents one after the other."""
    data = job(["run", "me"], {"a": b"12", "b/c": b"345"}, SandboxSettings())
    size = int.from_bytes(data[:4], "big")
    assert ast.literal_eval(data[4 : 4 + size].decode()) == {"command": ["run", "me"], "files": [["a", 2], ["b/c", 3]]}
    assert data[4 + size :] == b"12345"


def test_more_files_than_fit_are_refused() -> None:
    """Each takes a page at least, and a place in a folder."""
    files = {f"{number}/x": b"" for number in range(600)}
    with pytest.raises(ValueError, match="disk_bytes"):
        job(["run"], files, SandboxSettings(disk_bytes=1 << 20))


def test_private_memory_is_not_in_a_fork() -> None:
    """Not even its address is."""
    memory = wire.private_memory(4096)
    memory[:6] = b"secret"
    pid = os.fork()
    if not pid:
        faulthandler.disable()
        bytes(memory[:6])
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
