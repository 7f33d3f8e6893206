"""``llmbench baseline``: keep what a model can do in a file, and hold later runs against it."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmbench.baselines import DEFAULT_FOLDER, Baseline, find, is_baseline, listed, path_of, read, write
from pytest_llmbench.capture import aggregate, speeds_of
from pytest_llmbench.commands import saved
from pytest_llmbench.comparable import Difference, Facts, differences, facts_of, refusal
from pytest_llmbench.flips import Attempts, Word
from pytest_llmbench.paired import Comparison, amount, plain_of
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.regression import attempts_of, compare
from pytest_llmbench.reports.wording import flip_lines, pad, single_line, width
from pytest_llmbench.saved_run import LATEST
from pytest_llmbench.speeds import SpeedChange, speed_changes, speeds_comparable
from pytest_llmbench.summary import plural

HELP = "keep what a model can do in a file to commit, and hold runs against it"

FINE, WORSE = 0, 1
_HEADS = ("slug", "thinking", "model", "runs", "passed", "unstable", "captured", "packs")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    capture = acts.add_parser(
        "capture", help="make a baseline of runs, or make it anew", description=capture_run.__doc__
    )
    capture.add_argument("names", nargs="+", metavar="RUN", help=saved.RUN_HELP)
    capture.add_argument("--slug", required=True, metavar="NAME", help="what to call it, such as vllm/qwen-27b")
    listing = acts.add_parser("list", help="list the baselines there are", description=list_run.__doc__)
    show = acts.add_parser("show", help="show a baseline, scenario by scenario", description=show_run.__doc__)
    diff = acts.add_parser("diff", help="hold a run against a baseline", description=diff_run.__doc__)
    diff.add_argument("name", metavar="BASELINE", help="a slug, or the file of a baseline")
    diff.add_argument("other", nargs="?", default=LATEST, metavar="RUN", help=f"{saved.RUN_HELP}, or a baseline")
    show.add_argument("name", metavar="BASELINE", help="a slug, or the file of a baseline")
    for act in (show, diff):
        act.add_argument("--thinking", choices=("pack", "on", "off"), default="", help="which one of the slug's")
    for act in (capture, listing, show, diff):
        act.add_argument("--dir", type=Path, default=DEFAULT_FOLDER, metavar="DIR", help="where they are (%(default)s)")
        saved.add_base(act)


def run(options: argparse.Namespace) -> int:
    """Return the exit code of what was done; raises `UsageProblem`."""
    return _ACTS[options.act](options)


def capture_run(options: argparse.Namespace) -> int:
    """Write the baseline of one run or of several alike; an earlier one of the same slug and thinking gives way."""
    baseline = aggregate([saved.opened(name, options) for name in options.names], slug=options.slug)
    path = path_of(options.dir, baseline.slug, baseline.thinking)
    earlier = read(path) if path.is_file() else None
    write(options.dir, baseline)
    if options.json:
        saved.print_json({"path": str(path), **_plain(baseline)})
        return FINE
    print(f"{path}: {_told(baseline)}")
    if earlier is not None:
        print(f"it takes the place of {_told(earlier)}")
    if all(judged == 1 for _, judged in baseline.attempts.values()):
        print("one attempt each says nothing of its noise: three find smaller drops (pytest --llm-repeat 3)")
    elif len(baseline.runs) == 1:
        print("all attempts are of one session: runs of several also show what differs from one to the next")
    return FINE


def list_run(options: argparse.Namespace) -> int:
    """List the baselines below the folder."""
    every = listed(options.dir)
    if options.json:
        saved.print_json([_plain(baseline) for baseline in every])
    elif not every:
        print(f"{options.dir} holds no baseline: llmbench baseline capture RUN... --slug NAME makes one")
    else:
        print(*_columns([_HEADS, *(_cells(baseline) for baseline in every)]), sep="\n")
    return FINE


def show_run(options: argparse.Namespace) -> int:
    """Show what a baseline holds: its packs, the scenarios that do not always pass, how it was measured."""
    baseline = find(options.name, options.dir, thinking=options.thinking)
    if options.json:
        saved.print_json({**_plain(baseline), "scenarios": _scenarios(baseline), "facts": baseline.facts})
        return FINE
    print(_told(baseline))
    for pack in baseline.packs:
        passed, size = baseline.score(pack)
        print(f"\n{pack} {amount(passed)}/{size}")
        rest = {name: counts for name, counts in _scenarios(baseline)[pack].items() if counts[0] < counts[1]}
        for name, (passed_times, judged) in rest.items():
            print(f"  {name} {passed_times}/{judged}{' flaky' if passed_times else ''}")
    print("", *(f"{name}: {single_line(str(value), 200)}" for name, value in baseline.facts.items()), sep="\n")
    for name, values in baseline.speeds.items():
        print(f"{name}: {_figures(values)}")
    return FINE


def diff_run(options: argparse.Namespace) -> int:
    """Hold a run, or another baseline, against a baseline; exit 1 where it got worse, slower or cannot be compared."""
    before = find(options.name, options.dir, thinking=options.thinking)
    other = _other(options)
    found = differences(before.facts, other.facts)
    refused = refusal(found)
    comparison = None if refused else compare(before.attempts, other.attempts)
    speeds = _speeds(before, other, found, comparison)
    if options.json:
        plain = {**_diff_plain(found, comparison, refused), "speeds": [before.speeds, other.speeds]}
        saved.print_json({**plain, **speeds.plain})
    else:
        print(*speeds.slower, *_diff_lines(found, comparison, refused), *speeds.lines, sep="\n")
    return WORSE if comparison is None or comparison.failed or speeds.slower else FINE


_ACTS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "capture": capture_run,
    "list": list_run,
    "show": show_run,
    "diff": diff_run,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Other:
    """What is held against a baseline."""

    facts: Facts
    attempts: Attempts
    speeds: Mapping[str, tuple[float, ...]]


def _other(options: argparse.Namespace) -> _Other:
    """Return the other baseline that is named, or the run."""
    if is_baseline(Path(options.other)):
        baseline = read(Path(options.other))
        return _Other(facts=baseline.facts, attempts=baseline.attempts, speeds=baseline.speeds)
    run = saved.opened(options.other, options)
    speeds = {name: (value,) for name, value in speeds_of(run.results).items()}
    return _Other(facts=facts_of(run.manifest), attempts=attempts_of(run.results), speeds=speeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Speeds:
    """What became of the speeds; `why` they were not held against each other, or ""."""

    changes: tuple[SpeedChange, ...]
    why: str

    @property
    def slower(self) -> list[str]:
        return [] if self.why else [f"SLOWER {change.text}" for change in self.changes if change.is_worse]

    @property
    def lines(self) -> list[str]:
        told = [change.text for change in self.changes if self.why or not change.is_worse]
        return [*told, self.why] if told and self.why else told

    @property
    def plain(self) -> dict[str, Any]:
        changes = [
            {**to_plain(change), "is_worse": change.is_worse and not self.why, "text": change.text}
            for change in self.changes
        ]
        return {"speed_changes": changes, "speeds_not_compared": self.why}


def _speeds(before: Baseline, other: _Other, found: Sequence[Difference], comparison: Comparison | None) -> _Speeds:
    """Hold the speeds against each other; those of several runs now by their median."""
    now = {name: statistics.median(values) for name, values in other.speeds.items() if values}
    why = speeds_comparable(found, comparison=comparison)
    if comparison is None and not why:
        why = "speeds were not compared, for nothing was"
    return _Speeds(changes=speed_changes(before.speeds, now), why=why)


def _figures(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def _told(baseline: Baseline) -> str:
    passed, size = baseline.score()
    runs, unstable = plural(len(baseline.runs), "run"), plural(len(baseline.unstable), "unstable scenario")
    model = single_line(baseline.model, 80)
    return f"{model}, {amount(passed)} of {size} in {runs} up to {baseline.captured_at}, {unstable}"


def _scenarios(baseline: Baseline) -> dict[str, dict[str, tuple[int, int]]]:
    found: dict[str, dict[str, tuple[int, int]]] = {pack: {} for pack in baseline.packs}
    for (pack, scenario), counts in sorted(baseline.attempts.items()):
        found[pack][scenario] = counts
    return found


def _plain(baseline: Baseline) -> dict[str, Any]:
    passed, size = baseline.score()
    scores = {pack: dict(zip(("passed", "size"), baseline.score(pack), strict=True)) for pack in baseline.packs}
    return {
        "slug": baseline.slug,
        "thinking": baseline.thinking,
        "model": baseline.model,
        "captured_at": baseline.captured_at,
        "runs": baseline.runs,
        "passed": passed,
        "size": size,
        "packs": scores,
        "unstable": [f"{pack}/{scenario}" for pack, scenario in baseline.unstable],
        "speeds": baseline.speeds,
    }


def _cells(baseline: Baseline) -> tuple[str, ...]:
    passed, size = baseline.score()
    return (
        baseline.slug,
        baseline.thinking,
        single_line(baseline.model, 40),
        str(len(baseline.runs)),
        f"{amount(passed)}/{size}",
        str(len(baseline.unstable)),
        baseline.captured_at[:10],
        ", ".join(baseline.packs),
    )


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(pad(text, widths[at]) for at, text in enumerate(row)).rstrip() for row in rows]


def _diff_lines(found: Sequence[Difference], comparison: Comparison | None, refused: str) -> list[str]:
    if comparison is None:
        return [refused]
    flips = map(single_line, flip_lines(plain_of(comparison)))
    notes = [f"differs, which may matter: {single_line(one.text)}" for one in found]
    return [comparison.sentence, *comparison.lines, *flips, *notes]


def _diff_plain(found: Sequence[Difference], comparison: Comparison | None, refused: str) -> dict[str, Any]:
    differing = [{"name": one.name, "before": one.before, "now": one.now, "refuses": one.refuses} for one in found]
    if comparison is None:
        return {"word": Word.NOT_COMPARABLE, "sentence": refused, "differences": differing}
    return {**plain_of(comparison), "differences": differing}
