"""Every trial of a saved run: what it was judged, and what it is judged by today's rules."""

from __future__ import annotations

import enum
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from pytest_llmbench.errors import DatasetUnavailable, SandboxUnavailable
from pytest_llmbench.journal_reader import JournalReader
from pytest_llmbench.records import Outcome, Purpose, Result, Scenario, Trial, TrialKey, Turn, Verdict
from pytest_llmbench.rescoring.retelling import QuestionChanged, Unfinished, verdict_on
from pytest_llmbench.rescoring.todays_packs import Judges, PackBook, TodaysPack
from pytest_llmbench.run_heads import seconds_of
from pytest_llmbench.saved_run import SavedRun
from pytest_llmbench.talk_figures import result_of
from pytest_llmbench.thinking_switch import OFF, ON

Fill = Callable[[Scenario], Scenario]
"""Returns a scenario with what its data set holds, once that and its sandbox are there; raises a `TrialError`."""


class State(enum.StrEnum):
    """What became of a trial.

    ``judged`` anew; ``stands``: the talk was never finished, so that its verdict is what happened and no judgement;
    ``apart``: nothing of today's judges it (a hand-written test, a pack that is not found); ``outdated``: it answers
    another question than today's; ``blocked``: it could not be judged, through no fault of the answer.
    """

    JUDGED = "judged"
    STANDS = "stands"
    APART = "apart"
    OUTDATED = "outdated"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejudged:
    """One trial. `after` is what holds from now on, `note` why it was not judged."""

    key: TrialKey
    before: Result | None
    after: Result | None
    state: State
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What judging needs. `known` returns a new verdict that an interrupted rescoring has left, or None.

    `sandbox` describes where programs were run so far, {} where none was.
    """

    run: SavedRun
    book: PackBook
    judges: Judges
    fill: Fill
    known: Callable[[TrialKey], Result | None] = lambda _: None
    sandbox: Callable[[], Mapping[str, str]] = dict


def rejudge(bench: Bench) -> Iterator[Rejudged]:
    """Yield all trials of the run in its order; several are judged at once."""
    workers = os.cpu_count() or 1
    waiting: deque[Future[Rejudged]] = deque()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="llmbench-judge") as pool:
        try:
            for key, result in trials_of(bench.run):
                waiting.append(pool.submit(_one, key, result, bench))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def trials_of(run: SavedRun) -> Iterator[tuple[TrialKey, Result | None]]:
    """Yield each trial with its latest verdict, then those that were answered and never judged."""
    for result in run.every:
        yield result.key, result
    reader = JournalReader(run.folder.journal_dir)
    hashes = {name: pack.get("content_hash") for name, pack in run.packs.items()}
    for key in reader.keys():  # noqa: SIM118 - a journal is no dict
        if reader.result(key) is None and hashes.get(key.pack) == key.pack_hash:
            yield key, None


def as_trial(key: TrialKey, result: Result | None, pack: TodaysPack | None) -> Trial:
    """Return what a journal wants to know of a trial; its questions stand in the turns."""
    if result is not None:
        facts, nodeid, purpose = result.pack, result.nodeid, result.purpose
    elif pack is not None:
        facts, nodeid, purpose = pack.facts, f"{pack.file}::{key.scenario}", Purpose.ITEM
    else:
        raise ValueError(f"nothing is known of {key}")
    title = result.title if result is not None else key.scenario
    shell = Scenario(id=key.scenario, title=title, messages=(), dialogue="", verifier="")
    trial = Trial(nodeid=nodeid, pack=facts, scenario=shell, attempt=key.attempt, purpose=purpose)
    return replace(trial, profile=key.profile)


def _one(key: TrialKey, before: Result | None, bench: Bench) -> Rejudged:
    pack = bench.book.packs.get(key.pack)
    if pack is None or (before is not None and before.purpose is Purpose.FIXTURE):
        note = bench.book.problems.get(key.pack, "")
        return Rejudged(key=key, before=before, after=before, state=State.APART, note=note)
    known = bench.known(_moved(key, pack))
    if known is not None:
        return Rejudged(key=key, before=before, after=known, state=State.JUDGED)
    scenario = pack.scenario(key.scenario)
    if scenario is None:
        note = f"today's {key.pack} has no scenario {key.scenario}"
        return Rejudged(key=key, before=before, after=before, state=State.OUTDATED, note=note)
    return _judged(key, before, bench=bench, pack=pack, scenario=scenario)


def _judged(key: TrialKey, before: Result | None, *, bench: Bench, pack: TodaysPack, scenario: Scenario) -> Rejudged:
    turns = bench.run.turns(key)
    try:
        whole = bench.fill(scenario) if turns else scenario
        dialogue, verifier = bench.judges.dialogues[whole.dialogue], bench.judges.verifiers[whole.verifier]
        verdict = verdict_on(whole, turns, dialogue, verifier)
    except Unfinished as error:
        stands = _rebooked(before, key, pack)
        return Rejudged(key=key, before=before, after=stands, state=State.STANDS, note=str(error))
    except QuestionChanged as error:
        return Rejudged(key=key, before=before, after=before, state=State.OUTDATED, note=str(error))
    except (DatasetUnavailable, SandboxUnavailable) as error:
        return Rejudged(key=key, before=before, after=before, state=State.BLOCKED, note=f"{error.reason}: {error}")
    if verdict.outcome is Outcome.ERROR and not (before and before.verdict.outcome is Outcome.ERROR):
        note = f"{verdict.reason}: {verdict.detail}"
        return Rejudged(key=key, before=before, after=before, state=State.BLOCKED, note=note)
    after = _result(before, verdict, turns, as_of=(key, pack, whole), bench=bench)
    return Rejudged(key=key, before=before, after=after, state=State.JUDGED)


def _result(
    before: Result | None,
    verdict: Verdict,
    turns: tuple[Turn, ...],
    *,
    as_of: tuple[TrialKey, TodaysPack, Scenario],
    bench: Bench,
) -> Result:
    """Return the trial's result with the new verdict; its figures stay those of the talk."""
    key, pack, scenario = as_of
    if before is not None:
        return replace(before, key=_moved(key, pack), pack=pack.facts, verdict=verdict)
    started_at = seconds_of(bench.run.manifest.get("started_at"))
    trial = replace(as_trial(key, None, pack), scenario=scenario)
    result = result_of(trial, turns, verdict=verdict, started_at=started_at, latency_s=None)
    asked = str(bench.run.manifest.get("thinking", {}).get("asked", ""))
    return replace(result, thinking=asked if asked in (ON, OFF) else scenario.thinking)


def _rebooked(before: Result | None, key: TrialKey, pack: TodaysPack) -> Result | None:
    return None if before is None else replace(before, key=_moved(key, pack), pack=pack.facts)


def _moved(key: TrialKey, pack: TodaysPack) -> TrialKey:
    return replace(key, pack_hash=pack.facts.content_hash)
