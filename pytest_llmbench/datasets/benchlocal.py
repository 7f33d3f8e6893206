"""Reads packs in the JSON Lines format of benchlocal-cli (https://github.com/noonghunna/benchlocal-cli), version 0.9.9.

The scenarios are asked and judged as they are there, on this engine. What stands in the file and is not used:
the switch for thinking, the stretching of time limits by the machine's speed, and the payloads of sandboxed packs,
which are refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_llmbench.datasets.benchlocal_lines import SUFFIX, Line, is_foreign_pack, line_numbers, read_lines
from pytest_llmbench.datasets.benchlocal_scenarios import scenario_of, tables
from pytest_llmbench.datasets.places import dotted
from pytest_llmbench.errors import PackError
from pytest_llmbench.records import Pack, PackFacts

ORIGIN = "benchlocal-cli"
_PACK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_.-]+")
_ON = ("on", "true", "1", "yes")


class BenchlocalPack:
    """The reader of benchlocal-cli's format."""

    name = "benchlocal"

    def read(self, path: Path) -> Pack:
        """Return the pack in the file at `path`, whose path is the pack's.

        Raises PackError with file, line and key, and for packs that only a service in a container can judge.
        """
        meta, lines = read_lines(path)
        _refuse_unrunnable(meta, lines)
        ids, notices = _unique_ids(lines)
        scenarios = tuple(scenario_of(line, meta, name) for line, name in zip(lines, ids, strict=True))
        facts = _facts(meta, lines, (*_meta_notices(meta, len(lines)), *notices))
        return Pack(facts=facts, path=path, scenarios=scenarios)


def find_foreign_packs(folder: Path) -> list[Path]:
    """Return the packs of benchlocal-cli in `folder`, sorted."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if is_foreign_pack(path))


def fault_in_line(path: Path, key_path: Sequence[str | int], message: str) -> PackError:
    """Return the error that `message` is true of the value at `key_path`, which begins ``("scenarios", index)``.

    Names the key as the file has it: the checks of a scenario are its asserts there.
    """
    if len(key_path) < 2 or not isinstance(index := key_path[1], int):
        return PackError(message, path=path, key=dotted(key_path))
    number = next(iter(line_numbers(path)[index : index + 1]), None)
    inner = list(key_path[2:])
    if inner[:1] != ["checks"]:
        return PackError(message, path=path, line=number, key=dotted(inner))
    if inner[2:] == ["type"]:
        return _fault_in_type(path, number, message)
    return PackError(message, path=path, line=number, key=dotted(["verifier", "asserts", *inner[1:]]))


def _fault_in_type(path: Path, number: int | None, message: str) -> PackError:
    """Place a fault of the verifier type: in the scenario's line, or the first where the pack's stands in for it."""
    meta, lines = read_lines(path)
    if any(line.number == number and line.take(str, "verifier", "type") for line in lines):
        return PackError(message, path=path, line=number, key="verifier.type")
    return meta.fault(message, "verifier_module")


def _refuse_unrunnable(meta: Line, lines: Sequence[Line]) -> None:
    name = meta.need(str, "pack_id")
    if not _PACK_ID.fullmatch(name):
        raise meta.fault("must be made of letters, digits, dots, hyphens and underscores", "pack_id")
    module = meta.take(str, "verifier_module") or ""
    stubs = sum((line.take(str, "verifier", "type") or module) == "_stub" for line in lines)
    is_sandboxed = meta.take(bool, "supports_sandboxed_only")
    if is_sandboxed or stubs:
        raise meta.fault(
            f"{stubs or len(lines)} of the {len(lines)} scenarios of {name} cannot be run: what a model answers there "
            "is executed and judged by a service in a container of benchlocal-cli, which is no part of the pack. "
            "Leave this file out",
            "supports_sandboxed_only" if is_sandboxed else "verifier_module",
        )
    if not lines:
        note = meta.take(str, "dataset_access_note") or "its data set must be fetched first"
        hint = f": {note[:200]}" if meta.values.get("requires_dataset_access") else ""
        raise meta.fault(f"{name} has no scenarios{hint}")


def _facts(meta: Line, lines: Sequence[Line], notices: tuple[str, ...]) -> PackFacts:
    name = meta.need(str, "pack_id")
    repository, commit = (meta.take(str, f"upstream_{part}") or "" for part in ("repo", "commit"))
    title = repository.rpartition("/")[2]
    return PackFacts(
        id=name,
        title=title if title.casefold() == name.casefold() else name,
        version=str(meta.take((str, int, float), "version") or ""),
        content_hash=_content_hash(meta, lines),
        size=len(lines),
        tags=tuple(mode for mode, packs in tables()["modes"].items() if name in packs),
        licence=meta.take(str, "license") or "",
        source=" ".join(filter(None, [repository or name, commit and f"at {commit}", "in benchlocal-cli's format"])),
        cautions=notices,
        origin=ORIGIN,
    )


def _content_hash(meta: Line, lines: Sequence[Line]) -> str:
    """Sha256 over the parsed lines; blanks between them and the order of their own keys do not count."""
    digest = hashlib.sha256()
    for line in (meta, *lines):
        ordered = {name: line.values[name] for name in sorted(line.values)}
        digest.update(json.dumps(ordered).encode() + b"\n")
    return digest.hexdigest()


def _meta_notices(meta: Line, count: int) -> Iterator[str]:
    default = meta.values.get("default_thinking", "off")
    wish = "on" if str(default).strip().lower() in _ON else "off"
    yield f"benchlocal-cli asks with thinking {wish}; here the request says nothing of it, the server's default rules"
    said = meta.values.get("scenario_count")
    if said is not None and said != count:
        yield f"the first line says there are {said} scenarios, the file has {count}"


def _unique_ids(lines: Sequence[Line]) -> tuple[list[str], list[str]]:
    """Return an id for each line, and what was done to make them so.

    Later scenarios of one id get their place among them: ``X``, ``X-2``, ``X-3``.
    """
    asked = [_id(line) for line in lines]
    counts = Counter(asked)
    taken, ids, places = set(asked), [], Counter[str]()
    for name in asked:
        places[name] += 1
        ids.append(name if places[name] == 1 else _free(name, places, taken))
    repeated = {name: count for name, count in counts.items() if count > 1}
    return ids, [
        f"{count} scenarios have the id {name}: told apart as {name}, {name}-2, ..." for name, count in repeated.items()
    ]


def _free(name: str, places: Counter[str], taken: set[str]) -> str:
    while (candidate := f"{name}-{places[name]}") in taken:
        places[name] += 1
    taken.add(candidate)
    return candidate


def _id(line: Line) -> str:
    value = line.take((str, int), "id")
    if value is None or not str(value).strip():
        raise line.fault("is missing or empty: a scenario needs an id", "id")
    name = _NOT_IN_ID.sub("-", str(value)).strip("-")
    if not name:
        may = "letters from A to Z, digits, dots, hyphens and underscores"
        raise line.fault(f"{value[:60]!r} holds nothing that an id here is made of: {may}", "id")
    return name
