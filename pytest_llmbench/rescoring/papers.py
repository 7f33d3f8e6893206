"""The files of a run folder, written again from its journal and its manifest."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmbench.journal_reader import JournalReader
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import PackFacts
from pytest_llmbench.reports.papers import write_papers
from pytest_llmbench.saved_run import SavedRun, open_run
from pytest_llmbench.saved_summary import summary_of


def write_papers_again(folder: Path, outdated: Sequence[str] = ()) -> list[Path]:
    """Write all files of a run for its readers and return them.

    `outdated` are node ids of scenarios whose answers count no more: they are not run. Raises OSError,
    `LlmbenchError`.
    """
    run = open_run(folder)
    summary = summary_of(_as_of_now(run, outdated))
    return write_papers(run.folder, summary, run.manifest, JournalReader(run.folder.journal_dir))


def _as_of_now(run: SavedRun, outdated: Sequence[str]) -> SavedRun:
    """Return the run with what its old results.json says is missing put under the packs' versions of now.

    What a gate or a baseline said is left out: that was said of the verdicts before.
    """
    facts = {result.pack.id: result.pack for result in run.results}
    files = {result.nodeid.partition("::")[0]: result.pack.id for result in run.results}
    packs = [_pack(pack, facts.get(pack["id"]), outdated, files) for pack in run.head.get("packs", ())]
    head = {**run.head, "packs": packs} if run.head else {}
    return dataclasses.replace(run, head=head, run={**run.run, "baseline": {}, "gate": {}})


def _pack(
    pack: Mapping[str, Any], facts: PackFacts | None, outdated: Sequence[str], files: Mapping[str, str]
) -> dict[str, Any]:
    own = [nodeid for nodeid in outdated if files.get(nodeid.partition("::")[0]) == pack["id"]]
    now = {"facts": to_plain(facts)} if facts is not None else {}
    return {**pack, **now, "missing": [*pack.get("missing", ()), *own]}
