"""Judging by values: what programs return, and how they fail to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.errors import VerifierError
from pytest_llmbench.records import Outcome, Reason
from pytest_llmbench.verifiers.code import conversing, judging
from tests.verifiers.code.code_talks import ADD, VALUES, add, verdict
from tests.verifiers.code.unboxed import Unboxed


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize(
    "program",
    [
        ADD,
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: 'int'\n" + ADD,
        "if __name__ == '__main__':\n    raise SystemExit\n" + ADD,
        "assert __name__ == 'solution'\nimport solution\n" + ADD,
        add("print('x' * 100_000)", "return a + b"),
        add("import sys", "sys.stdout.close()", "return a + b"),
        "import builtins, json\nbuiltins.len = json.dumps = json.loads = None\n" + ADD,
        add("class Text(str):", "    __eq__ = lambda *_: True", "return Text(a + b) if isinstance(a, str) else a + b"),
    ],
)
def test_right_programs_pass(program: str) -> None:
    """Whatever they do beside it, the values count."""
    found = verdict(Unboxed(), VALUES, program)
    assert (found.outcome, found.detail) == (Outcome.PASS, "")
    assert found.metrics["base_passed"] == found.metrics["plus_passed"] == found.score == 1
    assert all(check.passed for check in found.checks)


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        (add("return a"), "input 1 of 3 (base): add(1, 2) gave 1, expected 3"),
        (add("return str(a + b)"), "input 1 of 3 (base): add(1, 2) gave '3', expected 3"),
        (add("return float('nan')"), "input 1 of 3 (base): add(1, 2) gave nan, expected 3"),
        (add("return [] == a or object()"), "gave a value that is opaque (type object), expected 3"),
        (add("return list(range(10 ** 6))"), "gave a large value that is not the expected one"),
        (add("x = []", "x.append(x)", "return x"), "the value cannot be judged: containers too deep"),
        (add("return a + c"), "add(1, 2): NameError: name 'c' is not defined (line 2)"),
        (add("raise MemoryError"), "add(1, 2): out of memory"),
        (add("raise SystemExit"), "add(1, 2): exited early (status 0)"),
        (add("raise SystemExit('no')"), "add(1, 2): exited early (status 1)"),
        (add("import os", "os._exit(7)"), "add(1, 2): exited early (status 7)"),
        (add("import os", "os.kill(os.getpid(), 11)"), "add(1, 2): killed by signal 11, SIGSEGV"),
        (add("input()"), "add(1, 2): EOFError: EOF when reading a line (line 2)"),
        (add("yield a + b"), "gave <iterator of [3]>, expected 3"),
        ("import sys\nsys.exit(2)\n" + ADD, "on import: exited early (status 2)"),
        (ADD + "1 / 0\n", "on import: ZeroDivisionError: division by zero (line 3)"),
        (ADD + "del add\ndef plus(): 0\n", 'on import: the program has no "add"; it has "plus"'),
        (ADD + "add = 3\n", "add(1, 2): TypeError: 'int' object is not callable"),
    ],
)
def test_wrong_programs_fail_for_what_they_did(program: str, detail: str) -> None:
    """The first input that fails decides, and the detail says all of it."""
    found = verdict(Unboxed(), VALUES, program)
    assert (found.outcome, found.reason) == (Outcome.FAIL, Reason.TESTS_FAILED)
    assert detail in found.detail
    assert found.score is None
    assert not any(check.passed for check in found.checks)


def test_a_failure_on_a_plus_input_leaves_the_base_inputs_right() -> None:
    """Base and plus are two checks, two metrics; expected and got say what the detail says."""
    found = verdict(Unboxed(), VALUES, add("return a + b if a != 'a' else 'b'"))
    assert found.detail == "input 3 of 3 (plus): add('a', 'b') gave 'b', expected 'ab'"
    assert (found.expected, found.got) == ("'ab'", "'b'")
    assert (found.metrics["base_passed"], found.metrics["plus_passed"]) == (1, 0)
    assert [(check.name, check.passed) for check in found.checks] == [("base", True), ("plus", False)]


def test_what_is_expected_is_shown_beside_an_exception() -> None:
    """A program that raises is told what it should have returned."""
    found = verdict(Unboxed(), VALUES, add("1 / 0"))
    assert (found.expected, found.got) == ("3", "ZeroDivisionError: division by zero")


def test_results_written_by_the_program_itself_are_values_like_others() -> None:
    """Writing to the channel of results wins nothing but the choice of the values."""
    found = verdict(Unboxed(), VALUES, add("import os", "os.write(4, b'=3\\n=99\\n')", "os._exit(0)"))
    assert found.detail == "input 2 of 3 (base): add(2.5, 1) gave 99, expected 3.5"


@pytest.mark.parametrize("junk", ["\\xff\\xfe", "=[1,", "=" + "[" * 5000, "!{}", "~[]", "?", "=[1, 2]", ""])
def test_what_is_no_result_is_said_to_be_none(junk: str) -> None:
    """Bytes that the driver would not write never disturb the judge."""
    found = verdict(Unboxed(), VALUES, add("import os", f"os.write(4, b'{junk}\\n')", "os._exit(0)"))
    assert "what came back is no result" in found.detail, found.detail


def test_each_call_gets_arguments_of_its_own() -> None:
    """A program may change its arguments, or keep its answer to change it later: each value counts at its return."""
    check = {
        "kind": "values",
        "entry_point": "ends",
        "inputs": [[[1, 2, 3]], [[1, 2, 3]]],
        "reference": "def ends(xs):\n    xs.pop()\n    return xs\n",
    }
    assert verdict(Unboxed(), check, "KEPT = []\n" + check["reference"]).outcome is Outcome.PASS
    late = "KEPT = []\ndef ends(xs):\n    for old in KEPT: old.pop()\n    KEPT.append(xs)\n    return xs\n"
    assert "input 1 of 2" in verdict(Unboxed(), check, late).detail


def test_large_values_are_compared_by_digest() -> None:
    """What is too large to be sent is right or wrong all the same, as 1 == 1.0 is."""
    check = {
        "kind": "values",
        "entry_point": "many",
        "inputs": [[200_000]],
        "reference": "def many(n):\n    return list(range(n))\n",
    }
    assert verdict(Unboxed(), check, "def many(n):\n    return [float(k) for k in range(n)]").outcome is Outcome.PASS
    wrong = verdict(Unboxed(), check, "def many(n):\n    return [*range(n - 1), -1]")
    assert "a large value that is not the expected one" in wrong.detail
    assert "digest" in wrong.expected


def test_a_value_beyond_the_limit_may_equal_one_below_it() -> None:
    """The limit is one of text, and equal values have texts of different lengths."""
    check = {
        "kind": "values",
        "entry_point": "many",
        "inputs": [[60_000]],
        "reference": "def many(n):\n    return [1] * n\n",
    }
    assert verdict(Unboxed(), check, "def many(n):\n    return [True] * n").outcome is Outcome.PASS


def test_an_oracle_accepts_what_the_reference_did_not_say() -> None:
    """The check names the rule."""
    check = {
        "kind": "values",
        "entry_point": "both",
        "inputs": [[[1, 2], [2, 3, 1]]],
        "oracle": "set",
        "reference": "def both(a, b):\n    return tuple(set(a) & set(b))\n",
    }
    assert verdict(Unboxed(), check, "def both(a, b):\n    return [x for x in b if x in a]").outcome is Outcome.PASS
    assert verdict(Unboxed(), check, "def both(a, b):\n    return (1,)").outcome is Outcome.FAIL


def test_a_call_that_does_not_end_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was right before it counts; nobody was at work, so it is not tried again."""
    monkeypatch.setattr(conversing, "CALL_S", 0.5)
    monkeypatch.setattr(judging.os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    found = verdict(Unboxed(), VALUES, add("while a == 'a': pass", "return a + b"))
    assert (found.reason, found.metrics["base_passed"], found.metrics["programs"]) == (Reason.TIMEOUT, 1, 1)
    assert "input 3 of 3 (plus): add('a', 'b'): no result within 0.5 s" in found.detail


def test_all_calls_together_have_a_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many slow calls end like a very slow one."""
    monkeypatch.setattr(conversing, "PROGRAM_S", 60.0)
    monkeypatch.setattr(conversing.Talk.__init__, "__kwdefaults__", {"line_bytes": 1 << 20, "time_s": 1.0})
    monkeypatch.setattr(judging, "_is_overloaded", lambda: False)
    check = {**VALUES, "inputs": [[1, 2]] * 40}
    found = verdict(Unboxed(), check, add("import time", "time.sleep(0.1)", "return a + b"))
    assert found.reason is Reason.TIMEOUT
    assert "for the whole program" in found.detail


@pytest.mark.parametrize(("crowded", "programs"), [(True, 2), (False, 1)])
def test_a_late_program_is_tried_again_alone_where_others_were_at_work(
    crowded: bool,  # noqa: FBT001 - a parameter of the test
    programs: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its being late may be theirs."""
    monkeypatch.setattr(conversing, "CALL_S", 0.5)
    monkeypatch.setattr(judging, "_is_overloaded", lambda: False)
    box = Unboxed()
    box.crowded = crowded
    found = verdict(box, VALUES, add("import time", "time.sleep(60)"))
    assert (found.reason, found.metrics["programs"], box.turns[-1]) == (Reason.TIMEOUT, programs, crowded)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"reference": add("return a + b", "").replace("+ b", "+ c")}, "the reference gives no value on input 1 of 3"),
        ({"reference": "1 / 0\n" + ADD}, "the reference gives no value on import: ZeroDivisionError"),
        ({"reference": "import random\n" + add("return random.random()")}, "its reference does not pass"),
        ({"reference": add("return float('nan')")}, "its reference does not pass"),
        ({"reference": add("return object()")}, "its reference does not pass"),
    ],
)
def test_a_task_whose_reference_is_not_right_judges_nobody(changes: dict[str, Any], complaint: str) -> None:
    """It is an error of ours that names the task, never a model's zero, and the next answer is told the same."""
    for _ in range(2):
        with pytest.raises(VerifierError, match=f"^adding: {complaint}"):
            verdict(Unboxed(), {**VALUES, **changes}, ADD)


def test_where_none_is_right_another_stub_must_fail() -> None:
    """A function that always returns None is no empty one there."""
    check = {**VALUES, "reference": add("return None")}
    assert verdict(Unboxed(), check, add("return None")).outcome is Outcome.PASS
    assert verdict(Unboxed(), check, add("return 0")).outcome is Outcome.FAIL
