"""Packs made from data sets: what their block says, and what is said about its mistakes. No data anywhere."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.datasets import CODE_SETS, READERS, code_sets, find_packs, read_pack
from pytest_llmbench.datasets.builtin import builtin_packs_dir
from pytest_llmbench.datasets.dataset_pack import TaskList, scenario_id
from pytest_llmbench.datasets.llmbench_pack import SCHEMA_PATH
from pytest_llmbench.datasets.shape import load_schema
from pytest_llmbench.errors import PackError
from pytest_llmbench.records import Message, Pack, TaskSource
from tests.datasets.code_sample import alone
from tests.datasets.sample import PACK as LISTED
from tests.datasets.sample import write

PACK = """\
llmbench: 1
id: demo
title: Demo
version: 1.0.0
tags: [code]
dataset:
  reader: mbpp
  edition: 974 tasks
  ids: [Mbpp/11..13, Mbpp/2]
"""
BUILTIN = {
    "humaneval": ("humaneval", 164, ("code",)),
    "humaneval-plus": ("humaneval_plus", 164, ("code",)),
    "humaneval-plus-30": ("", 30, ("code", "reasoning")),
    "mbpp": ("mbpp_500", 500, ("code",)),
    "mbpp-sanitized": ("mbpp_sanitized", 427, ("code",)),
    "mbpp-plus": ("mbpp_plus", 378, ("code",)),
}


def read(folder: Path, text: str = PACK) -> Pack:
    """Read a pack file with this text."""
    return READERS["llmbench"].read(write(folder, text))


def test_a_block_becomes_scenarios_that_name_their_tasks(tmp_path: Path) -> None:
    """In the order listed; neither question nor check is there yet."""
    pack = read(tmp_path)
    assert isinstance(pack.scenarios, TaskList)
    assert list(pack.scenarios.ids()) == ["Mbpp-011", "Mbpp-012", "Mbpp-013", "Mbpp-002"]
    assert list(pack.scenarios.titles()) == ["Mbpp/11", "Mbpp/12", "Mbpp/13", "Mbpp/2"]
    assert pack.facts.size == len(pack.scenarios) == 4
    first = pack.scenarios[0]
    assert first.task == TaskSource(reader="mbpp", task_id="Mbpp/11", options={"tests_shown": "all"})
    assert (first.id, first.title, first.messages, first.checks, first.tools) == ("Mbpp-011", "Mbpp/11", (), (), ())
    assert (first.dialogue, first.verifier) == ("single_turn", "python_code")
    assert (first.max_tokens, first.timeout_s, first.sampling.temperature) == (2048, 300.0, 0.0)
    assert [scenario.id for scenario in pack.scenarios] == list(pack.scenarios.ids())
    assert [scenario.id for scenario in pack.scenarios[1:3]] == ["Mbpp-012", "Mbpp-013"]
    assert pack.scenarios[-1].id == "Mbpp-002"
    assert pack.scenarios.tags_of(0) == ()


def test_defaults_hold_for_every_task(tmp_path: Path) -> None:
    """As in any pack; a system message opens the dialogue."""
    more = "defaults: {verifier: mine, max_tokens: 64, timeout_s: 9, sampling: {temperature: 1}, system: Be brief., "
    more += "thinking: on}\n"
    scenario = read(tmp_path, PACK + more).scenarios[3]
    assert (scenario.verifier, scenario.max_tokens, scenario.timeout_s) == ("mine", 64, 9.0)
    assert (scenario.sampling.temperature, scenario.thinking) == (1, "on")
    assert scenario.messages == (Message(role="system", content="Be brief."),)


def test_an_id_is_fit_for_pytest_and_for_files() -> None:
    """And -k with one of them selects that one alone."""
    assert scenario_id("HumanEval/7") == "HumanEval-007"
    assert scenario_id("Mbpp/974") == "Mbpp-974"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ids: [Mbpp/11..13, Mbpp/2]", "ids: [Mbpp/11, Mbpp/12, Mbpp/13..13, Mbpp/2]"),
        ("edition: 974 tasks", 'edition: "974 tasks"\n  tests_shown: all'),
        ("tags: [code]\n", "tags: [code]  # a comment\n"),
    ],
)
def test_spelling_does_not_change_the_hash(tmp_path: Path, old: str, new: str) -> None:
    """A range is its ids, a default is what it is."""
    assert old in PACK
    assert read(tmp_path / "a").facts.content_hash == read(tmp_path / "b", PACK.replace(old, new)).facts.content_hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Mbpp/2]", "Mbpp/3]"),
        ("[Mbpp/11..13, Mbpp/2]", "[Mbpp/2, Mbpp/11..13]"),
        ("  ids:", "  tests_shown: first\n  ids:"),
        ("reader: mbpp\n  edition: 974 tasks", "reader: mbpp_sanitized\n  edition: 427 tasks"),
        ("version: 1.0.0", "version: 1.0.1"),
    ],
)
def test_what_is_asked_changes_the_hash(tmp_path: Path, old: str, new: str) -> None:
    """Other tasks, another order, other tests shown, other data."""
    assert old in PACK
    assert read(tmp_path / "a").facts.content_hash != read(tmp_path / "b", PACK.replace(old, new)).facts.content_hash


@pytest.mark.parametrize("name", ["RULES_VERSION", "INSTRUCTION"])
def test_what_we_make_of_a_record_changes_the_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The wording of the question, and the rules by which checks are made."""
    before = read(tmp_path).facts.content_hash
    monkeypatch.setattr(code_sets, name, "another")
    assert read(tmp_path).facts.content_hash != before


