"""models.conf: sections become compose profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llmbench.errors import UnknownName, UsageProblem
from pytest_llmbench.profiles import find_candidates, load_profiles
from pytest_llmbench.records import Connection
from pytest_llmbench.settings import Profile

TEXT = """\
# Models of this machine
# ----------------------

[prod]
MODEL=big.gguf

# The smallest of them
# and the fastest
[bench-small]
MODEL="$MY_MODELS/small.gguf"  # 4 GB
CTX=16384
ARGS="--jinja --ctx $CTX $LATER"
ARGS="$ARGS --more"
LATER=x

[bench-named]   # a comment beside it
NAME="A name: quoted"
export MODEL=named.gguf

[bench-beside]  # a comment beside it
; nothing else
"""


def load(folder: Path, text: str, *names: str) -> tuple[Profile, ...]:
    """Return what `names` (default: the file alone) ask for in a models.conf with this text."""
    (folder / "models.conf").write_text(text, encoding="utf-8")
    return load_profiles(names or ("models.conf",), folders=(folder,))


def test_sections_for_measuring_become_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are the environment; variables are those said before, in the section or outside."""
    monkeypatch.setenv("MY_MODELS", "/models")
    monkeypatch.delenv("LATER", raising=False)
    (tmp_path / "docker-compose.yml").write_text("", encoding="utf-8")
    small, named, beside = load(tmp_path, TEXT)
    args = "--jinja --ctx 16384 $LATER --more"
    assert small == Profile(
        name="bench-small",
        engine="compose",
        origin="models.conf:9",
        folder=str(tmp_path),
        files=("docker-compose.yml",),
        env={"MODEL": "/models/small.gguf", "CTX": "16384", "ARGS": args, "LATER": "x"},
    )
    assert (named.name, named.env) == ("bench-named", {"NAME": "A name: quoted", "MODEL": "named.gguf"})
    assert (beside.origin, beside.env) == ("models.conf:20", {})


def test_a_section_is_described_by_its_name_or_comment(tmp_path: Path) -> None:
    """Whatever the user wrote there."""
    load(tmp_path, TEXT)
    found = find_candidates(["models.conf:prod", "models.conf"], folders=(tmp_path,))
    about = ["", "The smallest of them and the fastest", "A name: quoted", "a comment beside it"]
    assert [candidate.description for candidate in found] == about


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("models.conf:prod", ["prod"]),
        ("models.conf:bench-s*", ["bench-small"]),
        ("models.conf:*", ["bench-small", "bench-named", "bench-beside"]),
        ("models.conf:all", ["bench-small", "bench-named", "bench-beside"]),
        ("models.conf:bench-named", ["bench-named"]),
    ],
)
def test_names_and_globs_behind_the_file(tmp_path: Path, name: str, wanted: list[str]) -> None:
    """Production sections are taken by their whole name alone."""
    assert [profile.name for profile in load(tmp_path, TEXT, name)] == wanted


@pytest.mark.parametrize(
    ("places", "files"),
    [
        ((), ()),
        (("conf/compose.yml",), ("compose.yml",)),
        (("compose.yaml",), ("../compose.yaml",)),
        (("conf/docker-compose.yml", "compose.yaml"), ("docker-compose.yml",)),
        (("compose.yaml", "compose.override.yaml"), ("../compose.yaml", "../compose.override.yaml")),
    ],
)
def test_the_compose_file_is_beside_or_above(tmp_path: Path, places: tuple[str, ...], files: tuple[str, ...]) -> None:
    """With its override, as docker compose takes it; a missing one is the engine's to tell."""
    (tmp_path / "conf").mkdir()
    for place in places:
        (tmp_path / place).write_text("", encoding="utf-8")
    (tmp_path / "conf" / "models.conf").write_text("[bench-a]\n", encoding="utf-8")
    (profile,) = load_profiles(["conf/models.conf"], folders=(tmp_path,))
    assert profile.files == files
    assert profile.origin == "conf/models.conf:1"


def test_the_server_block_of_llmbench_yaml_holds(tmp_path: Path) -> None:
    """A user's own file says nothing of headers."""
    (tmp_path / "llmbench.yaml").write_text("server: {headers: {X: y}}\n", encoding="utf-8")
    assert load(tmp_path, "[bench-a]\n")[0].connection == Connection(headers={"X": "y"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"models\.conf: there is no \[section\] in this file"),
        ("A=b\n[bench-a]\n", r"models\.conf:1: this stands before the first \[section\]"),
        ("[bench-a]\n\nwords\n", r"models\.conf:3: expected is KEY=VALUE"),
        ("[bench-a]\nA='b\n", r"models\.conf:2: a quote is not closed on this line"),
        ("[bench-a]\n[b]\n[bench-a]\n", r"models\.conf:3: the section \[bench-a\] stands in line 1 already"),
        ("[bench-a/b]\n", r'models\.conf:1: "bench-a/b" is no name for a profile'),
        ("[bench-a\n", r"models\.conf:1: this stands before|expected is KEY"),
    ],
)
def test_faults_have_a_line(tmp_path: Path, text: str, message: str) -> None:
    """And say what was expected."""
    with pytest.raises(UsageProblem, match=message):
        load(tmp_path, text)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """With its name."""
    (tmp_path / "models.conf").write_bytes(b"[bench-a]\nA=\xff\n")
    with pytest.raises(UsageProblem, match=r"models\.conf: the file is not UTF-8"):
        load_profiles(["models.conf"], folders=(tmp_path,))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("models.conf", r"all takes no profile in .*models\.conf; by name there are: prod \(`llmbench profiles`"),
        ("models.conf:p*", r'no profile fits "p\*" in .*by name there are: prod'),
        ("models.conf:prot", r'unknown profile "prot" in .*models\.conf: did you mean "prod"\?'),
    ],
)
def test_what_is_not_there_is_told_with_what_is(tmp_path: Path, name: str, message: str) -> None:
    """A file without bench- sections holds no profile, until one is named."""
    with pytest.raises(UnknownName, match=message):
        load(tmp_path, "[prod]\nA=b\n", name)
