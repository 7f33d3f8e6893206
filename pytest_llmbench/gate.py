"""Summary -> does the gate hold, and with which exit code and sentence does the run end."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Mapping
from textwrap import shorten

from pytest_llmbench.endings import (
    AGAIN,
    COMPLETE,
    FAILED,
    INCOMPLETE,
    INTERNAL,
    INTERRUPTED,
    IS_COMPLETE,
    IS_DOUBTFUL,
    IS_INCOMPLETE,
    NOT_MEASURED,
    NOTHING,
    RESUME,
    UNWRITTEN,
    USAGE,
    Brief,
    Exit,
    combined,
    ending,
)
from pytest_llmbench.gate_judging import check_terms, judge_terms
from pytest_llmbench.gate_named import floors, strict
from pytest_llmbench.gate_terms import Gate, parse_gate
from pytest_llmbench.gate_verdict import GateVerdict, refused, together
from pytest_llmbench.records import Outcome
from pytest_llmbench.summary import Summary, plural, thinking_problem

__all__ = [
    "COMPLETE",
    "FAILED",
    "UNWRITTEN",
    "Exit",
    "Gate",
    "GateVerdict",
    "check_gate",
    "check_gate_packs",
    "combined",
    "decide",
    "exit_code",
    "together",
]

_SHORT = 100
"""Characters of a reason where several servers are told in one line."""


def check_gate(gate: str) -> Gate:
    """Return what `gate` asks for: names, terms, or the file of them; meant for before the run.

    Raises `UsageProblem` that says where it cannot be understood and how it is written.
    """
    return parse_gate(gate)


def check_gate_packs(gate: str | Gate, summary: Summary) -> None:
    """Raise `UsageProblem` for a term that names a pack which is not in the run; meant for before its first item.

    `summary` is what the run is known to consist of by then.
    """
    check_terms(_parsed(gate), summary)


def decide(summary: Summary, gate: str | Gate, *, baseline: GateVerdict | None = None) -> GateVerdict:
    """Return whether `gate` holds: "" (none), ``strict``, ``floors``, terms, a file, or several of these.

    `baseline` is what a comparison said beside it.

    ``strict`` fails on any FAIL. ``floors`` fails a pack only if even the upper end of its Wilson 95 %
    interval is below the pack's floor, and warns where only the score itself is. A term compares the figure itself.
    A text is read again, file and all; what `check_gate` returned is as it was then. Raises `UsageProblem` as that.
    """
    asked = _parsed(gate)
    beside = [baseline] if baseline is not None else []
    if (asked.title or beside) and (problem := thinking_problem(summary)):
        name = " and ".join(filter(None, [*(one.name for one in beside), asked.title]))
        return refused(name, f"the model did not think as it was asked to: {problem}")
    verdicts = [_NAMED[name](summary) for name in asked.names]
    if asked.terms:
        verdicts.append(judge_terms(summary, asked))
    if asked.is_file:
        verdicts = [dataclasses.replace(together(verdicts), name=asked.title)]
    return together([*beside, *verdicts])


_NAMED: Mapping[str, Callable[[Summary], GateVerdict]] = {"strict": strict, "floors": floors}


def _parsed(gate: str | Gate) -> Gate:
    return parse_gate(gate) if isinstance(gate, str) else gate


def exit_code(
    summary: Summary,
    verdict: GateVerdict,
    *,
    pytest_status: int = 0,
    ordinary_failures: int = 0,
    strict_thinking: bool = False,
) -> Exit:
    """Return the run's exit code and why.

    `pytest_status` is what pytest itself would end with; its 1 may stem from scenarios alone, so
    `ordinary_failures` says how many failures were hand-written tests or fixtures. Precedence: pytest's
    2 to 5 (and any code another plugin made up), then 6, then 1, then 0; a stop by -x or --maxfail is 1.
    With `strict_thinking` a model that did not think as it was asked to makes the run incomplete.
    """
    stopped = bool(summary.run.stopped_early) and not summary.run.interrupted
    # xdist ends a run stopped by -x with 2, pytest alone with 1
    pytest_rules = pytest_status not in (COMPLETE, FAILED) and not (stopped and pytest_status == INTERRUPTED)
    if summary.run.interrupted or pytest_rules:
        code = INTERRUPTED if pytest_status in (COMPLETE, FAILED) else pytest_status
        return ending(code, _pytest_words(summary, code), _brief_of_missing(summary))
    incomplete = _incomplete_words(summary, stopped=stopped) or (_unthought(summary) if strict_thinking else "")
    if incomplete:
        return ending(INCOMPLETE, f"incomplete; {incomplete}", _brief_of_missing(summary, incomplete))
    failed = _failure_words(summary, verdict, pytest_status, ordinary_failures)
    if failed:
        return ending(FAILED, failed, _brief_of_failure(verdict, failed))
    return ending(COMPLETE, f"complete; {_complete_words(summary, verdict)}", _brief_of_success(summary, verdict))


def _brief_of_missing(summary: Summary, other: str = "") -> Brief:
    """Say what one of several servers lacks; `other` is what else counts as incomplete."""
    total = summary.total
    count = f"{total.counted:,} of {total.selected:,}"
    reasons = ", ".join(sorted({str(row.reason) for row in summary.rows if row.outcome is Outcome.ERROR}))
    if total.errors and not total.counted and not total.not_run:
        return Brief(verb=NOT_MEASURED, why=reasons, has_verdicts=False)
    if summary.run.problem and not total.counted and not summary.run.interrupted:
        why = reasons or re.sub(r"^the server could not be measured \((.*)\)$", r"\1", summary.run.problem.rstrip("."))
        return Brief(verb=NOT_MEASURED, why=shorten(why, _SHORT, placeholder=" ..."), has_verdicts=False)
    has_verdicts = total.counted > 0
    if total.not_run or total.errors or total.repeat_errors:
        return Brief(verb=IS_INCOMPLETE, count=count, why=reasons, has_verdicts=has_verdicts)
    if other:  # such as a model that did not think as asked: --llm-resume would not help
        why = shorten(other.partition("; ")[0], _SHORT, placeholder=" ...")
        return Brief(verb=IS_DOUBTFUL, count=count, why=why)
    return Brief(verb=IS_COMPLETE, count=count, has_verdicts=has_verdicts)


def _brief_of_failure(verdict: GateVerdict, words: str) -> Brief:
    if verdict.passed:
        return Brief(verb=("fails", "fail"), count=shorten(words, _SHORT, placeholder=" ..."))
    reason = shorten(verdict.brief or verdict.sentence, _SHORT, placeholder=" ...")
    name = verdict.missed or verdict.name
    return Brief(verb=(f"fails the gate {name}", f"fail the gate {name}"), count=reason)


def _brief_of_success(summary: Summary, verdict: GateVerdict) -> Brief:
    total = summary.total
    wrong = plural(total.failed, "wrong answer") if total.failed else "no wrong answer"
    why = f"the gate {verdict.name} holds" if verdict.name else "no gate was set"
    return Brief(verb=IS_COMPLETE, count=f"{total.counted:,} of {total.selected:,}, {wrong}", why=why)


def _unthought(summary: Summary) -> str:
    problem = thinking_problem(summary)
    return f"thinking: strict, and the model did not think as it was asked to: {problem}" if problem else ""


def _pytest_words(summary: Summary, code: int) -> str:
    asked = summary.total.counted + summary.total.errors > 0
    progress = f"; {_progress(summary)}; {RESUME}" if asked else "; no scenario has a verdict"
    problem = summary.run.problem.rstrip(".")
    if code == INTERRUPTED and summary.run.interrupted:
        return f"interrupted{progress}"
    if code == INTERRUPTED:
        return (problem or "pytest stopped the run, the lines above say why") + progress
    if code == INTERNAL:
        return f"an internal error, not the model's fault; the traceback above shows where{progress}"
    if code == USAGE:
        return problem or "this cannot be run as asked; the line that begins with ERROR says what to type instead"
    if code == NOTHING:
        return "no test was selected; --collect-only without -k and -m lists what there is"
    return f"this code was set by another plugin, whose message is above{progress}"


def _progress(summary: Summary) -> str:
    total = summary.total
    have = "has" if total.counted == 1 else "have"
    return f"{total.counted:,} of {plural(total.selected, 'scenario')} {have} a verdict"


def _incomplete_words(summary: Summary, *, stopped: bool) -> str:
    """Say what is missing and was not given up on purpose by -x or --maxfail, or return ""."""
    total = summary.total
    scenarios = plural(total.selected, "scenario")
    parts = [summary.run.problem.rstrip(".")] if summary.run.problem else []
    if total.errors:
        parts.append(
            f"{total.errors:,} of {scenarios} met an error that is not the model's ({_error_reasons(summary)})"
        )
    if total.repeat_errors:
        parts.append(f"{plural(total.repeat_errors, 'further attempt')} met an error that is not the model's")
    if total.not_run and not stopped:
        parts.append(f"{total.not_run:,} of {scenarios} not run")
    if not parts:
        return ""
    advice = RESUME if total.counted else AGAIN
    return "; ".join([*parts, advice])


def _error_reasons(summary: Summary) -> str:
    counts = Counter(row.reason for row in summary.rows if row.outcome is Outcome.ERROR)
    return ", ".join(f"{count:,} {reason or 'unknown'}" for reason, count in counts.most_common())


def _failure_words(summary: Summary, verdict: GateVerdict, pytest_status: int, ordinary_failures: int) -> str:
    """Say what makes the run fail, or return ""."""
    total, stop = summary.total, summary.run.stopped_early
    parts = []
    if not verdict.passed:
        parts.append(verdict.clause)
    if stop:
        rest = f", {total.not_run:,} of {plural(total.selected, 'scenario')} not run" if total.not_run else ""
        parts.append(f"stopped by {stop}{rest}")
    if ordinary_failures:
        parts.append(f"{plural(ordinary_failures, 'ordinary test')} failed")
    if not parts and pytest_status == FAILED and not total.failed:
        parts.append("pytest or another plugin reports a failure that is none of the scenarios'; see above")
    return "; ".join(parts)


def _complete_words(summary: Summary, verdict: GateVerdict) -> str:
    failed = summary.total.failed
    if verdict.name:
        return verdict.clause
    if not summary.total.selected:
        return "no scenario was asked"
    if not failed:
        return f"no wrong answer in {plural(summary.total.counted, 'scenario')}; no gate was set"
    verb = "does" if failed == 1 else "do"
    return f"no gate was set, so {plural(failed, 'wrong answer')} {verb} not fail this run (--llm-gate floors)"
