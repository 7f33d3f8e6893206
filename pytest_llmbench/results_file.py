"""results.json read again: its head alone, or the whole file with each trial as the `Result` it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_llmbench import __version__
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.plain_data import from_plain, to_plain
from pytest_llmbench.records import PackFacts, Result, TrialKey, Turn

FORMAT = 1
"""Version of the layout that is read; `reports.results_json` writes it."""

_MARK = "llmbench_results"
_DAMAGE = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
_PARTS_OF_HEAD = {"run", "total", "packs", "manifest"}
_PARTS = ("usage", "timing")
_OF_VERDICT = ("outcome", "reason", "detail", "expected", "got", "score", "metrics", "checks")


class DamagedResults(UsageProblem):
    """The file is cut off, or a part of it is missing."""


class ResultsFile:
    """The whole file in memory. Raises `UsageProblem` where it is not as `reports.results_json` writes it."""

    def __init__(self, path: Path) -> None:
        data = _checked(_whole_file(path), path)
        self.head = {name: value for name, value in data.items() if name != "trials"}
        try:
            self._trials = {_key(trial): trial for trial in data["trials"]}
            self.results = tuple(self._results())
            self.manifest: Mapping[str, Any] = data["manifest"]
            self.run: Mapping[str, Any] = data["run"]
        except _DAMAGE as error:
            raise UsageProblem(f"{path} is not as pytest-llmbench writes it ({error!r}): name another run") from error

    def turns(self, key: TrialKey) -> tuple[Turn, ...]:
        """Return the talk of a trial, () for one that is not there."""
        return tuple(from_plain(Turn, turn) for turn in self._trials.get(key, {}).get("exchange", ()))

    def _results(self) -> Iterator[Result]:
        """Yield the judged trials; their texts for a failed test's report were not kept but for the answer."""
        facts = {(pack["id"], pack["facts"]["content_hash"]): pack["facts"] for pack in self.head["packs"]}
        for key, trial in self._trials.items():
            if trial["outcome"]:
                yield _result(key, trial, facts.get((key.pack, key.pack_hash)) or _unknown(key))


def read_head(path: Path) -> dict[str, Any]:
    """Return the file without its trials: its first line, unless somebody has laid it out anew; or `UsageProblem`."""
    try:
        with path.open("rb") as stream:
            first = stream.readline()
        data = json.loads(first.rstrip().rstrip(b",") + b"}")
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError):
        data = _whole_file(path)
    return {name: value for name, value in _checked(data, path).items() if name != "trials"}


def _whole_file(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError):
        raise DamagedResults(f"{path} is no whole JSON file: name the run folder it came from") from None


def _checked(data: Any, path: Path) -> dict[str, Any]:
    found = data.get(_MARK) if isinstance(data, dict) else None
    if found == FORMAT and isinstance(data, dict):
        if data.keys() >= _PARTS_OF_HEAD:
            return data
        raise DamagedResults(f"{path} is not whole or was edited: name another run")
    if isinstance(found, int) and found > FORMAT:
        raise UsageProblem(
            f"{path} was written by a newer version, in layout {found} (this is {__version__}, which reads {FORMAT}): "
            "upgrade with pip install -U pytest-llmbench"
        )
    if found is not None:
        raise UsageProblem(f"{path} has layout {found!r}, which this version ({__version__}) does not read")
    raise UsageProblem(f"{path} is no results.json of pytest-llmbench: name a run folder or the results.json in one")


def _key(trial: Mapping[str, Any]) -> TrialKey:
    return from_plain(TrialKey, {**trial, "profile": ""})


def _unknown(key: TrialKey) -> Mapping[str, Any]:
    """Return facts of a pack in another version than the run ended with, which the head does not tell."""
    facts: dict[str, Any] = to_plain(
        PackFacts(id=key.pack, title=key.pack, version="", content_hash=key.pack_hash, size=0)
    )
    return facts


def _result(key: TrialKey, trial: Mapping[str, Any], facts: Mapping[str, Any]) -> Result:
    own = {name: value for name, value in trial.items() if name not in (*_PARTS, *_OF_VERDICT, "prompt")}
    figures = {name: value for part in _PARTS for name, value in trial[part].items()}
    exchange = trial.get("exchange", ())
    made = {
        "key": to_plain(key),
        "verdict": {name: trial[name] for name in _OF_VERDICT},
        "pack": facts,
        "started_at": datetime.fromisoformat(trial["started_at"]).timestamp(),
        "answer": exchange[-1]["response"]["content"] if exchange else "",
    }
    return from_plain(Result, {**own, **figures, **made})
