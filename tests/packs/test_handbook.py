"""The worked examples of packs/README.md are packs: what it says of them is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.datasets import read_pack
from pytest_llmbench.verifiers import VERIFIERS
from pytest_llmbench.verifiers.final_checks import DECLARED
from pytest_llmbench.verifiers.formats import FORMATS
from pytest_llmbench.verifiers.instructions import KINDS as INSTRUCTIONS
from pytest_llmbench.verifiers.structured_kinds import KINDS as STRUCTURED

HANDBOOK = (Path(__file__).parents[2] / "packs" / "README.md").read_text(encoding="utf-8")
BLOCKS = [text for _, text in re.findall(r"^(`{3,})yaml\n(.*?)^\1$", HANDBOOK, re.DOTALL | re.MULTILINE)]
PACKS = [block for block in BLOCKS if block.startswith("llmbench: 1")]
OURS = sorted(VERIFIERS.keys() - {"benchlocal"})


def gold_for(pack: str) -> str:
    """Return the block that holds the recorded answers of the pack's one scenario."""
    name = re.findall(r"^ *- id: (\S+)", pack, re.MULTILINE)[0]
    return next(block for block in BLOCKS if block.startswith(f"{name}:\n"))


def write(folder: Path, pack: str) -> Path:
    """Write the two files of a worked example and return its folder."""
    folder.mkdir()
    (folder / "pack.yaml").write_text(pack, encoding="utf-8")
    (folder / "gold.yaml").write_text(gold_for(pack), encoding="utf-8")
    return folder


def examples() -> list[Any]:
    """Return each worked example under its id, those whose answers are run with what that needs."""
    needs = pytest.mark.needs("bubblewrap")
    return [
        pytest.param(
            pack, id=re.findall(r"^id: (\S+)", pack, re.MULTILINE)[0], marks=needs if "python_code" in pack else ()
        )
        for pack in PACKS
    ]


@pytest.mark.parametrize("pack", examples())
def test_a_worked_example_passes_selftest(tmp_path: Path, pack: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Right answers pass, wrong ones fail for the reason written, mutations come to what they must."""
    code = main(["selftest", str(write(tmp_path / "example", pack))])
    printed = capsys.readouterr()
    assert code == 0, printed.out + printed.err


def test_selftest_prints_what_the_handbook_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line of the screen it shows is the line that comes, but for the seconds."""
    main(["selftest", str(write(tmp_path / "kitchen-1", PACKS[0]))])
    line = capsys.readouterr().out.rsplit("  ", 1)[0]
    assert line.startswith("kitchen-1  gold ")
    assert f"    {line}  " in HANDBOOK


def test_each_verifier_has_a_section_and_an_example(tmp_path: Path) -> None:
    """Whoever looks for a verifier's checks finds its table and a whole pack."""
    files = [write(tmp_path / str(at), pack) / "pack.yaml" for at, pack in enumerate(PACKS)]
    shown = {read_pack(file).scenarios[0].verifier for file in files}
    assert shown == set(OURS)
    for name in OURS:
        assert f"\n## Checks of {name}\n" in HANDBOOK


def test_each_kind_of_check_is_in_the_handbook() -> None:
    """A check that nobody is told of does not exist."""
    kinds = (*DECLARED, "work", *INSTRUCTIONS, *STRUCTURED, *FORMATS)
    missing = [name for name in kinds if f"`{name}`" not in HANDBOOK]
    assert not missing
