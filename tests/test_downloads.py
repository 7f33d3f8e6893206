"""Files arrive whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_llmbench import downloads
from pytest_llmbench.downloads import digest, download, only_one
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable, ServerError
from tests.file_server import FileServer, Page, file_server

BODY = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Serve the file at /f; the pauses between connections are left out."""
    monkeypatch.setattr(downloads, "PAUSES_S", (0, 0, 0, 0))
    with file_server() as running:
        running.pages["/f"] = Page(body=BODY)
        yield running


def fetch(server: FileServer, target: Path, *, sha256: str = SHA256, size: int | None = len(BODY)) -> list[int]:
    """Download /f and return the byte counts that were told."""
    told: list[int] = []
    download(f"{server.url}/f", target, sha256=sha256, size=size, progress=lambda done, _total: told.append(done))
    return told


def test_a_file_arrives(server: FileServer, tmp_path: Path) -> None:
    """The target is the file, nothing half is left, and the progress ends at the size."""
    told = fetch(server, tmp_path / "deep" / "f")
    assert digest(tmp_path / "deep" / "f") == SHA256
    assert told[-1] == len(BODY)
    assert not (tmp_path / "deep" / "f.part").exists()


def test_what_is_there_is_not_fetched(server: FileServer, tmp_path: Path) -> None:
    """A target with the right hash asks nobody; one with a wrong hash is replaced."""
    (tmp_path / "f").write_bytes(BODY)
    fetch(server, tmp_path / "f")
    assert server.asked == []
    (tmp_path / "f").write_bytes(b"old")
    fetch(server, tmp_path / "f")
    assert digest(tmp_path / "f") == SHA256


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_resumed(server: FileServer, tmp_path: Path, *, ranges: bool) -> None:
    """What arrived is kept where the server can go on, and begun again where it cannot."""
    server.pages["/f"] = Page(body=BODY, cut_after=400_000, cuts=2, ranges=ranges)
    fetch(server, tmp_path / "f")
    assert digest(tmp_path / "f") == SHA256
    begun = [asked.get("range") for _, asked in server.asked]
    assert begun == [None, "bytes=400000-", "bytes=800000-" if ranges else "bytes=400000-"]


def test_a_broken_part_is_thrown_away(server: FileServer, tmp_path: Path) -> None:
    """A left-over beginning of something else costs one more download, not the file."""
    (tmp_path / "f.part").write_bytes(b"x" * 1000)
    fetch(server, tmp_path / "f")
    assert digest(tmp_path / "f") == SHA256


@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_complete_or_too_long_part_is_judged(server: FileServer, tmp_path: Path, size: int | None) -> None:
    """A part that is all there, or more than that, is verified before anything is asked for."""
    (tmp_path / "f.part").write_bytes(b"x" * (len(BODY) + 5))
    fetch(server, tmp_path / "f", size=size)
    assert digest(tmp_path / "f") == SHA256


def test_a_wrong_file_is_refused(server: FileServer, tmp_path: Path) -> None:
    """Another content is an error that names both hashes, and leaves neither target nor part."""
    with pytest.raises(ServerError, match=f"SHA-256 {SHA256}, not {'0' * 64}"):
        fetch(server, tmp_path / "f", sha256="0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["f.lock"]
    assert len(server.asked) == 1


def test_a_wrong_size_is_refused_before_it_is_fetched(server: FileServer, tmp_path: Path) -> None:
    """The announced length is compared first."""
    with pytest.raises(ServerError, match=f"has {len(BODY)} bytes, expected 7"):
        fetch(server, tmp_path / "f", size=7)


def test_refusals_are_said(server: FileServer, tmp_path: Path) -> None:
    """404 is final; 503 is tried again and then said."""
    server.pages["/f"] = Page(status=404)
    with pytest.raises(ServerError, match="answered 404"):
        fetch(server, tmp_path / "f")
    assert len(server.asked) == 1
    server.pages["/f"] = Page(status=503)
    with pytest.raises(EndpointUnreachable, match="answered 503"):
        fetch(server, tmp_path / "f")


def test_a_folder_that_cannot_be_written_is_said(server: FileServer, tmp_path: Path) -> None:
    """A disk's refusal names the file."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadConfiguration, match="cannot write"):
        fetch(server, tmp_path / "file" / "f")


def _fetch_elsewhere(url: str, target: Path) -> None:
    download(url, target, sha256=SHA256, progress=lambda _done, _total: None)


def test_of_several_processes_one_downloads(server: FileServer, tmp_path: Path) -> None:
    """The others wait and find the file."""
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=_fetch_elsewhere, args=(f"{server.url}/f", tmp_path / "f")) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0, 0]
    assert server.paths() == ["/f"]


def _hold(target: Path, held: multiprocessing.synchronize.Event) -> None:
    with only_one(target):
        held.set()
        held.wait()
        multiprocessing.Event().wait()


def test_a_dead_holder_frees_the_lock(tmp_path: Path) -> None:
    """A process killed while it held the lock does not lock the others out."""
    spawn = multiprocessing.get_context("spawn")
    held = spawn.Event()
    holder = spawn.Process(target=_hold, args=(tmp_path / "f", held))
    holder.start()
    held.wait()
    waited: list[bool] = []

    def waiting() -> None:
        if not waited:
            holder.kill()
        waited.append(True)

    with only_one(tmp_path / "f", waiting=waiting):
        assert waited
    holder.join()
