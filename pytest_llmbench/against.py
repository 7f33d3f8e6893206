"""A run held against a baseline: what it is held against, whether it may be, and the gate's word on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmbench import baselines
from pytest_llmbench.baselines import Baseline
from pytest_llmbench.capture import speeds_of
from pytest_llmbench.comparable import Difference, differences, facts_of, refusal
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.flips import Key
from pytest_llmbench.gate import GateVerdict
from pytest_llmbench.paired import Comparison, plain_of
from pytest_llmbench.records import Purpose, Result, to_plain
from pytest_llmbench.regression import ask_again, attempts_of, compare, confirm
from pytest_llmbench.saved_run import LATEST, RECORDED, SavedRun, find_run, open_run
from pytest_llmbench.speeds import SpeedChange, speed_changes, speeds_comparable

TIMES = 3
"""How often each scenario is asked again: noise alone then confirms one of 75 in 0.006 % of runs at 3 % flips."""

MOST = 30
"""Scenarios that flipped of which as many are asked again; chance flips fewer, so more need no asking."""

PROFILE = "{profile}"
"""Stands in the name of a baseline for that of the profile that is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What came of holding a run against the baseline called `name`; `found` are facts in which the two differ."""

    name: str
    comparison: Comparison
    found: Sequence[Difference] = ()
    speeds: Sequence[SpeedChange] = ()
    unspeedy: str = ""

    @property
    def slower(self) -> tuple[SpeedChange, ...]:
        """The figures of speed that are worse."""
        return () if self.unspeedy else tuple(change for change in self.speeds if change.is_worse)

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return "; ".join([*(f"SLOWER {change.text}" for change in self.slower), self.comparison.sentence])

    @property
    def lines(self) -> tuple[str, ...]:
        """How it was decided, each pack's and speed's figures, and what differs in how the two were made."""
        speeds = [self.unspeedy] if self.unspeedy else [change.text for change in self.speeds]
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
            "speeds": to_plain(self.speeds),
            "speeds_not_compared": self.unspeedy,
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

    def to_ask_again(self, results: Iterable[Result]) -> tuple[Key, ...]:
        """Return the scenarios to ask again, `TIMES` times each, before the last word: flips, and as many controls."""
        before, now = self.baseline.attempts, attempts_of(results)
        wanted = ask_again(compare(before, now), before, now, most=MOST)
        return (*wanted.flipped, *wanted.controls)

    def held(self, manifest: Mapping[str, Any], results: Iterable[Result], fresh: Iterable[Result]) -> Held:
        """Return what came of it; `fresh` are the results of what was asked again."""
        every = list(results)
        now, before = attempts_of(every), self.baseline.attempts
        comparison = compare(before, now)
        wanted = set(self.to_ask_again(every))
        again = attempts_of(fresh, purpose=Purpose.CONFIRM)
        comparison = confirm(comparison, before, now, {key: again[key] for key in again if key in wanted})
        found = differences(self.baseline.facts, facts_of(manifest))
        return Held(
            name=self.name,
            comparison=comparison,
            found=tuple(one for one in found if not one.refuses),
            speeds=speed_changes(self.baseline.speeds, speeds_of(every)),
            unspeedy=speeds_comparable(found, comparison=comparison),
        )


def find_against(text: str, *, thinking: str, profile: str, here: Path, runs: Path) -> Against:
    """Return what ``--llm-baseline TEXT`` means: a baseline's file or slug, an earlier run, or ``latest``.

    Slugs are looked for in the folder of baselines below `here`, names of runs below `runs`; `thinking` is the arm
    that is asked now. Raises `UsageProblem`.
    """
    name = text.replace(PROFILE, profile)
    path, folder = here / name, here / baselines.DEFAULT_FOLDER
    try:
        if path.is_file() and baselines.is_baseline(path):
            return Against(name=name, baseline=baselines.read(path))
        if path.exists():
            return Against(name=name, baseline=_of_run(open_run(path)))
        if name == LATEST:
            return Against(name=name, baseline=_of_run(find_run(name, runs)))
        return Against(name=name, baseline=_of_slug(name, folder, thinking=thinking, runs=runs))
    except UsageProblem as problem:
        raise UsageProblem(f"--llm-baseline {text}: {problem}") from problem


def _of_slug(name: str, folder: Path, *, thinking: str, runs: Path) -> Baseline:
    if baselines.path_of(folder, name, thinking).is_file():
        return baselines.find(name, folder, thinking=thinking)
    other = [mode for mode in baselines.MODES if baselines.path_of(folder, name, mode).is_file()]
    if other:
        raise UsageProblem(f"it was captured with thinking {' and '.join(other)}: add --llm-thinking {other[0]}")
    try:
        return _of_run(find_run(name, runs))
    except UsageProblem:
        return baselines.find(name, folder, thinking=thinking)  # says what there is


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
