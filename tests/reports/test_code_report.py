"""What is kept of programs: files in EvalPlus's formats, the evaluation report, a folder for each attempt."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.journal import Journal, JournalReader
from pytest_llmbench.records import PackFacts, Purpose, Result, TrialKey
from pytest_llmbench.reports.artefact_files import file_name
from pytest_llmbench.reports.code_report import write_code_reports
from pytest_llmbench.reports.evaluation_report import ALWAYS_K, FIELDS
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.statistics import clustered_interval
from pytest_llmbench.tally import Tally
from tests.summaries import RUN, facts, result

SEED_FIELDS = [
    "dataset",
    "model_name",
    "timestamp",
    "total_tasks",
    "successful_tasks",
    "passed_tests",
    "pass_at_1",
    "pass_at_k",
    "average_execution_time",
    "average_iterations",
    "average_commands",
    "average_tokens",
    "efficiency_score",
    "task_results",
]
"""What the users' own report had."""

PLUS = facts("plus", benchmark="some_plus", data_md5="fe58", size=3, version="1.0.0")


class Shelf:
    """Results as the journal has them."""

    def __init__(self, *results: Result) -> None:
        self.found = {one.key: one for one in results}

    def keys(self) -> tuple[TrialKey, ...]:
        """Return the trials in the journal's order, which knows no numbers."""
        return tuple(sorted(self.found, key=lambda key: (key.pack, key.scenario, key.attempt)))

    def result(self, key: TrialKey) -> Result | None:
        """Return one."""
        return self.found[key]


def program(task: int, word: str = "pass", *, attempt: int = 1, pack: PackFacts = PLUS, **changes: Any) -> Result:
    """Return the result of a program of one attempt at a task; a failed one passed the base inputs if told so."""
    base = changes.pop("base", word == "pass")
    failure = {} if word == "pass" else {"failure.json": json.dumps({"input": [[task], 0.5], "expected": "1"})}
    artefacts = {"program.py": f"def f():\n    return {task}, {attempt}\n", "stdout.txt": "", **failure}
    metrics = {"base_passed": base, "plus_passed": word == "pass", "judge_s": 0.5, "memory_mib": 9.0, "programs": 2}
    given = {
        "task_id": f"HumanEval/{task}",
        "turns": 1,
        "artefacts": artefacts,
        "metrics": {name: float(value) for name, value in metrics.items()},
    }
    return result(pack, f"HumanEval-{task}", word, attempt=attempt, **{**given, **changes})


def write(tmp_path: Path, *results: Result, expected: int = 0) -> tuple[list[Path], Path]:
    """Write what there is to write of `results`; return the files and the first pack's folder."""
    tally = Tally()
    for number in range(expected):
        tally.expect(PLUS, f"HumanEval-{number}", f"node {number}")
    for one in results:
        tally.add(one)
    paths = write_code_reports(RunFolder(tmp_path), tally.summary(RUN), Shelf(*results))
    return paths, tmp_path / "code" / "plus"


def load(path: Path) -> Any:
    """Return a file's data, which nothing but JSON may be in."""
    return json.loads(
        path.read_text("ascii" if path.name != "evaluation_report.json" else "utf-8"), parse_constant=fail
    )


def fail(constant: str) -> None:
    """Refuse NaN and infinities."""
    pytest.fail(constant)


def test_samples_are_one_line_for_each_attempt_in_the_order_of_the_tasks(tmp_path: Path) -> None:
    """Task 2 comes before task 10, attempt 1 before attempt 2, with the data set's own task id."""
    paths, folder = write(tmp_path, program(10), program(2, attempt=2), program(2, "wrong_answer"))
    assert [path.name for path in paths] == ["samples.jsonl", "eval_results.json", "evaluation_report.json"]
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text("ascii").splitlines()]
    assert [line["task_id"] for line in lines] == ["HumanEval/2", "HumanEval/2", "HumanEval/10"]
    assert [line["solution"][-5:-1] for line in lines] == ["2, 1", "2, 2", "10, 1"[-4:]]
    assert all(set(line) == {"task_id", "solution"} for line in lines)


