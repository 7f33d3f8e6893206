"""``llmbench baseline``: keep what a model can do in a file, and hold later runs against it."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmbench.against import Later, heard_again, hold, later_of
from pytest_llmbench.baselines import DEFAULT_FOLDER, Baseline, find, is_baseline, listed, path_of, read, write
from pytest_llmbench.capture import aggregate
from pytest_llmbench.commands import saved
from pytest_llmbench.comparable import Difference, differences, refusal
from pytest_llmbench.flips import Word
from pytest_llmbench.paired import amount
from pytest_llmbench.reports.wording import flip_lines, pad, single_line, width
from pytest_llmbench.saved_run import LATEST
from pytest_llmbench.summary import plural

HELP = "keep what a model can do in a file to commit, and hold runs against it"

FINE, WORSE = 0, 1
_HEADS = ("slug", "thinking", "model", "runs", "passed", "unstable", "captured", "packs")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    acts = parser.add_subparsers(dest="act", metavar="capture|list|show|diff", required=True)
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
    later = _later(options)
    found = differences(before.facts, later.facts)
    if refused := refusal(found):
        _print_refused(refused, found, options)
        return WORSE
    held = hold(before.slug, before, later)
    if options.json:
        saved.print_json(held.plain())
    else:
        print(*map(single_line, [held.sentence, *held.lines, *flip_lines(held.plain())]), sep="\n")
    return FINE if held.verdict.passed else WORSE


_ACTS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "capture": capture_run,
    "list": list_run,
    "show": show_run,
    "diff": diff_run,
}


def _later(options: argparse.Namespace) -> Later:
    """Return the other baseline that is named, or the run with what was asked again in it."""
    if is_baseline(Path(options.other)):
        other = read(Path(options.other))
        speeds = {name: statistics.median(values) for name, values in other.speeds.items() if values}
        return Later(facts=other.facts, attempts=other.attempts, speeds=speeds)
    run = saved.opened(options.other, options)
    return later_of(run.manifest, run.results, heard_again(run.folder) or None)


def _print_refused(refused: str, found: Sequence[Difference], options: argparse.Namespace) -> None:
    if options.json:
        texts = [one.text for one in found]
        saved.print_json({"word": Word.NOT_COMPARABLE, "sentence": refused, "failed": True, "differences": texts})
    else:
        print(refused)


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
