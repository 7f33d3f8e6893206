"""How a session ends: the exit codes, and one line for the ends of several servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

COMPLETE, FAILED, INTERRUPTED, INTERNAL, USAGE, NOTHING, INCOMPLETE = range(7)
"""The exit codes; 2 to 5 are pytest's own."""

AGAIN = "once that is put right, run the same command again"
RESUME = "add --llm-resume to the same command and only what has no verdict is asked"

IS_COMPLETE = ("is complete", "are complete")
IS_INCOMPLETE = ("is incomplete", "are incomplete")
IS_DOUBTFUL = ("does not count", "do not count")
NOT_MEASURED = ("could not be measured", "could not be measured")

LIMIT = 400
"""Characters that are said of several servers, the advice after them not counted."""

_NAMES = 6
"""Servers of one group that are named."""

_WORST_FIRST = (INTERRUPTED, INTERNAL, USAGE, NOTHING, INCOMPLETE, FAILED, COMPLETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What is said of one server among several: `verb` of one and of many, its own `count`, and `why`.

    Servers that differ in `count` alone are told together. `has_verdicts`: something of it need not be asked again.
    """

    verb: tuple[str, str]
    count: str = ""
    why: str = ""
    has_verdicts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How the command ends: the process's exit code and the terminal's last line; `brief` where it is one of many."""

    code: int
    sentence: str
    brief: Brief | None = None


UNWRITTEN = Exit(
    code=INCOMPLETE, sentence=f"exit {INCOMPLETE}: the reports could not be written; what was answered is safe"
)


def ending(code: int, words: str, brief: Brief | None = None) -> Exit:
    """Return the end with this code, whose sentence names it."""
    return Exit(code=code, sentence=f"exit {code}: {words}", brief=brief)


def combined(exits: Mapping[str, Exit]) -> Exit:
    """Return how a session ends whose servers, by name, end so: as the worst of them does, which is told first."""
    if len(exits) == 1:
        return next(iter(exits.values()))
    code = min((one.code for one in exits.values()), key=_rank)
    worst = next(one for one in exits.values() if one.code == code)
    if code in (USAGE, NOTHING):
        return worst  # that is the whole session's
    groups: dict[tuple[int, tuple[str, str], str], dict[str, Brief]] = {}
    for name, one in sorted(exits.items(), key=lambda item: _rank(item[1].code)):
        brief = one.brief or Brief(verb=(f"ends with {one.code}", f"end with {one.code}"), why=_words(one))
        groups.setdefault((_rank(one.code), brief.verb, brief.why), {})[name] = brief
    # what ends pytest itself is no server's own
    head = [] if code in (COMPLETE, FAILED, INCOMPLETE) else [_words(worst).partition("; ")[0]]
    return ending(code, "; ".join([*head, *_within_limit(groups.values()), *_advice(exits.values())]))


def listed(names: Iterable[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _words(one: Exit) -> str:
    return one.sentence.partition(": ")[2]


def _rank(code: int) -> int:
    return _WORST_FIRST.index(code) if code in _WORST_FIRST else -1


def _told(group: Mapping[str, Brief]) -> str:
    """Tell the servers of one group in a clause."""
    first, *others = group.values()
    verb, why = first.verb[bool(others)], f" ({first.why})" if first.why else ""
    if any(one.count != first.count for one in others):
        return f"{_named([f'{name} ({one.count})' for name, one in group.items()])} {verb}{why}"
    count = f", {'each ' if others else ''}{first.count}" if first.count else ""
    return f"{_named(list(group))} {verb}{count}{why}"


def _named(names: list[str]) -> str:
    return listed([*names[:_NAMES], f"{len(names) - _NAMES} more"] if len(names) > _NAMES else names)


def _within_limit(groups: Iterable[Mapping[str, Brief]]) -> list[str]:
    """Return a clause for each group, and what is left out; the first is always told."""
    told: list[str] = []
    left = 0
    for group in groups:
        clause = _told(group)
        if left or (told and len("; ".join([*told, clause])) > LIMIT):
            left += len(group)
        else:
            told.append(clause)
    return [*told, f"and {left} more"] if left else told


def _advice(exits: Iterable[Exit]) -> list[str]:
    """Return what to do about servers that lack something; the others' answers are not asked for once more."""
    briefs = [one.brief for one in exits if one.brief is not None]
    if any(one.verb == IS_INCOMPLETE for one in briefs):
        return [RESUME]
    if not any(one.verb == NOT_MEASURED for one in briefs):
        return []
    return [f"{AGAIN} with --llm-resume" if any(one.has_verdicts for one in briefs) else AGAIN]
