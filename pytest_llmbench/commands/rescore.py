"""``llmbench rescore RUN``: what a run's answers are worth by today's packs and verifiers. Asks no model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pytest_llmbench.assemble import build_sandbox, builtin_families, with_sandbox
from pytest_llmbench.commands import saved
from pytest_llmbench.config_file import sandbox_settings_in
from pytest_llmbench.contracts import Families, SandboxedVerifier
from pytest_llmbench.datasets import fill
from pytest_llmbench.errors import LlmbenchError, UsageProblem
from pytest_llmbench.records import Scenario, Verdict
from pytest_llmbench.reports.wording import single_line
from pytest_llmbench.rescoring import stage
from pytest_llmbench.rescoring.changes import Change, Changes
from pytest_llmbench.rescoring.conditions import reasons
from pytest_llmbench.rescoring.rejudging import Bench, State, rejudge
from pytest_llmbench.rescoring.todays_packs import Judges, PackBook, find_todays_packs
from pytest_llmbench.rescoring.write_back import refuse_writing, write_back
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.sandboxes import LAUNCHERS
from pytest_llmbench.sandboxes.deferred import DeferredSandbox
from pytest_llmbench.saved_run import SavedRun, find_folder
from pytest_llmbench.summary import Counts, plural
from pytest_llmbench.verifiers import VERIFIERS

HELP = "judge a run's answers again, by today's packs and verifiers; no model is asked"
DETAIL = 160
"""Characters of a verdict's detail that are shown."""

_FINE, _NOT_ALL = 0, 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    saved.add_run(parser)
    parser.add_argument("--in-place", action="store_true", help="write the new verdicts into the run folder")
    parser.add_argument(
        "--packs",
        action="append",
        default=[],
        metavar="PACK",
        help="where a pack of the run is now; may be given again",
    )
    parser.add_argument("--data", metavar="DIR", default="", help="a folder with benchmark data, for packs made of it")
    parser.add_argument("--sandbox", choices=["auto", *LAUNCHERS], help="where programs run")


def run(options: argparse.Namespace) -> int:
    """Return 0 where every answer was judged, 1 where some could not be; raises `LlmbenchError`."""
    finished = _finished(find_folder(options.run, options.runs))
    found = saved.opened(options.run, options)
    if options.in_place:
        refuse_writing(found)
    settings = sandbox_settings_in(Path.cwd(), options.sandbox)
    families = builtin_families()
    book = find_todays_packs(found.every, found.folder.path, options.packs, families)
    if not book.packs:
        raise UsageProblem("; ".join(book.problems.values()) or f"{found.name} holds no answer to a pack")
    sandbox = build_sandbox(settings)
    try:
        return _rescored(_work(found, book, families, sandbox, data=options.data), options, finished)
    except OSError as error:
        raise LlmbenchError(f"{found.folder.path} cannot be written: {error}") from error
    finally:
        sandbox.close()


def _finished(path: Path) -> bool:
    """Put verdicts in place that an interrupted rescoring has left complete."""
    return path.is_dir() and stage.finish(RunFolder(path)) is not None


def _work(found: SavedRun, book: PackBook, families: Families, sandbox: DeferredSandbox, *, data: str) -> Bench:
    judges = Judges(dialogues=families.dialogues, verifiers=with_sandbox(families.verifiers, sandbox))

    def made_ready(scenario: Scenario) -> Scenario:
        if isinstance(families.verifiers[scenario.verifier], SandboxedVerifier):
            sandbox.chosen()
        return fill(scenario, data=data, say=_say)

    return Bench(run=found, book=book, judges=judges, fill=made_ready, sandbox=partial(_described, sandbox))


def _described(sandbox: DeferredSandbox) -> dict[str, str]:
    """Return where programs were run, as a manifest has it; {} where none was."""
    facts = dict(sandbox.describe())
    return {"kind": facts.pop("sandbox"), **facts} if facts else {}


