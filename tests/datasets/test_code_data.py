"""The published files, read whole. Needs them: LLMBENCH_DATA_DIR names the folder."""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.datasets import CODE_SETS, code_files, code_gold, code_sets, fill, read_pack
from pytest_llmbench.datasets.builtin import builtin_packs_dir
from pytest_llmbench.datasets.code_files import DataFile
from pytest_llmbench.datasets.code_shelf import Library
from pytest_llmbench.datasets.code_task import RULES_VERSION
from pytest_llmbench.datasets.mbpp_plus import arguments_of
from pytest_llmbench.errors import DatasetUnavailable
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.plain_values import decode, encode
from pytest_llmbench.records import Scenario
from tests.datasets.code_sample import DATA, alone, lines, needs_data, put

pytestmark = needs_data

PACKS = ("humaneval", "humaneval-plus", "mbpp", "mbpp-sanitized", "mbpp-plus")
PLUS = ("humaneval-plus", "mbpp-plus")

WORDING = {
    "1": "2e939ba27c7a586b5916c44aae52af9cc51a5a32e82e7ec23c3e15aed038320b",
}
"""RULES_VERSION -> the hash of all questions and checks. Another hash is another version: raise it."""

UNRESTORED = {87, 98, 104, 124, 140, 145, 252, 301, 596, 803}
"""MBPP+ tasks whose first inputs differ from their asserts in the published data: lists for tuples, numbers as text."""


@pytest.fixture(autouse=True)
def only_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take data from the folder named, and from nowhere else."""
    alone(tmp_path, monkeypatch)


@cache
def records(place: str) -> list[dict[str, Any]]:
    """Return the records of a published file as they stand there."""
    raw = (Path(DATA) / place).read_bytes()
    text = gzip.decompress(raw) if place.endswith(".gz") else raw
    return list(json.loads(text)) if text.startswith(b"[") else [json.loads(line) for line in text.splitlines()]


def scenarios(name: str) -> Iterator[Scenario]:
    """Yield the scenarios of a pack of ours, filled in."""
    pack = read_pack(builtin_packs_dir() / name / "pack.yaml")
    return (fill(scenario, data=DATA) for scenario in pack.scenarios)


def number(record: dict[str, Any]) -> int:
    """Return the number of a task."""
    return int(str(record["task_id"]).rpartition("/")[2])


@pytest.mark.parametrize("name", PACKS)
def test_every_task_is_filled_in(name: str) -> None:
    """A question with a fence, one check with what its kind needs, nothing with a carriage return."""
    for scenario in scenarios(name):
        (check,) = scenario.checks
        asked = scenario.messages[0].content
        assert "```python\n" in asked
        assert "\r" not in json.dumps(to_plain(check))
        assert "\r" not in asked
        assert re.search(rf"^(def|class)\s+{check['entry_point']}\b", check["reference"], re.MULTILINE)
        assert check["entry_point"] == scenario.title
        assert check["entry_point"] in asked
        if check["kind"] == "asserts":
            assert check["tests"]
            assert all(check["entry_point"] in test for test in check["tests"])
        else:
            assert 0 < check["base"] <= len(check["inputs"].split("\n"))


def test_all_questions_and_checks_are_those_of_this_version() -> None:
    """A change of wording, conversion or oracle comes with a new RULES_VERSION, and so with new hashes of packs."""
    seen = hashlib.sha256()
    for name in PACKS:
        for scenario in scenarios(name):
            text = json.dumps([scenario.messages[0].content, to_plain(scenario.checks, text_limit=None)])
            seen.update(text.encode())
    assert WORDING[RULES_VERSION] == seen.hexdigest()


def test_all_inputs_are_there() -> None:
    """As many as the notes of the publishers say, and the one task without plus inputs."""
    counts = {}
    for name in PLUS:
        checks = [scenario.checks[0] for scenario in scenarios(name)]
        base = sum(check["base"] for check in checks)
        counts[name] = base, sum(check["inputs"].count("\n") + 1 for check in checks) - base
        bare = [check["entry_point"] for check in checks if check["inputs"].count("\n") + 1 == check["base"]]
        assert bare == ([] if name == "humaneval-plus" else ["last"])
    assert counts == {"humaneval-plus": (1570, 122_683), "mbpp-plus": (1174, 39_841)}


def test_tolerances_and_oracles() -> None:
    """By task, as published."""
    checks = {one.task.task_id: one.checks[0] for name in PLUS for one in scenarios(name) if one.task}
    oracles = {name: check["oracle"] for name, check in checks.items() if check["oracle"]}
    assert oracles == {
        "HumanEval/32": "find_zero",
        **{f"Mbpp/{task}": "set" for task in (2, 7, 111, 140, 232, 579, 769)},
        **{f"Mbpp/{task}": "not_none" for task in (737, 787, 794)},
        "Mbpp/581": "surface_area",
        "Mbpp/558": "digit_distance",
    }
    assert checks["HumanEval/32"]["atol"] == 0.0001
    assert Counter(check["atol"] for name, check in checks.items() if name.startswith("H")) == {
        0: 161,
        1e-6: 2,
        1e-4: 1,
    }
    assert Counter(check["atol"] for name, check in checks.items() if name.startswith("M")) == {0: 365, 1e-4: 13}


def literal_calls(text: str, entry_point: str) -> list[list[Any]]:
    """Return the arguments of all calls of `entry_point` in `text` that are written out."""
    calls = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == entry_point:
            try:
                calls.append([ast.literal_eval(argument) for argument in node.args])
            except ValueError:
                continue
    return calls


def test_converted_inputs_are_those_of_the_asserts() -> None:
    """All 378 tasks: the first inputs, converted by the task's id, are what its asserts write out, type by type."""
    differing = set()
    for record in records(code_files.MBPP_PLUS.place):
        written = {repr(call) for call in literal_calls(record["assertion"], record["entry_point"])}
        meant = [repr(list(arguments_of(record["task_id"], raw))) for raw in record["base_input"]]
        if not written.issuperset(meant):
            differing.add(number(record))
    assert differing == UNRESTORED


