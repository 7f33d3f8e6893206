"""Finding packs by id, tag, pattern and path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_llmbench.datasets import builtin, builtin_packs_dir, find_packs, select_packs
from pytest_llmbench.errors import UnknownName
from tests.datasets.sample import PACK, write


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a folder of packs in place of the built-in ones."""
    folder = tmp_path / "packs"
    for name, tags in (("alpha-1", "[quick, full]"), ("alpha-2", "[full]"), ("beta-1", "[quick]")):
        write(folder / name, PACK.replace("id: demo", f"id: {name}").replace("[quick, full]", tags))
    write(folder / "foreign", "name: x\n")
    write(folder / "broken", "llmbench: 1\nid: [\n")
    monkeypatch.setattr(builtin, "builtin_packs_dir", lambda: folder)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["alpha-2"], ["alpha-2"]),
        (["quick"], ["alpha-1", "beta-1"]),
        (["alpha-*"], ["alpha-1", "alpha-2"]),
        (["*-1"], ["alpha-1", "beta-1"]),
        (["beta-1,alpha-1"], ["beta-1", "alpha-1"]),
        (["beta-1", " quick , "], ["beta-1", "alpha-1"]),
        (["broken"], ["broken"]),
        (["packs/beta-1"], ["beta-1"]),
        (["packs/beta-1/pack.yaml"], ["beta-1"]),
        (["packs"], ["alpha-1", "alpha-2", "beta-1", "broken"]),
        ([], []),
        (["", ","], []),
    ],
)
def test_names_select_packs(shelf: Path, names: list[str], found: list[str]) -> None:
    """Each pack once, in the order asked; a broken one can be named, so that its collection says what is wrong."""
    assert [path.parent.name for path in select_packs(names)] == found
    assert all(path.is_absolute() and path.name == "pack.yaml" for path in select_packs(names))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alfa-1", 'did you mean "alpha-1"?'),
        ("quik", 'did you mean "quick"?'),
        ("zzz*", "valid names: "),
        ("packs/nowhere", "no pack, tag or path"),
        ("packs/foreign", "holds no pack"),
    ],
)
def test_unknown_names_come_with_the_nearest(shelf: Path, name: str, words: str) -> None:
    """What was not found is named, and what may have been meant."""
    with pytest.raises(UnknownName) as caught:
        select_packs([f"alpha-1,{name}"])
    assert words in str(caught.value)
    assert name in str(caught.value)


def test_home_is_expanded(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths from an ini file or a variable may start with a tilde."""
    monkeypatch.setenv("HOME", os.fspath(shelf.parent))
    monkeypatch.setenv("USERPROFILE", os.fspath(shelf.parent))
    assert [path.parent.name for path in select_packs(["~/packs/beta-1"])] == ["beta-1"]


def test_folders_are_searched_one_level_down(shelf: Path) -> None:
    """A pack folder is its own pack; a folder of packs has those that are ours, sorted."""
    assert [path.parent.name for path in find_packs(shelf)] == ["alpha-1", "alpha-2", "beta-1", "broken"]
    assert find_packs(shelf / "beta-1") == [shelf / "beta-1" / "pack.yaml"]
    assert find_packs(shelf / "nowhere") == []


def test_the_wheels_packs_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a wheel they travel in the package; in a checkout they lie beside it."""
    package = tmp_path / "pytest_llmbench"
    package.mkdir()
    monkeypatch.setattr(builtin, "_PACKAGE_DIR", package)
    assert builtin_packs_dir() == tmp_path / "packs"
    (package / "_packs").mkdir()
    assert builtin_packs_dir() == package / "_packs"


def test_the_shelf_of_this_checkout_is_found() -> None:
    """The folder that `--llm-packs quick` looks into exists."""
    assert builtin_packs_dir().is_dir()
