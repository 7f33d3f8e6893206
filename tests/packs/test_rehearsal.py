"""Every pack's recorded answers get the verdicts they must, from the real dialogues and verifiers."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.datasets import READERS, builtin_packs_dir, find_packs, load_gold
from pytest_llmbench.dialogues import DIALOGUES
from pytest_llmbench.records import Pack
from pytest_llmbench.rehearsal import Cast, gold_problems, rehearse, scenario_problems
from pytest_llmbench.verifiers import VERIFIERS

PACKS = [path for path in find_packs(builtin_packs_dir()) if path.with_name("gold.yaml").is_file()]
CAST = Cast(dialogues=DIALOGUES, verifiers=VERIFIERS, mutators={})


@pytest.fixture(scope="module", params=PACKS, ids=lambda path: path.parent.name)
def pack(request: pytest.FixtureRequest) -> Pack:
    """Each pack that comes with us."""
    path: Path = request.param
    return READERS["llmbench"].read(path)


def test_packs_have_no_faults_and_enough_answers(pack: Pack) -> None:
    """Checks are well formed, gold.yaml covers exactly the scenarios, two answers pass and four fail at least."""
    assert list(gold_problems(pack, load_gold(pack.path))) == []
    assert not [fault for at in range(len(pack.scenarios)) for fault in scenario_problems(pack, at, CAST)]


def test_recorded_answers_get_their_verdict(pack: Pack) -> None:
    """Passing answers pass; failing ones fail for the reason, and in the check, they name."""
    gold = load_gold(pack.path)
    done = [one for scenario in pack.scenarios for one in rehearse(scenario, gold[scenario.id], CAST)]
    assert [f"{one.scenario} [{one.answer.note}] {one.fault}" for one in done if one.fault] == []


def test_tool_parameters_are_json_schema(pack: Pack) -> None:
    """Servers that constrain decoding compile these, so they must be valid."""
    for scenario in pack.scenarios:
        for tool in scenario.tools:
            jsonschema.Draft202012Validator.check_schema(dict(tool.parameters))


def test_packs_state_licence_source_and_dimension(pack: Pack) -> None:
    """Nobody should have to ask where a pack's texts come from or what it measures."""
    assert pack.facts.licence
    assert pack.facts.source
    assert pack.facts.dimension


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Copy the pack that packs/README.md is written around."""
    text = (builtin_packs_dir() / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for name, start in (("pack.yaml", "llmbench:"), ("gold.yaml", "KI-01:")):
        block = next(block for block in blocks if block.startswith(start))
        (tmp_path / name).write_text(block, encoding="utf-8")
    return tmp_path


def test_the_example_of_the_handbook_works(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who copies it starts from something that runs, and sees a line per answer."""
    assert main(["selftest", "-v", str(example)]) == 0
    printed = capsys.readouterr().out
    assert "gold 2/2  broken 5/5  mutations " in printed
    assert "ok     KI-01 gold [plain] must PASS: PASS" in printed
    assert "WRONG" not in printed


@pytest.mark.parametrize(
    ("old", "new", "words", "code"),
    [
        ("note: plain", "note: plain\n      text: no\n    - note: x", "is judged FAIL", 1),
        ("reason: wrong_argument", "reason: wrong_tool", "must fail for wrong_tool, fails for wrong_argument", 1),
        ("check: call set_timer", "check: other", 'must fail the check "other"', 1),
        ("KI-01:", "KI-02:", "KI-01: no recorded answers", 1),
        ("KI-01:", "KI-02:", "KI-02: answers recorded for no scenario", 1),
        ("truncated: true", "trunkated: true", 'did you mean "truncated"?', 4),
    ],
)
def test_the_rehearsal_finds_what_is_wrong(
    example: Path, capsys: pytest.CaptureFixture[str], *, old: str, new: str, words: str, code: int
) -> None:
    """A wrong verdict, another reason, another check, an answer to nothing: each is named, and the exit code tells."""
    gold = example / "gold.yaml"
    gold.write_text(gold.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    assert main(["selftest", str(example)]) == code
    said = capsys.readouterr()
    assert words in said.out + said.err
