"""Saved runs compared: the table, what makes them incomparable, the verdict, and each scenario that flipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.records import Outcome, Result
from pytest_llmbench.regression import Comparison
from pytest_llmbench.reports.comparison import comparison_lines
from pytest_llmbench.reports.wording import single_line
from pytest_llmbench.summary import Summary, plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """The first run beside another one, called `name`.

    `differences` make scores incomparable, `warnings` may have moved them. `reasons` are why scenarios fail in the
    other run, by pack and scenario.
    """

    name: str
    comparison: Comparison
    differences: Sequence[str]
    warnings: Sequence[str]
    reasons: Mapping[tuple[str, str], str]


def pairing_lines(summaries: Mapping[str, Summary], paths: Mapping[str, str], pairings: Sequence[Pairing]) -> list[str]:
    """Return everything as lines; with two runs the flips are listed one by one. `paths` are the runs by name."""
    first = next(iter(paths))
    lines = [*(f"{name}: {single_line(path)}" for name, path in paths.items()), "", *comparison_lines(summaries)]
    for pairing in pairings:
        lines += ["", f"{first} -> {pairing.name}: {verdict_text(pairing)}"]
        lines += [f"- not comparable: {single_line(text)}" for text in pairing.differences]
        lines += [f"- mind: {single_line(text)}" for text in pairing.warnings]
        lines += [f"- {single_line(text)}" for text in pairing.comparison.lines] if not pairing.differences else []
        lines += _flips(pairing, first) if len(pairings) == 1 else []
    return lines


def verdict_text(pairing: Pairing) -> str:
    """Return the verdict in one sentence; of runs that do not compare there is none."""
    count = len(pairing.differences)
    if count:
        return f"NOT COMPARABLE in {plural(count, 'respect')}, so nothing is said of better or worse"
    return single_line(pairing.comparison.sentence)


def pairing_plain(pairing: Pairing) -> dict[str, Any]:
    """Return a pairing as plain data; `word`, `p` and `sentence` are null for runs that do not compare."""
    found, judged = pairing.comparison, not pairing.differences
    return {
        "name": pairing.name,
        "differences": list(pairing.differences),
        "warnings": list(pairing.warnings),
        "word": str(found.word) if judged else None,
        "p": found.p if judged else None,
        "sentence": found.sentence if judged else None,
        "passed_before": found.before,
        "passed_now": found.now,
        "compared": found.size,
        "detectable_drop": found.detectable,
        "flips": [
            {
                "pack": flip.pack,
                "scenario": flip.scenario,
                "before": list(flip.before),
                "now": list(flip.now),
                "is_worse": flip.is_worse,
                "reason": pairing.reasons.get((flip.pack, flip.scenario)),
            }
            for flip in found.flips
        ],
    }


def reasons_of(results: Iterable[Result]) -> dict[tuple[str, str], str]:
    """Return the reason of the first attempt that failed, by pack and scenario."""
    found: dict[tuple[str, str], str] = {}
    for result in results:
        if result.verdict.outcome is Outcome.FAIL:
            found.setdefault((result.key.pack, result.key.scenario), str(result.verdict.reason or "unknown"))
    return found


def _flips(pairing: Pairing, first: str) -> list[str]:
    """Return each flip; of runs that do not compare without the word for it."""
    judged, lines = ("Worse:", "Better:"), list[str]()
    apart = (f"Passed more often in {first}:", f"Passed more often in {pairing.name}:")
    for heading, worse in zip(apart if pairing.differences else judged, (True, False), strict=True):
        flips = [flip for flip in pairing.comparison.flips if flip.is_worse is worse]
        lines += ["", heading] if flips else []
        for flip in flips:
            reason = pairing.reasons.get((flip.pack, flip.scenario), "") if worse else ""
            counts = f"{flip.before[0]}/{flip.before[1]} -> {flip.now[0]}/{flip.now[1]}"
            told = f"  {flip.pack} {flip.scenario}: passed {counts}{f', {reason}' if reason else ''}"
            lines.append(single_line(told))
    return lines
