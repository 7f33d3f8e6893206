"""A Markdown file that follows models over time: our tables between markers, everything else the owner's own words.

Only what stands between a ``begin`` and an ``end`` marker is ever written anew; such blocks may be moved, and one
that was taken out stays out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.reports.series import (
    Point,
    Subject,
    by_subject,
    change_text,
    comparable_before,
    score_words,
    sparkline,
    subject_words,
)
from pytest_llmbench.reports.wording import MISSING, day, markdown, rate, seconds
from pytest_llmbench.summary import plural

_MARKER = re.compile(r"^<!-- llmbench (begin|end) ([a-z]+)(?: .*)?-->\s*$")
_ISSUES = "## Known issues"
_HINT = "written by llmbench tracker, changes in here are lost"
_NOTE = (
    "passed/scenarios, score and its 95% interval. Only whole packs at their own sampling stand here; the best of "
    "several runs flatters a model, the latest one does not."
)

Series = Mapping[Subject, Mapping[str, Sequence[Point]]]


def new_tracker(points: Sequence[Point]) -> str:
    """Return a file with every block, and an empty section for what is known of each model."""
    blocks = {name: _block(name, points) for name in BLOCKS}
    issues = [line for subject in by_subject(filter(_compares, points)) for line in _issue_section(subject)]
    lines = ["# Model tracker", "", *blocks["overview"], "", "## Latest runs", "", *blocks["latest"], ""]
    lines += ["## Changes since the run before", "", *blocks["changes"], "", "## Best runs", "", *blocks["best"], ""]
    lines += [_ISSUES, "", "This section is yours: updates touch only what stands between markers.", ""]
    return "\n".join([*lines, *issues]).rstrip() + "\n"


def updated(text: str, points: Sequence[Point], *, where: str) -> str:
    """Return `text` with each of our blocks made anew; raises `UsageProblem` where markers are missing or broken.

    What is measured for the first time gets an empty section below the known issues; no other line outside the blocks
    is touched. `where` names the file in errors. Line ends stay as they are.
    """
    lines = text.split("\n")
    spans = _spans(lines, where)
    if not spans:
        lacking = f"<!-- llmbench begin latest --> and <!-- llmbench end latest -->; blocks: {', '.join(BLOCKS)}"
        raise UsageProblem(
            f"{where} is no tracker, it was left as it is: name a new file, or put these lines in it: {lacking}"
        )
    made: list[str] = []
    done = 0
    for name, (first, last) in spans.items():
        made += [*lines[done:first], *_ended_like(_block(name, points), lines[first], lines[last])]
        done = last + 1
    return "\n".join(_with_sections([*made, *lines[done:]], lines, points))


def _with_sections(made: list[str], before: Sequence[str], points: Sequence[Point]) -> list[str]:
    """Return the lines with a section for each subject that stood nowhere before: one taken out stays out."""
    known = {line.removeprefix("### ").strip() for line in before if line.startswith("### ")}
    known |= {line.split(" | ")[0].removeprefix("| ") for line in before if line.startswith("| ")}
    fresh = [
        subject for subject in by_subject(filter(_compares, points)) if markdown(subject_words(subject)) not in known
    ]
    heading = next((at for at, line in enumerate(made) if line.rstrip() == _ISSUES), None)
    if not fresh or heading is None:
        return made
    below = range(heading + 1, len(made))
    end = next((at for at in below if made[at].startswith(("# ", "## ", "<!-- llmbench begin"))), len(made))
    last = max((at for at in range(heading, end) if made[at].strip()), default=heading)
    ended = "\r" if made[heading].endswith("\r") else ""
    sections = [line + ended for subject in fresh for line in ("", *_issue_section(subject)[:-1])]
    if last == len(made) - 1:  # the file's last line has no end: it gets one, and what is the last line now has none
        made[last] += ended
        sections[-1] = sections[-1].removesuffix("\r")
    return [*made[: last + 1], *sections, *made[last + 1 :]]


def _ended_like(block: Sequence[str], first: str, last: str) -> list[str]:
    """Return the lines with the carriage returns that the old ones had."""
    inner, final = ("\r" if line.endswith("\r") else "" for line in (first, last))
    return [*(line + inner for line in block[:-1]), block[-1] + final]


def _spans(lines: Sequence[str], where: str) -> dict[str, tuple[int, int]]:
    """Return the first and last line of each block, in the order of the file."""
    spans: dict[str, tuple[int, int]] = {}
    begun: tuple[str, int] | None = None
    for at, line in enumerate(lines):
        found = _MARKER.match(line)
        if found is None:
            continue
        word, name = found[1], found[2]
        problem = _problem(word, name, begun, spans)
        if problem:
            raise UsageProblem(f"{where}:{at + 1}: {problem}; the file was left as it is")
        if word == "begin":
            begun = name, at
        elif begun is not None:
            spans[name] = begun[1], at
            begun = None
    if begun is not None:
        raise UsageProblem(
            f'{where}:{begun[1] + 1}: the block "{begun[0]}" has no end marker; the file was left as it is'
        )
    return spans


def _problem(word: str, name: str, begun: tuple[str, int] | None, spans: Mapping[str, object]) -> str:
    if name not in BLOCKS:
        return f'there is no block "{name}": {", ".join(BLOCKS)}'
    if word == "begin" and begun is not None:
        return f'"{name}" begins before "{begun[0]}" has ended'
    if word == "begin" and name in spans:
        return f'"{name}" is there twice'
    if word == "end" and (begun is None or begun[0] != name):
        return f'"{name}" ends where it has not begun'
    return ""


def _block(name: str, points: Sequence[Point]) -> list[str]:
    return [f"<!-- llmbench begin {name} ({_HINT}) -->", *BLOCKS[name](points), f"<!-- llmbench end {name} -->"]


def _overview(points: Sequence[Point]) -> list[str]:
    """Say how much there is and how new it is; by the runs, not the clock, so that an idle update changes nothing."""
    newest = max(points, key=lambda point: point.started_at)
    runs, models, packs = ({getattr(point, name) for point in points} for name in ("run", "model", "pack"))
    told = f"{plural(len(runs), 'run')} of {plural(len(models), 'model')} on {plural(len(packs), 'pack')}"
    shown = len({point.run for point in points if point.compares})
    return [
        (
            f"{told}, {shown:,} of them with a whole pack at its own sampling; "
            f"the newest is {markdown(newest.run)}, {day(newest.started_at)}."
        ),
    ]


def _latest(points: Sequence[Point]) -> list[str]:
    return _matrix(points, _last)


def _best(points: Sequence[Point]) -> list[str]:
    return _matrix(points, lambda series: max(_compared(series), key=_rank, default=None))


def _rank(point: Point) -> tuple[float, float]:
    """Order by score, and among equals the newer one first."""
    return point.counts.score or 0.0, point.started_at


def _compares(point: Point) -> bool:
    return point.compares


def _compared(series: Sequence[Point]) -> list[Point]:
    """Return the points of the pack's present version whose scores compare."""
    return [point for point in series if _compares(point) and point.content_hash == series[-1].content_hash]


