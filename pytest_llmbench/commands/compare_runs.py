"""``llmbench compare``: saved runs side by side, and whether the later ones are worse than the first."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from string import ascii_uppercase

from pytest_llmbench.commands import saved
from pytest_llmbench.comparable import differences, facts_of
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.regression import attempts_of, compare
from pytest_llmbench.reports.comparison import comparison_json
from pytest_llmbench.reports.side_by_side import Pairing, pairing_lines, pairing_plain, reasons_of
from pytest_llmbench.saved_run import SavedRun

HELP = "put runs side by side, and tell whether the later ones are worse than the first"

_FIRST = ascii_uppercase[0]
"""What the table calls the run that all others are held against."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    parser.add_argument("names", nargs="+", metavar="RUN", help=f"two runs or more: {saved.RUN_HELP}")
    saved.add_base(parser)


def run(options: argparse.Namespace) -> int:
    """Print the comparison and return 0, whatever it says; raises `UsageProblem`."""
    if not 2 <= len(options.names) <= len(ascii_uppercase):
        raise UsageProblem(f"name 2 to {len(ascii_uppercase)} runs: llmbench compare RUN latest")
    runs = dict(zip(ascii_uppercase, (saved.opened(name, options) for name in options.names), strict=False))
    summaries = {f"{letter} {one.profile or one.model}".strip(): saved.counted(one) for letter, one in runs.items()}
    first = runs[_FIRST]
    pairings = [_pairing(letter, first, one) for letter, one in runs.items() if letter != _FIRST]
    paths = {letter: str(one.folder.path) for letter, one in runs.items()}
    if options.json:
        table = json.loads(comparison_json(summaries))
        saved.print_json({**table, "runs": paths, "pairings": [pairing_plain(one) for one in pairings]})
        return 0
    print(*pairing_lines(summaries, paths, pairings), sep="\n")
    return 0


def _pairing(letter: str, first: SavedRun, other: SavedRun) -> Pairing:
    found = differences(facts_of(first.manifest), facts_of(other.manifest))
    return Pairing(
        name=letter,
        comparison=replace(compare(attempts_of(first.results), attempts_of(other.results)), earlier=_FIRST),
        differences=[one.text for one in found if one.refuses],
        warnings=[one.text for one in found if not one.refuses],
        reasons=reasons_of(other.results),
    )
