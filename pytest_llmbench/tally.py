"""Results -> Summary: the one place that counts.

Only the first attempt of a scenario scores; further attempts show how steady it is. A trial that was
cancelled got no chance and counts as not run; any other ERROR leaves the denominator, in sight.
Results may come in any order and twice: what counts is the last one of each attempt.
"""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Outcome, PackFacts, Purpose, Reason, Result
from pytest_llmbench.statistics import quantile
from pytest_llmbench.summary import (
    CUSTOM,
    Counted,
    Counts,
    Mean,
    PackSummary,
    Row,
    RunFacts,
    Summary,
    pass_estimates,
    shown_k,
)
from pytest_llmbench.thinking_switch import OFF, ON
from pytest_llmbench.thinking_validity import ARM_BITS, counted

_NOT_RUN, _WITHDRAWN, _PASS, _FAIL, _ERROR = range(5)
_STATE = {Outcome.PASS: _PASS, Outcome.FAIL: _FAIL, Outcome.ERROR: _ERROR}
_FIGURES = ("latency_s", "first_token_s", "decode_tps", "prefill_tps", "completion_tokens")
_UNKNOWN = math.nan
_FIRST = 1 << 1

BASE_METRIC = "base_passed"
"""The metric of a pack with plus inputs that is 1 where the base inputs alone passed."""

DETAIL_LIMIT = 1000
"""Characters of a verdict's detail a row keeps; the journal has the whole."""


