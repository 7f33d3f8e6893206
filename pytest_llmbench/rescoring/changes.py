"""What a rescoring changed: counts before and after, and each scenario whose verdict is another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import Purpose, Verdict
from pytest_llmbench.rescoring.rejudging import Rejudged, State
from pytest_llmbench.summary import Counts, RunFacts
from pytest_llmbench.tally import Tally

DETAIL = 300
"""Characters of a verdict's detail that are kept in the record of what changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A verdict that is another one now; `before` is None for an answer that had none."""

    pack: str
    scenario: str
    attempt: int
    before: Verdict | None
    after: Verdict

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        verdicts = {"before": self.before, "after": self.after}
        told = {when: _plain(verdict) if verdict is not None else None for when, verdict in verdicts.items()}
        return {"pack": self.pack, "scenario": self.scenario, "attempt": self.attempt, **told}


class Changes:
    """Fills as trials are judged."""

    def __init__(self) -> None:
        self.changed: list[Change] = []
        self.reworded = 0
        self.states: Counter[State] = Counter()
        self.notes: dict[tuple[State, str], list[str]] = {}
        self._before = Tally()
        self._after = Tally()

    def add(self, one: Rejudged) -> None:
        """Take note of one trial."""
        self.states[one.state] += 1
        if one.note and one.state is not State.STANDS:
            name = f"{one.key.pack} {one.key.scenario}"
            self.notes.setdefault((one.state, one.note), []).append(name)
        for tally, result in ((self._before, one.before), (self._after, one.after)):
            if result is not None and result.purpose is Purpose.ITEM:
                tally.add(result)
        if one.state is State.JUDGED and one.after is not None:
            self._compare(one, one.after.verdict)

    def counts(self) -> Mapping[str, tuple[Counts, Counts]]:
        """Return the counts of each pack before and after, by its id."""
        before, after = ({pack.facts.id: pack for pack in _packs(tally)} for tally in (self._before, self._after))
        return {name: (before.get(name, Counts()), after.get(name, Counts())) for name in sorted({*before, *after})}

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "packs": [
                {"id": name, "before": _counted(before), "after": _counted(after)}
                for name, (before, after) in self.counts().items()
            ],
            "changed": [change.plain() for change in self.changed],
            "reworded": self.reworded,
            "trials": {state.value: count for state, count in sorted(self.states.items())},
            "not_judged": [
                {"state": state.value, "why": why, "scenarios": names} for (state, why), names in self.notes.items()
            ],
        }

    def _compare(self, one: Rejudged, after: Verdict) -> None:
        before = one.before.verdict if one.before is not None else None
        if before is not None and (before.outcome, before.reason) == (after.outcome, after.reason):
            self.reworded += before.detail != after.detail
            return
        key = one.key
        self.changed.append(
            Change(pack=key.pack, scenario=key.scenario, attempt=key.attempt, before=before, after=after)
        )


def _packs(tally: Tally) -> Any:
    return tally.summary(RunFacts()).packs


def _counted(counts: Counts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in ("passed", "failed", "errors")}


def _plain(verdict: Verdict) -> dict[str, Any]:
    kept = {"outcome": verdict.outcome, "reason": verdict.reason, "detail": verdict.detail}
    plain: dict[str, Any] = to_plain(kept, text_limit=DETAIL)
    return plain
