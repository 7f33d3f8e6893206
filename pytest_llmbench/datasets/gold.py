"""Answers that must pass and answers that must fail, by scenario: from gold.yaml, or made from a data set."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_llmbench.contracts import Gold, GoldAnswer, GoldBook
from pytest_llmbench.datasets.code_gold import CodeGold
from pytest_llmbench.datasets.dataset_pack import TaskList
from pytest_llmbench.datasets.llmbench_pack import FILENAME as PACK
from pytest_llmbench.datasets.llmbench_pack import LlmbenchPack, is_pack_file
from pytest_llmbench.datasets.places import KeyPath, fault_at
from pytest_llmbench.datasets.shape import Check, compile_schema, load_schema
from pytest_llmbench.datasets.yaml_text import read_yaml
from pytest_llmbench.errors import PackError
from pytest_llmbench.records import Message, Reason, ToolCall

FILENAME = "gold.yaml"
SCHEMA_PATH = Path(__file__).with_name("gold.schema.json")


def load_gold(pack_dir: Path, *, data: str = "") -> GoldBook:
    """Return the recorded answers of the pack in folder `pack_dir`, in the file's order.

    A failing answer with the reason ``token_limit`` is one whose last turn was cut off by the server.
    Raises PackError with file, line and key. Those of a pack made from a data set come from its references:
    its data, looked for in the folder `data` first, are read when an answer is asked for, which raises
    `DatasetUnavailable` where they cannot be had.
    """
    file = pack_dir / FILENAME
    if file.is_file():
        return _recorded(file)
    if is_pack_file(pack_dir / PACK):
        scenarios = LlmbenchPack().read(pack_dir).scenarios
        if isinstance(scenarios, TaskList):
            return CodeGold(scenarios.sources(), data)
    raise PackError("the pack has no recorded answers: packs/README.md says what goes here", path=file)


def _recorded(file: Path) -> dict[str, Gold]:
    data = read_yaml(file)
    fault = _check()(data)
    if fault is not None:
        raise fault_at(file, fault.path, fault.message)
    return {scenario: _gold(file, scenario, answers) for scenario, answers in data.items()}


@functools.cache
def _check() -> Check:
    return compile_schema(load_schema(SCHEMA_PATH))


def _gold(file: Path, scenario: str, answers: Mapping[str, Any]) -> Gold:
    return Gold(
        passing=tuple(GoldAnswer(turns=_turns(raw), note=raw.get("note", "")) for raw in answers["pass"]),
        failing=tuple(_failing(file, (scenario, "fail", at), raw) for at, raw in enumerate(answers["fail"])),
    )


def _failing(file: Path, where: KeyPath, raw: Mapping[str, Any]) -> GoldAnswer:
    cut_off = raw.get("truncated", False)
    reason = raw.get("reason", Reason.TOKEN_LIMIT.value if cut_off else "")
    if not reason:
        raise fault_at(file, where, 'the key "reason" is missing: say why this answer must fail')
    if cut_off != (reason == Reason.TOKEN_LIMIT):
        raise fault_at(file, where, "an answer with truncated: true has the reason token_limit, and no other has it")
    return GoldAnswer(turns=_turns(raw), note=raw.get("note", ""), reason=reason, check=raw.get("check", ""))


def _turns(raw: Mapping[str, Any]) -> tuple[Message, ...]:
    turns = raw.get("turns", [{"text": raw.get("text", "")}])
    return tuple(_turn(number, turn) for number, turn in enumerate(turns, start=1))


def _turn(number: int, raw: Mapping[str, Any]) -> Message:
    calls = tuple(
        ToolCall(id=f"gold{number:02d}{at:03d}", name=call["name"], arguments=_arguments(call.get("arguments", {})))
        for at, call in enumerate(raw.get("calls", ()), start=1)
    )
    return Message(role="assistant", content=raw.get("text", ""), tool_calls=calls)


def _arguments(given: Any) -> str:
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