class _PackTally:
    """The growing columns of one pack, one place per scenario; figures are packed floats, NaN = unknown.

    `judged`, `passed`, `based` (passed by the base inputs) and `erred` hold one bit per attempt, so a repeated
    trial replaces itself; so do those of `arms`: asked to think or not to, answered, thought.
    """

    def __init__(self, facts: PackFacts, purpose: Purpose) -> None:
        self.facts = facts
        self.purpose = purpose
        self.places: dict[str, int] = {}
        self.nodeids: list[str] = []
        self.tags: list[tuple[str, ...]] = []
        self.state = bytearray()
        self.resumed = bytearray()
        self.figures = {name: array("d") for name in _FIGURES}
        self.judged: list[int] = []
        self.passed: list[int] = []
        self.based: list[int] = []
        self.has_base = False
        self.erred: list[int] = []
        self.arms: dict[str, list[int]] = {name: [] for name in ARM_BITS}
        self.metrics: dict[str, dict[int, float]] = {}
        self.rows: dict[int, Row] = {}
        self._tag_sets: dict[tuple[str, ...], tuple[str, ...]] = {}

    def place(self, scenario_id: str, nodeid: str, tags: tuple[str, ...] | None = None) -> int:
        """Return the scenario's place, making one where it is new; `tags` are its own, None if not known."""
        at = self.places.get(scenario_id)
        if at is None:
            at = self.places[scenario_id] = len(self.places)
            self.nodeids.append(nodeid)
            self.tags.append(())
            self.state.append(_NOT_RUN)
            self.resumed.append(0)
            for column in self.figures.values():
                column.append(_UNKNOWN)
            for bits in (self.judged, self.passed, self.based, self.erred, *self.arms.values()):
                bits.append(0)
            tags = tags or ()
        if tags is not None:
            self.tags[at] = self._tag_set(tags)
        return at

    def _tag_set(self, tags: tuple[str, ...]) -> tuple[str, ...]:
        known = self._tag_sets.get(tags)
        if known is None:
            known = self._tag_sets[tags] = tuple(dict.fromkeys((*self.facts.tags, *tags)))
        return known

    def add(self, result: Result) -> None:
        """Book one finished trial."""
        at = self.place(result.key.scenario, result.nodeid)
        bit = 1 << result.key.attempt
        state = _state(result)
        for bits, is_set in (
            (self.judged, state in (_PASS, _FAIL)),
            (self.passed, state == _PASS),
            (self.based, state in (_PASS, _FAIL) and passed_base(result)),
            (self.erred, state == _ERROR),
            (self.arms["on"], result.thinking == ON),
            (self.arms["off"], result.thinking == OFF),
            (self.arms["heard"], result.turns > 0),
            (self.arms["thought"], result.thought),
        ):
            bits[at] = bits[at] | bit if is_set else bits[at] & ~bit
        self.has_base = self.has_base or BASE_METRIC in result.verdict.metrics
        if result.key.attempt == 1:
            self._score(at, state, result)

    def _score(self, at: int, state: int, result: Result) -> None:
        self.state[at] = state
        self.resumed[at] = result.resumed
        judged = state in (_PASS, _FAIL)
        for name, column in self.figures.items():
            value = getattr(result, name)
            column[at] = value if judged and value is not None else _UNKNOWN
        for values in self.metrics.values():
            values.pop(at, None)
        for name, metric in result.verdict.metrics.items() if judged else ():
            if metric is not None and math.isfinite(metric):
                self.metrics.setdefault(printable(name, 80), {})[at] = float(metric)
        if state in (_FAIL, _ERROR):
            self.rows[at] = _row(result)
        else:
            self.rows.pop(at, None)

    def known(self, name: str) -> list[float]:
        """Return the known values of a figure."""
        return [value for value in self.figures[name] if not math.isnan(value)]

    def summary(self) -> PackSummary:
        """Return the pack's figures as they stand."""
        states = Counter(self.state)
        selected = len(self.state) - states[_WITHDRAWN]
        latencies, tokens = self.known("latency_s"), self.known("completion_tokens")
        repeats, unstable = self._repeats()
        attempts = max(((bits >> 1).bit_length() for bits in (*self.judged, *self.erred)), default=0)
        pass_at, pass_hat = pass_estimates(self._counts(self.passed), shown_k(attempts))
        base_at, _ = pass_estimates(self._counts(self.based), shown_k(attempts) if self.has_base else ())
        return PackSummary(
            facts=self.facts,
            purpose=self.purpose,
            size=max(self.facts.size, selected) if self.purpose is Purpose.ITEM else selected,
            selected=selected,
            passed=states[_PASS],
            failed=states[_FAIL],
            errors=states[_ERROR],
            not_run=states[_NOT_RUN],
            repeat_errors=sum((bits & ~_FIRST).bit_count() for bits in self.erred),
            latency_p50_s=quantile(latencies, 0.5),
            latency_p95_s=quantile(latencies, 0.95),
            first_token_p50_s=quantile(self.known("first_token_s"), 0.5),
            first_token_p95_s=quantile(self.known("first_token_s"), 0.95),
            prefill_tps=quantile(self.known("prefill_tps"), 0.5),
            decode_tps=quantile(self.known("decode_tps"), 0.5),
            decode_tps_p05=quantile(self.known("decode_tps"), 0.05),
            completion_tokens=int(sum(tokens)) if tokens else None,
            resumed=sum(self.resumed),
            unstable=unstable,
            repeats=repeats,
            metrics={name: _mean(values.values()) for name, values in sorted(self.metrics.items()) if values},
            reasons=Counter(row.reason for row in self.ordered_rows() if row.reason is not None),
            missing=tuple(nodeid for nodeid, state in zip(self.nodeids, self.state, strict=True) if state == _NOT_RUN),
            attempts=attempts,
            pass_at=pass_at,
            pass_hat=pass_hat,
            base_at=base_at,
            thinking=counted(self.arms),
        )

    def ordered_rows(self) -> list[Row]:
        """Return the rows in the order of the pack."""
        return [self.rows[at] for at in sorted(self.rows)]

    def ran(self) -> Counter[tuple[str, ...]]:
        """Return how many scenarios with each set of tags were asked."""
        return Counter(self.tags[at] for at, state in enumerate(self.state) if state in (_PASS, _FAIL, _ERROR))

    def _counts(self, passed: Sequence[int]) -> list[Counted]:
        """Return how many attempts of each scenario passed, and how many were judged."""
        return [(bits.bit_count(), judged.bit_count()) for bits, judged in zip(passed, self.judged, strict=True)]

    def _repeats(self) -> tuple[dict[str, tuple[int, int]], tuple[str, ...]]:
        repeats = {
            name: (self.passed[at].bit_count(), self.judged[at].bit_count())
            for name, at in self.places.items()
            if self.judged[at] & (self.judged[at] - 1)
        }
        return repeats, tuple(name for name, (passed, judged) in repeats.items() if 0 < passed < judged)


