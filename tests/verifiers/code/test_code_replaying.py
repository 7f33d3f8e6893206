"""Programs that answer as the reference did need no tests; the others are judged as if the tests had been there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.verifiers.code import conversing, judging, replaying
from pytest_llmbench.verifiers.code.asserts import Plan, try_asserts
from pytest_llmbench.verifiers.code.attempt import Attempt
from pytest_llmbench.verifiers.code.code_check import read_check
from pytest_llmbench.verifiers.code.expected import Book
from pytest_llmbench.verifiers.code.judging import Judging
from pytest_llmbench.verifiers.code.replaying import Recorder, Step, read, written
from tests.verifiers.code.code_talks import ADD, ASSERTS, add
from tests.verifiers.code.unboxed import Unboxed

TESTS = (
    "assert add(1, 2) == 3",
    "try:\n    add(1, None)\nexcept TypeError as error:\n    assert 'unsupp' in str(error)\nelse:\n    assert False",
    "x = [1]\nassert add(x, [2]) == [1, 2]\nassert x == [1], x",
    "total = add(add(2, 2), 2)\nassert total == 6, 'six'",
    "assert abs(add(0.5, 0.25) - 0.75) < 1e-3",
)
CHECK = {**ASSERTS, "tests": list(TESTS)}
RAISING = "if b is None: raise TypeError('unsupported')"
FORGING = "import os\n    if a == 0.5:\n        os.write(4, b'{}\\n')\n        os._exit(0)"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the books of all these tests are kept."""
    return tmp_path_factory.mktemp("books")


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(cache))
    monkeypatch.setattr(judging, "_is_overloaded", lambda: False)
    monkeypatch.setattr(conversing, "CALL_S", 2.0)


def _both(check: dict[str, Any], program: str) -> tuple[Attempt, Attempt]:
    """Judge by a transcript, and with the tests from the start."""
    judge = Judging(sandbox=Unboxed(), check=read_check(check, name="adding"))
    book = judge.known()
    assert read(book)
    return judge.attempt(program, book), judge.attempt(program, Book(book.facts))


@pytest.mark.parametrize(
    ("program", "programs", "detail"),
    [
        (ADD, 1, ""),
        ("from operator import add", 1, ""),
        (add("return b + a if a in (1, 2) and b == 2 else a + b"), 1, ""),
        (add("return float(a + b) if a == 1 and b == 2 else a + b"), 2, ""),
        (add("return a + b + (1e-9 if a == 0.5 else 0)"), 2, ""),
        (add(RAISING, "return a + b"), 2, ""),
        (add("if b is None: raise type('Odd', (TypeError,), {})('unsupported')", "return a + b"), 2, ""),
        (add("if b is None: return 0", "return a + b"), 2, "test 2 of 5: assert False: add(1, None) gave 0"),
        (add("if b is None: raise KeyError(b)", "return a + b"), 2, "test 2 of 5: add(1, None): add(1, None): KeyErr"),
        (add("if type(a) is list: a.append(2); return a", "return a + b"), 2, "test 3 of 5: assert x == [1], x: add("),
        (add("return a + b if b != 2 or a < 3 else 0"), 2, "test 4 of 5: assert total == 6, 'six': add(4, 2) gave 0"),
        (add("return a + b if b is None or a != 2 else 7"), 2, "test 4 of 5: assert total == 6, 'six': add(7, 2) gave"),
        (add("return 0 if a == 0.5 else a + b"), 2, "test 5 of 5: assert abs("),
        (add("return a.b if a == 2 else a + b"), 2, "test 4 of 5: total = add(add(2, 2), 2): add(2, 2): AttributeErr"),
        (add("import sys", "return sys.exit(3) if a == 4 else a + b"), 1, "test 4 of 5: add(4, 2): exited early (st"),
        (add("import os", "return os._exit(0) if a == 1 else a + b"), 1, "test 1 of 5: add(1, 2): exited early"),
        (add("import os", "return os.kill(os.getpid(), 9) if a == 4 else a + b"), 1, "test 4 of 5: add(4, 2): killed"),
        (add("while a == 4: pass", "return a + b"), 1, "test 4 of 5: add(4, 2): no result within 2 s"),
        (add("x = a == 0.5 and []", "if x == []: x.append(x); return x", "return a + b"), 1, "value cannot be judged"),
        (add("return object() if a == 4 else a + b"), 2, "test 4 of 5"),
        (add("return a + b") + "1 / 0", 1, "on import: ZeroDivisionError: division by zero (line 3)"),
        ("def sub(a, b):\n    return a + b", 1, 'on import: the program has no "add"; it has "sub"'),
        ("def add(a, b:\n", 1, "on import: SyntaxError"),
        (add(FORGING.format("nonsense"), "return a + b"), 1, "test 5 of 5: add(0.5, 0.25): what came back is no resu"),
        (add(FORGING.format("=[1"), "return a + b"), 1, "test 5 of 5: add(0.5, 0.25): what came back is no result"),
        (add(FORGING.format('!["TypeError","unsupported"]'), "return a + b"), 1, "what came back is no result"),
        ("n = []\n" + add("n.append(a)", "return a + b if len(n) < 4 else len(n)"), 2, "test 4 of 5: assert total"),
    ],
)  # fmt: skip
def test_the_verdict_is_that_of_the_tests(program: str, programs: int, detail: str) -> None:
    """Word for word; the tests are started only for an answer that the reference did not give."""
    short, long = _both(CHECK, program)
    assert short.failure == long.failure
    assert (short.passed, short.mode, short.unsendable) == (long.passed, long.mode, long.unsendable)
    assert short.programs == programs
    assert (detail in short.failure.detail) if short.failure is not None else not detail


