"""``llmbench inspect``: what a run's trials came to, why, what was said, and what another run says of them."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from pytest_llmbench.commands import saved
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Outcome, Reason, Result, TrialKey
from pytest_llmbench.reports.inspection import (
    Difference,
    answer_diff,
    answer_text,
    difference_lines,
    differences,
    listing,
    transcript,
)
from pytest_llmbench.reports.table import measured_text
from pytest_llmbench.saved_run import SavedRun

HELP = "show a run's trials: verdicts, reasons, tokens, whole talks, differences from another run"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    saved.add_run(parser)
    parser.add_argument("--failed", action="store_true", help="only trials that did not pass")
    parser.add_argument(
        "--scenario", action="append", default=[], metavar="ID", help="only these: an id, a glob, or pack/id"
    )
    parser.add_argument("--reason", action="append", default=[], metavar="REASON", help="only trials with this reason")
    parser.add_argument("--full", action="store_true", help="every request and answer of each trial, and its checks")
    parser.add_argument("--diff", default="", metavar="OTHER", help=f"what changed since this run: {saved.RUN_HELP}")


def run(options: argparse.Namespace) -> int:
    """Print what was asked for and return 0; raises `UsageProblem`."""
    _check_reasons(options.reason)
    found = saved.opened(options.run, options)
    if options.diff:
        _print_diff(saved.opened(options.diff, options), found, options)
        return 0
    chosen = _chosen(found.results, options)
    if options.json:
        saved.print_json({"run": found.folder.path, "trials": [_plain(found, result, options) for result in chosen]})
        return 0
    print(measured_text(saved.counted(found)), "", sep="\n")
    if options.full:
        for result in chosen:
            print(*transcript(result, found.turns(result.key)), "", sep="\n")
    else:
        print(*_listed(found, chosen), sep="\n")
    return 0


def _listed(found: SavedRun, chosen: Sequence[Result]) -> list[str]:
    if not chosen:
        return ["no trial of this run fits" if found.results else "no trial of this run has a result yet"]
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return [*listing(chosen, columns=columns), *_next_step(found, chosen)]


def _check_reasons(reasons: Sequence[str]) -> None:
    names = [str(reason) for reason in Reason]
    for reason in reasons:
        if reason not in names:
            raise UsageProblem(f'--reason: there is no reason "{reason}": {suggestion(reason, names)}')


def _chosen(results: Sequence[Result], options: argparse.Namespace) -> list[Result]:
    """Return the results that the filters let through; raises `UsageProblem` for a scenario that was never asked."""
    for pattern in options.scenario:
        if not any(_is_meant(result.key, pattern) for result in results):
            names = {result.key.scenario for result in results}
            raise UsageProblem(f'--scenario: no trial of "{pattern}" in this run: {suggestion(pattern, names)}')
    return [result for result in results if _fits(result, options)]


def _fits(result: Result, options: argparse.Namespace) -> bool:
    verdict = result.verdict
    if options.failed and verdict.outcome is Outcome.PASS:
        return False
    if options.reason and str(verdict.reason) not in options.reason:
        return False
    return not options.scenario or any(_is_meant(result.key, pattern) for pattern in options.scenario)


def _is_meant(key: TrialKey, pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in (key.scenario, f"{key.pack}/{key.scenario}"))


def _plain(found: SavedRun, result: Result, options: argparse.Namespace) -> dict[str, Any]:
    own = {name: getattr(result, name) for name in ("title", "verdict", "latency_s", "first_token_s", "decode_tps")}
    own |= {name: getattr(result, name) for name in ("prompt_tokens", "completion_tokens", "turns", "finish_reason")}
    place = {"pack": result.key.pack, "scenario": result.key.scenario, "attempt": result.key.attempt}
    return {**place, **own, **({"exchange": found.turns(result.key)} if options.full else {})}


def _next_step(found: SavedRun, chosen: Sequence[Result]) -> list[str]:
    failed = next((result for result in chosen if result.verdict.outcome is not Outcome.PASS), None)
    if failed is None:
        return []
    return ["", f"the whole talk: llmbench inspect {found.folder.path} --scenario {failed.key.scenario} --full"]


def _print_diff(before: SavedRun, now: SavedRun, options: argparse.Namespace) -> None:
    places = {_place(result) for one in (before, now) for result in _chosen_of_both(one, before, now, options)}
    old, new = ([result for result in one.results if _place(result) in places] for one in (before, now))
    answers = _answers(before, now, old, new)
    found = differences(old, new, answers=answers)
    same = len({_place(result) for result in (*old, *new)}) - len(found)
    if options.json:
        saved.print_json(
            {
                "before": before.folder.path,
                "now": now.folder.path,
                "same": same,
                "differences": [_plain_difference(one, answers, options) for one in found],
            }
        )
        return
    print(f"before: {before.folder.path}", f"now:    {now.folder.path}", "", sep="\n")
    for one in found if options.full else ():
        print(*answer_diff(one, answers.get(one.key, ("", ""))), "", sep="\n")
    print(*difference_lines(found, same=same), sep="\n")


def _chosen_of_both(one: SavedRun, before: SavedRun, now: SavedRun, options: argparse.Namespace) -> Iterable[Result]:
    """Let a filter fit where either run fits it; a scenario must be known to one of them."""
    _chosen((*before.results, *now.results), options)
    return (result for result in one.results if _fits(result, options))


def _place(result: Result) -> tuple[str, str, int]:
    return result.key.pack, result.key.scenario, result.key.attempt


def _answers(
    before: SavedRun, now: SavedRun, old: Sequence[Result], new: Sequence[Result]
) -> dict[TrialKey, tuple[str, str]]:
    """Return the last answers of both runs by the key of the later one."""
    earlier = {_place(result): result.key for result in old}
    return {
        result.key: (answer_text(before.turns(earlier[_place(result)])), answer_text(now.turns(result.key)))
        for result in new
        if _place(result) in earlier
    }


def _plain_difference(
    one: Difference, answers: dict[TrialKey, tuple[str, str]], options: argparse.Namespace
) -> dict[str, Any]:
    texts = answers.get(one.key)
    return {
        "pack": one.key.pack,
        "scenario": one.key.scenario,
        "attempt": one.key.attempt,
        "before": one.before and one.before.verdict,
        "now": one.now and one.now.verdict,
        "answers_differ": one.answers_differ,
        **({"answers": {"before": texts[0], "now": texts[1]}} if options.full and texts else {}),
    }
