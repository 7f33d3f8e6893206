"""``llmbench packs``: the list, one pack's scenarios, and a new pack that is valid as it is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.datasets import read_pack
from pytest_llmbench.datasets.pack_skeleton import skeleton
from tests.commands.runs import measured, verdicts_of
from tests.plugin.lab import scenarios, write_pack


def test_the_list_has_every_pack_that_comes_with_us(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its size, tags and verifiers; code packs without any data."""
    assert main(["packs", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["id", "version", "scenarios"]
    assert any(line.startswith("toolcall-15 ") and "quick, medium, full" in line for line in lines)
    assert any(line.startswith("humaneval-plus ") and "164" in line for line in lines)


def test_the_list_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Named packs only, in the order asked."""
    assert main(["packs", "list", "reasonmath-15", "toolcall-15", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(pack["id"], pack["size"]) for pack in found["packs"]] == [("reasonmath-15", 15), ("toolcall-15", 15)]
    assert found["packs"][0]["verifiers"] == ["final_answer"]


def test_a_broken_pack_does_not_hide_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told below the list, with file and line, and the exit code says so."""
    main(["packs", "new", "good", "--dir", str(tmp_path)])
    main(["packs", "new", "bad", "--dir", str(tmp_path)])
    path = tmp_path / "bad" / "pack.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("prompt:", "promt:", 1), encoding="utf-8")
    capsys.readouterr()
    assert main(["packs", "list", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "\ngood " in said
    assert f"{path}:" in said
    assert 'did you mean "prompt"?' in said


def test_a_pack_is_shown_with_what_must_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """Every scenario in three lines; one of them whole on request."""
    assert main(["packs", "show", "reasonmath-15"]) == 0
    said = capsys.readouterr().out
    assert "RM-01  Rolls left over for bags\n    A bakery bakes" in said
    assert "    checks: number, work" in said
    assert main(["packs", "show", "toolcall-15", "--scenario", "TC-07"]) == 0
    said = capsys.readouterr().out
    assert "--- user ---\nOrder 12 pieces" in said
    assert 'check {"kind": "call", "tool": "order_parts"' in said


def test_a_task_of_a_data_set_is_shown_without_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is downloaded to look at a pack."""
    assert main(["packs", "show", "humaneval", "--scenario", "HumanEval-007"]) == 0
    assert "task HumanEval/7 of humaneval" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["show", "medium"], '"medium" means 5 packs'),
        (["show", "toolcal-15"], 'did you mean "toolcall-15"?'),
        (["show", "toolcall-15", "--scenario", "TC-99"], "has no scenario TC-99"),
        (["new", "My_Pack"], "is no id of a pack"),
    ],
)
def test_what_cannot_be_done_is_exit_4(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the next step in the line."""
    assert main(["packs", *words]) == 4
    assert told in capsys.readouterr().err


def test_a_new_pack_passes_its_own_selftest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Recorded answers and their mutations, all judged as they must be."""
    assert main(["packs", "new", "kitchen-3", "--dir", str(tmp_path), "--title", "Kitchen: it's {hot}"]) == 0
    assert f"llmbench selftest {tmp_path}/kitchen-3" in capsys.readouterr().out
    assert main(["selftest", str(tmp_path / "kitchen-3")]) == 0
    assert "gold 6/6  broken 15/15" in capsys.readouterr().out
    assert read_pack(tmp_path / "kitchen-3").facts.title == "Kitchen: it's {hot}"


def test_a_new_pack_runs(tmp_path: Path) -> None:
    """Through pytest with its recorded answers, under its own tag."""
    main(["packs", "new", "kitchen-3", "--dir", str(tmp_path / "packs")])
    run = measured(tmp_path, "packs", "-m", "kitchen_3", "--llm-endpoint", "gold")
    assert verdicts_of(run) == {"KI-01": "PASS", "KI-02": "PASS", "KI-03": "PASS"}


def test_a_folder_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What somebody has begun to write stays."""
    assert main(["packs", "new", "mine", "--dir", str(tmp_path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) == 2
    (tmp_path / "mine" / "pack.yaml").write_text("my work", encoding="utf-8")
    assert main(["packs", "new", "mine", "--dir", str(tmp_path)]) == 4
    assert (tmp_path / "mine" / "pack.yaml").read_text(encoding="utf-8") == "my work"


@pytest.mark.parametrize("name", ["a", "15", "3-d", "skip", "not", "a-very-long-name-with-many-words", "quick"])
def test_every_id_gives_a_valid_pack(tmp_path: Path, name: str) -> None:
    """Ids of one letter, of digits, and such as mean something to pytest."""
    for file, text in skeleton(name).items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    facts = read_pack(tmp_path).facts
    assert facts.id == name
    assert facts.tags[0] not in ("skip", "not", "quick")


def test_a_pack_of_somebody_else_cannot_drive_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is invisible in its texts is shown as an escape."""
    evil = "Say \x1b[31mred\u202e, then\nstop."
    pack = write_pack(tmp_path, [{**scenarios(1)[0], "id": "E-1", "title": evil, "prompt": evil}])
    assert main(["packs", "show", str(pack), "--scenario", "E-1"]) == 0
    said = capsys.readouterr().out
    assert "Say \\x1b[31mred\\u202e, then\nstop." in said
    assert all(char.isprintable() or char == "\n" for char in said)
