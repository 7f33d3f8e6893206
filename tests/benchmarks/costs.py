"""What collecting and running an item costs beyond what pytest itself needs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import scenes
from tests.benchmarks.measure import Run, pytest_run
from tests.benchmarks.scale import Scale
from tests.benchmarks.table import Row, spread

NO_TESTS = 5
INSTANT = "--llm-endpoint=instant"


def collecting(scale: Scale, folder: Path) -> Iterator[Row]:
    """Collect many packs of the size of a real one."""
    full = scenes.copies(folder / "collecting", "toolcall-15", scale.packs)
    bare = scenes.nothing(folder / "collecting-nothing")
    options = ("--collect-only", "-q", "-p", "no:cacheprovider")
    ours, theirs = [], []
    for _ in range(scale.rounds):
        ours.append(pytest_run(full, *options).wall_s)
        theirs.append(pytest_run(bare, *options, code=NO_TESTS).wall_s)
    yield Row(
        what=f"collecting {scale.packs * 15} items of {scale.packs} packs",
        measured=spread(ours, "s"),
        compared=f"a session with nothing in it {spread(theirs, 's')}",
        value=statistics.median(ours) - statistics.median(theirs),
        limit=1.0 * scale.packs / 100,
        unit="s more",
    )


def item_cost(scale: Scale, folder: Path) -> Iterator[Row]:
    """Run many scenarios whose answer and verdict cost nothing, and as many empty items."""
    asked = scenes.plain_asking(folder / "items", scale.items)
    none = scenes.nothing(folder / "items-nothing")
    empty = scenes.empty_items(folder / "items-empty", scale.items)
    runs: dict[str, list[Run]] = {"asked": [], "none": [], "empty": []}
    for _ in range(scale.rounds):
        runs["none"].append(pytest_run(none, INSTANT, code=NO_TESTS))
        runs["asked"].append(pytest_run(asked, INSTANT, "bench-pack"))
        runs["empty"].append(pytest_run(empty))
    start_s = statistics.median(run.cpu_s for run in runs["none"])
    ours = [(run.cpu_s - start_s) * 1000 / scale.items for run in runs["asked"]]
    theirs = [(run.cpu_s - start_s) * 1000 / scale.items for run in runs["empty"]]
    yield Row(
        what=f"CPU of an item beyond its request and verdict ({scale.items} items)",
        measured=spread(ours, "ms"),
        compared=f"an empty item {spread(theirs, 'ms')}",
        value=statistics.median(ours),
        limit=3.0,
        unit="ms",
    )