def test_tests_throw_the_same_dice_for_each_program() -> None:
    """So they are recorded as well."""
    test = "import random\nfor _ in range(9):\n    a = random.randint(0, 1000)\n    assert add(a, random.random()) >= a"
    short, long = _both({**CHECK, "tests": [test]}, ADD)
    assert (short.failure, short.programs, long.failure, long.programs) == (None, 1, None, 2)
    assert [step.call for step in long.transcript] == [step.call for step in short.transcript]


@pytest.mark.parametrize(
    ("check", "why"),
    [
        ({"tests": ["import time\nassert add(time.time(), 0) > 0"]}, "another call each time"),
        ({"tests": ["for n in range(9):\n    assert len(add('x' * 65536, str(n))) == 65537"]}, "long"),
        ({"tests": ["assert add(1, 2) is not None\nadd(2, 2)"], "reference": add("return object()")}, "opaque"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_relied_on_is_not_recorded(check: dict[str, Any], why: str) -> None:
    """The tests are there from the start, as for a task without a reference."""
    assert why
    judge = Judging(sandbox=Unboxed(), check=read_check({**CHECK, **check}, name="adding"))
    book = judge.known()
    assert read(book) == ()
    assert judge.attempt(judge.check.reference, book).programs == 2


def test_a_task_without_a_reference_has_no_transcript() -> None:
    """There is nobody to record."""
    check = {key: value for key, value in CHECK.items() if key != "reference"}
    judge = Judging(sandbox=Unboxed(), check=read_check(check, name="adding"))
    assert read(judge.known()) == ()
    assert judge.attempt(ADD, judge.known()).programs == 2


def test_tests_that_do_not_do_as_recorded_judge_a_fresh_program() -> None:
    """Two programs for the try that was given up, two for the one that counts."""
    check = read_check({**CHECK, "tests": ["assert add(1, 2) == 3", "assert add(2, 2) == 4"]}, name="adding")
    call = '{"t":[{"t":[2,2]},{"d":[]}]}'
    for first in (call, '{"t":[{"t":[1,2]},{"d":[]}]}'):  # asks for another call; asks for more of them
        plan = Plan(transcript=(Step(0, first, "=3" if first != call else "=4"), Step(0, call, "=5")))
        tried = try_asserts(Unboxed(), check, ADD, plan=plan)
        assert (tried.failure, tried.passed, tried.programs) == (None, 2, 4)
    wrong = try_asserts(Unboxed(), check, add("return a + b if a == 1 else 7"), plan=plan)
    assert wrong.failure is not None
    assert wrong.failure.detail == "test 2 of 2: assert add(2, 2) == 4: add(2, 2) gave 7"


def test_what_is_asked_later_is_not_told_before() -> None:
    """A call made of an earlier answer would tell that answer: a program finds but one line on its channel."""
    peeking = add(
        "import os, select",
        "if a == 2 and select.select([3], [], [], 0.2)[0]: return 'a further call is here'",
        "return a + b",
    )
    short, _ = _both(CHECK, peeking)
    assert (short.failure, short.programs) == (None, 1)


def test_large_calls_and_answers_pass_each_other() -> None:
    """Nobody waits for one who waits for him."""
    tests = ["for n in range(3):\n    x = [str(n)] * 30000\n    assert len(add(x, x[:10000])) == 40000"]
    short, long = _both({**CHECK, "tests": tests}, ADD)
    assert (short.failure, short.programs, long.failure, long.programs) == (None, 1, None, 2)


def test_deep_values_are_compared_as_others_are() -> None:
    """As deep as one that is returned may be."""
    tests = ["x = 0\nfor _ in range(90): x = [x]\nassert add([x], [1])[1:] == [1]"]
    for program, programs in ((ADD, 1), (add("return [0, 1]"), 2), (add("x = a", "while x: x = x[0]", "return a"), 2)):
        short, long = _both({**CHECK, "tests": tests}, program)
        assert short.failure == long.failure
        assert short.programs == programs


def test_a_book_keeps_the_transcript() -> None:
    """Byte for byte, tabs in answers and all, beside the facts."""
    transcript = (
        Step(0, '{"t":[]}', '=1\t{"t":[2]}'),
        Step(0, "[]", '!["E","a\\tb","E"]'),
        Step(12, '"\\u00e9"', "=null"),
    )
    book = Book.from_bytes(written({"mode": "apart"}, transcript).to_bytes())
    assert read(book) == transcript
    assert book.facts == {"mode": "apart"}
    assert read(written({}, ())) == read(Book({})) == ()


def test_a_long_run_is_not_kept_in_part() -> None:
    """All of it or nothing, and no more memory for one that is too long."""
    recorder = Recorder()
    step = Step(0, "c" * 1000, "=" + "1" * 1000)
    for _ in range(replaying.TRANSCRIPT_BYTES // 2001):
        recorder.add(step)
    assert len(recorder.transcript()) == replaying.TRANSCRIPT_BYTES // 2001
    recorder.add(step)
    recorder.add(Step(0, "c", "=1"))
    assert recorder.transcript() == ()