FAULTS = [
    ("reader: mbpp\n", "reader: mbpq\n", 7, "dataset.reader", 'did you mean "mbpp"?'),
    ("  reader: mbpp\n", "", 6, "dataset", 'the key "reader" is missing'),
    ("  edition: 974 tasks\n", "", 6, "dataset", 'the key "edition" is missing'),
    ("974 tasks", "973 tasks", 8, "dataset.edition", 'this version reads MBPP 974 tasks: write "974 tasks"'),
    ("[Mbpp/11..13, Mbpp/2]", "[]", 9, "dataset.ids", "at least 1 entry"),
    ("[Mbpp/11..13, Mbpp/2]", "7", 9, "dataset.ids", "must be text or a list"),
    ("[Mbpp/11..13, Mbpp/2]", "Mbpp", 9, "dataset.ids", "a task id is written HumanEval/7"),
    ("[Mbpp/11..13, Mbpp/2]", "all", 9, "dataset.ids", "a task id is written HumanEval/7"),
    ("[Mbpp/11..13, Mbpp/2]", "Mbpp/0..5", 9, "dataset.ids", "within Mbpp/1..974"),
    ("[Mbpp/11..13, Mbpp/2]", "Mbpp/1..999999", 9, "dataset.ids", "within Mbpp/1..974"),
    ("Mbpp/2]", "Mbpp/9..2]", 9, "dataset.ids[1]", "runs backwards: write Mbpp/2..9"),
    ("Mbpp/2]", "Mbpp/12]", 9, "dataset.ids[1]", "Mbpp/12 is listed twice"),
    ("Mbpp/2]", "HumanEval/2]", 9, "dataset.ids[1]", "is not in MBPP"),
    ("Mbpp/2]", "2]", 9, "dataset.ids[1]", 'put it in quotes, "2"'),
    ("  ids", "  tests_shown: some\n  ids", 9, "dataset.tests_shown", "must be one of all, first"),
    ("  ids", "  tests: all\n  ids", 9, "dataset.tests", 'did you mean "tests_shown"?'),
    (
        "dataset:\n",
        "tools:\n  - {name: look, description: x, parameters: {type: object}}\ndataset:\n",
        6,
        "tools",
        "no tools",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[1][:30])
def test_mistakes_are_named_with_their_place(tmp_path: Path, fault: tuple[str, str, int, str, str]) -> None:
    """File, line, key and what to write instead."""
    old, new, line, key, words = fault
    assert old in PACK
    with pytest.raises(PackError) as caught:
        read(tmp_path, PACK.replace(old, new, 1))
    assert (caught.value.line, caught.value.key) == (line, key)
    assert words in str(caught.value)


def test_an_option_of_another_set_is_refused(tmp_path: Path) -> None:
    """HumanEval's questions have their examples inside."""
    text = PACK.replace("mbpp\n", "humaneval\n").replace("974 tasks", "6d43fb9\n  tests_shown: all")
    with pytest.raises(PackError, match=r"dataset\.tests_shown: humaneval knows no tests_shown"):
        read(tmp_path, text.replace("[Mbpp/11..13, Mbpp/2]", "HumanEval/0"))


@pytest.mark.parametrize("text", [LISTED + PACK[PACK.index("dataset:") :], PACK[: PACK.index("dataset:")]])
def test_a_pack_has_scenarios_or_a_data_set(tmp_path: Path, text: str) -> None:
    """Not both, and not neither."""
    with pytest.raises(PackError, match='needs exactly one of the keys "scenarios" and "dataset"'):
        read(tmp_path, text)


def test_the_schema_lists_the_readers_there_are() -> None:
    """An editor offers them, and their options."""
    block = load_schema(SCHEMA_PATH)["properties"]["dataset"]["properties"]
    assert block["reader"]["enum"] == list(CODE_SETS)
    options = {name for code_set in CODE_SETS.values() for name in code_set.options}
    assert set(block) == {"reader", "edition", "ids", *options}


@pytest.mark.parametrize("name", BUILTIN)
def test_the_packs_that_come_with_us(name: str) -> None:
    """Their size, their tags, and which of them ask a whole benchmark."""
    facts = read_pack(builtin_packs_dir() / name / "pack.yaml").facts
    assert facts.id == name
    assert (facts.benchmark, facts.size, facts.tags) == BUILTIN[name]
    assert facts.licence
    assert facts.source
    assert facts.dimension
    assert facts.floor is None


def test_no_pack_needs_its_data_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading all packs, every scenario built, opens their own files and nothing else."""
    alone(tmp_path, monkeypatch)
    opened: list[Path] = []
    real = Path.open

    def watched(self: Path, *args: Any, **kwargs: Any) -> Any:
        opened.append(self)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", watched)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail(f"{self} was read"))
    monkeypatch.setattr(builtins, "open", lambda *args, **_: pytest.fail(f"{args[0]} was opened"))
    packs = [read_pack(path) for path in find_packs(builtin_packs_dir())]
    assert sum(1 for pack in packs for scenario in pack.scenarios if scenario.task) == 1663
    assert {path.name for path in opened} <= {"pack.yaml"}