def test_eval_results_have_the_form_of_evalplus(tmp_path: Path) -> None:
    """Date, hash, an entry for each attempt with both statuses and the failed input, and pass@k of both sets."""
    _, folder = write(
        tmp_path,
        program(0),
        program(0, "tests_failed", attempt=2, base=True),
        program(1, "tests_failed"),
        program(1, "timeout", attempt=2),
    )
    found = load(folder / "eval_results.json")
    assert list(found) == ["date", "hash", "eval", "pass_at_k"]
    assert (found["date"], found["hash"]) == ("2026-05-09 08:03", "fe58")
    assert list(found["eval"]) == ["HumanEval/0", "HumanEval/1"]
    entries = [entry for entries in found["eval"].values() for entry in entries]
    fields = ("task_id", "solution", "base_status", "plus_status", "base_fail_tests", "plus_fail_tests")
    assert all(tuple(entry) == fields for entry in entries)
    assert [(entry["base_status"], entry["plus_status"]) for entry in entries] == [
        ("pass", "pass"),
        ("pass", "fail"),
        ("fail", "fail"),
        ("timeout", "timeout"),
    ]
    assert [(entry["base_fail_tests"], entry["plus_fail_tests"]) for entry in entries] == [
        ([], []),
        ([], [[[0], 0.5]]),
        ([[[1], 0.5]], []),
        ([[[1], 0.5]], []),
    ]
    assert found["pass_at_k"] == {"base": {"pass@1": 0.5}, "plus": {"pass@1": 0.25}}


def test_an_answer_that_never_ended_is_no_slow_program(tmp_path: Path) -> None:
    """EvalPlus's timeout is the program's; a model that ran out of time gave an empty one, which fails."""
    late = program(0, "timeout", artefacts={}, metrics={"base_passed": 0.0, "plus_passed": 0.0})
    _, folder = write(tmp_path, late)
    (entry,) = load(folder / "eval_results.json")["eval"]["HumanEval/0"]
    assert (entry["solution"], entry["base_status"], entry["plus_status"]) == ("", "fail", "fail")


@pytest.mark.parametrize(
    ("failure", "tests"),
    [
        ('{"input": [[1], 2], "call": "f([1], 2)"}', [[[1], 2]]),
        ('{"input": [], "call": "f()"}', [[]]),
        ('{"input": null, "call": "f([1], 2)", "place": 3}', []),
        ('{"call": "", "detail": "exited early"}', []),
        ('{"call": "f(1... [cut', []),
        ("[1]", []),
    ],
)
def test_the_failed_test_is_what_the_verifier_kept(tmp_path: Path, failure: str, tests: list[Any]) -> None:
    """The arguments, as in EvalPlus's own file, never the call in words; a text that was cut is nothing."""
    kept = {"program.py": "x", "failure.json": failure}
    _, folder = write(tmp_path, program(0, "tests_failed", artefacts=kept))
    (entry,) = load(folder / "eval_results.json")["eval"]["HumanEval/0"]
    assert entry["base_fail_tests"] == tests


def test_a_pack_without_plus_inputs_has_no_plus_status(tmp_path: Path) -> None:
    """As EvalPlus writes it when it is told to judge the base inputs only."""
    _, folder = write(tmp_path, program(0, metrics={"programs": 1.0}), program(1, "wrong_answer", metrics={}))
    found = load(folder / "eval_results.json")
    assert [found["eval"][f"HumanEval/{task}"][0]["plus_status"] for task in (0, 1)] == [None, None]
    assert found["pass_at_k"] == {"base": {"pass@1": 0.5}}
    assert "base_pass_at_k" not in load(folder / "evaluation_report.json")


