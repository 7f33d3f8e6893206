"""Judging by asserts: tests in one process, the program in another; beside it only where it must be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_llmbench.errors import VerifierError
from pytest_llmbench.records import Outcome, Reason
from pytest_llmbench.verifiers.code import conversing, judging
from tests.verifiers.code.code_talks import ADD, ASSERTS, add, verdict
from tests.verifiers.code.unboxed import Unboxed

NODE = "class Node:\n    def __init__(self, value):\n        self.value = value\nroot = Node(5)\n"
VALUE = "def value(node):\n    return node.value\n"
BESIDE = {
    "kind": "asserts",
    "entry_point": "value",
    "setup": NODE,
    "tests": ["assert value(root) == 5", "assert value(Node('x')) == 'x'"],
    "reference": VALUE,
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path))


def test_a_right_program_passes() -> None:
    """One program was run: it answers as the reference did, so the tests need not."""
    found = verdict(Unboxed(), ASSERTS, ADD)
    assert (found.outcome, found.score, found.detail) == (Outcome.PASS, 1.0, "")
    assert (found.metrics["programs"], found.metrics["in_process"]) == (1, 0)


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        (add("return 5"), "test 1 of 2: assert add(1, 2) == 3: add(1, 2) gave 5"),
        (add("return 3"), "test 2 of 2: assert total == 4, 'four': add(2, 2) gave 3: AssertionError: four"),
        (add("return a.b"), "test 1 of 2: assert add(1, 2) == 3: add(1, 2): AttributeError: 'int' object has no attri"),
        (add("import os", "os._exit(0)"), "test 1 of 2: add(1, 2): exited early (status 0)"),
        (add("import sys", "sys.exit(0)"), "test 1 of 2: add(1, 2): exited early (status 0)"),
        (add("x = []", "x.append(x)", "return x"), "test 1 of 2: add(1, 2): the value cannot be judged"),
        (add("class A:", "    __eq__ = lambda *_: True", "return A()"), "gave <solution.add.<locals>.A object>"),
        (ADD + "1 / 0", "on import: ZeroDivisionError: division by zero (line 3)"),
        (add("import sys", "return sys.modules['__main__'].expected"), "test 1 of 2: assert add(1, 2) == 3"),
    ],
)
def test_wrong_programs_fail_for_what_they_did(program: str, detail: str) -> None:
    """Test, source, last call and what it gave."""
    found = verdict(Unboxed(), ASSERTS, program)
    assert (found.outcome, found.reason, found.score) == (Outcome.FAIL, Reason.TESTS_FAILED, None)
    assert detail in found.detail


def test_expected_is_the_other_side_of_the_assert() -> None:
    """A failed comparison says both sides."""
    found = verdict(Unboxed(), ASSERTS, add("return [a, b]"))
    assert (found.expected, found.got) == ("3", "[1, 2]")


def test_a_call_that_does_not_end_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named."""
    monkeypatch.setattr(judging, "_is_overloaded", lambda: False)
    monkeypatch.setattr(conversing, "CALL_S", 1.0)
    found = verdict(Unboxed(), ASSERTS, add("while a == b: pass", "return a + b"))
    assert found.reason is Reason.TIMEOUT
    assert found.detail.startswith("test 2 of 2: add(2, 2): no result within 1 s")


def test_tests_may_expect_exceptions_and_name_arguments() -> None:
    """Builtin exceptions come back as themselves, others under their own name."""
    test = """
try:
    add(1, b=0)
except ZeroDivisionError as error:
    assert "division" in str(error)
else:
    raise AssertionError("no exception")
try:
    add(a=2, b=0)
except Exception as error:
    assert type(error).__name__ == "Refused"
assert add(4, b=2) == 2
"""
    program = "class Refused(Exception): pass\n" + add("if (a, b) == (2, 0): raise Refused('no')", "return a / b")
    found = verdict(Unboxed(), {**ASSERTS, "tests": [test], "reference": program}, program)
    assert (found.outcome, found.metrics["in_process"]) == (Outcome.PASS, 0)


