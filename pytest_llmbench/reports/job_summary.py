"""The page of a CI job: how the run ended, the table, what changed. GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_llmbench.flips import Flip
from pytest_llmbench.reports.cautions import thinking_note
from pytest_llmbench.reports.measured import Measured
from pytest_llmbench.reports.table import errors, failures, measured_text, notes, pack_table, reason_text
from pytest_llmbench.reports.wording import MISSING, markdown
from pytest_llmbench.summary import Summary, plural

LIMIT = 1_000_000
"""Bytes of a page: GitHub drops one that is larger than 1 MiB."""

SHOWN = 20
"""Lines of each list; the run folder has all."""

_CELL = 300
_PACKS = 500
_CHANGES = [["Scenario", "Baseline", "Now", "Asked again", "What is wrong"], ["---", "---:", "---:", "---", "---"]]


def job_summary(measured: Measured) -> str:
    """Return the page, the end of the run first. Whatever a model or a pack wrote is shown as it stands."""
    summary, verdict = measured.summary, measured.verdict
    run = summary.run
    profile = f" ({markdown(run.profile, 80)})" if run.profile else ""
    blocks = [
        f"### llmbench: {markdown(run.model, 120) or 'an unnamed model'}{profile}",
        f"**{markdown(measured.exit_.sentence)}**",
        *_comparison(measured),
        f"Measured: {markdown(measured_text(summary))}.",
        _packs(summary),
        *(markdown(note) for note in [*notes(summary), *filter(None, [thinking_note(summary)])]),
        *_changes(measured),
        *_listed(f"Gate {verdict.name}", verdict.lines),
        *_listed("Wrong answers", failures(summary)),
        *_listed("Errors: not the model's fault, left out of the score", errors(summary)),
        *_where(run.run_dir),
    ]
    return within("\n\n".join(blocks) + "\n", LIMIT)


def within(page: str, limit: int) -> str:
    """Return as many whole lines of `page` as fit into `limit` bytes of UTF-8, and say that there are more."""
    written = page.encode("utf-8", "replace")
    if len(written) <= limit:
        return written.decode("utf-8")
    closing = "\n\nThe rest does not fit here; the run folder has it.\n"
    return written[: limit - len(closing)].rpartition(b"\n")[0].decode("utf-8") + closing


def _comparison(measured: Measured) -> list[str]:
    """Return the comparison's sentence and lines where neither the end of the run nor the gate tells them."""
    if measured.comparison is None:
        return []
    told = "\n".join([measured.exit_.sentence, *measured.verdict.lines])
    lines = [measured.comparison.sentence, *measured.comparison.lines]
    untold = [f"- {markdown(line)}" for line in lines if line not in told][:SHOWN]
    return ["\n".join(untold)] if untold else []


def _packs(summary: Summary) -> str:
    table = pack_table(summary, metrics=4)
    figures = len(table.headers) - 2
    rows = [[markdown(cell, _CELL) for cell in row] for row in table.rows[:_PACKS]]
    left = len(table.rows) - len(rows)
    more = [[f"and {plural(left, 'more pack')}", *[""] * (figures + 1)]] if left else []
    total = [f"**{cell}**" if cell else "" for cell in map(markdown, table.total)]
    head = [[markdown(header) for header in table.headers], ["---", *["---:"] * figures, "---"]]
    return _table([*head, *rows, *more, total])


def _changes(measured: Measured) -> list[str]:
    flips = sorted(measured.comparison.flips if measured.comparison else (), key=lambda flip: not flip.is_worse)
    if not flips:
        return []
    verb = "was" if len(flips) == 1 else "were"
    heading = f"#### {plural(len(flips), 'scenario')} {verb} otherwise in the baseline"
    more = [f"and {len(flips) - SHOWN:,} more"] if len(flips) > SHOWN else []
    return [heading, _table([*_CHANGES, *(_change(flip, measured) for flip in flips[:SHOWN])]), *more]


def _change(flip: Flip, measured: Measured) -> list[str]:
    row, again = measured.row(flip), measured.asked_again(flip)
    asked = f"{again.fresh[0]}/{again.fresh[1]} {again.finding}" if again else MISSING
    wrong = (reason_text(row) if row else MISSING) if flip.is_worse else "nothing: it is better"
    before = f"{flip.before[0]}/{flip.before[1]}{' flaky' if flip.was_flaky else ''}"
    cells = [f"{flip.pack} {flip.scenario}", before, f"{flip.now[0]}/{flip.now[1]}", asked, wrong]
    return [markdown(cell, _CELL) for cell in cells]


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _listed(heading: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    shown = [f"- {markdown(line, _CELL)}" for line in lines[:SHOWN]]
    if len(lines) > SHOWN:
        shown.append(f"- and {len(lines) - SHOWN:,} more")
    return [f"#### {markdown(heading)}", "\n".join(shown)]


def _where(run_dir: str) -> list[str]:
    if not run_dir:
        return []
    name = markdown(Path(run_dir).name, 200)
    files = "REPORT.md, results.json and every request and answer"
    return [f"The run folder {name} has {files}; llmbench inspect {name} --failed shows them."]