def test_the_evaluation_report_is_computed(tmp_path: Path) -> None:
    """Every figure against its meaning; two tasks with two attempts each, one of them right."""
    trials = [
        program(0, completion_tokens=1000, latency_s=1.5),
        program(0, "tests_failed", attempt=2, base=True, completion_tokens=500, latency_s=2.5),
        program(1, "no_answer", completion_tokens=0, latency_s=0.5, artefacts={}, metrics={}, turns=3),
        program(1, attempt=2, completion_tokens=250, latency_s=None),
    ]
    _, folder = write(tmp_path, *trials, expected=3)
    found = load(folder / "evaluation_report.json")
    assert found["dataset"] == "some_plus"
    assert (found["model_name"], found["timestamp"]) == ("some-model", "2026-05-09T08:00:00+00:00")
    assert (found["total_tasks"], found["successful_tasks"], found["passed_tests"], found["errors"]) == (3, 1, 1, 0)
    assert found["pass_at_1"] == 0.5
    assert found["pass_at_k"] == {"1": 0.5, "2": 1.0, "5": "n/a", "10": "n/a", "100": "n/a"}
    assert found["pass_hat_k"] == {"1": 0.5, "2": 0.0, "5": "n/a", "10": "n/a", "100": "n/a"}
    assert found["base_pass_at_k"] == {"1": 0.75, "2": 1.0, "5": "n/a", "10": "n/a", "100": "n/a"}
    assert found["interval_95"] == pytest.approx(clustered_interval([0.5, 0.5], 4))
    assert found["average_execution_time"] == pytest.approx((2.0 + 3.0 + 0.5) / 3)
    assert found["average_iterations"] == pytest.approx((1 + 1 + 3 + 1) / 4)
    assert found["average_commands"] == pytest.approx((2 + 2 + 0 + 2) / 4)
    assert found["average_tokens"] == pytest.approx(1750 / 4)
    assert found["efficiency_score"] == pytest.approx((0.5 + 0.8) / 4)
    rows = found["task_results"]
    assert [(row["task_id"], row["attempt"], row["outcome"], row["reason"]) for row in rows] == [
        ("HumanEval/0", 1, "PASS", None),
        ("HumanEval/0", 2, "FAIL", "tests_failed"),
        ("HumanEval/1", 1, "FAIL", "no_answer"),
        ("HumanEval/1", 2, "PASS", None),
    ]
    assert rows[0]["folder"] == "HumanEval-0/attempt-1"
    assert rows[2]["folder"] is None


def test_the_evaluation_report_explains_all_its_fields(tmp_path: Path) -> None:
    """Nothing the users' report had is missing, and a legend in the file says what each figure means."""
    _, folder = write(tmp_path, program(0))
    found = load(folder / "evaluation_report.json")
    assert set(SEED_FIELDS) <= set(found)
    assert found["fields"] == FIELDS
    assert set(found) == {"fields", *FIELDS}
    assert {str(k) for k in ALWAYS_K} == set(found["pass_at_k"])


def test_what_cannot_be_known_is_null(tmp_path: Path) -> None:
    """A server that counts no tokens gives no average of them and no efficiency; a wrong pass@k is never made up."""
    _, folder = write(tmp_path, program(0, completion_tokens=None, latency_s=None, metrics={"programs": 1.0}))
    found = load(folder / "evaluation_report.json")
    for name in ("average_tokens", "efficiency_score", "average_execution_time"):
        assert found[name] is None, name


def test_errors_are_counted_and_left_out(tmp_path: Path) -> None:
    """An attempt without a verdict is no sample and no row; what there is of it is kept."""
    error = program(0, "sandbox_failed", attempt=2)
    _, folder = write(tmp_path, program(0), error)
    found = load(folder / "evaluation_report.json")
    assert (found["errors"], found["pass_at_1"], len(found["task_results"])) == (1, 1.0, 1)
    assert len((folder / "samples.jsonl").read_text().splitlines()) == 1
    assert (folder / "HumanEval-0" / "attempt-2" / "program.py").is_file()


def test_every_attempt_has_its_folder(tmp_path: Path) -> None:
    """The program and what it left that is not empty, whatever characters it holds."""
    odd = {"program.py": "x = '\ud800é\x00'\r\n", "stdout.txt": "", "stderr.txt": "no"}
    _, folder = write(tmp_path, program(0, "tests_failed", artefacts=odd), program(0, attempt=2))
    first = folder / "HumanEval-0" / "attempt-1"
    assert sorted(path.name for path in first.iterdir()) == ["program.py", "stderr.txt"]
    assert (first / "program.py").read_bytes() == "x = '?é\x00'\r\n".encode()
    assert [path.name for path in (folder / "HumanEval-0" / "attempt-2").iterdir()] == ["program.py"]


def test_a_new_verdict_replaces_what_an_earlier_one_left(tmp_path: Path) -> None:
    """A run that was resumed shows no file of the verdict it replaced."""
    write(tmp_path, program(0, "tests_failed"))
    _, folder = write(tmp_path, program(0))
    assert [path.name for path in (folder / "HumanEval-0" / "attempt-1").iterdir()] == ["program.py"]


