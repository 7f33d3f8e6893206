"""What a run's journal holds: every process's file, indexed by trial, loaded one record at a time."""

from __future__ import annotations

import itertools
import json
import re
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llmbench import __version__
from pytest_llmbench.errors import LlmbenchError
from pytest_llmbench.plain_data import from_plain
from pytest_llmbench.records import Outcome, Response, Result, TrialKey, Turn

FORMAT = 1
"""Version of the line format `journal.Journal` writes; files of a newer one are refused."""

_DAMAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError, struct.error)
"""What reading a record raises when a line is not what `journal.Journal` wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """All that is kept of one trial: its latest verdict, if it has one, and the talk that led there."""

    key: TrialKey
    result: Result | None
    turns: tuple[Turn, ...]


class _Spot(NamedTuple):
    """Where a record stands; `turn` is its number, or one of the two marks below for a result."""

    at: float
    offset: int
    file: int
    turn: int


_SPOT = struct.Struct("<dQHi")
_VERDICT = -1
_ERROR = -2


@dataclass(slots=True)
class _File:
    path: Path
    index: int
    scanned: int = 0
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    damaged: dict[int, str] = field(default_factory=dict)
    torn: str = ""

    def where(self, number: int) -> int:
        """Return the offset of the shared line `number`; KeyError where the file has none."""
        place = bisect_left(self.numbers, number)
        if place == len(self.numbers) or self.numbers[place] != number:
            raise KeyError(number)
        return self.offsets[place]

    def line(self, offset: int) -> Any:
        with self.path.open("rb") as stream:
            stream.seek(offset)
            return json.loads(stream.readline())

    def shared(self, value: Any) -> Any:
        """Return `value`, or what it refers to."""
        return self.line(self.where(value["see"]))["value"] if isinstance(value, dict) and "see" in value else value


class JournalReader:
    """Reads what all processes of a run wrote. Keeps offsets in memory, loads records when asked.

    The latest record counts, by the time of writing. A turn discards older turns of its trial with
    the same or a higher number: they belong to a talk that was given up. Raises `LlmbenchError` for
    a file of a newer format; a torn or damaged line is left out and told in `notices`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[_File] = []
        self._spots: dict[TrialKey, bytes] = {}
        self.refresh()

    @property
    def notices(self) -> tuple[str, ...]:
        """One line per file and kind of damage: which file, what was dropped."""
        told = []
        for file in self._files:
            if file.damaged:
                offset, what = next(iter(file.damaged.items()))
                told.append(f"{file.path}: skipped {len(file.damaged)} damaged line(s), first {what} at byte {offset}")
            if file.torn:
                told.append(f"{file.path}: {file.torn}")
        return tuple(told)

    def refresh(self) -> None:
        """Take in what was appended, by any process, since the last look."""
        known = {file.path for file in self._files}
        fresh = sorted(path for path in self._folder.glob("*.jsonl") if path not in known)
        self._files += [_File(path, index) for index, path in enumerate(fresh, len(self._files))]
        for file in self._files:
            self._scan(file)

    def keys(self) -> tuple[TrialKey, ...]:
        """All trials with any record, ordered by pack, scenario and attempt."""
        found = list(self._spots)
        for name in ("pack_hash", "attempt", "scenario", "pack"):  # stable, so the last one rules; no tuple per key
            found.sort(key=attrgetter(name))
        return tuple(found)

    def finished(self, key: TrialKey) -> bool:
        """Tell whether the latest result of this trial is a PASS or a FAIL."""
        spot = self._result_spot(key)
        return spot is not None and spot.turn == _VERDICT

    def result(self, key: TrialKey) -> Result | None:
        """Return the latest result of this trial."""
        spot = self._result_spot(key)
        record = self._load(spot) if spot else None
        return record if isinstance(record, Result) else None

    def turn(self, key: TrialKey, number: int) -> tuple[str, Response] | None:
        """Return the request's fingerprint and the answer of a turn, as last recorded.

        None where it is missing, or an earlier one is: a talk can only be re-entered at its end.
        """
        spots = self._talk(key)
        record = self._load(spots[number]) if number < len(spots) else None
        return (record[0], record[1].response) if isinstance(record, tuple) else None

    def turns(self, key: TrialKey) -> tuple[Turn, ...]:
        """Return the turns of the latest talk, from the first to the last without a gap."""
        records = (self._load(spot) for spot in self._talk(key))
        whole = itertools.takewhile(lambda record: isinstance(record, tuple), records)
        return tuple(record[1] for record in whole if isinstance(record, tuple))

    def entries(self) -> Iterator[JournalEntry]:
        """Yield all trials in the order of `keys`, one in memory at a time."""
        for key in self.keys():
            yield JournalEntry(key=key, result=self.result(key), turns=self.turns(key))

    def _scan(self, file: _File) -> None:
        file.torn = ""
        with file.path.open("rb") as stream:
            stream.seek(file.scanned)
            for raw in stream:
                if not raw.endswith(b"\n"):
                    file.torn = f"dropped the last line, cut off while it was written ({_describe(raw)})"
                    break
                try:
                    self._take(file, json.loads(raw))
                except _DAMAGE:
                    file.damaged[file.scanned] = _describe(raw)
                file.scanned += len(raw)

    def _take(self, file: _File, record: Any) -> None:
        kind = record["type"]
        if kind == "header" and record["format"] > FORMAT:
            raise LlmbenchError(
                f"{file.path} was written by pytest-llmbench {record.get('version')}, in a newer format than this "
                f"version ({__version__}) reads: upgrade with pip install -U pytest-llmbench"
            )
        if kind == "shared":
            file.numbers.append(record["number"])
            file.offsets.append(file.scanned)
        elif kind in ("turn", "result"):
            for number in _references(record):
                file.where(number)
            key = _key(record["key"])
            spot = _SPOT.pack(record["at"], file.scanned, file.index, _mark(record))
            self._spots[key] = self._spots.get(key, b"") + spot

    def _all_spots(self, key: TrialKey) -> list[_Spot]:
        own = replace(key, profile="") if key.profile else key  # a run folder is of one server: it need not be named
        return sorted(map(_Spot._make, _SPOT.iter_unpack(self._spots.get(own, b""))))

    def _result_spot(self, key: TrialKey) -> _Spot | None:
        results = [spot for spot in self._all_spots(key) if spot.turn < 0]
        return results[-1] if results else None

    def _talk(self, key: TrialKey) -> list[_Spot]:
        talk: list[_Spot] = []
        for spot in self._all_spots(key):
            if spot.turn >= 0:
                talk = [*(earlier for earlier in talk if earlier.turn < spot.turn), spot]
        return [spot for place, spot in enumerate(talk) if spot.turn == place]

    def _load(self, spot: _Spot) -> Result | tuple[str, Turn] | None:
        file = self._files[spot.file]
        try:
            record = file.line(spot.offset)
            if spot.turn < 0:
                plain = record["result"]
                return from_plain(Result, {**plain, "pack": file.shared(plain["pack"])})
            return record["fingerprint"], from_plain(Turn, _whole_turn(file, record))
        except _DAMAGE:
            file.damaged.setdefault(spot.offset, "a record that does not fit its type")
            return None


