"""Where a run leaves its files: ``.llmbench/runs/<UTC time>-<model>/``, or exactly the folder the user named."""

from __future__ import annotations

import itertools
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_llmbench.errors import LlmbenchError, UsageProblem

HOME = ".llmbench"
"""Our folder in the user's project; what is in it is no business of the user's version control."""

DEFAULT_BASE = Path(HOME) / "runs"
"""Where runs go, below the directory pytest was started in, unless ``--llm-out`` names a folder."""

_NAME_LIMIT = 60


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run and the names in it. Creates nothing."""

    path: Path

    @property
    def journal_dir(self) -> Path:
        """Every request and answer, one file per process."""
        return self.path / "journal"

    @property
    def confirm_dir(self) -> Path:
        """What was asked again before a verdict on a baseline: a journal of its own, which no score is made from."""
        return self.path / "confirm"

    @property
    def manifest_path(self) -> Path:
        """What was measured."""
        return self.path / "manifest.json"

    @property
    def results_path(self) -> Path:
        """All results, for programs."""
        return self.path / "results.json"

    @property
    def html_path(self) -> Path:
        """The report for a browser."""
        return self.path / "report.html"

    @property
    def code_dir(self) -> Path:
        """What models programmed: a folder per pack with the programs, their outputs and files for other tools."""
        return self.path / "code"

    @property
    def is_used(self) -> bool:
        """Tell whether a run, finished or not, was here."""
        return self.manifest_path.is_file() or self.journal_dir.is_dir()


def create(base: Path, *, model: str, now: datetime, out: Path | None = None) -> RunFolder:
    """Make the folder of a new run: ``<base>/<UTC time>-<model>``, or exactly `out` where that is given.

    Raises `UsageProblem` where `out` holds other files or an earlier run, `LlmbenchError` where the
    folder cannot be written.
    """
    path = base if out is None else out
    try:
        folder = RunFolder(_new_below(base, _stem(model, now)) if out is None else _claimed(out))
        _try_writing(folder.path)
    except OSError as error:
        raise LlmbenchError(
            f"{path}: cannot keep a run here ({error.strerror or error}): name a writable folder with --llm-out DIR"
        ) from error
    return folder


def open_existing(path: Path) -> RunFolder:
    """Return the run folder at `path`; raises `UsageProblem` where no run was kept."""
    folder = RunFolder(path)
    if folder.is_used:
        return folder
    what = "holds no run of pytest-llmbench" if path.is_dir() else "is no folder" if path.exists() else "does not exist"
    raise UsageProblem(f"{path} {what}: name a run folder, such as one of those below {DEFAULT_BASE}")


def newest_matching(base: Path, signature: str, *, key: str = "signature") -> RunFolder | None:
    """Return the latest run below `base` whose manifest has this signature under `key`, or None.

    Unreadable ones are passed by.
    """
    found = []
    for path in base.glob("*/manifest.json"):
        data = _peek(path)
        if data.get(key) == signature:
            name = path.parent.name
            found.append((str(data.get("started_at", "")), len(name), name, path.parent))
    return RunFolder(max(found)[-1]) if found else None


def safe_name(model: str) -> str:
    """Return the last part of a model's name or path, fit for a file name on any system."""
    last = re.split(r"[/\\]", model.strip().rstrip("/\\"))[-1].removesuffix(".gguf")
    plain = re.sub(r"[^a-z0-9._]+", "-", last.lower())
    return plain[:_NAME_LIMIT].strip("-._") or "model"


def _stem(model: str, now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}-{safe_name(model)}"


def _new_below(base: Path, stem: str) -> Path:
    make_home(base)
    base.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        path = base / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        break
    return path


def project_of(path: Path) -> Path:
    """Return the project that a run folder, or the folder of all runs, lies in: what holds its `HOME`, else here."""
    home = _home_of(path.resolve())
    return home.parent if home is not None else Path.cwd()


def _home_of(path: Path) -> Path | None:
    return next((one for one in (path, *path.parents) if one.name == HOME), None)


def make_home(base: Path) -> None:
    """Keep a new `HOME` out of version control; one that is there already is the user's to decide on."""
    home = _home_of(base)
    if home is not None and not home.exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / ".gitignore").write_text("*\n", encoding="ascii")


def check_free(out: Path) -> None:
    """Raise `UsageProblem` where `out`, which exists, is no empty folder."""
    if not out.is_dir():
        raise UsageProblem(f"--llm-out {out} is a file: name a folder")
    if RunFolder(out).is_used:
        state = "a finished run" if _peek(RunFolder(out).manifest_path).get("finished_at") else "an unfinished run"
        raise UsageProblem(f"--llm-out {out} holds {state}: add --llm-resume to go on with it, or name another folder")
    strange = next(out.iterdir(), None)
    if strange is not None:
        raise UsageProblem(
            f"--llm-out {out} holds files that are not ours ({strange.name}): name a new or an empty folder"
        )


def _claimed(out: Path) -> Path:
    if out.exists():
        check_free(out)
    out.mkdir(parents=True, exist_ok=True)
    return out


def _try_writing(path: Path) -> None:
    """Find out now rather than after the first answer."""
    probe = path / f".writable-{os.getpid()}"
    probe.write_bytes(b"")
    probe.unlink()


def _peek(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