def test_inputs_come_back_as_they_went_in() -> None:
    """All 378 tasks: what the sandbox reads from a line is what the conversion made."""
    filled = {scenario.task.task_id: scenario.checks[0] for scenario in scenarios("mbpp-plus") if scenario.task}
    for record in records(code_files.MBPP_PLUS.place):
        raw = [*record["base_input"], *record["plus_input"]]
        meant = [encode(list(arguments_of(record["task_id"], one))) for one in raw]
        assert [encode(decode(line)) for line in filled[record["task_id"]]["inputs"].split("\n")] == meant


def test_an_entry_point_of_mbpp_is_the_one_called() -> None:
    """One function of the reference in all 974 tasks, and the name MBPP+ gives it where it has the task."""
    plus = {number(record): record["entry_point"] for record in records(code_files.MBPP_PLUS.place)}
    for reader in ("mbpp", "mbpp_sanitized"):
        code_set = CODE_SETS[reader]
        for record in records(code_set.file.place):
            task = code_set.make(record, {})
            called = set(re.findall(r"(\w+)\s*\(", "\n".join(record["test_list"])))
            assert called & set(re.findall(r"^def\s+(\w+)", task.solution, re.MULTILINE)) == {task.entry_point}
            if reader == "mbpp_sanitized":
                assert plus.get(number(record), task.entry_point) == task.entry_point


def test_what_stands_before_the_asserts_of_mbpp() -> None:
    """Two trees in the full set, an import in 13 tasks of the sanitized one."""
    setups = {
        reader: {number(one): CODE_SETS[reader].make(one, {}).check.get("setup") for one in records(file.place)}
        for reader, file in (("mbpp", code_files.MBPP), ("mbpp_sanitized", code_files.MBPP_SANITIZED))
    }
    assert [task for task, setup in setups["mbpp"].items() if setup] == [367, 927]
    assert Counter(setups["mbpp_sanitized"].values()) == {None: 414, "import math": 13}


