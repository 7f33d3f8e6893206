"""New verdicts on their way into a run folder.

They are gathered in ``rescoring/`` of the run folder, each written down as it is given, so that a rescoring that was
killed goes on where it was. When all are there a plan is written, and the steps that put them in place follow; each
may be repeated, so that whoever comes next finishes what was begun. At no moment is a verdict lost or seen twice:

1. the new journal files join the old ones, which still rule, for the manifest names the packs' old versions;
2. the manifest names the new versions and what was changed, when and why;
3. the old journal files go into ``journal-<time>/``, the old results.json is kept as ``results-<time>.json``;
4. results.json and the reports are written anew.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_llmbench import manifest
from pytest_llmbench.errors import LlmbenchError
from pytest_llmbench.journal import Journal
from pytest_llmbench.journal_reader import JournalReader
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import Result, Trial, TrialKey, Turn
from pytest_llmbench.reports.files import replace_file
from pytest_llmbench.rescoring.papers import write_papers_again
from pytest_llmbench.runfolder import RunFolder

FOLDER = "rescoring"
"""The folder in a run's own in which new verdicts wait."""


class Stage:
    """The waiting verdicts of one run. `conditions` are all they depend on: under others they are dropped."""

    def __init__(self, folder: RunFolder, conditions: Mapping[str, Any]) -> None:
        self._folder = folder
        self._place = folder.path / FOLDER
        plain = json.loads(json.dumps(to_plain(conditions)))
        if _read(self._place / "conditions.json") != plain:
            if self._place.exists():
                shutil.rmtree(self._place)
            self._place.mkdir(parents=True)
            _write(self._place / "conditions.json", plain)
        self._left = JournalReader(self._place / "journal")
        self.taken_over = sum(self._left.result(key) is not None for key in self._left.keys())  # noqa: SIM118 - no dict
        self._journal = Journal(self._place / "journal", worker="rescore")

    def known(self, key: TrialKey) -> Result | None:
        """Return the verdict on a trial that an interrupted rescoring left here."""
        return self._left.result(key)

    def keep(self, trial: Trial, result: Result | None, turns: tuple[Turn, ...]) -> None:
        """Write a trial down, its talk first; one that lies here already is not written again."""
        key = result.key if result is not None else trial.key
        if self._left.result(key) is not None:
            return
        for number, turn in enumerate(turns):
            self._journal.turn(trial, number, turn)
        if result is not None:
            self._journal.result(result)

    def close(self) -> None:
        """Leave what is here for the next time."""
        self._journal.close()

    def drop(self) -> None:
        """Throw away what is here."""
        self.close()
        shutil.rmtree(self._place)

    def commit(self, plan: Mapping[str, Any]) -> list[Path]:
        """Put all in place; `plan` has ``stamp``, ``record``, ``packs`` (id -> new facts) and ``outdated``."""
        self.close()
        sources = sorted(path.name for path in self._folder.journal_dir.glob("*.jsonl"))
        fresh = sorted(path.name for path in (self._place / "journal").glob("*.jsonl"))
        names = {name: f"rescored-{plan['stamp']}-{number}.jsonl" for number, name in enumerate(fresh, 1)}
        _write(self._place / "plan.json", {**plan, "sources": sources, "names": names})
        done = finish(self._folder)
        if done is None:
            raise LlmbenchError(f"{self._place} was taken away while its verdicts were put in place")
        return done


def finish(folder: RunFolder) -> list[Path] | None:
    """Do what is left of a rescoring whose verdicts are all there; return the files, None where nothing is left."""
    place = folder.path / FOLDER
    plan = _read(place / "plan.json")
    if plan is None:
        return None
    for name, new in plan["names"].items():
        _move(place / "journal" / name, folder.journal_dir / new)
    _note(folder, plan)
    kept = folder.path / f"journal-{plan['stamp']}"
    kept.mkdir(exist_ok=True)
    for name in plan["sources"]:
        _move(folder.journal_dir / name, kept / name)
    _keep_results(folder, plan["stamp"])
    done = write_papers_again(folder.path, plan["outdated"])
    shutil.rmtree(place)
    return done


def _note(folder: RunFolder, plan: Mapping[str, Any]) -> None:
    said = manifest.read(folder)
    earlier = said.get("rescored", [])
    if any(record["at"] == plan["record"]["at"] for record in earlier):
        return
    packs = [{**pack, **plan["packs"].get(pack["id"], {})} for pack in said.get("packs", ())]
    manifest.update(folder, rescored=[*earlier, plan["record"]], packs=packs)


def _keep_results(folder: RunFolder, stamp: str) -> None:
    kept = folder.path / f"results-{stamp}.json"
    if folder.results_path.exists() and not kept.exists():
        with replace_file(kept) as file, folder.results_path.open("rb") as old:
            shutil.copyfileobj(old, file)


def _move(source: Path, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # it was moved before the last attempt was killed
        source.replace(target)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _write(path: Path, value: Any) -> None:
    with replace_file(path) as file:
        file.write(json.dumps(to_plain(value), indent=2).encode())
