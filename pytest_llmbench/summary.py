"""What a run came to: counts, intervals, quantiles. `tally` fills it; gates and reports only read it."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.records import Outcome, PackFacts, Purpose, Reason
from pytest_llmbench.resources import Resources
from pytest_llmbench.statistics import clustered_interval, pass_at_k, pass_hat_k, wilson_interval
from pytest_llmbench.thinking_validity import ThinkingCounts, together, told

CUSTOM = "custom"
"""The label of a run that is neither a tag's whole set of scenarios nor one whole pack."""

SHOWN_K = (1, 2, 5, 10, 25, 100)
"""The k of pass@k and pass^k that are computed, beside the number of attempts itself."""


class Status(enum.StrEnum):
    """One plain word for a pack, mildest first. The worst that applies is shown.

    ``ok``: every scenario has a verdict and no floor is in doubt. ``watch``: the score is below the
    pack's floor, but its 95 % interval reaches it. ``low``: the whole interval lies below the floor.
    ``partial``: not all scenarios were selected. ``unfinished``: the run ended before all selected
    ones were asked. ``errors``: some got no verdict through no fault of the model. ``invalid``: the model did
    not think as it was asked to, so these are not the scores of what was to be measured.
    """

    OK = "ok"
    WATCH = "watch"
    LOW = "low"
    PARTIAL = "partial"
    UNFINISHED = "unfinished"
    ERRORS = "errors"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What was measured, when, and how the run ended. Times are seconds since the epoch.

    `profile` is the one that was asked for, "" for none; `url` carries no key. `canonical` is False where
    scores do not compare (other sampling, recorded answers instead of a model) and `note` says why in a few
    words. `tag_totals` is how many scenarios carry each tag in all packs the session knows, selected or not.
    `stopped_early` is the option that ended the run (``-x``, ``--maxfail=3``) or empty; `problem` a fault of
    the whole session, such as a server that does not answer. `thinking_switch` is the field that turns thinking at
    this server, ``none`` where it has none, "" where nobody knows. `about` is what servers are compared
    by, in words. `baseline` is what came of holding the run against one, as plain data (`against.Held.plain`), {} where
    there was none; `gate` what the gates said, by ``name``, ``passed``, ``sentence`` and ``lines``. `resources` is
    what the run took of server and machine, None where nothing was measured.
    """

    model: str = ""
    profile: str = ""
    url: str = ""
    endpoint: str = ""
    engine: str = ""
    concurrency: int | None = None
    canonical: bool = True
    note: str = ""
    started_at: float = 0.0
    finished_at: float = 0.0
    resumed_from: str = ""
    run_dir: str = ""
    interrupted: bool = False
    stopped_early: str = ""
    problem: str = ""
    thinking_switch: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    baseline: Mapping[str, Any] = field(default_factory=dict)
    gate: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources | None = None
    tag_totals: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Scenarios by what became of their first attempt.

    `size` is all there are, `selected` what was to run: passed + failed + errors + not_run.
    `repeat_errors` are ERRORs among further attempts; they do not touch the score.
    """

    size: int = 0
    selected: int = 0
    passed: int = 0
    failed: int = 0
    errors: int = 0
    not_run: int = 0
    repeat_errors: int = 0

    @property
    def counted(self) -> int:
        """Scenarios with a verdict: the score's denominator."""
        return self.passed + self.failed

    @property
    def score(self) -> float | None:
        """Passed per counted, 0 to 1; None where nothing was counted."""
        return self.passed / self.counted if self.counted else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The Wilson 95 % interval of the score."""
        return wilson_interval(self.passed, self.counted)

    @property
    def complete(self) -> bool:
        """Whether every scenario there is was selected and has a verdict."""
        return self.selected == self.size and not self.errors and not self.not_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The mean of a metric over the first attempts that reported it."""

    value: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over `tasks` tasks, 0 to 1, with its 95 % interval; the attempts of one task are one cluster."""

    value: float
    interval: tuple[float, float]
    tasks: int


Estimates = Mapping[int, Estimate | None]
"""By k; None where some task has fewer than k judged attempts, so that nothing can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSummary(Counts):
    """One pack's figures, from first attempts that have a verdict. Seconds, tokens per second, tokens.

    `decode_tps` and `prefill_tps` are medians of tokens written and read, one answer in twenty is slower than
    `decode_tps_p05`.
    `unstable` are scenarios whose attempts disagree, `repeats` scenario -> (passed, judged) attempts
    where there was more than one, `missing` the node ids of selected scenarios that were not run,
    `resumed` how many verdicts an earlier, interrupted part of the run had left. `attempts` is the most that
    any scenario had; `pass_at` and `pass_hat` are pass@k and pass^k of all judged attempts, `pass_estimates` tells how.
    `base_at` is pass@k by the base inputs alone, {} for a pack that has no plus inputs. `thinking` tells what was
    asked of all attempts and what was seen.
    """

    facts: PackFacts
    purpose: Purpose = Purpose.ITEM
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    first_token_p50_s: float | None = None
    first_token_p95_s: float | None = None
    prefill_tps: float | None = None
    decode_tps: float | None = None
    decode_tps_p05: float | None = None
    completion_tokens: int | None = None
    resumed: int = 0
    unstable: tuple[str, ...] = ()
    repeats: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    metrics: Mapping[str, Mean] = field(default_factory=dict)
    reasons: Mapping[Reason, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    attempts: int = 0
    pass_at: Estimates = field(default_factory=dict)
    pass_hat: Estimates = field(default_factory=dict)
    base_at: Estimates = field(default_factory=dict)
    thinking: ThinkingCounts = field(default_factory=ThinkingCounts)

    @property
    def status(self) -> Status:
        """The worst word that applies."""
        if not self.thinking.is_valid:
            return Status.INVALID
        if self.errors or self.repeat_errors:
            return Status.ERRORS
        if self.not_run:
            return Status.UNFINISHED
        if self.selected < self.size:
            return Status.PARTIAL
        floor, interval = self.facts.floor, self.interval
        if floor is None or interval is None or self.passed / self.counted >= floor:
            return Status.OK
        return Status.LOW if interval[1] < floor else Status.WATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A first attempt that did not pass. Texts are safe to print but for control characters."""

    pack: str
    scenario: str
    nodeid: str
    title: str
    outcome: Outcome
    reason: Reason | None
    detail: str
    latency_s: float | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All that gates and reports know of a run. `packs` are sorted by id, `rows` by pack."""

    run: RunFacts
    packs: tuple[PackSummary, ...]
    total: Counts
    rows: tuple[Row, ...]
    label: str

    @property
    def status(self) -> Status:
        """The worst of the packs' words."""
        order = list(Status)
        return max((pack.status for pack in self.packs), key=order.index, default=Status.OK)

    @property
    def thinking(self) -> ThinkingCounts:
        """What was asked and seen in all packs, with the worst of their words."""
        return together(pack.thinking for pack in self.packs)

    @property
    def thinking_valid(self) -> bool:
        """Whether no pack's scores are those of another arm than was asked for."""
        return self.thinking.is_valid


def thinking_problem(summary: Summary) -> str:
    """Say which packs' scores are not those of the arm that was asked for, and how that shows, or return ""."""
    return "; ".join(
        f"{pack.facts.title}: {told(pack.thinking)}" for pack in summary.packs if not pack.thinking.is_valid
    )


Counted = tuple[int, int]
"""Of one task: (passed, judged) attempts."""


def shown_k(attempts: int) -> list[int]:
    """Return the `SHOWN_K` that so many attempts allow, and their number itself."""
    return sorted({k for k in (*SHOWN_K, attempts) if 0 < k <= attempts})


def pass_estimates(tasks: Sequence[Counted], wanted: Iterable[int]) -> tuple[Estimates, Estimates]:
    """Return pass@k and pass^k for the `wanted` k, as means over `tasks`.

    A task without a judged attempt says nothing and is left out. Where one that is left has fewer than k, the
    mean over the others would be that of another set of tasks, so there is none.
    """
    judged = [task for task in tasks if task[1]]
    fewest = min((task[1] for task in judged), default=0)
    known = {k: k <= fewest for k in wanted}
    pass_at = {k: _estimate(judged, pass_at_k, k) if enough else None for k, enough in known.items()}
    pass_hat = {k: _estimate(judged, pass_hat_k, k) if enough else None for k, enough in known.items()}
    return pass_at, pass_hat


def _estimate(tasks: Sequence[Counted], chance: Callable[[int, int, int], float], k: int) -> Estimate | None:
    values = [chance(judged, passed, k) for passed, judged in tasks]
    interval = clustered_interval(values, sum(judged for _, judged in tasks))
    return interval and Estimate(value=math.fsum(values) / len(values), interval=interval, tasks=len(values))


def percent(share: float) -> str:
    """Return `share` (0 to 1) as whole percent; 100 % and 0 % only where nothing failed or passed."""
    rounded = math.floor(share * 100 + 0.5)
    if 0 < share < 1:
        rounded = min(99, max(1, rounded))
    return f"{rounded}%"


def plural(count: int, noun: str) -> str:
    """Return ``1 error``, ``2 errors``, ``12,000 errors``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def count_text(counts: Counts) -> str:
    """Return passed per counted with all that is missing: ``14/15``, ``14/14, 1 error``, ``3/4, 11 not run``.

    A pack of which not all was selected says so: ``1/1 of 15 selected``.
    """
    text = f"{counts.passed}/{counts.counted}"
    parts = [f"{text} of {counts.size} selected" if counts.selected < counts.size else text]
    if counts.errors:
        parts.append(plural(counts.errors, "error"))
    if counts.not_run:
        parts.append(f"{counts.not_run} not run")
    return ", ".join(parts)


def score_text(counts: Counts) -> str:
    """Return the score as reports word it: `count_text`, and a percentage only where nothing is missing."""
    if counts.complete and counts.score is not None:
        return f"{count_text(counts)} ({percent(counts.score)})"
    return count_text(counts)
