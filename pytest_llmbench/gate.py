"""Summary -> does the gate hold, and with which exit code and sentence does the run end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    listed,
)
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Outcome, Purpose
from pytest_llmbench.summary import PackSummary, Status, Summary, plural, score_text, thinking_problem

__all__ = ["COMPLETE", "FAILED", "UNWRITTEN", "Exit", "GateVerdict", "check_gate", "combined", "decide", "exit_code"]

_SHORT = 100
"""Characters of a reason where several servers are told in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """Whether the gate called `name` holds ("" is no gate and holds).

    `lines` explain it pack by pack, `sentence` in one go, `brief` in the fewest words. A gate that cannot be
    decided does not hold.
    """

    name: str
    passed: bool
    lines: tuple[str, ...] = ()
    sentence: str = ""
    brief: str = ""


_RECORDED = ("gold", "broken")
"""Endpoints that rehearse verdicts: no model is gated by them, so any way of asking will do."""


def check_gate(gate: str) -> None:
    """Raise UsageProblem unless `gate` is a known name or empty; meant for before the run."""
    if gate not in _GATES:
        raise UsageProblem(f'--llm-gate: unknown gate "{gate}": {suggestion(gate, filter(None, _GATES))}')


def decide(summary: Summary, gate: str) -> GateVerdict:
    """Return whether `gate` holds: "" (none), ``strict`` or ``floors``. Raises UsageProblem for another name.

    ``strict`` fails on any FAIL. ``floors`` fails a pack only if even the upper end of its Wilson 95 %
    interval is below the pack's floor, and warns where only the score itself is.
    """
    check_gate(gate)
    if gate and (problem := thinking_problem(summary)):
        refusal = f"the model did not think as it was asked to: {problem}"
        return GateVerdict(name=gate, passed=False, lines=(f"refused: {refusal}",), sentence=refusal)
    return _GATES[gate](summary)


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
    return Brief(verb=(f"fails the gate {verdict.name}", f"fail the gate {verdict.name}"), count=reason)


def _brief_of_success(summary: Summary, verdict: GateVerdict) -> Brief:
    total = summary.total
    wrong = plural(total.failed, "wrong answer") if total.failed else "no wrong answer"
    why = f"the gate {verdict.name} holds" if verdict.name else "no gate was set"
    return Brief(verb=IS_COMPLETE, count=f"{total.counted:,} of {total.selected:,}, {wrong}", why=why)


def _unthought(summary: Summary) -> str:
    problem = thinking_problem(summary)
    return f"thinking: strict, and the model did not think as it was asked to: {problem}" if problem else ""


def _no_gate(_summary: Summary) -> GateVerdict:
    return GateVerdict(name="", passed=True)


def _strict(summary: Summary) -> GateVerdict:
    if not summary.run.canonical and summary.run.endpoint not in _RECORDED:
        refusal = _not_canonical("strict holds", summary)
        return GateVerdict(name="strict", passed=False, lines=(f"refused: {refusal}",), sentence=refusal)
    failed = summary.total.failed
    lines = tuple(
        f"{pack.facts.title} {score_text(pack)}: {plural(pack.failed, 'wrong answer')}"
        for pack in summary.packs
        if pack.failed
    )
    wrong = plural(failed, "wrong answer")
    sentence = f"{wrong}, and it allows none" if failed else f"no wrong answer{_of_a_part(summary)}"
    return GateVerdict(name="strict", passed=not failed, lines=lines, sentence=sentence, brief=wrong)


def _of_a_part(summary: Summary) -> str:
    total = summary.total
    if total.selected >= total.size:
        return ""
    return f" of the {total.selected:,} of {plural(total.size, 'scenario')} selected"


def _floors(summary: Summary) -> GateVerdict:
    packs = [pack for pack in summary.packs if pack.purpose is Purpose.ITEM]
    refusal = _refusal(summary, packs)
    if refusal:
        return GateVerdict(name="floors", passed=False, lines=(f"refused: {refusal}",), sentence=refusal)
    low = [_floor_line(pack) for pack in packs if pack.status is Status.LOW]
    watch = [pack.facts.title for pack in packs if pack.status is Status.WATCH]
    sentence = "; ".join(low) or "no pack is surely below its floor"
    if watch and not low:
        sentence += f", but watch {listed(watch)}"
    return GateVerdict(
        name="floors",
        passed=not low,
        lines=tuple(_floor_line(pack) for pack in packs),
        sentence=sentence,
        brief=listed([f"{pack.facts.title} {score_text(pack)}" for pack in packs if pack.status is Status.LOW] or [""]),
    )


def _refusal(summary: Summary, packs: list[PackSummary]) -> str:
    """Say why floors cannot be judged on this run, or return ""."""
    if not summary.run.canonical:
        return _not_canonical("floors hold", summary)
    short = [f"{pack.facts.title} ({score_text(pack)})" for pack in packs if not pack.complete]
    if short:
        return f"floors are for whole packs, and this run has only a part of {listed(short)}"
    if not any(pack.facts.floor is not None for pack in packs):
        return "no pack of this run has a floor to hold (--llm-gate strict needs none)"
    return ""


def _not_canonical(who: str, summary: Summary) -> str:
    why = f": {summary.run.note}" if summary.run.note else ""
    return f"{who} for a model at the packs' own sampling, and this run is not canonical{why}"


def _floor_line(pack: PackSummary) -> str:
    floor, interval = pack.facts.floor, pack.interval
    name = f"{pack.facts.title} {score_text(pack)}"
    if floor is None or interval is None:
        return f"{name} has no floor"
    wanted, most = f"its floor of {floor * 100:g}%", f"{interval[1]:.1%}"
    if pack.status is Status.LOW:
        return f"{name} is below {wanted}, and so is all of its 95% interval (up to {most})"
    if pack.status is Status.WATCH:
        return f"{name} is below {wanted}, but its 95% interval reaches it (up to {most}): watch"
    return f"{name} reaches {wanted}"


_GATES: Mapping[str, Callable[[Summary], GateVerdict]] = {"": _no_gate, "strict": _strict, "floors": _floors}


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
        parts.append(f"the gate {verdict.name} does not hold: {verdict.sentence}")
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
        return f"the gate {verdict.name} holds: {verdict.sentence}"
    if not summary.total.selected:
        return "no scenario was asked"
    if not failed:
        return f"no wrong answer in {plural(summary.total.counted, 'scenario')}; no gate was set"
    verb = "does" if failed == 1 else "do"
    return f"no gate was set, so {plural(failed, 'wrong answer')} {verb} not fail this run (--llm-gate floors)"
