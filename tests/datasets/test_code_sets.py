"""What is made of a record: the question, the one check, and the recorded answers. Records written here."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.datasets import CODE_SETS, code_gold, code_sets, fill, load_gold, read_pack
from pytest_llmbench.datasets.code_shelf import Library
from pytest_llmbench.datasets.code_task import INSTRUCTION, fenced
from pytest_llmbench.datasets.humaneval import humaneval_plus_task, humaneval_task
from pytest_llmbench.datasets.mbpp import mbpp_task
from pytest_llmbench.datasets.mbpp_plus import arguments_of, mbpp_plus_task
from pytest_llmbench.errors import DatasetUnavailable, PackError
from pytest_llmbench.plain_values import decode
from pytest_llmbench.records import Message, Scenario, TaskSource
from tests.datasets.code_sample import alone, lines, put
from tests.datasets.sample import write

HUMANEVAL = {
    "task_id": "HumanEval/32",
    "prompt": 'import math\n\n\ndef helper(x):\n    return x\n\n\ndef root(xs: list):\n    """Find `x`.\n    """\n',
    "entry_point": "root",
    "canonical_solution": "    return helper(xs[0])\n",
    "test": "def check(candidate):\n    assert candidate([1]) == 1\n",
}
PLUS = {**HUMANEVAL, "base_input": [[[1, 2]], [[3, 4]]], "plus_input": [[[5.5, 6]]], "atol": 0.0001}
MBPP = {
    "task_id": 601,
    "text": "Write a function to double it.",
    "code": "class Pair:\r\n  pass\r\ndef unused(x):\r\n  return x\r\ndef double(x):\r\n  return 2 * x\r\n",
    "test_setup_code": "",
    "test_list": ["assert double(1) == 2", "assert double(2) == 4 ", "assert double(3) == 6\r\n"],
    "challenge_test_list": ["assert double(-1) == -2"],
}
MBPP_PLUS = {
    "task_id": "Mbpp/140",
    "prompt": '"""\nWrite a function.\nassert f([(1, 2)]) == {1, 2}\n"""\n',
    "entry_point": "f",
    "canonical_solution": "\ndef f(xs):\n  return {x for row in xs for x in row}\n",
    "base_input": [[[[1, 2]]]],
    "plus_input": {},
    "atol": 0,
}
TASK = TaskSource(reader="mbpp", task_id="Mbpp/601", options={"tests_shown": "all"})
PACK = """\
llmbench: 1
id: demo
title: Demo
version: 1.0.0
dataset: {reader: mbpp, edition: 974 tasks, ids: Mbpp/600..601}
"""


@pytest.fixture
def mbpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a folder whose mbpp.jsonl, of 974 tasks, is read by a process that has read nothing before."""
    alone(tmp_path, monkeypatch)
    monkeypatch.setattr(code_sets, "_LIBRARY", Library())
    put(tmp_path / "mbpp.jsonl", lines([{**MBPP, "task_id": number} for number in range(1, 975)]))
    return str(tmp_path)


def skeleton(**changes: Any) -> Scenario:
    """Return a scenario as a pack makes it."""
    known = {"id": "Mbpp-601", "title": "Mbpp/601", "messages": (), "dialogue": "d", "verifier": "v", "task": TASK}
    return Scenario(**{**known, **changes})


def test_humaneval_is_judged_by_its_own_tests() -> None:
    """They define check and never call it: the call is ours."""
    task = humaneval_task(HUMANEVAL, {})
    solution = f"{HUMANEVAL['prompt']}{HUMANEVAL['canonical_solution']}"
    assert task.check == {
        "kind": "asserts",
        "entry_point": "root",
        "prompt": HUMANEVAL["prompt"],
        "reference": solution,
        "tests": ["def check(candidate):\n    assert candidate([1]) == 1\n\ncheck(root)\n"],
    }
    scope: dict[str, Any] = {}
    exec("\n".join([solution, *task.check["tests"]]), scope)  # noqa: S102 - written in this file


def test_humaneval_plus_is_judged_by_values() -> None:
    """Base inputs first; the task's own tolerance; the oracle by the task's id."""
    check = humaneval_plus_task(PLUS, {}).check
    assert check["kind"] == "values"
    assert [decode(line) for line in check["inputs"].split("\n")] == [[[1, 2]], [[3, 4]], [[5.5, 6]]]
    assert (check["base"], check["atol"], check["oracle"]) == (2, 0.0001, "find_zero")
    assert check["reference"] == f"{PLUS['prompt']}{PLUS['canonical_solution']}"
    assert humaneval_plus_task({**PLUS, "task_id": "HumanEval/3"}, {}).check["oracle"] == ""


