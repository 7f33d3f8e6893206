"""The table of packs as plain cells, and the sentences about it, for every report alike."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_llmbench.records import Outcome, Purpose
from pytest_llmbench.reports.attempts import attempt_notes, estimate_text
from pytest_llmbench.reports.telemetry_text import asking_s
from pytest_llmbench.reports.wording import MISSING, duration, rate, seconds, single_line
from pytest_llmbench.summary import CUSTOM, Counts, Mean, PackSummary, Row, Status, Summary, count_text, percent, plural

LEGEND = {
    Status.WATCH: "the score is below the pack's suggested floor, but its 95% interval reaches the floor",
    Status.LOW: "the whole 95% interval is below the pack's suggested floor",
    Status.PARTIAL: "only some of the pack's scenarios were selected",
    Status.UNFINISHED: "the run ended before every selected scenario was asked",
    Status.ERRORS: "some scenarios got no verdict through no fault of the model; they are left out of the score",
    Status.INVALID: "the model did not think as it was asked to, so these are scores of something else",
}
"""What each status word means; "ok" speaks for itself."""

INTERVAL_NOTE = (
    "The 95% interval (Wilson) is the range of true scores these few scenarios are compatible with: "
    "two runs whose intervals overlap widely may be equally good."
)

_SCORE_HEADERS = ("Pack", "Pass / total", "Score", "95% interval")
_TIME_HEADERS = ("p50 latency", "p95 latency", "tokens/s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells of single-line text; `total` is the last row. The first and last columns are words, others figures."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...]


OF_JUDGING = frozenset({"judge_s", "memory_mib", "programs", "in_process", "plus_passed"})
"""What a program's run cost, and what the score says already: results.json and code/ have them, a table has no room."""


def pack_table(summary: Summary, *, metrics: int = 100) -> Table:
    """Return one row per pack, with a column for each of the first `metrics` custom metrics.

    A run with repeats also has pass@1, the mean over all attempts, beside the score of the first ones.
    """
    names = metric_names(summary)[:metrics]
    repeated = any(pack.attempts > 1 for pack in summary.packs)
    rows = tuple(
        (
            pack_name(pack),
            *_score_cells(pack),
            *([_pass_at_1(pack)] if repeated else []),
            seconds(pack.latency_p50_s),
            seconds(pack.latency_p95_s),
            rate(pack.decode_tps),
            *(_metric(pack, name) for name in names),
            str(pack.status),
        )
        for pack in summary.packs
    )
    blank = ("",) * (3 + repeated + len(names))
    beside = ("pass@1",) if repeated else ()
    return Table(
        headers=(*_SCORE_HEADERS, *beside, *_TIME_HEADERS, *(single_line(name, 40) for name in names), "Status"),
        rows=rows,
        total=("TOTAL", *_score_cells(summary.total), *blank, str(summary.status)),
    )


def metric_names(summary: Summary) -> list[str]:
    """Return the custom metrics of all packs, sorted, but for those of judging itself."""
    return sorted({name for pack in summary.packs for name in pack.metrics} - OF_JUDGING)


def pack_title(pack: PackSummary) -> str:
    """Return ``ToolCall-15``, and for a pack of another tool ``ToolCall-15 [benchlocal-cli]``."""
    title, origin = single_line(pack.facts.title, 60), single_line(pack.facts.origin, 40)
    return f"{title} [{origin}]" if origin else title


def run_label(summary: Summary) -> str:
    """Return the label, with the tool named whose packs ran: its ``quick`` is not ours.

    A run of packs from several places is no tag's whole set of scenarios anywhere.
    """
    origins = {pack.facts.origin for pack in summary.packs if pack.purpose is Purpose.ITEM}
    if summary.label == CUSTOM or len(origins) > 1:
        return CUSTOM
    return " ".join(filter(None, [*(single_line(origin, 40) for origin in origins), single_line(summary.label, 60)]))


