"""The ``dataset:`` block of a pack.yaml -> scenarios that name their tasks. Reads no data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.datasets.code_sets import CODE_SETS, CodeSet
from pytest_llmbench.datasets.scenario_list import DEFAULT_DIALOGUE, DEFAULT_MAX_TURNS, OnDemand, Shared
from pytest_llmbench.datasets.shape import Fault
from pytest_llmbench.records import Message, Scenario, TaskSource

VERIFIER = "python_code"
MAX_TOKENS = 2048
TIMEOUT_S = 300
"""What holds where the pack's defaults say nothing."""

_OWN = ("reader", "edition", "ids")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The tasks a pack asks: of which set, which ids, in what manner."""

    reader: str
    task_ids: tuple[str, ...]
    options: Mapping[str, str]

    @property
    def code_set(self) -> CodeSet:
        """The data set they are of."""
        return CODE_SETS[self.reader]

    @property
    def benchmark(self) -> str:
        """What published scores of exactly these tasks go by; "" where there are none."""
        names = sorted(self.task_ids, key=lambda name: (len(name), name))
        digest = hashlib.sha256(" ".join(names).encode()).hexdigest()
        return self.code_set.benchmark if digest.startswith(self.code_set.scored_sha256) else ""

    def content_hash(self, top: Mapping[str, Any]) -> str:
        """Sha256 over the file's top level but the block itself, over its ids, options, data and wording."""
        rest = {name: top[name] for name in sorted(top) if name != "dataset"}
        own = [self.reader, self.task_ids, dict(sorted(self.options.items())), self.code_set.fingerprint()]
        return hashlib.sha256(json.dumps([rest, own]).encode()).hexdigest()


def select(top: Mapping[str, Any]) -> Selection | Fault:
    """Read the block of a file that fits the schema; returns the first fault of what the schema cannot say."""
    block = top["dataset"]
    code_set = CODE_SETS[block["reader"]]
    fault = _block_fault(top, code_set)
    if fault is not None:
        return fault
    task_ids: dict[str, None] = {}
    for where, text in _listed(block["ids"]):
        names = _expanded(text, code_set)
        if isinstance(names, str):
            return Fault(names, ["dataset", *where])
        repeated = next((name for name in names if name in task_ids), None)
        if repeated is not None:
            return Fault(f"{repeated} is listed twice", ["dataset", *where])
        task_ids.update(dict.fromkeys(names))
    options = {name: block.get(name, default) for name, default in code_set.options.items()}
    return Selection(reader=block["reader"], task_ids=tuple(task_ids), options=options)


class TaskList(OnDemand):
    """A read-only sequence of scenarios whose questions and checks are still in the data set."""

    __slots__ = ("_ids", "_selection", "_shared")

    def __init__(self, selection: Selection, shared: Shared) -> None:
        self._selection = selection
        self._shared = shared
        self._ids = tuple(map(scenario_id, selection.task_ids))

    def ids(self) -> Sequence[str]:
        """Return the scenarios' ids in the pack's order."""
        return self._ids

    def titles(self) -> Sequence[str]:
        """Return the titles: what the data set calls its tasks."""
        return self._selection.task_ids

    def tags_of(self, _index: int) -> tuple[str, ...]:
        """Return no tags: a task has those of its pack."""
        return ()

    def sources(self) -> dict[str, TaskSource]:
        """Return the task of each scenario by the scenario's id."""
        return dict(zip(self._ids, map(self._source, self._selection.task_ids), strict=True))

    def _source(self, task_id: str) -> TaskSource:
        return TaskSource(reader=self._selection.reader, task_id=task_id, options=self._selection.options)

    def _build(self, index: int) -> Scenario:
        settings, system = self._shared.defaults, self._shared.defaults.get("system", "")
        return Scenario(
            id=self._ids[index],
            title=self._selection.task_ids[index],
            messages=(Message(role="system", content=system),) if system else (),
            dialogue=settings.get("dialogue", DEFAULT_DIALOGUE),
            verifier=settings.get("verifier", VERIFIER),
            sampling=self._shared.sampling,
            stream=settings.get("stream", True),
            max_tokens=settings.get("max_tokens", MAX_TOKENS),
            timeout_s=float(settings.get("timeout_s", TIMEOUT_S)),
            max_turns=settings.get("max_turns", DEFAULT_MAX_TURNS),
            thinking=settings.get("thinking", ""),
            task=self._source(self._selection.task_ids[index]),
        )


def scenario_id(task_id: str) -> str:
    """Return what pytest calls a task: ``HumanEval/7`` is ``HumanEval-007``.

    Fit for node ids and file names; three digits, so that ``-k HumanEval-007`` is one task and not eleven.
    """
    prefix, _, number = task_id.rpartition("/")
    return f"{prefix}-{int(number):03d}"


def _block_fault(top: Mapping[str, Any], code_set: CodeSet) -> Fault | None:
    block, file = top["dataset"], code_set.file
    if block["edition"] != file.edition:
        message = f'the pack is written for {block["edition"]}, this version reads {file.label}: write "{file.edition}"'
        return Fault(message, ["dataset", "edition"])
    strange = [name for name in block if name not in (*_OWN, *code_set.options)]
    if strange:
        return Fault(f"{block['reader']} knows no {strange[0]}: leave it out", ["dataset", strange[0]])
    if top.get("tools"):
        return Fault("the tasks of a data set offer no tools: leave them out", ["tools"])
    return None


def _listed(ids: str | list[str]) -> Iterator[tuple[list[str | int], str]]:
    if isinstance(ids, str):
        yield ["ids"], ids
        return
    for at, text in enumerate(ids):
        yield ["ids", at], text


def _expanded(text: str, code_set: CodeSet) -> list[str] | str:
    """Return the ids that ``Mbpp/11..510`` or ``Mbpp/7`` stands for, or what is wrong with it."""
    prefix, _, numbers = text.rpartition("/")
    first, _, last = numbers.partition("..")
    low, high = int(first), int(last or first)
    allowed = f"{code_set.prefix}/{code_set.first}..{code_set.last}"
    if prefix != code_set.prefix or low < code_set.first or high > code_set.last:
        return f"{text} is not in {code_set.file.title}, whose tasks are within {allowed}"
    if low > high:
        return f"{text} runs backwards: write {prefix}/{high}..{low}"
    return [f"{prefix}/{number}" for number in range(low, high + 1)]
