"""Recorded answers for tasks of data sets: made from the reference, so that no pack has to carry them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_llmbench.contracts import Gold, GoldAnswer
from pytest_llmbench.datasets.code_sets import code_task, quiet
from pytest_llmbench.datasets.code_sources import Say
from pytest_llmbench.datasets.code_task import CodeTask, fenced
from pytest_llmbench.records import Message, Reason, TaskSource


class CodeGold(Mapping[str, Gold]):
    """The recorded answers of a pack's tasks by scenario id; data are read when an answer is asked for."""

    def __init__(self, sources: Mapping[str, TaskSource], data: str) -> None:
        self._sources, self._data = sources, data

    def __getitem__(self, scenario: str) -> Gold:
        """Return the answers of one scenario; raises `DatasetUnavailable`, and KeyError where there is none."""
        return code_gold(self._sources[scenario], data=self._data)

    def __contains__(self, scenario: object) -> bool:
        """Tell whether the pack has this scenario, without any data."""
        return scenario in self._sources

    def __iter__(self) -> Iterator[str]:
        """Go through the ids in the pack's order."""
        return iter(self._sources)

    def __len__(self) -> int:
        """Return the number of scenarios."""
        return len(self._sources)


def code_gold(source: TaskSource, *, data: str = "", say: Say = quiet) -> Gold:
    """Return answers of one task that must pass and that must fail; raises as `code_task` does."""
    task = code_task(source, data=data, say=say)
    return Gold(passing=tuple(_passing(task)), failing=tuple(_failing(task)))


def _passing(task: CodeTask) -> Sequence[GoldAnswer]:
    talk = (
        f"Here is how I would go about it.\n\n1. Read the arguments of `{task.entry_point}`.\n2. Return the result.\n\n"
        f"{fenced(task.function, '~')}\n\nCall it like this:\n\n```text\n>>> {task.entry_point}(...)\n```\n"
        "Let me know if anything is unclear."
    )
    return (
        _answer("the reference in a fence", fenced(task.solution)),
        _answer("the function alone in another fence, talk and a usage block around it", talk),
    )


def _failing(task: CodeTask) -> Sequence[GoldAnswer]:
    stub = f"def {task.entry_point}(*args, **kwargs):\n    return None"
    prose = f"The function {task.entry_point} goes through its arguments once and returns what was asked for."
    broken = f"def {task.entry_point}(*args:\n    return args"
    return (
        _answer("a stub that returns None", fenced(stub), Reason.TESTS_FAILED),
        _answer("prose without code", prose, Reason.NO_ANSWER),
        _answer("a syntax error", fenced(broken), Reason.INVALID_FORMAT),
        _answer("empty", "", Reason.NO_ANSWER),
        _answer("cut off", f"```python\n{task.solution[: len(task.solution) // 2]}", Reason.TOKEN_LIMIT),
    )


def _answer(note: str, text: str, reason: str = "") -> GoldAnswer:
    return GoldAnswer(turns=(Message(role="assistant", content=text),), note=note, reason=str(reason))
