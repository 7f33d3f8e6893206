"""A run folder, read again: what was measured, every verdict and every talk, of a finished run or a half-written one.

The journal rules where there is one, as it does for the reports of a session: whoever judges anew writes there.
A results.json without its folder (kept by a CI job, say) is read by itself, and so is an older one under another name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llmbench.endings import INTERRUPTED
from pytest_llmbench.errors import LlmbenchError, UsageProblem
from pytest_llmbench.journal_reader import JournalReader
from pytest_llmbench.lookup import nearest
from pytest_llmbench.records import Purpose, Result, TrialKey, Turn
from pytest_llmbench.results_file import ResultsFile
from pytest_llmbench.run_heads import (
    NEXT_STEP,
    RunHead,
    first_said,
    head_of,
    is_finished,
    name_of,
    run_paths,
    runs_below,
)
from pytest_llmbench.runfolder import DEFAULT_BASE, RunFolder
from pytest_llmbench.settings import RECORDED

LATEST = "latest"
"""The name of the newest run."""

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRun:
    """A run as it lies on the disk. `manifest` and `run` are plain data as they were written.

    `run` is the run block of results.json; of a run that never got so far, what the manifest says of it, as far as
    it does. `every` holds the latest result of each attempt, ordered by pack, scenario and attempt; `results` are
    those of scenarios. `packs` are by id, with ``version``, ``content_hash``, ``size`` and ``selected``. `is_whole`
    is False while a run is going on, and where it was killed. `head` is results.json without its trials, {} where it
    is missing, damaged or older than the journal. `notices` tell of damage.
    """

    folder: RunFolder
    manifest: Mapping[str, Any]
    run: Mapping[str, Any]
    every: tuple[Result, ...]
    is_whole: bool
    head: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    talk: Callable[[TrialKey], tuple[Turn, ...]] = field(repr=False)

    @property
    def results(self) -> tuple[Result, ...]:
        """The results that score, and their further attempts."""
        return tuple(result for result in self.every if result.purpose is Purpose.ITEM)

    @property
    def name(self) -> str:
        """The folder's name."""
        return name_of(self.folder)

    @property
    def label(self) -> str:
        """What was asked: a tag, a pack's id, or ``custom``."""
        return str(self.run.get("label") or "custom")

    @property
    def model(self) -> str:
        """The model as the server or the user names it."""
        return first_said("model", self.run, self.manifest)

    @property
    def profile(self) -> str:
        """The profile that was asked for, "" for none."""
        return first_said("profile", self.run, self.manifest)

    @property
    def packs(self) -> Mapping[str, Mapping[str, Any]]:
        """What the manifest says of each pack."""
        return {str(pack["id"]): pack for pack in self.manifest.get("packs", ())}

    def turns(self, key: TrialKey) -> tuple[Turn, ...]:
        """Return the talk of a trial, () where none was kept."""
        return self.talk(key)


def open_run(path: Path) -> SavedRun:
    """Return the run in the folder `path`, or the one whose results.json it is; raises `UsageProblem`.

    A file of another name is read by itself, even in the folder of a run: rescoring keeps older results there.
    """
    folder = RunFolder(path.parent if path.is_file() else path)
    file = path if path.is_file() else folder.results_path
    if file.is_file() and (file.name != folder.results_path.name or not folder.is_used):
        return _alone(file)
    try:
        return _from_folder(_used(folder))
    except UsageProblem:
        raise
    except LlmbenchError as error:
        raise UsageProblem(str(error)) from error


def find_run(text: str, base: Path) -> SavedRun:
    """Return the run that `text` means: ``latest``, a path, or any part of the name of one folder below `base`."""
    return open_run(find_folder(text, base))


def find_folder(text: str, base: Path) -> Path:
    """Return the path of the run that `text` means, without reading more than names; raises `UsageProblem`."""
    if text == LATEST:
        return _newest(runs_below(base)).folder.path
    if Path(text).exists():
        return Path(text)
    names = [path.name for path in run_paths(base)]
    exact = [name for name in names if name == text]
    found = exact or [name for name in names if text in name]
    if len(found) == 1:
        return base / found[0]
    if found:
        raise UsageProblem(f'"{text}" fits {len(found)} runs below {base}: {_listed(found)}; name more of one')
    if not names:
        raise UsageProblem(f'there is no file or folder "{text}", and no run below {base}: {NEXT_STEP}')
    close = nearest(text, names)
    hint = f'did you mean "{close}"?' if close else f"the newest are {_listed(names)}, and latest is the newest"
    raise UsageProblem(f'no run is called "{text}", here or below {base}: {hint}')


def _newest(heads: Sequence[RunHead]) -> RunHead:
    readable = [head for head in heads if not head.problem]
    if not readable:
        raise UsageProblem(heads[-1].problem)
    return readable[-1]


def _listed(names: Sequence[str]) -> str:
    newest = list(reversed(names))[:_SHOWN]
    more = len(names) - len(newest)
    return ", ".join(newest) + (f" and {more:,} more" if more else "")


def _used(folder: RunFolder) -> RunFolder:
    path = folder.path
    if folder.is_used:
        return folder
    if not path.exists():
        raise UsageProblem(f"{path} does not exist: name a run folder, such as one of those below {DEFAULT_BASE}")
    inner = run_paths(path)
    if inner:
        raise UsageProblem(f"{path} holds several runs, not one: name one of {_listed([str(one) for one in inner])}")
    raise UsageProblem(f"{path} holds no run of pytest-llmbench: name a folder such as those below {DEFAULT_BASE}")


def _from_folder(folder: RunFolder) -> SavedRun:
    head = head_of(folder)
    if head.problem:
        raise UsageProblem(head.problem)
    reader = JournalReader(folder.journal_dir)
    keys = _current(reader.keys(), head.manifest)
    if not keys and folder.results_path.is_file():
        return _alone(folder.results_path)
    found = map(reader.result, keys)
    return SavedRun(
        folder=folder,
        manifest=head.manifest,
        run=head.run if head.is_whole else _run_of(head.manifest),
        every=tuple(result for result in found if result is not None),
        is_whole=is_finished(head.manifest),
        head=head.head if head.is_whole else {},
        notices=(*filter(None, [head.damage]), *reader.notices),
        talk=reader.turns,
    )


def _alone(path: Path) -> SavedRun:
    file = ResultsFile(path)
    return SavedRun(
        folder=RunFolder(path.parent),
        manifest=file.manifest,
        run=file.run,
        every=file.results,
        is_whole=True,
        head=file.head,
        talk=file.turns,
    )


def _current(keys: Iterable[TrialKey], said: Mapping[str, Any]) -> list[TrialKey]:
    """Leave out trials of another version of a pack, which was changed before the run was gone on with."""
    hashes = {str(pack["id"]): pack["content_hash"] for pack in said.get("packs", ())}
    return [key for key in keys if hashes.get(key.pack, key.pack_hash) == key.pack_hash]


def _run_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the manifest knows of a run without a results.json of its own, under the names that has."""
    sampling, recorded = said.get("sampling", {}), said.get("endpoint") in RECORDED
    names = ("model", "profile", "url", "endpoint", "concurrency", "started_at", "finished_at")
    return {
        **{name: said[name] for name in names if said.get(name) is not None},
        "engine": said.get("engine", {}).get("name", ""),
        "canonical": bool(sampling.get("canonical", True)) and not recorded,
        "note": "recorded answers, no model" if recorded else str(sampling.get("deviations", "")),
        "thinking_switch": str(said.get("thinking", {}).get("switch", "")).replace("unknown", ""),
        "interrupted": said.get("exit_code") == INTERRUPTED,
    }
