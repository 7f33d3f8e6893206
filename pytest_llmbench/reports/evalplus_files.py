"""Programs and verdicts in the two formats of EvalPlus (evalplus/evalplus@26d6d00), for whoever wants to check ours.

``samples.jsonl``: one line per judged attempt, ``{"task_id", "solution"}``; ``evalplus.evaluate --samples`` reads it.
``eval_results.json``: what that command writes, from our verdicts. EvalPlus judges the plus inputs on their own; we
stop where a base input failed, so ``plus_status`` is never better than ``base_status`` here, which changes no pass@k.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO

from pytest_llmbench.records import Outcome, PackFacts, Reason, Result
from pytest_llmbench.reports.artefact_files import FAILURE, PROGRAM, programs_run
from pytest_llmbench.reports.files import json_line
from pytest_llmbench.summary import Counted, pass_estimates
from pytest_llmbench.tally import passed_base

EVALPLUS_K = (1, 10, 100)
"""The k that EvalPlus reports."""


class SamplesFile:
    """``samples.jsonl``, as it grows."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, result: Result) -> None:
        """Write one attempt; an answer without a program is an empty one, which passes nothing."""
        self._file.write(json_line({"task_id": task_name(result), "solution": _program(result)}, ascii_only=True))
        self._file.write(b"\n")


class EvalResultsFile:
    """``eval_results.json``, as it grows; the attempts of one task come one after the other."""

    def __init__(self, file: BinaryIO, facts: PackFacts, finished_at: float, *, plus: bool) -> None:
        self._file = file
        self._plus = plus
        self._task = ""
        self._base: list[Counted] = []
        self._both: list[Counted] = []
        head = {
            "date": datetime.fromtimestamp(finished_at, UTC).strftime("%Y-%m-%d %H:%M"),
            "hash": facts.data_md5,
        }
        file.write(json_line(head, ascii_only=True)[:-1] + b', "eval": {')

    def add(self, result: Result) -> None:
        """Write one attempt."""
        task = task_name(result)
        if not self._base or task != self._task:
            between = b"],\n" if self._base else b"\n"
            self._file.write(between + json_line(task, ascii_only=True) + b": [")
            self._base.append((0, 0))
            self._both.append((0, 0))
        else:
            self._file.write(b", ")
        self._task = task
        entry = _entry(result, plus=self._plus)
        self._base[-1] = _count(self._base[-1], passed=entry["base_status"] == "pass")
        self._both[-1] = _count(self._both[-1], passed=result.verdict.outcome is Outcome.PASS)
        self._file.write(json_line(entry, ascii_only=True))

    def close(self) -> None:
        """Write what follows the last attempt."""
        found = {"base": _pass_at(self._base)}
        if self._plus:
            found["plus"] = _pass_at(self._both)
        end = b"]\n}" if self._base else b"}"
        self._file.write(end + b', "pass_at_k": ' + json_line(found, ascii_only=True) + b"}\n")

    @property
    def base_counts(self) -> Sequence[Counted]:
        """Of each task: how many attempts passed the base inputs, and how many were judged."""
        return self._base


def task_name(result: Result) -> str:
    """Return what the data set calls the task, else the scenario's own id."""
    return result.task_id or result.key.scenario


def _program(result: Result) -> str:
    return result.verdict.artefacts.get(PROGRAM, "")


def _count(counted: Counted, *, passed: bool) -> Counted:
    return counted[0] + passed, counted[1] + 1


def _pass_at(tasks: Sequence[Counted]) -> dict[str, float]:
    found, _ = pass_estimates(tasks, EVALPLUS_K)
    return {f"pass@{k}": one.value for k, one in found.items() if one}


def _entry(result: Result, *, plus: bool) -> dict[str, Any]:
    passed, base = result.verdict.outcome is Outcome.PASS, passed_base(result)
    late = result.verdict.reason is Reason.TIMEOUT and programs_run(result) > 0  # the program, not the model
    failed = "timeout" if late else "fail"
    tests = _fail_tests(result)
    return {
        "task_id": task_name(result),
        "solution": _program(result),
        "base_status": "pass" if base else failed,
        "plus_status": ("pass" if passed else failed) if plus else None,
        "base_fail_tests": [] if base else tests,
        "plus_fail_tests": tests if plus and base and not passed else [],
    }


def _fail_tests(result: Result) -> list[Any]:
    """Return the input that failed, a list of arguments, in a list as EvalPlus does; [] where nobody knows it.

    Asserts tell no input: the call they fail at may be one of several, with arguments that are no plain data.
    """
    try:
        failure = json.loads(result.verdict.artefacts.get(FAILURE) or "null")
    except ValueError:
        return []
    if not isinstance(failure, Mapping):
        return []
    found = failure.get("input")
    return [found] if isinstance(found, list) else []
