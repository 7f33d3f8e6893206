"""How much memory many attempts and many items need."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks import scenes
from tests.benchmarks.costs import INSTANT
from tests.benchmarks.measure import Run, Unexpected, pytest_run
from tests.benchmarks.scale import Scale
from tests.benchmarks.table import Row
from tests.stub import running_stub

REPEATS_MIB = 300
ITEMS_BEYOND = 1.2
KIB = 1024
SLOTS = 32


def repeats(scale: Scale, folder: Path) -> Iterator[Row]:
    """Ask each of many items many times, over HTTP; then again, in the order the first run has taught."""
    place = scenes.plain_asking(folder / "repeats", scale.repeat_items)
    trials = scale.repeat_items * scale.repeats
    with running_stub(slots=SLOTS, service_s=0.0) as stub:
        for name in ("first run", "durations known"):
            stub.set(reset=True)
            options = (f"--llm-repeat={scale.repeats}", f"--llm-url={stub.url}", "bench-pack", "-q")
            run = pytest_run(place, *options, sample_s=0.5)
            answers = stub.stats()["answers"]
            if answers != trials + 1:
                raise Unexpected(f"{trials} trials became {answers} answers\n{run.output}")
            yield _memory_row(f"{scale.repeat_items} items x {scale.repeats} repeats, {name}", run, trials)


def _memory_row(what: str, run: Run, trials: int) -> Row:
    ending = "" if not run.rss_mib else "; " + ", ".join(_shares(run.rss_mib))
    return Row(
        what=f"{what}: peak memory",
        measured=f"{run.peak_mib:.0f} MiB{ending}",
        compared=f"{run.wall_s:.0f} s, {run.cpu_s * 1000 / trials:.2f} ms CPU a trial",
        value=run.peak_mib,
        limit=REPEATS_MIB,
        unit="MiB",
    )


def _shares(samples: Sequence[tuple[float, float]]) -> Iterator[str]:
    """Yield the memory at some parts of the way."""
    for share in (0.1, 0.25, 0.5, 0.75, 0.95):
        yield f"{samples[int((len(samples) - 1) * share)][1]:.0f} at {share:.0%}"


def many_items(scale: Scale, folder: Path) -> Iterator[Row]:
    """Collect, then run, very many scenarios and as many empty items."""
    ours = scenes.plain_asking(folder / "many", scale.many)
    theirs = scenes.empty_items(folder / "many-empty", scale.many)
    collect = ("--collect-only", "-qq", "-p", "no:cacheprovider")
    run = ("-q", "-p", "no:cacheprovider")
    yield _beside(f"{scale.many} items collected", scale, pytest_run(ours, *collect), pytest_run(theirs, *collect))
    yield _beside(
        f"{scale.many} items run",
        scale,
        pytest_run(ours, *run, INSTANT, "bench-pack"),
        pytest_run(theirs, *run),
    )


def _beside(what: str, scale: Scale, ours: Run, theirs: Run) -> Row:
    per_item = [run.peak_mib * KIB / scale.many for run in (ours, theirs)]
    return Row(
        what=f"{what}: peak memory",
        measured=f"{ours.peak_mib:.0f} MiB ({per_item[0]:.1f} KiB each) in {ours.wall_s:.0f} s",
        compared=f"empty items {theirs.peak_mib:.0f} MiB ({per_item[1]:.1f} KiB each) in {theirs.wall_s:.0f} s",
        value=ours.peak_mib / statistics.fmean([theirs.peak_mib]),
        limit=ITEMS_BEYOND,
    )
