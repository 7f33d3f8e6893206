"""What further attempts of the same scenarios tell, as sentences below the table."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llmbench.reports.wording import single_line
from pytest_llmbench.summary import Estimate, Estimates, PackSummary, percent, plural

UNKNOWN = "n/a"
"""What stands for a pass@k of which too few attempts were judged."""

ESTIMATE_NOTE = (
    "pass@k is the chance that at least one of k attempts passes, pass^k that all k do: unbiased estimates, averaged "
    "over tasks. The attempts of one task are one cluster of the 95% interval. At temperature 0 attempts differ by "
    "the server's noise alone."
)

_UNSTEADY_SHOWN = 20


def estimate_text(estimate: Estimate) -> str:
    """Return ``83% (62-94)``: the value and its 95 % interval."""
    low, high = (percent(end).removesuffix("%") for end in estimate.interval)
    return f"{percent(estimate.value)} ({low}-{high})"


def attempt_notes(packs: Sequence[tuple[str, PackSummary]]) -> list[str]:
    """Return a sentence on the repeats of the run and those on each pack, which comes with its title."""
    repeated = sum(len(pack.repeats) for _, pack in packs)
    unstable = sum(len(pack.unstable) for _, pack in packs)
    lines = [line for title, pack in packs if pack.attempts > 1 for line in _pack_notes(title, pack)]
    if repeated:
        asked = f"the first attempt scores; {plural(repeated, 'scenario')} had further ones"
        some = f"{unstable:,} of them did not always end the same way"
        lines.insert(0, f"Repeats: {asked}, and {some if unstable else 'all ended the same way each time'}.")
    return [*lines, ESTIMATE_NOTE] if lines else []


def _pack_notes(title: str, pack: PackSummary) -> list[str]:
    notes = [f"Attempts of {title}: {_estimates(pack)}; {_base(pack)}."]
    shown = [_steadiness(name, pack) for name in pack.unstable[:_UNSTEADY_SHOWN]]
    if len(pack.unstable) > len(shown):
        shown.append(f"and {len(pack.unstable) - len(shown):,} more")
    return [*notes, f"Unsteady in {title}: {', '.join(shown)}."] if shown else notes


def _steadiness(name: str, pack: PackSummary) -> str:
    passed, judged = pack.repeats[name]
    return f"{single_line(name, 60)} ({passed} of {judged} passed)"


def _estimates(pack: PackSummary) -> str:
    always = {k: found for k, found in pack.pass_hat.items() if k > 1}  # pass^1 is pass@1
    return "; ".join(filter(None, [_series("pass@", pack.pass_at), _series("pass^", always)]))


def _series(name: str, found: Estimates) -> str:
    return ", ".join(f"{name}{k} {estimate_text(one) if one else UNKNOWN}" for k, one in found.items())


def _base(pack: PackSummary) -> str:
    """Say what the estimates rest on, and what is missing."""
    first, last = pack.pass_at.get(1), pack.pass_at.get(pack.attempts)
    tasks = first.tasks if first else 0
    share = f"{tasks:,} of {pack.selected:,}" if tasks < pack.selected else f"{tasks:,}"
    parts = [f"over {share} tasks with {'' if last else 'up to '}{pack.attempts:,} attempts each"]
    errors = pack.errors + pack.repeat_errors
    if errors:
        parts.append(f"{plural(errors, 'error')} left out")
    if not last:
        parts.append(f"{UNKNOWN} where a task has fewer judged attempts than k")
    return ", ".join(parts)
