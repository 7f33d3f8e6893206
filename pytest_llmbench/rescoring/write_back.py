"""The new verdicts of a whole run, into its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.rescoring.changes import Changes
from pytest_llmbench.rescoring.conditions import conditions_of, reasons, record_of
from pytest_llmbench.rescoring.rejudging import Bench, State, as_trial, rejudge
from pytest_llmbench.rescoring.stage import Stage
from pytest_llmbench.rescoring.todays_packs import TodaysPack
from pytest_llmbench.saved_run import SavedRun


def write_back(bench: Bench, changes: Changes) -> list[Path]:
    """Judge every trial and write the verdicts back; return the files that were written.

    Nothing is written where nothing has changed, nor where an answer cannot be judged: what was judged then waits for
    the next try. Raises OSError, `LlmbenchError`.
    """
    waiting = Stage(bench.run.folder, conditions_of(bench.run, bench.book, bench.judges))
    outdated: list[str] = []
    try:
        for one in rejudge(replace(bench, known=waiting.known)):
            changes.add(one)
            if one.state is State.OUTDATED:
                outdated += [one.before.nodeid] if one.before is not None else []
            elif one.state is not State.BLOCKED:
                key = one.after.key if one.after is not None else one.key
                trial = as_trial(key, one.after, bench.book.packs.get(one.key.pack))
                waiting.keep(trial, one.after, bench.run.turns(one.key))
    finally:
        waiting.close()
    if State.BLOCKED in changes.states:
        return []
    if not outdated and _is_as_before(bench, changes):
        waiting.drop()
        return []
    return waiting.commit(_plan(bench, changes, outdated))


def _is_as_before(bench: Bench, changes: Changes) -> bool:
    said = bench.run.packs
    same = all(said.get(name, {}).get("content_hash") == pack.facts.content_hash for name, pack in _packs(bench))
    return same and not changes.changed and not changes.reworded


def _packs(bench: Bench) -> Iterable[tuple[str, TodaysPack]]:
    return bench.book.packs.items()


def _plan(bench: Bench, changes: Changes, outdated: list[str]) -> dict[str, Any]:
    now = datetime.now(UTC)
    stamp = f"{now:%Y-%m-%dT%H-%M-%S}-{now.microsecond:06d}Z"
    told, sandbox = reasons(bench.run, bench.book), bench.sandbox()
    record = record_of(changes.plain(), told, sandbox=sandbox, at=now.isoformat(), stamp=stamp)
    packs = {
        name: {"version": pack.facts.version, "content_hash": pack.facts.content_hash, "size": pack.facts.size}
        for name, pack in _packs(bench)
    }
    return {"stamp": stamp, "record": record, "packs": packs, "outdated": outdated}


def refuse_writing(run: SavedRun) -> None:
    """Raise `UsageProblem` where there is no journal to write to, or somebody is writing there."""
    folder = run.folder
    if not folder.manifest_path.is_file() or not folder.journal_dir.is_dir():
        raise UsageProblem(f"{folder.path} has no journal, so nothing can be written back: leave --in-place out")
    if run.manifest.get("finished_at") is not None:
        return
    for path in sorted(folder.journal_dir.glob("*.jsonl")):
        pid = _writer(path)
        if pid and pid != os.getpid() and _lives(pid):
            raise UsageProblem(f"{folder.path} is being written by process {pid}: wait until that run has ended")


def _writer(path: Path) -> int:
    with path.open("rb") as stream:
        try:
            return int(json.loads(stream.readline()).get("pid", 0))
        except (ValueError, AttributeError, TypeError):
            return 0


def _lives(pid: int) -> bool:
    """Tell whether the process is there, and is Python: ids are used again."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    command = Path(f"/proc/{pid}/cmdline")
    return not command.is_file() or b"py" in command.read_bytes()