def _whole_turn(file: _File, record: Any) -> dict[str, Any]:
    request = dict(record["request"])
    request["messages"] = [file.shared(message) for message in request["messages"]]
    request["tools"] = file.shared(request["tools"])
    return {"request": request, "response": record["response"]}


def _references(record: Any) -> list[int]:
    if record["type"] == "turn":
        values = [*record["request"]["messages"], record["request"]["tools"]]
    else:
        values = [record["result"]["pack"]]
    return [value["see"] for value in values if isinstance(value, dict) and "see" in value]


def _mark(record: Any) -> int:
    if record["type"] == "turn":
        return int(record["turn"])
    return _ERROR if record["result"]["verdict"]["outcome"] == Outcome.ERROR else _VERDICT


def _key(plain: list[Any]) -> TrialKey:
    pack, pack_hash, scenario, attempt = plain
    names = map(sys.intern, (pack, pack_hash, scenario))
    return TrialKey(pack=next(names), pack_hash=next(names), scenario=next(names), attempt=attempt)


def trial_name(key: TrialKey) -> str:
    """Return how messages call a trial."""
    return f"{key.pack}/{key.scenario} attempt {key.attempt}"


def _describe(raw: bytes) -> str:
    """Say what a damaged line was, as far as its beginning tells."""
    start = re.match(rb'\{"type":"(turn|result)","key":(\[[^]]*\])', raw)
    try:
        what = f"a {start[1].decode()} of {trial_name(_key(json.loads(start[2])))}" if start else "of unknown kind"
    except _DAMAGE:
        what = "of unknown kind"
    return f"{what}, {len(raw)} bytes"
