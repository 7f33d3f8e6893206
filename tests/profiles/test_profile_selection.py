"""What --llm-profile names, and what is said of a name that means nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llmbench.errors import UnknownName, UsageProblem
from pytest_llmbench.profiles import load_profiles
from pytest_llmbench.records import Connection
from pytest_llmbench.settings import Profile

TEXT = "profiles:\n  q4: {url: 'a:1'}\n  q8: {url: 'b:1'}\n  big.one: {url: 'c:1'}\n  _t: {url: 'd:1'}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three profiles and a template."""
    (tmp_path / "llmbench.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def names(folder: Path, *asked: str) -> list[str]:
    """Return the names of the profiles that are asked for."""
    return [profile.name for profile in load_profiles(asked, folders=(folder,))]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (["q4"], ["q4"]),
        (["q8", "q4"], ["q8", "q4"]),
        (["q*"], ["q4", "q8"]),
        (["q[48]", "big.one"], ["q4", "q8", "big.one"]),
        (["all"], ["q4", "q8", "big.one"]),
        (["q8", "all", "q4"], ["q8", "q4", "big.one"]),
        (["embedded", "q4", "embedded"], ["embedded", "q4"]),
        (["llmbench.yaml"], ["q4", "q8", "big.one"]),
        (["llmbench.yaml:q8", "q8"], ["q8"]),
        ([], []),
    ],
)
def test_names_globs_and_files(folder: Path, asked: list[str], wanted: list[str]) -> None:
    """In the order they were typed, each once."""
    assert names(folder, *asked) == wanted


def test_embedded_needs_no_file(tmp_path: Path) -> None:
    """It is always there, and no header of another server is sent to it."""
    (tmp_path / "llmbench.yaml").write_text("server: {headers: {X: '${MY_NONE}'}}", encoding="utf-8")
    wanted = Profile(name="embedded", engine="embedded", origin="built in", connection=Connection())
    assert load_profiles(["embedded"], folders=(tmp_path / "none",)) == (wanted,)
    assert load_profiles(["embedded"], folders=(tmp_path,)) == (wanted,)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("q5", r'unknown profile "q5" in .*llmbench\.yaml: did you mean "q\d"\? \(`llmbench profiles` lists'),
        ("embeded", r'did you mean "embedded"\?'),
        ("zzz", r"valid names: all, big\.one, embedded, q4, q8 \("),
        ("z*", r'no profile fits "z\*" in .*; by name there are: q4, q8, big\.one \('),
        ("model.conf", r"there is no file of profiles .*model\.conf: did you mean \"models\.conf\"\?"),
        ("Q4", r'did you mean "q4"'),
    ],
)
def test_a_name_that_means_nothing(folder: Path, asked: str, message: str) -> None:
    """The nearest one, where was looked, and what lists them."""
    (folder / "models.conf").write_text("", encoding="utf-8")
    with pytest.raises(UnknownName, match=message):
        names(folder, asked)


def test_without_a_file_it_says_what_to_do(tmp_path: Path) -> None:
    """Both folders are named."""
    with pytest.raises(
        UnknownName, match=r"there is no llmbench\.yaml in .*one or .*two\. `llmbench profiles` says what"
    ):
        load_profiles(["all"], folders=(tmp_path / "one", tmp_path / "two"))


def test_a_file_without_profiles_has_none(tmp_path: Path) -> None:
    """All of nothing is a mistake."""
    (tmp_path / "llmbench.yaml").write_text("{}", encoding="utf-8")
    with pytest.raises(UnknownName, match=r"all takes no profile in .*; it has no profiles"):
        names(tmp_path, "all")


def test_the_first_folder_with_a_file_counts(folder: Path) -> None:
    """As for all of llmbench.yaml; a file further up is named by its path from where the run starts."""
    below = folder / "below"
    below.mkdir()
    (profile,) = load_profiles(["q4"], folders=(below, folder))
    assert (profile.origin, profile.folder) == ("llmbench.yaml:2", str(folder))
    (below / "llmbench.yaml").write_text("profiles: {x: {url: 'e:1'}}", encoding="utf-8")
    assert [one.name for one in load_profiles(["all"], folders=(below, folder))] == ["x"]
    assert [one.name for one in load_profiles(["../llmbench.yaml:q4"], folders=(below, folder))] == ["q4"]


def test_two_profiles_of_one_name_are_refused(folder: Path) -> None:
    """Their tests and run folders could not be told apart."""
    (folder / "other.yaml").write_text("profiles:\n  q4: {url: 'z:1'}\n", encoding="utf-8")
    with pytest.raises(
        UsageProblem, match=r'two profiles are called "q4", in llmbench\.yaml:2 and other\.yaml:2: rename'
    ):
        names(folder, "q4", "other.yaml")
