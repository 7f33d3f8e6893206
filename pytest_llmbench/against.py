"""A run held against a baseline: what it is held against, whether it may be, and the gate's word on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmbench import baselines
from pytest_llmbench.baselines import Baseline
from pytest_llmbench.capture import speeds_of
from pytest_llmbench.comparable import Difference, Facts, differences, facts_of, refusal
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.flips import Attempts, Key
from pytest_llmbench.gate import GateVerdict
from pytest_llmbench.journal_reader import JournalReader
from pytest_llmbench.paired import Comparison, plain_of
from pytest_llmbench.plain_data import printable, to_plain
from pytest_llmbench.records import Purpose, Result
from pytest_llmbench.regression import ask_again, attempts_of, compare, confirm
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.saved_run import LATEST, SavedRun, find_run, open_run
from pytest_llmbench.settings import RECORDED
from pytest_llmbench.speeds import SpeedChange, speed_changes, speeds_comparable
from pytest_llmbench.summary import plural

TIMES = 3
"""How often each scenario is asked again: noise alone then confirms one of 75 in 0.006 % of runs at 3 % flips."""

MOST = 30
"""Of more scenarios that flipped so many are drawn and asked again; what the others showed stands."""

PROFILE = "{profile}"
"""Stands in the name of a baseline for that of the profile that is measured."""

_SHOWN = 200
"""Characters of what was typed that an error shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What came of holding a run against the baseline called `name`; `found` are facts in which the two differ.

    `unheard` are scenarios of an alarm that were to be asked again and have no further verdict.
    """

    name: str
    comparison: Comparison
    found: Sequence[Difference] = ()
    speeds: Sequence[SpeedChange] = ()
    speeds_not_compared: str = ""
    unheard: Sequence[Key] = ()

    @property
    def undecided(self) -> str:
        """Why there is no verdict yet: an alarm that was not looked into is none; "" where there is one."""
        count = len(self.unheard)
        verb = "was" if count == 1 else "were"
        return f"{plural(count, 'scenario')} that flipped {verb} not asked again" if count else ""

    @property
    def slower(self) -> tuple[SpeedChange, ...]:
        """The figures of speed that are worse."""
        return () if self.speeds_not_compared else tuple(change for change in self.speeds if change.is_worse)

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        slower = [f"SLOWER {change.text}" for change in self.slower]
        return "; ".join(filter(None, [*slower, self.comparison.sentence, self.undecided]))

    @property
    def lines(self) -> tuple[str, ...]:
        """How it was decided, each pack's and speed's figures, and what differs in how the two were made."""
        speeds = [change.text for change in self.speeds if self.speeds_not_compared or not change.is_worse]
        speeds += [self.speeds_not_compared] if speeds and self.speeds_not_compared else []
        differing = [f"differs, which may matter: {one.text}" for one in self.found]
        return (*self.comparison.lines, *speeds, *differing)

    @property
    def verdict(self) -> GateVerdict:
        """What the gate says of it."""
        told = f"{self.sentence} (against {self.name})"
        passed = not self.comparison.failed and not self.slower
        brief = str(self.comparison.word) if self.comparison.failed or not self.slower else "slower"
        return GateVerdict(name="baseline", passed=passed, lines=self.lines, sentence=told, brief=brief, words=told)

    def plain(self) -> dict[str, Any]:
        """Return it for programs: `baseline` is its name; the rest is as `paired.plain_of` has it."""
        return {
            "baseline": self.name,
            **plain_of(self.comparison),
            "sentence": self.sentence,
            "lines": self.lines,
            "failed": not self.verdict.passed,
            "speeds": [{**to_plain(one), "is_worse": one in self.slower, "text": one.text} for one in self.speeds],
            "speeds_not_compared": self.speeds_not_compared,
            "differences": [one.text for one in self.found],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A baseline that a run will be held against; `name` is what the user called it."""

    name: str
    baseline: Baseline

    def check(self, manifest: Mapping[str, Any]) -> None:
        """Raise `UsageProblem` where a run that is made so cannot be compared with the baseline."""
        facts = facts_of(manifest)
        packs = {name for name in facts if name.startswith("pack ")}
        if problem := refusal(differences(self.baseline.facts, facts)):
            raise UsageProblem(
                f"--llm-baseline {self.name}: {problem}: ask as it was asked, or capture it anew "
                "(llmbench baseline capture RUN... --slug NAME)"
            )
        if not packs & self.baseline.facts.keys():
            known = ", ".join(self.baseline.packs) or "nothing"
            raise UsageProblem(f"--llm-baseline {self.name} knows {known}, of which this run asks nothing")

    def check_known(self, scenarios: Iterable[Key]) -> None:
        """Raise `UsageProblem` where the baseline knows none of these: meant for before the first is asked."""
        if self.baseline.attempts.keys().isdisjoint(scenarios):
            known = ", ".join(self.baseline.packs) or "nothing"
            raise UsageProblem(f"--llm-baseline {self.name} knows {known}, and none of the scenarios that are selected")

    def to_ask_again(self, results: Iterable[Result]) -> tuple[Key, ...]:
        """Return the scenarios to ask again, `TIMES` times each, before the last word: flips, and as many controls."""
        before, now = self.baseline.attempts, attempts_of(results)
        wanted = ask_again(compare(before, now), before, now, most=MOST)
        return (*wanted.flipped, *wanted.controls)

    def held(self, manifest: Mapping[str, Any], results: Iterable[Result], fresh: Iterable[Result]) -> Held:
        """Return what came of it; `fresh` are the results of what was asked again."""
        return hold(self.name, self.baseline, later_of(manifest, results, fresh))


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What is held against a baseline: facts and attempts as its own, the medians of its speeds.

    `fresh` are the attempts of what was asked again, None where nothing was to be.
    """

    facts: Facts
    attempts: Attempts
    speeds: Mapping[str, float]
    fresh: Attempts | None = None


def later_of(manifest: Mapping[str, Any], results: Iterable[Result], fresh: Iterable[Result] | None) -> Later:
    """Return a run as what is held against a baseline."""
    every = list(results)
    return Later(
        facts=facts_of(manifest),
        attempts=attempts_of(every),
        speeds=speeds_of(every),
        fresh=attempts_of(fresh, purpose=Purpose.CONFIRM) if fresh is not None else None,
    )


def hold(name: str, baseline: Baseline, later: Later) -> Held:
    """Return what came of holding `later` against the baseline called `name`; whether it may be is another question."""
    before, now = baseline.attempts, later.attempts
    first = compare(before, now)
    wanted = ask_again(first, before, now, most=MOST)
    fresh = later.fresh or {}
    judged = {key: fresh[key] for key in (*wanted.flipped, *wanted.controls) if fresh.get(key, (0, 0))[1]}
    comparison = confirm(first, before, now, judged)
    found = differences(baseline.facts, later.facts)
    is_open = first.failed and later.fresh is not None
    return Held(
        name=name,
        comparison=comparison,
        found=tuple(one for one in found if not one.refuses),
        speeds=speed_changes(baseline.speeds, later.speeds),
        speeds_not_compared=speeds_comparable(found, comparison=comparison),
        unheard=[key for key in wanted.flipped if key not in judged] if is_open else (),
    )


def heard_again(folder: RunFolder) -> list[Result]:
    """Return the results of all that was asked again in a run."""
    reader = JournalReader(folder.confirm_dir)
    return [result for key in reader.keys() if (result := reader.result(key)) is not None]  # noqa: SIM118


def find_against(text: str, *, thinking: str, profile: str, here: Path, runs: Path) -> Against:
    """Return what ``--llm-baseline TEXT`` means: a baseline's file or slug, an earlier run, or ``latest``.

    Slugs are looked for in the folder of baselines below `here`, names of runs below `runs`; `thinking` is the arm
    that is asked now. Raises `UsageProblem`.
    """
    name = text.strip().replace(PROFILE, profile)
    try:
        return Against(name=name, baseline=_found(name, thinking=thinking, here=here, runs=runs))
    except UsageProblem as problem:
        raise UsageProblem(f"--llm-baseline {printable(text[:_SHOWN])}: {problem}") from problem
    except (OSError, ValueError) as error:  # too long for a name, or a NUL in it
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageProblem(f"--llm-baseline {printable(text[:_SHOWN])} cannot be read: {why}") from error


def _found(name: str, *, thinking: str, here: Path, runs: Path) -> Baseline:
    """Return what is there by that name; a folder that holds no run hides neither a slug nor a run."""
    if not name:
        raise UsageProblem(f"{PROFILE} stands for the name of a profile, and none is measured: add --llm-profile")
    path, folder = here / name, here / baselines.DEFAULT_FOLDER
    if path.is_file():
        return baselines.read(path) if baselines.is_baseline(path) else _of_run(open_run(path))
    if _holds_run(path):
        return _of_run(open_run(path))
    modes = _modes(name, folder)
    if thinking in modes:
        return baselines.find(name, folder, thinking=thinking)
    if modes:
        raise UsageProblem(f"it was captured with thinking {' and '.join(modes)}: add --llm-thinking {modes[0]}")
    if path.is_dir():
        return _of_run(open_run(path))  # says what such a folder is to be
    return _of_slug(name, folder, thinking=thinking, runs=runs)


def _holds_run(path: Path) -> bool:
    folder = RunFolder(path)
    return folder.is_used or folder.results_path.is_file()


def _modes(name: str, folder: Path) -> list[str]:
    """Return the thinking modes in which a slug was captured, none for what is no slug."""
    modes = baselines.MODES if _is_slug(name) else ()
    return [mode for mode in modes if baselines.path_of(folder, name, mode).is_file()]


def _of_slug(name: str, folder: Path, *, thinking: str, runs: Path) -> Baseline:
    try:
        run = find_run(name, runs)
    except UsageProblem as no_run:
        if name == LATEST or not _is_slug(name):
            raise
        try:
            return baselines.find(name, folder, thinking=thinking)
        except UsageProblem as no_baseline:  # it may have been meant as either
            raise UsageProblem(f"{no_baseline}; {no_run}") from None
    return _of_run(run)


def _is_slug(name: str) -> bool:
    try:
        baselines.check_slug(name)
    except UsageProblem:
        return False
    return True


def _of_run(run: SavedRun) -> Baseline:
    """Return one run as a baseline, however it was asked: what it is held against must have been asked alike."""
    facts = facts_of(run.manifest)
    if not run.is_whole or run.run.get("interrupted") or run.run.get("problem"):
        raise UsageProblem(f"{run.name} did not come to its end (add --llm-resume to its command)")
    if facts.get("endpoint") in RECORDED:
        raise UsageProblem(f"{run.name} rehearsed recorded answers: no model is to be held against that")
    return Baseline(
        slug=run.name,
        thinking=str(facts["thinking"]),
        model=run.model,
        runs=(run.name,),
        captured_at=str(run.manifest.get("started_at", ""))[:19],
        facts=facts,
        attempts=attempts_of(run.results),
        speeds={name: (value,) for name, value in speeds_of(run.results).items()},
    )
