"""Runs at a glance: which there are, and what of each is known without reading its journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_llmbench import manifest
from pytest_llmbench.errors import LlmbenchError, UsageProblem
from pytest_llmbench.results_file import DamagedResults, read_head
from pytest_llmbench.runfolder import RunFolder

NEXT_STEP = "measure something first: pytest --llm-packs quick --llm-url URL"
"""What to do where there is no run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """A run at a glance. `head` is results.json without its trials, {} for a run that never got so far.

    `damage` says what is wrong with results.json where there is a journal to read instead, `problem` why the run cannot
    be read; the rest is then empty.
    """

    folder: RunFolder
    manifest: Mapping[str, Any] = field(default_factory=dict)
    head: Mapping[str, Any] = field(default_factory=dict)
    is_whole: bool = False
    damage: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """The folder's name."""
        return name_of(self.folder)

    @property
    def model(self) -> str:
        """The model as the server or the user names it."""
        return first_said("model", self.run, self.manifest)

    @property
    def profile(self) -> str:
        """The profile that was asked for, "" for none."""
        return first_said("profile", self.run, self.manifest)

    @property
    def run(self) -> Mapping[str, Any]:
        """The run block of results.json, {} where there is none."""
        found: Mapping[str, Any] = self.head.get("run", {})
        return found

    @property
    def packs(self) -> Sequence[Mapping[str, Any]]:
        """The figures of each pack, as results.json has them."""
        found: Sequence[Mapping[str, Any]] = self.head.get("packs", ())
        return found

    @property
    def started_at(self) -> float:
        """Seconds since the epoch, 0.0 where nobody knows."""
        return seconds_of(self.run.get("started_at") or self.manifest.get("started_at"))


def runs_below(base: Path) -> list[RunHead]:
    """Return the runs below `base`, oldest first, by reading little; raises `UsageProblem` where there is none."""
    heads = [head_of(RunFolder(path)) for path in run_paths(base)]
    if not heads:
        raise UsageProblem(f"there is no run below {base}: {NEXT_STEP}")
    return sorted(heads, key=lambda head: (head.started_at, head.name))


def run_paths(base: Path) -> list[Path]:
    """Return the folders below `base` that hold anything of a run, by name: the time, so oldest first."""
    folders = (RunFolder(path) for path in (base.iterdir() if base.is_dir() else ()))
    return sorted(folder.path for folder in folders if folder.is_used or folder.results_path.is_file())


def seconds_of(moment: object) -> float:
    """Return a time as it stands in our files, ISO 8601 or a number, as seconds since the epoch; 0.0 for neither."""
    if isinstance(moment, (int, float)):
        return float(moment)
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return 0.0


def name_of(folder: RunFolder) -> str:
    """Return the folder's name, also of ``.``."""
    return folder.path.resolve().name


def first_said(name: str, run: Mapping[str, Any], manifested: Mapping[str, Any]) -> str:
    """Return what the run block of results.json says under `name`, else the manifest, else ""."""
    return str(run.get(name) or manifested.get(name) or "")


def head_of(folder: RunFolder) -> RunHead:
    """Return a run at a glance; where it cannot be read, its `problem` says why."""
    try:
        head, damage = _head_of_results(folder)
        has_own = folder.manifest_path.is_file() or not head
        said = manifest.read(folder) if has_own else head.get("manifest", {})
    except LlmbenchError as error:
        return RunHead(folder=folder, problem=str(error))
    # a run that is gone on with has the results.json of its earlier part, and no end in its manifest
    return RunHead(folder=folder, manifest=said, head=head, is_whole=bool(head) and is_finished(said), damage=damage)


def _head_of_results(folder: RunFolder) -> tuple[dict[str, Any], str]:
    """Return results.json without its trials, {} where there is none, and what is wrong with it beside a journal."""
    path = folder.results_path
    try:
        return (read_head(path) if path.is_file() else {}), ""
    except DamagedResults:
        if not folder.journal_dir.is_dir():
            raise
        return {}, f"{path} is not whole: llmbench report {folder.path} writes it anew from the journal"


def is_finished(said: Mapping[str, Any]) -> bool:
    """Tell whether the run whose manifest is `said` came to its end."""
    return said.get("finished_at") is not None
