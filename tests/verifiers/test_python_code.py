"""The verifier ``python_code``: checks as a pack may write them, verdicts with all that is kept of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.contracts import SandboxedVerifier
from pytest_llmbench.datasets.code_sets import fill
from pytest_llmbench.errors import SandboxFailed, SandboxUnavailable
from pytest_llmbench.records import Outcome, Reason, Scenario, TaskSource
from pytest_llmbench.sandboxes.pool import Pool
from pytest_llmbench.verifiers import VERIFIERS
from pytest_llmbench.verifiers.python_code import ARTEFACT, PythonCode
from tests.datasets.code_sample import DATA, needs_data
from tests.sandboxes.lab import pool
from tests.verifiers.code.code_talks import ADD, ASSERTS, VALUES, add, exchange, scenario, verdict
from tests.verifiers.code.unboxed import Unboxed


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "python-code-cache"))


@pytest.fixture(scope="module")
def boxed() -> Iterator[Pool]:
    """Return a real sandbox."""
    with pool("bubblewrap", memory_bytes=1 << 30) as made:
        yield made


def _without(check: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: item for key, item in check.items() if key not in keys}


@pytest.mark.parametrize(
    "check",
    [
        VALUES,
        ASSERTS,
        _without(ASSERTS, "reference"),
        {**VALUES, "inputs": '[1,2]\n[{"t":[3]},4]', "base": 2, "atol": 1e-3, "oracle": "set"},
        {**_without(VALUES, "base"), "prompt": "def add(a, b):\n"},
    ],
)
def test_good_checks_have_no_problems(check: dict[str, Any]) -> None:
    """As the handbook shows them."""
    assert list(PythonCode().problems(scenario(check))) == []


@pytest.mark.parametrize(
    ("check", "path", "message"),
    [
        ({**VALUES, "kind": "value"}, ("kind",), 'unknown kind of check "value": did you mean "values"?'),
        (_without(VALUES, "kind"), ("kind",), 'unknown kind of check "None"'),
        (_without(VALUES, "reference"), ("kind",), '"values" needs "reference"'),
        (_without(VALUES, "inputs"), ("kind",), '"values" needs "inputs"'),
        (_without(ASSERTS, "tests"), ("kind",), '"asserts" needs "tests", a list of texts'),
        (_without(ASSERTS, "entry_point"), ("kind",), '"asserts" needs "entry_point"'),
        ({**ASSERTS, "test": ["x"]}, ("test",), 'unknown key "test": did you mean "tests"?'),
        ({**ASSERTS, "atol": 1}, ("atol",), 'unknown key "atol"'),
        ({**ASSERTS, "entry_point": "a b"}, ("entry_point",), '"entry_point" must be the name of a function'),
        ({**ASSERTS, "tests": "assert 1"}, ("tests",), '"tests" must be a list of texts'),
        ({**VALUES, "atol": -1}, ("atol",), '"atol" must be a number from 0 up, not -1'),
        ({**VALUES, "atol": True}, ("atol",), '"atol" must be a number'),
        ({**VALUES, "oracle": "sets"}, ("oracle",), 'unknown oracle "sets": did you mean "set"?'),
        ({**VALUES, "base": 4}, ("base",), '"base" must be from 1 to the number of inputs, 3, not 4'),
        ({**VALUES, "base": 0}, ("base",), '"base" must be from 1'),
        ({**VALUES, "inputs": []}, ("inputs",), '"inputs" must be a list of argument lists'),
        ({**VALUES, "inputs": [[1, 2], 3]}, ("inputs", 1), "must be the list of one call's arguments, not 3"),
        ({**VALUES, "inputs": [[1, object()]], "base": 1}, ("inputs", 0), "an argument is no plain value"),
        ({**VALUES, "inputs": "[1, 2]", "base": 1}, ("inputs", 0), "an input must be a list of plain arguments"),
    ],
)
def test_problems_say_where_and_what(check: dict[str, Any], path: tuple[str | int, ...], message: str) -> None:
    """One fault, one problem, with the nearest name."""
    (problem,) = PythonCode().problems(scenario(check))
    assert problem.path == ("checks", 0, *path)
    assert message in problem.message


@pytest.mark.parametrize("count", [0, 2])
def test_a_scenario_has_one_check(count: int) -> None:
    """Neither none nor two ways to judge one program."""
    made = Scenario(id="x", title="", messages=(), dialogue="", verifier="", checks=(VALUES,) * count)
    (problem,) = PythonCode().problems(made)
    assert problem.path == ("checks",)


def test_it_judges_in_a_sandbox_alone() -> None:
    """Without one it says how to get one; the member of the family is never changed."""
    member = VERIFIERS["python_code"]
    assert isinstance(member, SandboxedVerifier)
    assert member.with_sandbox(Unboxed()) is not member
    with pytest.raises(SandboxUnavailable, match="llmbench sandbox"):
        member.judge(scenario(VALUES), exchange(ADD))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", Reason.NO_ANSWER),
        ("I cannot do that.", Reason.NO_ANSWER),
        ("```python\ndef add(a, b:\n```", Reason.INVALID_FORMAT),
    ],
)
def test_an_answer_without_a_program_fails_unrun(answer: str, reason: Reason) -> None:
    """But the task has been proven before, so that no fault of ours looks like the model's."""
    box = Unboxed()
    found = PythonCode(box).judge(scenario(VALUES), exchange(answer))
    assert (found.outcome, found.reason) == (Outcome.FAIL, reason)
    assert (found.metrics["base_passed"], found.metrics["plus_passed"]) == (0, 0)
    before = box.conversations
    PythonCode(box).judge(scenario(VALUES), exchange(answer))
    assert box.conversations == before