def test_tests_may_use_the_helpers_of_the_prompt() -> None:
    """The prompt's text before the entry point is there for them, the program's own is not."""
    prompt = "import math\ndef double(x):\n    return 2 * x\n\ndef half(x):\n    '''Undo double.'''\n"
    check = {
        "kind": "asserts",
        "entry_point": "half",
        "prompt": prompt,
        "tests": ["def check(candidate):\n    assert candidate(double(3)) == math.sqrt(9)\ncheck(half)\n"],
        "reference": prompt + "    return x / 2\n",
    }
    assert verdict(Unboxed(), check, "def half(x):\n    return x / 2").outcome is Outcome.PASS
    cheat = "def double(x):\n    return 0\ndef half(x):\n    return 0"
    assert "half(6) gave 0" in verdict(Unboxed(), check, cheat).detail


@pytest.mark.parametrize("keys", [("reference",), ()], ids=["proven", "a pack of one's own"])
def test_arguments_that_cannot_be_sent_are_judged_beside_the_program(keys: tuple[str, ...]) -> None:
    """And the verdict says so."""
    check = {key: item for key, item in BESIDE.items() if key in (*keys, "kind", "entry_point", "setup", "tests")}
    right = verdict(Unboxed(), check, VALUE)
    assert (right.outcome, right.detail, right.metrics["in_process"]) == (Outcome.PASS, "asserts in process", 1)
    wrong = verdict(Unboxed(), check, "def value(node):\n    return 5")
    assert wrong.detail.startswith("test 2 of 2: assert value(Node('x')) == 'x'")
    assert wrong.detail.endswith("(asserts in process)")


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("class A:\n    __eq__ = lambda *_: True\ndef value(node):\n    return A()", "assert value(root) == 5"),
        ("import sys\ndef value(node):\n    sys.exit(0)", "exited early (status 0)"),
        ("import os\ndef value(node):\n    os._exit(0)", "exited early (status 0)"),
        ("import os\nos.write(4, b'+\\nP\\nP\\nD\\n')\ndef value(node):\n    os._exit(0)", "no result"),
        ("class AssertionError(Exception): pass\ndef value(node):\n    raise KeyError(1)", "KeyError: 1"),
    ],
)
def test_beside_the_program_the_plain_tricks_fail(program: str, detail: str) -> None:
    """Objects equal to everything, leaving early, words without the token."""
    found = verdict(Unboxed(), BESIDE, program)
    assert found.outcome is Outcome.FAIL
    assert detail in found.detail


SORTED = "x = [3, 1, 2]\nassert order(x) == [1, 2, 3]\nassert x == [3, 1, 2]"


@pytest.mark.parametrize(
    ("test", "program", "outcome"),
    [
        (SORTED, "order = sorted", Outcome.PASS),
        (SORTED, "def order(x):\n    x.sort()\n    return x", Outcome.FAIL),
        ("xs = [1]\norder(xs)\nassert xs == [0]", "def order(xs):\n    xs[:] = [0]", Outcome.PASS),
        ("xs = [1]\norder(xs)\nassert xs == [0]", "def order(xs):\n    xs = [0]", Outcome.FAIL),
        (
            "row = [1]\nboard = [row, [2]]\norder(board, {'a': 1})\nassert (row, board) == ([9], [[9], [2], [3]])",
            "def order(b, d):\n    b[0][0] = 9\n    b.append([3])\n    d.clear()",
            Outcome.PASS,
        ),
        (
            "d, s = {'a': [1], 'b': 2}, {1}\norder((1, s), k=d)\nassert (d, s) == ({'a': [1, 2], 'c': 3}, {1, 5})",
            "def order(p, k):\n    k['a'].append(2)\n    del k['b']\n    k['c'] = 3\n    p[1].add(5)",
            Outcome.PASS,
        ),
    ],
)
def test_tests_see_what_a_call_changed(test: str, program: str, outcome: Outcome) -> None:
    """In their own lists, dicts and sets, while the program is apart."""
    found = verdict(Unboxed(), {"kind": "asserts", "entry_point": "order", "tests": [test]}, program)
    assert (found.outcome, found.metrics["in_process"]) == (outcome, 0)


CATCHING = """
try:
    add(1, 2)
except ValueError as error:
    assert str(error) == "no", str(error)
else:
    raise AssertionError
"""


