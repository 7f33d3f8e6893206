"""Builders of results and summaries for the tests of counting, gates and reports."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_llmbench.records import Outcome, PackFacts, Purpose, Reason, Result, TrialKey, Verdict
from pytest_llmbench.summary import RunFacts, Summary
from pytest_llmbench.tally import Tally

STARTED = 1778313600.0
"""2026-05-09 08:00:00 UTC."""

RUN = RunFacts(
    model="some-model",
    url="http://127.0.0.1:8080/v1",
    endpoint="openai_chat",
    engine="external",
    concurrency=4,
    started_at=STARTED,
    finished_at=STARTED + 200,
    tag_totals={"quick": 30, "medium": 30, "full": 75},
)


def facts(pack_id: str = "toolcall-15", **changes: Any) -> PackFacts:
    """Return a pack of 15 with the usual tags."""
    titles = {"toolcall-15": "ToolCall-15", "instructfollow-15": "InstructFollow-15"}
    pack = PackFacts(
        id=pack_id,
        title=titles.get(pack_id, pack_id),
        version="1.0.0",
        content_hash=f"hash of {pack_id}",
        size=15,
        tags=("quick", "medium", "full"),
        floor=0.8,
    )
    return dataclasses.replace(pack, **changes)


def verdict(word: str, **changes: Any) -> Verdict:
    """Return a verdict from a word: ``pass``, or a `Reason` value."""
    if word == "pass":
        return Verdict(outcome=Outcome.PASS, **changes)
    reason = Reason(word)
    fails = list(Reason)[: list(Reason).index(Reason.BAD_CONFIGURATION)]
    return Verdict(outcome=Outcome.FAIL if reason in fails else Outcome.ERROR, reason=reason, **changes)


def result(pack: PackFacts, scenario: str, word: str = "pass", **changes: Any) -> Result:
    """Return a result with plain figures; keywords of `Verdict` and `Result` both go where they belong."""
    own = {item.name for item in dataclasses.fields(Verdict)}
    judged = {name: changes.pop(name) for name in list(changes) if name in own}
    attempt = changes.pop("attempt", 1)
    base = Result(
        key=TrialKey(pack=pack.id, pack_hash=pack.content_hash, scenario=scenario, attempt=attempt),
        nodeid=f"packs/{pack.id}/pack.yaml::{scenario}",
        title=f"Title of {scenario}",
        purpose=Purpose.ITEM,
        verdict=verdict(word, **judged),
        pack=pack,
        latency_s=2.0,
        decode_tps=50.0,
        completion_tokens=10,
    )
    return dataclasses.replace(base, **changes)


def words(passed: int, failed: int = 0, errors: int = 0) -> list[str]:
    """Return that many verdicts of each kind."""
    return ["pass"] * passed + ["wrong_answer"] * failed + ["server_error"] * errors


def fill(tally: Tally, pack: PackFacts, outcomes: Iterable[str], *, selected: int = 15) -> None:
    """Expect `selected` scenarios of `pack` and book `outcomes` for the first of them."""
    for number in range(1, selected + 1):
        tally.expect(pack, f"S-{number:02}", f"packs/{pack.id}/pack.yaml::S-{number:02}")
    for number, word in enumerate(outcomes, start=1):
        tally.add(result(pack, f"S-{number:02}", word, detail="as told" if word != "pass" else ""))


def summary(
    packs: Mapping[str, list[str]] | None = None, *, selected: int = 15, run: RunFacts = RUN, **changes: Any
) -> Summary:
    """Return the summary of packs of 15 with these outcomes; `changes` go to the `RunFacts`."""
    tally = Tally()
    for pack_id, outcomes in (packs or {}).items():
        fill(tally, facts(pack_id), outcomes, selected=selected)
    return tally.summary(dataclasses.replace(run, **changes))


def quick(**changes: Any) -> Summary:
    """Return the example of the Quality line: 14 and 13 of 15."""
    return summary({"toolcall-15": words(14, 1), "instructfollow-15": words(13, 2)}, **changes)