@pytest.mark.parametrize("name", ["../../evil", "..", "a/b", "", ".hidden", "x" * 300, "é\ud800"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    """Whatever a scenario or an artefact is called, its file has a plain name."""
    found = file_name(name)
    assert found.isascii()
    assert "/" not in found
    assert not found.startswith(".")
    assert 0 < len(found) < 120
    assert found != file_name(f"{name}_")


def test_packs_without_programs_leave_nothing(tmp_path: Path) -> None:
    """Nor do hand-written tests."""
    plain = result(facts("words"), "A", task_id="GSM/1")
    by_hand = program(0, pack=facts("test_mine"), purpose=Purpose.FIXTURE)
    paths, _ = write(tmp_path, plain, by_hand)
    assert paths == []
    assert list(tmp_path.iterdir()) == []


def test_a_pack_whose_first_answers_have_no_program_is_still_one(tmp_path: Path) -> None:
    """The first attempts had nothing to run; a further one had."""
    none = {"artefacts": {}, "metrics": {}}
    _, folder = write(tmp_path, program(0, "no_answer", **none), program(0, attempt=2))
    lines = [json.loads(line)["solution"] for line in (folder / "samples.jsonl").read_text().splitlines()]
    assert lines == ["", "def f():\n    return 0, 2\n"]


def test_two_versions_of_a_pack_have_two_folders(tmp_path: Path) -> None:
    """Neither overwrites the other's files."""
    other = facts("plus", content_hash="123")
    paths, _ = write(tmp_path, program(0), program(0, pack=other))
    assert {path.parent.name for path in paths} == {"plus", file_name("plus-hash of ")}


def test_a_failure_leaves_the_old_files(tmp_path: Path) -> None:
    """Each file is there whole or as it was, no rest lies about, and the error is the caller's to tell."""
    _, folder = write(tmp_path, program(0))
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    class Broken(Shelf):
        def result(self, key: TrialKey) -> Result | None:
            if key.attempt == 2:
                raise OSError("disk full")
            return super().result(key)

    tally = Tally()
    trials = [program(0), program(0, attempt=2)]
    for one in trials:
        tally.add(one)
    with pytest.raises(OSError, match="disk full"):
        write_code_reports(RunFolder(tmp_path), tally.summary(RUN), Broken(*trials))
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_it_reads_the_journal(tmp_path: Path, journal_of: Callable[..., JournalReader]) -> None:
    """Artefacts come from the journal: results that crossed a process have none."""
    reader = journal_of(tmp_path, program(0), program(1, "tests_failed"))
    tally = Tally()
    for one in (program(0, artefacts={}), program(1, "tests_failed", artefacts={})):
        tally.add(one)
    write_code_reports(RunFolder(tmp_path), tally.summary(RUN), reader)
    assert (tmp_path / "code/plus/HumanEval-1/attempt-1/failure.json").is_file()
    assert load(tmp_path / "code/plus/evaluation_report.json")["timestamp"].startswith("2026-05-09")


@pytest.fixture
def journal_of() -> Callable[..., JournalReader]:
    """Return a maker of journals with these results."""

    def make(folder: Path, *results: Result) -> JournalReader:
        path = RunFolder(folder).journal_dir
        journal = Journal(path, worker="main")
        for one in results:
            journal.result(one)
        journal.close()
        return JournalReader(path)

    return make


def test_one_attempt_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """Two hundred attempts with outputs of 200,000 characters take the memory of a few."""

    class Big(Shelf):
        def result(self, key: TrialKey) -> Result | None:
            text = str(key.attempt % 10) * 200_000
            return program(0, attempt=key.attempt, artefacts={"program.py": text, "stdout.txt": text})

    trials = [program(0, attempt=attempt) for attempt in range(1, 201)]
    tally = Tally()
    for one in trials:
        tally.add(one)
    shelf = Big(*trials)
    tracemalloc.start()
    write_code_reports(RunFolder(tmp_path), tally.summary(RUN), shelf)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "code/plus/samples.jsonl").stat().st_size > 40_000_000
    assert peak < 6_000_000
