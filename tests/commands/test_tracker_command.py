"""``llmbench tracker``: a file that is ours between markers and the owner's everywhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_llmbench.commands.main import main
from tests.commands.saved_runs import write_series


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three runs of one profile and one of another."""
    monkeypatch.chdir(tmp_path)
    base = tmp_path / ".llmbench" / "runs"
    write_series(base, model="m", profile="q4", passed=(8, 14, 12))
    write_series(base, model="m", profile="q8", passed=(15,), start=3)
    return base


def update(code: int = 0) -> str:
    """Run the verb and return the file."""
    assert main(["tracker", "T.md"]) == code
    return Path("T.md").read_bytes().decode("utf-8")


def section(text: str, name: str) -> str:
    """Return what stands in a block."""
    return text.split(f"<!-- llmbench begin {name} ", 1)[1].partition("<!-- llmbench end")[0]


@pytest.mark.usefixtures("runs")
def test_a_new_file_has_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Latest and best of each model and profile, what changed, and a section for each that is the owner's."""
    text = update()
    assert "| m · q4 | 12/15 80% (55-93) |" in section(text, "latest").replace("\\", "")
    assert "| m · q8 | 15/15 100% (80-100) |" in section(text, "latest").replace("\\", "")
    assert "| m · q4 | 14/15 93% (70-99) |" in section(text, "best").replace("\\", "")
    assert "↓ 13 points" in section(text, "changes")
    assert "4 runs of 1 model on 1 pack" in section(text, "overview")
    assert text.index("## Known issues") > text.rindex("<!-- llmbench end")
    assert "### m · q4" in text
    assert "T.md created: 4 runs." in capsys.readouterr().out


def test_an_update_touches_only_what_is_ours(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words before, between and after the blocks stay, to the byte; blocks may be moved or taken out."""
    text = update()
    best = text[text.index("<!-- llmbench begin best") : text.index("<!-- llmbench end best -->")]
    own = text.replace(best + "<!-- llmbench end best -->", "My own ranking: q8.  \n").replace(
        "- none known", "- slow", 1
    )
    own = f"Read me first.\r{own}| a | hand-made table |  "
    Path("T.md").write_bytes(own.encode())
    write_series(runs, model="m", profile="q4", passed=(15,), start=9)
    new = update()
    for name in ("overview", "latest", "changes"):
        own = own.replace(section(own, name), "")
        new = new.replace(section(new, name), "")
    assert new == own
    assert "updated" in capsys.readouterr().out


@pytest.mark.usefixtures("runs")
def test_an_update_without_news_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """So a scheduled job makes no empty commit."""
    first = update()
    assert update() == first
    assert "unchanged" in capsys.readouterr().out


@pytest.mark.usefixtures("runs")
def test_windows_line_ends_stay() -> None:
    """The file belongs to an editor that writes them, and perhaps not on every line."""
    made = update()
    for text in (made.replace("\n", "\r\n"), made.replace("\n", "\r\n", 2), made.replace("\n", "\r\n").rstrip()):
        Path("T.md").write_bytes(text.encode())
        assert update() == text


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# My notes\n", "T.md is no tracker, it was left as it is"),
        ("<!-- llmbench begin latest -->\n", 'T.md:1: the block "latest" has no end marker'),
        ("<!-- llmbench end latest -->\n", 'T.md:1: "latest" ends where it has not begun'),
        ("<!-- llmbench begin newest -->\n", 'T.md:1: there is no block "newest": overview'),
        ("<!-- llmbench begin best -->\n<!-- llmbench begin latest -->\n", 'T.md:2: "latest" begins before "best"'),
        (2 * "<!-- llmbench begin best -->\n<!-- llmbench end best -->\n", 'T.md:3: "best" is there twice'),
    ],
)
def test_a_file_without_sound_markers_is_left_alone(text: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody's README is written over."""
    Path("T.md").write_text(text, encoding="utf-8")
    assert update(code=4) == text
    assert says in capsys.readouterr().err


def test_a_name_that_is_markdown_is_shown_as_it_is(runs: Path) -> None:
    """Models are named by strangers."""
    write_series(runs, model="a|b <!-- llmbench end latest -->", profile="", passed=(3,), start=20)
    text = update()
    assert update() == text
    assert section(text, "latest").count("\n| ") == 5


@pytest.mark.usefixtures("runs")
def test_json_tells_what_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    """With the whole series for whoever draws it otherwise."""
    assert main(["tracker", "T.md", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["file"], found["was"], len(found["series"])) == ("T.md", "created", 2)


def test_without_runs_no_file_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to track yet."""
    monkeypatch.chdir(tmp_path)
    assert main(["tracker", "T.md"]) == 4
    assert not Path("T.md").exists()


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_what_is_new_gets_its_section(runs: Path, end: str) -> None:
    """Below the known issues, before whatever follows; no hand-written byte is touched."""
    first = update().replace("- none known", "- slow at **noon**  ", 1).replace("\n", end or "\n").rstrip()
    Path("T.md").write_bytes((first + end).encode())
    write_series(runs, model="new|one", profile="", passed=(11,), start=20)
    text = update()
    line = end or "\n"
    assert text.endswith(f"- none known{line}{line}### new\\|one{line}{line}- none known{end}")
    below = first[first.index("## Known issues") :]
    assert below in text
    assert update() == text
    moved = text.replace(f"### new\\|one{line}{line}- none known", "", 1)
    Path("T.md").write_bytes(moved.encode())
    assert update() == moved


def test_new_packs_and_profiles_come_into_the_tables(runs: Path) -> None:
    """As columns and rows; a section goes where the known issues end, not behind the owner's later words."""
    text = update() + "\n## Reading list\n\nmine\n"
    Path("T.md").write_text(text, encoding="utf-8")
    write_series(runs, model="m", profile="q2", passed=(9,), start=30)
    write_series(runs, model="m", profile="q8", passed=(15,), start=31, content_hash="another")
    new = update()
    assert "| m · q2 | 9/15 60% (36-80) |" in section(new, "latest").replace("\\", "")
    assert new.index("### m · q8") < new.index("### m · q2") < new.index("## Reading list")
    assert new.endswith("## Reading list\n\nmine\n")


def test_without_the_heading_there_are_no_sections(runs: Path) -> None:
    """Who took the known issues out does not get them back."""
    text = update()
    text = text[: text.index("## Known issues")]
    Path("T.md").write_text(text, encoding="utf-8")
    write_series(runs, model="new", profile="", passed=(11,), start=20)
    assert "### new" not in update()
