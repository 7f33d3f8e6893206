"""What is known of a task is found out once, kept whole, and made anew where it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llmbench.records import Outcome
from pytest_llmbench.verifiers.code.expected import Book, Writer, load_book, save_book
from tests.verifiers.code.code_talks import ADD, VALUES, add, verdict
from tests.verifiers.code.unboxed import Unboxed


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder the books are kept in."""
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path))
    return tmp_path / "expected"


def _book() -> Book:
    writer = Writer()
    writer.add("=[1,2]", 0.25)
    writer.add('="a b"', 0.0)
    return writer.book({"load_s": 1.5})


def test_a_book_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Facts, results, seconds."""
    save_book(tmp_path / "deep" / "one.book", _book())
    book = load_book(tmp_path / "deep" / "one.book")
    assert book is not None
    assert book.facts == {"load_s": 1.5}
    assert list(book.results()) == list(book.results()) == [("=[1,2]", 0.25), ('="a b"', 0.0)]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["one.book"]


@pytest.mark.parametrize("place", [0, 31, 32, 40, -9, -1])
def test_a_damaged_book_is_none(place: int, tmp_path: Path) -> None:
    """Not one byte of it may be another."""
    data = bytearray(_book().to_bytes())
    data[place] ^= 1
    path = tmp_path / "one.book"
    path.write_bytes(data)
    assert load_book(path) is None
    path.write_bytes(data[:place])
    assert load_book(path) is None
    assert load_book(tmp_path / "none.book") is None


def test_the_reference_is_run_once(cache: Path) -> None:
    """The second verdict costs one program, and so does one after the first process has gone."""
    box = Unboxed()
    assert verdict(box, VALUES, ADD).outcome is Outcome.PASS
    first = box.conversations
    assert verdict(box, VALUES, ADD).outcome is Outcome.PASS
    assert verdict(Unboxed(), VALUES, add("return 0")).outcome is Outcome.FAIL
    assert (first, box.conversations) == (4, 5)  # values, reference, stub, answer; answer
    assert len(list(cache.iterdir())) == 1


def test_a_damaged_file_is_made_anew(cache: Path) -> None:
    """Cut short, empty or another one: the verdict is as it was."""
    verdict(Unboxed(), VALUES, ADD)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    for damaged in (b"", whole[:-5], whole[:40], b"\0" * len(whole)):
        path.write_bytes(damaged)
        assert verdict(Unboxed(), VALUES, ADD).outcome is Outcome.PASS
        assert load_book(path) is not None


def test_whatever_decides_makes_another_book(cache: Path) -> None:
    """Another reference, other inputs or another rule never meet what is known of this task."""
    for changes in ({}, {"reference": add("return b + a")}, {"inputs": [[1, 2]], "base": 1}, {"atol": 0.5}):
        check = {**VALUES, **changes}
        program = ADD if "reference" not in changes else check["reference"]
        assert verdict(Unboxed(), check, program).outcome is Outcome.PASS
    assert len(list(cache.iterdir())) == 4


def test_where_nothing_can_be_kept_verdicts_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It only takes longer."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path / "file"))
    for _ in range(2):
        assert verdict(Unboxed(), VALUES, ADD).outcome is Outcome.PASS


def test_ten_thousand_values_take_little_room() -> None:
    """As the plus sets need thousands of results each."""
    writer = Writer()
    for number in range(10_000):
        writer.add(f"=[{number},{number + 1},{number + 2}]", 0.0)
    assert len(writer.book({}).to_bytes()) < 100_000