def test_what_is_kept_of_a_failure() -> None:
    """The program, what it wrote, and the facts."""
    found = verdict(Unboxed(), VALUES, add("print('adding')", "return a + c"))
    assert found.artefacts["program.py"].strip() == add("print('adding')", "return a + c").strip()
    assert found.artefacts["stdout.txt"] == "adding\n"
    assert "line 3, in add" in found.artefacts["stderr.txt"]
    facts = json.loads(found.artefacts["failure.json"])
    assert (facts["call"], facts["place"], facts["expected"]) == ("add(1, 2)", 0, "3")
    assert found.metrics["judge_s"] > 0


def test_artefacts_are_bounded() -> None:
    """Whatever a program writes."""
    found = verdict(Unboxed(), VALUES, add("print('x' * 10 ** 7)", "return 0"))
    assert max(map(len, found.artefacts.values())) < ARTEFACT + 100


class _Broken(Unboxed):
    """Every conversation breaks."""

    def converse(self, *_args: object, **_kwargs: object) -> Any:
        """See `Sandbox`."""
        raise SandboxFailed("the daemon is gone")


def test_a_broken_sandbox_is_no_fault_of_the_program() -> None:
    """It goes through as it is, to be an ERROR."""
    verdict(Unboxed(), VALUES, ADD)
    with pytest.raises(SandboxFailed, match="the daemon is gone"):
        verdict(_Broken(), VALUES, ADD)


@pytest.mark.needs("bubblewrap")
@pytest.mark.parametrize("check", [VALUES, ASSERTS], ids=["values", "asserts"])
@pytest.mark.parametrize(
    ("program", "outcome", "detail"),
    [
        (ADD, Outcome.PASS, ""),
        (add("return a"), Outcome.FAIL, "gave 1"),
        (add("import os", "os._exit(0)"), Outcome.FAIL, "exited early (status 0)"),
        (add("import os", "os.kill(os.getppid(), 9)", "os.read(3, 1)"), Outcome.FAIL, "killed by signal 9"),
        (add("return bytearray(2 << 30) and a + b"), Outcome.FAIL, "out of memory"),
        (add("open('/etc/new', 'w')"), Outcome.FAIL, "OSError: [Errno 30] Read-only file system"),
        (add("import threading, time", "threading.Thread(target=time.sleep, args=(60,)).start()", "return a + b"),
         Outcome.PASS, ""),
    ],
)  # fmt: skip
def test_in_a_real_sandbox(boxed: Pool, check: dict[str, Any], program: str, outcome: Outcome, detail: str) -> None:
    """Both kinds of check, walls around."""
    found = verdict(boxed, check, program)
    assert found.outcome is outcome, found.detail
    assert detail in found.detail
    assert 0 < found.metrics.get("memory_mib", 10) < 1024


SAMPLE = [
    *(("humaneval", f"HumanEval/{number}") for number in (0, 32, 38, 50, 95, 130)),
    *(("humaneval_plus", f"HumanEval/{number}") for number in (0, 20, 32, 38, 115)),
    *(("mbpp", f"Mbpp/{number}") for number in (2, 11, 367, 596, 601, 927)),
    *(("mbpp_sanitized", f"Mbpp/{number}") for number in (57, 237, 596)),
    *(("mbpp_plus", f"Mbpp/{number}") for number in (2, 57, 124, 252, 558, 581, 590, 630, 737, 787, 793)),
]


@needs_data
@pytest.mark.needs("bubblewrap")
@pytest.mark.parametrize(("reader", "task_id"), SAMPLE, ids=[f"{reader}-{name}" for reader, name in SAMPLE])
def test_published_references_pass(boxed: Pool, reader: str, task_id: str) -> None:
    """Tasks with helpers, own classes, changed arguments, oracles, large values, no plus input."""
    skeleton = Scenario(
        id=task_id,
        title="",
        messages=(),
        dialogue="single_turn",
        verifier="python_code",
        task=TaskSource(reader=reader, task_id=task_id),
    )
    filled = fill(skeleton, data=str(Path(DATA)))
    verifier = PythonCode(boxed)
    assert list(verifier.problems(filled)) == []
    found = verifier.judge(filled, exchange(f"```python\n{filled.checks[0]['reference']}\n```"))
    assert found.outcome is Outcome.PASS, found.detail
    assert verifier.judge(filled, exchange("no code")).reason is Reason.NO_ANSWER
