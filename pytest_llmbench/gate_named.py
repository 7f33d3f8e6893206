"""The gates that are called by a name: no wrong answer, and the packs' own floors."""

from __future__ import annotations

from pytest_llmbench.endings import listed
from pytest_llmbench.gate_verdict import GateVerdict, refused
from pytest_llmbench.records import Purpose
from pytest_llmbench.settings import RECORDED
from pytest_llmbench.summary import PackSummary, Status, Summary, plural, score_text


def strict(summary: Summary) -> GateVerdict:
    """Return whether no answer was wrong."""
    if not summary.run.canonical and summary.run.endpoint not in RECORDED:
        return refused("strict", _not_canonical("strict holds", summary))
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


def floors(summary: Summary) -> GateVerdict:
    """Return whether no pack is surely below its floor.

    A pack fails only if even the upper end of its Wilson 95 % interval is below the floor; where only the score itself
    is, it is one to watch.
    """
    packs = [pack for pack in summary.packs if pack.purpose is Purpose.ITEM]
    refusal = _refusal(summary, packs)
    if refusal:
        return refused("floors", refusal)
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
