"""Reads pack.yaml. The format is described by pack.schema.json beside this file and in packs/README.md."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_llmbench.datasets.dataset_pack import Selection, TaskList, select
from pytest_llmbench.datasets.places import fault_at, locate
from pytest_llmbench.datasets.scenario_list import DEFAULT_DIALOGUE, DEFAULT_MAX_TURNS, Packed, ScenarioList, Shared
from pytest_llmbench.datasets.shape import Check, Fault, compile_schema, load_schema
from pytest_llmbench.datasets.yaml_text import read_yaml
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Pack, PackFacts

FILENAME = "pack.yaml"
FORMAT = 1
SCHEMA_PATH = Path(__file__).with_name("pack.schema.json")
_MARK = re.compile(rb"^(?:\xef\xbb\xbf)?(?:llmbench|\"llmbench\"|'llmbench')[ \t]*:", re.MULTILINE)
_HEAD_BYTES = 4096


def is_pack_file(path: Path) -> bool:
    """Tell whether `path` is a pack of ours: a pack.yaml with ``llmbench:`` within its first 4 KiB.

    Cheap for every other file, and never raises.
    """
    if path.name != FILENAME:
        return False
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return _MARK.search(stream.read(_HEAD_BYTES)) is not None
    except (OSError, ValueError):
        return False


class LlmbenchPack:
    """The reader of our own format."""

    name = "llmbench"

    def read(self, path: Path) -> Pack:
        """Return the pack in the file (or folder) at `path`; its scenarios are a `ScenarioList` or a `TaskList`.

        Raises PackError with file, line and key for the first thing that is wrong.
        """
        file = path / FILENAME if path.is_dir() else path
        top, packed = _parse(file)
        shared = Shared.of(top)
        if "dataset" in top:
            return _made_from_data(file, top, shared)
        scenarios = ScenarioList(packed, shared)
        fault = _first(_repeated(file, packed), _repeated_tools(top), _crossed(scenarios, shared))
        if fault is not None:
            raise fault_at(file, fault.path, fault.message)
        facts = _facts(top, content_hash=_content_hash(top, packed), size=len(packed))
        return Pack(facts=facts, path=file.parent, scenarios=scenarios)


def _made_from_data(file: Path, top: Mapping[str, Any], shared: Shared) -> Pack:
    chosen = select(top)
    if not isinstance(chosen, Selection):
        raise fault_at(file, chosen.path, chosen.message)
    facts = _facts(top, content_hash=chosen.content_hash(top), size=len(chosen.task_ids))
    facts = replace(facts, benchmark=chosen.benchmark, data_md5=chosen.code_set.file.md5)
    return Pack(facts=facts, path=file.parent, scenarios=TaskList(chosen, shared))


@functools.cache
def _checks() -> tuple[Check, Check]:
    """Return the checks of the top level (its scenarios apart) and of one scenario."""
    schema = load_schema(SCHEMA_PATH)
    top = {**schema, "properties": {**schema["properties"], "scenarios": {"type": "array", "minItems": 1}}}
    return compile_schema(top), compile_schema(schema["$defs"]["scenario"], schema)


def _parse(file: Path) -> tuple[dict[str, Any], list[Packed]]:
    """Return the checked top level and the packed scenarios."""
    check_top, check_scenario = _checks()

    def keep(top: dict[str, Any], index: int, raw: Any) -> Packed:
        _check_format(file, top)
        fault = check_scenario(raw)
        if fault is not None:
            raise fault_at(file, ("scenarios", index, *fault.path), fault.message)
        return Packed.of(raw)

    top = read_yaml(file, stream_key="scenarios", keep=keep)
    if isinstance(top, dict):
        _check_format(file, top)
    fault = check_top(top)
    if fault is not None:
        raise fault_at(file, fault.path, fault.message)
    return top, top.pop("scenarios", [])


def _check_format(file: Path, top: Mapping[str, Any]) -> None:
    version = top.get("llmbench", FORMAT)
    if isinstance(version, int) and not isinstance(version, bool) and version > FORMAT:
        message = f"the pack is written in format {version}, this version reads format {FORMAT}: update pytest-llmbench"
        raise fault_at(file, ("llmbench",), message)


def _facts(top: Mapping[str, Any], *, content_hash: str, size: int) -> PackFacts:
    return PackFacts(
        id=top["id"],
        title=top["title"],
        version=top["version"],
        content_hash=content_hash,
        size=size,
        tags=tuple(top.get("tags", ())),
        floor=top.get("floor"),
        dimension=top.get("dimension", "").strip(),
        licence=top.get("licence", ""),
        source=top.get("source", "").strip(),
    )


def _content_hash(top: Mapping[str, Any], packed: Sequence[Packed]) -> str:
    """Sha256 over the parsed file as JSON: comments, quoting, layout and the order of its own keys do not count.

    The order inside a tool's parameters or a result does: it is what the model sees.
    """
    digest = hashlib.sha256(json.dumps({name: top[name] for name in sorted(top)}).encode())
    for item in packed:
        digest.update(json.dumps([item.id, item.title, item.tags]).encode())
        digest.update(item.body)
    return digest.hexdigest()


def _first(*found: Iterator[Fault]) -> Fault | None:
    return next((fault for faults in found for fault in faults), None)


def _repeated(file: Path, packed: Sequence[Packed]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, item in enumerate(packed):
        first = seen.setdefault(item.id, index)
        if first != index:
            line = locate(file, ("scenarios", first, "id"))
            yield Fault(f'the id "{item.id}" is taken by another scenario in line {line}', ["scenarios", index, "id"])


def _repeated_tools(top: Mapping[str, Any]) -> Iterator[Fault]:
    names = [tool["name"] for tool in top.get("tools", ())]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Fault(f'the pack has another tool called "{name}"', ["tools", index, "name"])


def _crossed(scenarios: ScenarioList, shared: Shared) -> Iterator[Fault]:
    """Yield the faults that show only against the rest of the pack."""
    for index in range(len(scenarios)):
        raw = scenarios.raw(index)
        for fault in (*_names(raw, shared), *_messages(raw), *_turns(raw, shared)):
            fault.path[:0] = ["scenarios", index]
            yield fault


def _names(raw: Mapping[str, Any], shared: Shared) -> Iterator[Fault]:
    if "verifier" not in raw and "verifier" not in shared.defaults:
        yield Fault('no verifier: name one here or under "defaults"')
    used: list[tuple[str, list[str | int]]] = [(name, ["tools", at]) for at, name in enumerate(raw.get("tools", ()))]
    used += [(entry["tool"], ["results", at, "tool"]) for at, entry in enumerate(raw.get("results", ()))]
    for name, where in used:
        if name not in shared.pool:
            yield Fault(f'the pack\'s tools have no "{name}": {suggestion(name, shared.pool)}', where)
    tools = raw.get("tools", ())
    for at, name in enumerate(tools):
        if name in tools[:at]:
            yield Fault(f'the tool "{name}" is listed twice', ["tools", at])


def _messages(raw: Mapping[str, Any]) -> Iterator[Fault]:
    roles = [message["role"] for message in raw.get("messages", ())]
    if roles and roles[-1] != "user":
        yield Fault("the last message must be the user's", ["messages", len(roles) - 1, "role"])
    for at, role in enumerate(roles):
        if role == "system" and at > 0:
            yield Fault("a system message can only be the first", ["messages", at, "role"])
        if role == "system" and "system" in raw:
            yield Fault('there is a "system" key too: keep one of the two', ["messages", at, "role"])


def _turns(raw: Mapping[str, Any], shared: Shared) -> Iterator[Fault]:
    settings = {"dialogue": DEFAULT_DIALOGUE, "max_turns": DEFAULT_MAX_TURNS, **shared.defaults, **raw}
    followups = raw.get("followups", ())
    if followups and settings["dialogue"] == "tool_loop":
        yield Fault("followups need the dialogue single_turn, this scenario uses tool_loop", ["followups"])
    elif len(followups) >= settings["max_turns"]:
        needed, allowed = len(followups) + 1, settings["max_turns"]
        yield Fault(f"these need {needed} requests, max_turns allows {allowed}", ["followups"])