@pytest.mark.parametrize(
    ("raising", "outcome"),
    [
        ("class Neg(ValueError): pass\n" + add("raise Neg('no')"), Outcome.PASS),
        ("class Neg(UnicodeDecodeError):\n    __init__ = __str__ = lambda *_: 'no'\n", Outcome.FAIL),
        (add("raise KeyError('no')"), Outcome.FAIL),
        ("class ValueError(Exception): pass\n" + add("raise ValueError('no')"), Outcome.FAIL),
    ],
)
def test_exceptions_keep_their_builtin_base(raising: str, outcome: Outcome) -> None:
    """So that what catches the base catches them, and nothing else does."""
    program = raising if "def add" in raising else raising + add("raise Neg()")
    found = verdict(Unboxed(), {"kind": "asserts", "entry_point": "add", "tests": [CATCHING]}, program)
    assert (found.outcome, found.metrics["in_process"]) == (outcome, 0)


@pytest.mark.parametrize("body", ["x = []\n    for _ in range(98): x = [x]", "x = 'x' * 262100"], ids=["deep", "large"])
def test_a_returned_value_that_is_passed_on_does_not_bring_the_tests_beside_the_program(body: str) -> None:
    """Neither by its depth nor by its size."""
    check = {"kind": "asserts", "entry_point": "add", "tests": ["assert add([add(1, 2), add(1, 2)], 3) == 6"]}
    found = verdict(Unboxed(), check, add(body, "return 6 if b == 3 else x"))
    assert (found.outcome, found.metrics["in_process"]) == (Outcome.PASS, 0)
    tests = ["x = [add(1, 2)] * 20\nfor _ in range(20): x = [x]\nassert add(x, 3) == 6"]
    found = verdict(Unboxed(), {**check, "tests": tests}, add(body, "return 6 if b == 3 else x"))
    assert (found.outcome, found.metrics["in_process"]) == (Outcome.FAIL, 0)
    assert "the arguments of a call cannot be sent" in found.detail


def test_arguments_of_richer_types_are_judged_beside_the_program() -> None:
    """A range is no list of numbers."""
    check = {"kind": "asserts", "entry_point": "add", "tests": ["assert add(range(5), 1) == 6"]}
    found = verdict(Unboxed(), check, add("return len(a) + b"))
    assert (found.outcome, found.metrics["in_process"]) == (Outcome.PASS, 1)


@pytest.mark.parametrize(
    "line",
    [f'!["E","m",{10**4000}]', '!["E","m",true]', '!["E","m",-1]', f"~[{10**4000}]", "~[true]", "~[256]", "-5"],
)
def test_forged_numbers_are_garbled(line: str) -> None:
    """Neither long nor other than numbers."""
    detail = conversing.fault_of(line, "add").detail
    assert detail.startswith("what came back is no result")


def test_forged_names_are_few() -> None:
    """Looking for the nearest takes no longer for a long list."""
    names = [f"x{number}" for number in range(60)] + ["add"]
    assert conversing.fault_of("-" + json.dumps(names), "add").detail == 'the program has no "add"; it has "x49"'


def test_an_object_that_was_returned_does_not_bring_the_tests_beside_the_program() -> None:
    """Else a program could choose to be judged where it can forge its verdict."""
    check = {"kind": "asserts", "entry_point": "add", "tests": ["assert add(add(1, 2), 3) == 6"]}
    found = verdict(Unboxed(), check, add("return object()"))
    assert (found.outcome, found.metrics["in_process"]) == (Outcome.FAIL, 0)
    assert verdict(Unboxed(), check, ADD).outcome is Outcome.PASS


def test_a_set_up_that_fails_without_the_program_is_run_with_it() -> None:
    """MBPP has tasks whose set-up makes objects of the reference's own classes."""
    check = {**BESIDE, "setup": "root = Node(5)\n", "reference": NODE.replace("root = Node(5)\n", "") + VALUE}
    assert verdict(Unboxed(), check, check["reference"]).outcome is Outcome.PASS
    assert "on import: NameError: name 'Node' is not defined" in verdict(Unboxed(), check, VALUE).detail


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tests": ["assert add(1, 2) == 4"]}, "its reference does not pass: apart: test 1 of 1: assert add"),
        ({"tests": ["assert True"]}, "an empty function passes"),
        ({"setup": "1 / 0"}, "its reference does not pass: apart: on import: ZeroDivisionError"),
    ],
)
def test_a_task_that_cannot_tell_right_from_wrong_judges_nobody(changes: dict[str, object], complaint: str) -> None:
    """It is an error of ours that names the task."""
    with pytest.raises(VerifierError, match=f"^adding: {complaint}"):
        verdict(Unboxed(), {**ASSERTS, **changes}, ADD)
