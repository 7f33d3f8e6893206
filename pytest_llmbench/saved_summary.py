"""SavedRun -> Summary: what the reports of a session were made of, counted again."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmbench.plain_data import from_plain
from pytest_llmbench.records import PackFacts, Purpose
from pytest_llmbench.resources import Resources
from pytest_llmbench.run_heads import seconds_of
from pytest_llmbench.saved_run import SavedRun
from pytest_llmbench.summary import CUSTOM, PackSummary, RunFacts, Summary
from pytest_llmbench.tally import Tally

_TEXTS = ("model", "profile", "url", "endpoint", "engine", "note", "resumed_from", "stopped_early", "problem")


def summary_of(run: SavedRun, *, resources: Resources | None = None) -> Summary:
    """Return the summary of a run as it stands.

    Scenarios without a result count as not run, and a run that is not whole as interrupted. `resources` are for a
    run whose results.json has none yet. In a run that has no results.json the scenarios that were not run are
    known by their number only.
    """
    tally = Tally()
    for facts, scenario, nodeid in _unasked(run):
        tally.expect(facts, scenario, nodeid)
    for result in run.every:
        tally.add(result)
    found = tally.summary(run_facts(run, resources=resources))
    resumed = {(pack["id"], pack["facts"]["content_hash"]): pack["resumed"] for pack in run.head.get("packs", ())}
    packs = tuple(_completed(pack, resumed.get((pack.facts.id, pack.facts.content_hash), 0)) for pack in found.packs)
    return dataclasses.replace(found, packs=packs, label=_label(run, found))


def run_facts(run: SavedRun, *, resources: Resources | None = None) -> RunFacts:
    """Return what was measured, when, and how the run ended."""
    said = run.run
    kept = said.get("resources")
    started_at = begun_at(run.manifest) if run.manifest.get("earlier") else seconds_of(said.get("started_at"))
    texts: dict[str, Any] = {name: str(said.get(name) or "") for name in _TEXTS}
    return RunFacts(
        **texts,
        concurrency=said.get("concurrency"),
        canonical=bool(said.get("canonical", True)),
        started_at=started_at,
        finished_at=seconds_of(said["finished_at"]) if run.is_whole else _last_at(run, started_at),
        run_dir=str(run.folder.path),
        interrupted=bool(said.get("interrupted", False)) or not run.is_whole,
        thinking_switch=str(said.get("thinking_switch") or ""),
        baseline=said.get("baseline") or {},
        gate=said.get("gate") or {},
        resources=from_plain(Resources, kept) if kept else resources,
    )


def begun_at(said: Mapping[str, Any]) -> float:
    """Return when the first session of the run began whose manifest is `said`; 0.0 where it does not tell."""
    first = next(iter(said.get("earlier", ())), said)
    return seconds_of(first.get("started_at"))


def _last_at(run: SavedRun, started_at: float) -> float:
    return max((result.started_at + (result.latency_s or 0.0) for result in run.every), default=started_at)


def _unasked(run: SavedRun) -> Iterator[tuple[PackFacts, str, str]]:
    """Yield pack, id and node id of the scenarios that were selected and not run; the latter "" where not known."""
    facts = {(result.pack.id, result.pack.content_hash): result.pack for result in run.results}
    if run.head:
        for pack in run.head.get("packs", ()):
            if pack.get("purpose", Purpose.ITEM) == Purpose.ITEM:
                own = from_plain(PackFacts, pack["facts"])
                yield from ((own, _scenario(nodeid), nodeid) for nodeid in pack.get("missing", ()))
        return
    asked = Counter(key for key, _ in {((r.pack.id, r.pack.content_hash), r.key.scenario) for r in run.results})
    for pack in run.manifest.get("packs", ()):
        key = (pack["id"], pack["content_hash"])
        own = facts.get(key) or _bare(pack)
        for number in range(pack["selected"] - asked[key]):
            yield own, f"not asked {number + 1}", ""


def _scenario(nodeid: str) -> str:
    """Return ``TC-07`` of ``packs/toolcall-15/pack.yaml::TC-07[profile]``."""
    return nodeid.rpartition("::")[2].partition("[")[0]


def _bare(pack: Mapping[str, Any]) -> PackFacts:
    """Return the facts of a pack of which nothing was asked: what the manifest has."""
    return PackFacts(
        id=pack["id"],
        title=str(pack.get("title") or pack["id"]),
        version=str(pack["version"]),
        content_hash=pack["content_hash"],
        size=pack["size"],
    )


def _completed(pack: PackSummary, resumed: int) -> PackSummary:
    """Leave out node ids that nobody knows, and put in how many verdicts an earlier part of the run had left."""
    return dataclasses.replace(pack, missing=tuple(filter(None, pack.missing)), resumed=resumed)


def _label(run: SavedRun, found: Summary) -> str:
    """Return the tag or pack that was run whole, which the session knew by the tags of all scenarios."""
    said = run.run.get("label")
    if not said:
        return found.label
    origins = {pack.facts.origin for pack in found.packs if pack.facts.origin}
    return next((str(said).removeprefix(f"{name} ") for name in origins), str(said)) or CUSTOM
