"""``llmbench history``: how the score of each pack went over all runs, by model and profile."""

from __future__ import annotations

import argparse
from fnmatch import fnmatchcase

from pytest_llmbench.commands import saved
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.reports.series import Point, points_of
from pytest_llmbench.reports.trend import left_out, trend_lines, trend_plain
from pytest_llmbench.run_heads import runs_below

HELP = "show how each pack's score went over all runs, oldest first"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    parser.add_argument("packs", nargs="*", metavar="PACK", help="only these packs: an id or a glob (default: all)")
    parser.add_argument("--model", default="*", metavar="GLOB", help="only models or profiles that this fits")
    saved.add_base(parser)


def run(options: argparse.Namespace) -> int:
    """Print the trend and return 0; raises `UsageProblem` where there is none."""
    heads = runs_below(options.runs)
    every = [point for head in heads for point in points_of(head)]
    note = left_out(heads)
    if not every:
        raise UsageProblem(f"no finished run below {options.runs}. {note}")
    points = _chosen(every, options)
    if options.json:
        saved.print_json(trend_plain(points))
        return 0
    print(*trend_lines(points), *filter(None, [note]), sep="\n")
    return 0


def _chosen(points: list[Point], options: argparse.Namespace) -> list[Point]:
    known = {point.pack for point in points}
    for pattern in options.packs:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise UsageProblem(f'no run of a pack "{pattern}": {suggestion(pattern, known)}')
    found = [
        point
        for point in points
        if any(fnmatchcase(point.pack, pattern) for pattern in options.packs or ["*"])
        and any(fnmatchcase(name, options.model) for name in (point.model, point.profile))
    ]
    if not found:
        names = {name for point in points for name in (point.model, point.profile) if name}
        raise UsageProblem(f'--model: no run of "{options.model}": {suggestion(options.model, names)}')
    return found