class Tally:
    """Books results as they come; a passing scenario costs about 250 bytes, a failing one its `Row` more."""

    def __init__(self) -> None:
        self._packs: dict[tuple[str, str], _PackTally] = {}

    def expect(self, facts: PackFacts, scenario_id: str, nodeid: str, tags: Iterable[str] = ()) -> None:
        """Count a collected and selected scenario; `nodeid` names its item, `tags` are its own beside its pack's."""
        self._pack(facts, Purpose.ITEM).place(scenario_id, nodeid, tuple(tags))

    def withdraw(self, facts: PackFacts, scenario_id: str) -> None:
        """Take back `expect` for a scenario that was skipped: it is not selected after all."""
        pack = self._pack(facts, Purpose.ITEM)
        at = pack.place(scenario_id, "")
        if pack.state[at] == _NOT_RUN:
            pack.state[at] = _WITHDRAWN

    def add(self, result: Result) -> None:
        """Book one finished trial; one that nobody expected is counted as selected."""
        self._pack(result.pack, result.purpose).add(result)

    def summary(self, run: RunFacts) -> Summary:
        """Return what has been booked so far."""
        tallies = [self._packs[key] for key in sorted(self._packs)]
        pairs = [(tally, tally.summary()) for tally in tallies]
        pairs = [(tally, pack) for tally, pack in pairs if pack.selected]
        return Summary(
            run=run,
            packs=tuple(pack for _, pack in pairs),
            total=_total([pack for _, pack in pairs]),
            rows=tuple(row for tally, _ in pairs for row in tally.ordered_rows()),
            label=_label([tally for tally, _ in pairs], run.tag_totals),
        )

    def _pack(self, facts: PackFacts, purpose: Purpose) -> _PackTally:
        key = (facts.id, facts.content_hash)
        tally = self._packs.get(key)
        if tally is None:
            tally = self._packs[key] = _PackTally(facts, purpose)
        return tally


def passed_base(result: Result) -> bool:
    """Tell whether the program gave the right values for all base inputs, or passed all there was."""
    return result.verdict.outcome is Outcome.PASS or result.verdict.metrics.get(BASE_METRIC) == 1


def _state(result: Result) -> int:
    verdict = result.verdict
    if verdict.outcome is Outcome.ERROR and verdict.reason is Reason.CANCELLED:
        return _NOT_RUN
    return _STATE[verdict.outcome]


def _row(result: Result) -> Row:
    verdict = result.verdict
    return Row(
        pack=result.pack.id,
        scenario=result.key.scenario,
        nodeid=result.nodeid,
        title=printable(result.title, 200),
        outcome=verdict.outcome,
        reason=verdict.reason,
        detail=printable(verdict.detail, DETAIL_LIMIT),
        latency_s=result.latency_s,
        completion_tokens=result.completion_tokens,
    )


def _mean(values: Iterable[float]) -> Mean:
    known = list(values)
    # fsum does not depend on the order, in which results arrive differently from run to run
    return Mean(value=math.fsum(known) / len(known), count=len(known))


def _total(packs: list[PackSummary]) -> Counts:
    names = [item.name for item in dataclasses.fields(Counts)]
    return Counts(**{name: sum(getattr(pack, name) for pack in packs) for name in names})


def _label(tallies: Iterable[_PackTally], totals: Mapping[str, int]) -> str:
    """Return the tag whose scenarios are exactly the ones that ran, else the pack that ran whole, else "custom".

    Where several tags hold the same scenarios, the one the pack lists first.
    """
    ran: Counter[tuple[str, ...]] = Counter()
    packs = [tally for tally in tallies if tally.purpose is Purpose.ITEM]
    for pack in packs:
        ran.update(pack.ran())
    for tag in next(iter(ran), ()):
        if all(tag in tags for tags in ran) and totals.get(tag) == ran.total():
            return tag
    if len(packs) == 1 and ran.total() == packs[0].facts.size:
        return packs[0].facts.id
    return CUSTOM