def test_humaneval_115_is_asked_with_the_prompt_of_its_own_file() -> None:
    """The one task whose prompt differs between HumanEval and HumanEval+."""
    asked = [{one.id: one.messages[0].content for one in scenarios(name)} for name in PACKS[:2]]
    assert [name for name in asked[0] if asked[0][name] != asked[1][name]] == ["HumanEval-115"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
@pytest.mark.parametrize("name", PACKS)
def test_right_answers_can_be_made_for_every_task(name: str) -> None:
    """Python in each of them, and never a fence that ends too early."""
    for scenario in read_pack(builtin_packs_dir() / name / "pack.yaml").scenarios:
        assert scenario.task
        gold = code_gold(scenario.task, data=DATA)
        for answer, fence in zip(gold.passing, ("```", "~~~"), strict=True):
            code = answer.turns[0].content.partition(f"{fence}python\n")[2].partition(f"\n{fence}")[0]
            compile(code, "answer", "exec", dont_inherit=True)
            assert f"def {code_sets.code_task(scenario.task, data=DATA).entry_point}" in code


def cut(items: Sequence[Any], parts: int) -> list[Sequence[Any]]:
    """Return `items` in that many parts of nearly one length."""
    return [items[at * len(items) // parts : (at + 1) * len(items) // parts] for at in range(parts)]


def test_the_thirty_are_chosen_by_their_rule() -> None:
    """The rule that humaneval-plus-30 states, applied anew."""
    chosen = []
    tasks = sorted(
        records(code_files.HUMANEVAL_PLUS.place), key=lambda one: (len(one["canonical_solution"]), number(one))
    )
    for fifth in cut(tasks, 5):
        for half in cut(sorted(fifth, key=lambda one: (len(one["prompt"]), number(one))), 2):
            mixed = sorted(half, key=lambda one: hashlib.sha256(one["task_id"].encode()).hexdigest())
            chosen += [number(mixed[at * len(mixed) // 6]) for at in (1, 3, 5)]
    pack = read_pack(builtin_packs_dir() / "humaneval-plus-30" / "pack.yaml")
    asked = [scenario.task.task_id for scenario in pack.scenarios if scenario.task]
    assert asked == [f"HumanEval/{task}" for task in sorted(chosen)]


def test_the_asked_ids_are_the_scored_ones() -> None:
    """The sets' own ids, and of MBPP the test split."""
    for name, code_set in zip(PACKS, CODE_SETS.values(), strict=True):
        tasks = [one.task for one in read_pack(builtin_packs_dir() / name / "pack.yaml").scenarios]
        asked = [task.task_id for task in tasks if task]
        published = [code_files.task_id_of(record) for record in records(code_set.file.place)]
        assert asked == (published[10:510] if name == "mbpp" else published)


@pytest.mark.parametrize("code_set", CODE_SETS.values(), ids=lambda one: one.file.name)
def test_a_file_is_taken_packed_and_unpacked(tmp_path: Path, code_set: code_sets.CodeSet) -> None:
    """Without a word; in another packing too, for the text is what counts."""
    file = code_set.file
    raw = (Path(DATA) / file.place).read_bytes()
    text = gzip.decompress(raw) if file.name.endswith(".gz") else raw
    for name, content in ((file.name, raw), (file.name.removesuffix(".gz"), text)):
        assert told(file, put(tmp_path / name / name, content)) == []
    packing = gzip.compress(text, 1, mtime=0)
    assert told(file, put(tmp_path / "again" / f"{file.name.removesuffix('.gz')}.gz", packing)) == []


@pytest.mark.parametrize("file", [code_files.MBPP, code_files.MBPP_SANITIZED], ids=lambda one: one.name)
def test_another_layout_of_mbpp_is_taken_with_a_word(tmp_path: Path, file: DataFile) -> None:
    """The same records under another hash; with one of them missing it is refused."""
    found = [dict(sorted(record.items())) for record in records(file.place)]
    assert len(told(file, put(tmp_path / "a" / file.name, lines(found)))) == 1
    with pytest.raises(DatasetUnavailable, match="tasks, MBPP"):
        told(file, put(tmp_path / "b" / file.name, lines(found[1:])))


@pytest.mark.parametrize(
    ("file", "other", "words"),
    [
        (code_files.HUMANEVAL_PLUS, "humanevalplus/HumanEvalPlus-OriginFmt.jsonl.gz", "as HumanEvalPlus-OriginFmt"),
        (code_files.HUMANEVAL_PLUS, "humanevalplus/HumanEvalPlus-Mini.jsonl.gz", "it is HumanEvalPlus-Mini.jsonl.gz"),
        (code_files.HUMANEVAL_PLUS, "humanevalplus/HumanEvalPlus-NoExtreme.jsonl.gz", "HumanEvalPlus-NoExtreme"),
        (code_files.HUMANEVAL_PLUS, "humaneval/HumanEval.jsonl.gz", "as HumanEvalPlus-OriginFmt"),
        (code_files.HUMANEVAL, "humanevalplus/HumanEvalPlus.jsonl.gz", "its contents are other ones"),
        (code_files.MBPP_PLUS, "mbppplus/MbppPlus-OriginFmt.jsonl.gz", "as MbppPlus-OriginFmt.jsonl.gz has"),
        (code_files.MBPP_PLUS, "mbppplus/MbppPlus-NoExtreme.jsonl.gz", "it is MbppPlus-NoExtreme.jsonl.gz"),
        (code_files.MBPP_SANITIZED, "mbpp/mbpp.jsonl", "no prompt and no test_imports"),
    ],
)
def test_a_relative_is_refused_by_name(tmp_path: Path, file: DataFile, other: str, words: str) -> None:
    """The selections of inputs, the self-contained format, and the sets taken for each other."""
    path = Path(DATA) / other
    if not path.is_file():
        pytest.skip(f"{other} is not there")
    content = path.read_bytes()
    content = gzip.decompress(content) if other.endswith(".gz") else content
    with pytest.raises(DatasetUnavailable, match=re.escape(words)):
        told(file, put(tmp_path / file.name.removesuffix(".gz"), content))


def test_the_records_in_memory_are_small() -> None:
    """HumanEval+ stays below 2 MB, though its records parsed take many times that."""
    shelf = Library().shelf(code_files.HUMANEVAL_PLUS, DATA, lambda _: None)
    assert sum(map(len, shelf._packed.values())) < 2_000_000


def told(file: DataFile, path: Path) -> list[str]:
    """Return what is said while a new process reads the file at `path`."""
    heard: list[str] = []
    Library().shelf(replace(file), str(path.parent), heard.append)
    return heard