def _rescored(bench: Bench, options: argparse.Namespace, finished: bool) -> int:  # noqa: FBT001 - one of three facts
    changes = Changes()
    outcome: dict[str, Any] = {"run": str(bench.run.folder.path), "finished_an_earlier_one": finished}
    if options.in_place:
        files = write_back(bench, changes)
    else:
        files = []
        for one in rejudge(bench):
            changes.add(one)
    outcome |= {**changes.plain(), "why": reasons(bench.run, bench.book), "written": [str(path) for path in files]}
    if options.json:
        saved.print_json(outcome)
    else:
        print(*_told(bench.run, changes, outcome, options.in_place), sep="\n")
    open_ends = {State.BLOCKED, State.OUTDATED} & changes.states.keys()
    return _NOT_ALL if open_ends or bench.book.problems else _FINE


def _told(found: SavedRun, changes: Changes, outcome: dict[str, Any], in_place: bool) -> Iterator[str]:  # noqa: FBT001 - see above
    if outcome["finished_an_earlier_one"]:
        yield f"{found.name}: an interrupted rescoring was finished first"
    judged = plural(changes.states[State.JUDGED], "answer")
    yield f"{found.name}  {single_line(found.model, 200)}: {judged} judged again"
    for why in outcome["why"]:
        before, after = changes.counts()[why["id"]]
        yield f"    {why['id']}  {_counts(before)} -> {_counts(after)}  ({why['why']})"
    yield from (f"    {_line(change)}" for change in changes.changed)
    yield from _unversioned(changes, outcome["why"])
    if changes.reworded:
        yield f"    {plural(changes.reworded, 'verdict')} the same in other words"
    for (state, why), names in changes.notes.items():
        yield f"    not judged ({state}): {_some(names)}: {single_line(why, DETAIL)}"
    yield from _ending(changes, outcome["written"], found, in_place=in_place)


def _unversioned(changes: Changes, told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say where the code of a verifier of one's own was changed under the version it had."""
    changed = {change.pack for change in changes.changed if change.before is not None}
    for why in told:
        foreign = [name for name in why["rules"] if name not in VERIFIERS]
        hashes = why["content_hash"]
        if why["id"] in changed and foreign and hashes["before"] == hashes["after"]:
            names = ", ".join(single_line(name, 80) for name in foreign)
            yield (
                f"    {why['id']}: {names} has the rules_version it had: raise it, else runs judged before the change "
                "are taken for comparable"
            )


def _ending(changes: Changes, files: Sequence[str], found: SavedRun, *, in_place: bool) -> Iterator[str]:
    if files:
        yield "Written, the old ones kept beside them:"
        yield from (f"    {path}" for path in files)
    elif not changes.changed and State.BLOCKED not in changes.states:
        yield "Nothing was written: these are the verdicts that the run has."
    elif in_place:
        yield (
            f"Nothing was written: {plural(changes.states[State.BLOCKED], 'answer')} could not be judged. "
            "What was judged is kept: type the same again when that is mended"
        )
    else:
        yield f"Nothing was written. To keep it: llmbench rescore {found.folder.path} --in-place"


def _counts(counts: Counts) -> str:
    """Return ``12/14, 1 error``; how many were selected is no news of a rescoring."""
    errors = f", {plural(counts.errors, 'error')}" if counts.errors else ""
    return f"{counts.passed}/{counts.counted}{errors}"


def _line(change: Change) -> str:
    attempt = f" attempt {change.attempt}" if change.attempt > 1 else ""
    return f"{change.pack} {change.scenario}{attempt}: {_word(change.before)} -> {_word(change.after)}"


def _word(verdict: Verdict | None) -> str:
    if verdict is None:
        return "no verdict"
    detail = f" ({single_line(' '.join(verdict.detail.split()), DETAIL)})" if verdict.detail else ""
    return f"{verdict.outcome} {verdict.reason}{detail}" if verdict.reason else str(verdict.outcome)


def _some(names: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


_say: Callable[[str], None] = lambda line: print(line, file=sys.stderr)  # noqa: E731