def test_humaneval_asks_with_its_prompt_in_a_fence() -> None:
    """Whole, but for outer blanks; nothing before it but the instruction."""
    asked = humaneval_task(HUMANEVAL, {}).question
    assert asked == f"{INSTRUCTION}\n\n```python\n{str(HUMANEVAL['prompt']).strip()}\n```"


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("all", "these tests:\n```python\nassert double(1) == 2\nassert double(2) == 4\nassert double(3) == 6\n```"),
        ("first", "this test:\n```python\nassert double(1) == 2\n```"),
    ],
)
def test_mbpp_shows_its_asserts(shown: str, words: str) -> None:
    """All or one; without any a model could not know the name. All of them judge in either case."""
    task = mbpp_task(MBPP, {"tests_shown": shown})
    assert task.question == f"{INSTRUCTION}\n\nWrite a function to double it.\n\nThe code has to pass {words}"
    assert task.check == {
        "kind": "asserts",
        "entry_point": "double",
        "reference": "class Pair:\n  pass\ndef unused(x):\n  return x\ndef double(x):\n  return 2 * x\n",
        "tests": ["assert double(1) == 2", "assert double(2) == 4", "assert double(3) == 6"],
    }


def test_what_the_asserts_need_is_shown_and_kept() -> None:
    """Imports and objects that stand in front of them."""
    record = {**MBPP, "test_imports": ["import math"], "test_setup_code": "a = 1\r\nb = 2"}
    task = mbpp_task(record, {"tests_shown": "first"})
    assert task.check["setup"] == "import math\na = 1\nb = 2"
    assert "```python\nimport math\na = 1\nb = 2\nassert double(1) == 2\n```" in task.question


def test_sanitized_records_call_the_text_prompt() -> None:
    """The two files of MBPP differ in names."""
    record = {name: value for name, value in MBPP.items() if name not in ("text", "test_setup_code")}
    task = mbpp_task({**record, "prompt": "Double it.", "test_imports": []}, {})
    assert "\n\nDouble it.\n\nThe code has to pass these tests:" in task.question
    assert "setup" not in task.check


def test_mbpp_plus_is_judged_by_values() -> None:
    """The reference is a whole program; a task may have no plus inputs."""
    task = mbpp_plus_task(MBPP_PLUS, {})
    assert task.question == f"{INSTRUCTION}\n\n```python\n{str(MBPP_PLUS['prompt']).strip()}\n```"
    assert task.check == {
        "kind": "values",
        "entry_point": "f",
        "reference": "def f(xs):\n  return {x for row in xs for x in row}\n",
        "inputs": "[[[1,2]]]",
        "base": 1,
        "atol": 0,
        "oracle": "set",
    }


@pytest.mark.parametrize(
    ("task_id", "raw", "meant"),
    [
        ("Mbpp/2", [[3, 4], [5]], [(3, 4), (5,)]),
        ("Mbpp/63", [[[3, 4], [5, 6]]], [[(3, 4), (5, 6)]]),
        ("Mbpp/75", [[[6, 24], [7]], 6], [[(6, 24), (7,)], 6]),
        ("Mbpp/106", [[5, 6], [9, 10]], [[5, 6], (9, 10)]),
        ("Mbpp/250", [[10, 8], 4], [(10, 8), 4]),
        ("Mbpp/259", [[[1, 3]], [[6, 7]]], [((1, 3),), ((6, 7),)]),
        ("Mbpp/278", [[1, 5, [4, [6]], 10]], [(1, 5, (4, [6]), 10)]),
        ("Mbpp/580", [[4, [7, [6]], 5]], [(4, (7, (6,)), 5)]),
        ("Mbpp/722", [{"a": [6.2, 70]}, 6.0, 70], [{"a": (6.2, 70)}, 6.0, 70]),
        ("Mbpp/124", ["0.5", "1j"], [0.5, 1j]),
        ("Mbpp/252", ["(1-2j)"], [1 - 2j]),
        ("Mbpp/3", [[1, 2]], [[1, 2]]),
    ],
)
def test_inputs_are_what_the_task_means(task_id: str, raw: list[Any], meant: list[Any]) -> None:
    """JSON has no tuple and no complex number; the task's id says what stood there."""
    assert repr(arguments_of(task_id, raw)) == repr(meant)


def test_a_fence_is_longer_than_what_it_holds() -> None:
    """Backticks in a docstring do not close it."""
    assert fenced("a `b` ```c") == "````python\na `b` ```c\n````"
    assert fenced("a ~~~ b", "~") == "~~~~python\na ~~~ b\n~~~~"