def pack_name(pack: PackSummary) -> str:
    """Return ``ToolCall-15 (v1.0.1)``."""
    title = pack_title(pack)
    return f"{title} (v{single_line(pack.facts.version, 20)})" if pack.facts.version else title


def _score_cells(counts: Counts) -> tuple[str, str, str]:
    score, interval = counts.score, counts.interval
    if not counts.complete or score is None or interval is None:
        return count_text(counts), MISSING, MISSING
    low, high = percent(interval[0]), percent(interval[1])
    return count_text(counts), percent(score), f"{low.removesuffix('%')}-{high}"


def _pass_at_1(pack: PackSummary) -> str:
    found = pack.pass_at.get(1)
    return estimate_text(found) if found and pack.complete and not pack.repeat_errors else MISSING


def _metric(pack: PackSummary, name: str) -> str:
    mean = pack.metrics.get(name)
    return metric_text(mean, pack.counted) if mean else MISSING


def metric_text(mean: Mean, counted: int) -> str:
    """Return the mean to four digits, with its own n where not every scenario reported it."""
    return f"{mean.value:.4g}" if mean.count == counted else f"{mean.value:.4g} (n={mean.count})"


def measured_text(summary: Summary) -> str:
    """Return one sentence: what was measured, how much of it, how long it took."""
    run = summary.run
    place = f" at {single_line(run.url, 200)}" if run.url else ""
    via = f" ({single_line(run.engine, 60)})" if run.engine else ""
    at_once = f", {run.concurrency} at once" if run.concurrency else ""
    spent_s = asking_s(run)
    spent = f", in {duration(spent_s)}" if spent_s > 0 else ""
    asked = plural(summary.total.selected, "scenario")
    return (
        f"{single_line(run.model, 200) or 'unnamed model'}{place}{via}: {asked} ({run_label(summary)}){at_once}{spent}"
    )


def notes(summary: Summary) -> tuple[str, ...]:
    """Return what a reader must know to read the table right, most important first."""
    run, words = summary.run, {pack.status for pack in summary.packs}
    lines = [f"{status}: {meaning}." for status, meaning in LEGEND.items() if status in words]
    if not run.canonical:
        why = f" ({single_line(run.note, 200)})" if run.note else ""
        lines.insert(0, f"Not canonical{why}: these scores do not compare with other runs.")
    resumed = sum(pack.resumed for pack in summary.packs)
    if resumed:
        before = f" ({single_line(run.resumed_from, 200)})" if run.resumed_from else ""
        lines.append(f"{plural(resumed, 'verdict')} stood already when the run was resumed{before}.")
    return (*lines, *attempt_notes([(pack_title(pack), pack) for pack in summary.packs]))


def failure_line(row: Row) -> str:
    """Return ``toolcall-15 TC-07: wrong_argument (call 2 ...)``, not yet made safe for any medium."""
    return f"{row.pack} {row.scenario}: {reason_text(row)}"


def reason_text(row: Row, *, whole: bool = True) -> str:
    """Return the reason, with its detail in brackets, or the first line of it."""
    detail = row.detail if whole else row.detail.partition("\n")[0]
    return f"{row.reason or 'unknown'} ({detail})" if detail else f"{row.reason or 'unknown'}"


def failures(summary: Summary) -> list[str]:
    """Return a line for each wrong answer, in the packs' order."""
    return [failure_line(row) for row in summary.rows if row.outcome is Outcome.FAIL]


def errors(summary: Summary, *, named: int = 3, whole: bool = True) -> list[str]:
    """Return a line for each error; scenarios of one pack that met the same share a line and `named` are named.

    Without `whole` it is the first line of what is known of it.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for row in summary.rows:
        if row.outcome is Outcome.ERROR:
            groups.setdefault((row.pack, reason_text(row, whole=whole)), []).append(row.scenario)
    return [f"{pack} {_named(names, named)}: {text}" for (pack, text), names in groups.items()]


def _named(names: list[str], limit: int) -> str:
    if len(names) <= limit:
        return ", ".join(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit:,} more"
