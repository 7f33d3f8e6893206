"""The code data sets: their files, their ids, and what is made of a record. One line in the table each."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.datasets import code_files
from pytest_llmbench.datasets.code_files import DataFile
from pytest_llmbench.datasets.code_shelf import Library
from pytest_llmbench.datasets.code_sources import Say
from pytest_llmbench.datasets.code_task import INSTRUCTION, RULES_VERSION, CodeTask
from pytest_llmbench.datasets.humaneval import humaneval_plus_task, humaneval_task
from pytest_llmbench.datasets.mbpp import mbpp_task
from pytest_llmbench.datasets.mbpp_plus import mbpp_plus_task
from pytest_llmbench.errors import DatasetUnavailable
from pytest_llmbench.lookup import find
from pytest_llmbench.records import Message, Scenario, TaskSource


class Reader(enum.StrEnum):
    """What a pack calls the data set it is made from."""

    HUMANEVAL = enum.auto()
    HUMANEVAL_PLUS = enum.auto()
    MBPP = enum.auto()
    MBPP_SANITIZED = enum.auto()
    MBPP_PLUS = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSet:
    """A data set. Its task ids are `prefix`, a slash and a number from `first` to `last`, not each of them.

    `options` are the keys, with their defaults, that a pack may set beside reader, edition and ids. `benchmark`
    is what published scores of the ids with the hash `scored_sha256` (as `DataFile.ids_sha256`) go by.
    """

    file: DataFile
    make: Callable[[Mapping[str, Any], Mapping[str, Any]], CodeTask]
    prefix: str
    first: int
    last: int
    benchmark: str
    scored_sha256: str
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def fingerprint(self) -> str:
        """Return what changes with the data, the wording of the questions and the rules of the checks."""
        text = f"{self.file.unpacked_sha256}\n{RULES_VERSION}\n{INSTRUCTION}"
        return hashlib.sha256(text.encode()).hexdigest()


_SHOWN = {"tests_shown": "all"}

CODE_SETS: dict[str, CodeSet] = {
    Reader.HUMANEVAL.value: CodeSet(
        file=code_files.HUMANEVAL,
        make=humaneval_task,
        prefix="HumanEval",
        first=0,
        last=163,
        benchmark=Reader.HUMANEVAL.value,
        scored_sha256=code_files.HUMANEVAL.ids_sha256,
    ),
    Reader.HUMANEVAL_PLUS.value: CodeSet(
        file=code_files.HUMANEVAL_PLUS,
        make=humaneval_plus_task,
        prefix="HumanEval",
        first=0,
        last=163,
        benchmark=Reader.HUMANEVAL_PLUS.value,
        scored_sha256=code_files.HUMANEVAL_PLUS.ids_sha256,
    ),
    Reader.MBPP.value: CodeSet(
        file=code_files.MBPP,
        make=mbpp_task,
        prefix="Mbpp",
        first=1,
        last=974,
        benchmark="mbpp_500",  # the scored split, 11 to 510; what boards call MBPP is often MBPP+'s 378
        scored_sha256="d3e183513fdcaca3",
        options=_SHOWN,
    ),
    Reader.MBPP_SANITIZED.value: CodeSet(
        file=code_files.MBPP_SANITIZED,
        make=mbpp_task,
        prefix="Mbpp",
        first=2,
        last=809,
        benchmark=Reader.MBPP_SANITIZED.value,
        scored_sha256=code_files.MBPP_SANITIZED.ids_sha256,
        options=_SHOWN,
    ),
    Reader.MBPP_PLUS.value: CodeSet(
        file=code_files.MBPP_PLUS,
        make=mbpp_plus_task,
        prefix="Mbpp",
        first=2,
        last=809,
        benchmark=Reader.MBPP_PLUS.value,
        scored_sha256=code_files.MBPP_PLUS.ids_sha256,
    ),
}
"""The data sets by the name a pack calls them."""

_LIBRARY = Library()


def quiet(_line: str) -> None:
    """Tell nobody."""


def code_task(source: TaskSource, *, data: str = "", say: Say = quiet) -> CodeTask:
    """Return the task that `source` names; blocks while the data set is read, or fetched, for the first time.

    `data` is a folder that is looked into before any other, `say` gets lines for the user. Safe from several
    threads. Raises `DatasetUnavailable` with file, URL and what to type.
    """
    code_set = find("data set", source.reader, CODE_SETS)
    record = _LIBRARY.shelf(code_set.file, data, say).record(source.task_id)
    try:
        return code_set.make(record, source.options)
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise DatasetUnavailable(
            f"the record of {source.task_id} in {code_set.file.label} cannot be used: {error!r}"
        ) from error


def fill(scenario: Scenario, *, data: str = "", say: Say = quiet) -> Scenario:
    """Return `scenario` with the entry point as its title, the question and the one check, from its data set.

    One that was not made from a data set, or is filled in already, is returned as it is. Blocks and raises
    as `code_task` does.
    """
    if scenario.task is None or scenario.checks:
        return scenario
    task = code_task(scenario.task, data=data, say=say)
    return dataclasses.replace(
        scenario,
        title=task.entry_point,
        messages=(*scenario.messages, Message(role="user", content=task.question)),
        checks=(task.check,),
    )