def test_a_scenario_is_filled_in(mbpp: str) -> None:
    """Title, question and the one check; what the pack said stays."""
    told: list[str] = []
    system = Message(role="system", content="Be brief.")
    filled = fill(skeleton(messages=(system,), max_tokens=9), data=mbpp, say=told.append)
    assert filled.title == "double"
    assert [message.role for message in filled.messages] == ["system", "user"]
    assert len(filled.checks) == 1
    assert (filled.id, filled.max_tokens, filled.task) == ("Mbpp-601", 9, TASK)
    assert len(told) == 1
    assert fill(filled, data="nowhere") is filled
    other = skeleton(task=None)
    assert fill(other) is other


def test_missing_data_is_an_error_that_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in the folder's name, for one."""
    alone(tmp_path, monkeypatch)
    with pytest.raises(DatasetUnavailable, match=r"--llm-data names .*gone, which is no folder: .*mbpp\.jsonl"):
        fill(skeleton(), data=str(tmp_path / "gone"))


def test_a_record_that_cannot_be_used_is_no_crash(mbpp: str) -> None:
    """Of a file known by its records one may still be odd inside."""
    odd = [{**MBPP, "task_id": number, "code": "x = 1"} for number in range(1, 975)]
    put(Path(mbpp) / "mbpp.jsonl", lines(odd))
    with pytest.raises(DatasetUnavailable, match="the record of Mbpp/601 in MBPP 974 tasks cannot be used"):
        fill(skeleton(), data=mbpp)


def test_the_table_says_whose_each_set_is() -> None:
    """Every reader has its own benchmark, and an edition a pack can name."""
    assert len({one.benchmark for one in CODE_SETS.values()}) == len(CODE_SETS)
    assert all(one.file.edition and one.file.url.startswith("https://") for one in CODE_SETS.values())


def test_right_answers_are_made_from_the_reference(mbpp: str) -> None:
    """Two dresses; the cut-off one ends within the code; all four others fail for their own reason."""
    gold = code_gold(TASK, data=mbpp)
    assert len(gold.passing) == 2
    plain, dressed = (answer.turns[0].content for answer in gold.passing)
    assert plain.startswith("```python\nclass Pair:")
    assert "~~~python" in dressed
    assert "def double(x):" in dressed
    reasons = [answer.reason for answer in gold.failing]
    assert reasons == ["tests_failed", "no_answer", "invalid_format", "no_answer", "token_limit"]
    stub, _, broken, empty, cut = (answer.turns[0].content for answer in gold.failing)
    assert ast.parse(stub.removeprefix("```python\n").removesuffix("\n```"))
    with pytest.raises(SyntaxError):
        ast.parse(broken.removeprefix("```python\n").removesuffix("\n```"))
    assert empty == ""
    assert plain.startswith(cut)


def test_the_function_alone_leaves_the_preamble_to_the_question() -> None:
    """HumanEval's helpers and imports are in the prompt; an answer need not repeat them."""
    assert humaneval_task(HUMANEVAL, {}).function.startswith("def root(xs: list):")
    assert humaneval_task(HUMANEVAL, {}).solution.startswith("import math")


def test_a_packs_answers_are_made_when_asked_for(mbpp: str, tmp_path: Path) -> None:
    """The book knows its scenarios without any data."""
    folder = write(tmp_path / "demo", PACK).parent
    book = load_gold(folder, data=str(tmp_path / "gone"))
    assert list(book) == ["Mbpp-600", "Mbpp-601"]
    assert len(book) == 2
    assert "Mbpp-601" in book
    assert "Mbpp-602" not in book
    assert book.get("Mbpp-602") is None
    with pytest.raises(DatasetUnavailable):
        book["Mbpp-601"]
    assert load_gold(folder, data=mbpp)["Mbpp-601"].passing[0].note == "the reference in a fence"
    assert set(book) == {scenario.id for scenario in read_pack(folder / "pack.yaml").scenarios}


def test_written_answers_win_over_made_ones(tmp_path: Path) -> None:
    """Whoever records their own for a pack of this kind means them."""
    folder = write(tmp_path / "demo", PACK).parent
    write(folder, "Mbpp-600: {pass: [{text: a}], fail: [{text: b, reason: no_answer}]}\n", "gold.yaml")
    assert list(load_gold(folder)) == ["Mbpp-600"]


def test_a_broken_pack_has_no_answers(tmp_path: Path) -> None:
    """The fault is the pack's, with its place."""
    folder = write(tmp_path / "demo", PACK.replace("974 tasks", "1")).parent
    with pytest.raises(PackError, match=r"pack\.yaml:5: dataset\.edition"):
        load_gold(folder)