def _last(series: Sequence[Point]) -> Point | None:
    return next(reversed(_compared(series)), None)


def _matrix(points: Sequence[Point], choose: Callable[[Sequence[Point]], Point | None]) -> list[str]:
    """Return a table with a row for each model and profile and a column for each pack."""
    titles = {point.pack: f"{point.title} v{point.version}" for point in points}
    names = sorted(titles)
    rows = []
    for subject, packs in by_subject(points).items():
        chosen = [choose(packs[name]) if name in packs else None for name in names]
        if any(chosen):
            rows.append([subject_words(subject), *map(_cell, chosen), *_figures(list(filter(None, chosen)))])
    if not rows:
        return ["No whole pack was measured at its own sampling yet."]
    heads = ["Model", *(titles[name] for name in names), "p50 latency", "tokens/s", "Measured"]
    return ["", *_table(heads, rows), "", markdown(_NOTE), ""]


def _cell(point: Point | None) -> str:
    return MISSING if point is None else score_words(point)


def _figures(chosen: Sequence[Point]) -> list[str]:
    """Return the figures of the newest of the chosen points, and the days of all."""
    newest = max(chosen, key=lambda point: point.started_at)
    days = sorted({day(point.started_at) for point in chosen})
    return [seconds(newest.latency_p50_s), rate(newest.decode_tps), " to ".join(dict.fromkeys((days[0], days[-1])))]


def _changes(points: Sequence[Point]) -> list[str]:
    """Return a row for each pack that was measured before, whole and in the same version."""
    rows = []
    for subject, packs in by_subject(points).items():
        for series in packs.values():
            now = _last(series)
            before = comparable_before(series, series.index(now)) if now else None
            if now and before:
                change = change_text(before, now)
                cells = [score_words(before), score_words(now), change, sparkline(_compared(series)), now.run]
                rows.append([subject_words(subject), now.title, *cells])
    if not rows:
        return ["Nothing was measured twice yet."]
    return ["", *_table(["Model", "Pack", "Before", "Now", "Change", "All runs", "Run"], rows), ""]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads)), *(_row([markdown(cell) for cell in row]) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _issue_section(subject: Subject) -> list[str]:
    return [f"### {markdown(subject_words(subject))}", "", "- none known", ""]


BLOCKS: Mapping[str, Callable[[Sequence[Point]], list[str]]] = {
    "overview": _overview,
    "latest": _latest,
    "changes": _changes,
    "best": _best,
}
"""The blocks of a tracker by the name their markers carry."""
