"""``python -m tests.benchmarks [--quick] [NAME ...]``: run the benchmarks and print their table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.adaptive import adaptive
from tests.benchmarks.baselines import baselines
from tests.benchmarks.code import humaneval, humaneval_plus, mbpp_plus
from tests.benchmarks.costs import collecting, item_cost
from tests.benchmarks.gates import gates
from tests.benchmarks.measure import Unexpected
from tests.benchmarks.memory import many_items, repeats
from tests.benchmarks.scale import FULL, QUICK, Scale
from tests.benchmarks.slots import mixed, uniform
from tests.benchmarks.table import Row, table

BENCHMARKS: dict[str, Callable[[Scale, Path], Iterator[Row]]] = {
    "uniform": uniform,
    "mixed": mixed,
    "adaptive": adaptive,
    "collecting": collecting,
    "item-cost": item_cost,
    "repeats": repeats,
    "many-items": many_items,
    "humaneval": humaneval,
    "humaneval-plus": humaneval_plus,
    "mbpp-plus": mbpp_plus,
    "gates": gates,
    "baselines": baselines,
}
_ON_REQUEST = ("adaptive", "humaneval", "humaneval-plus", "mbpp-plus", "gates", "baselines")
"""These need a model, data or rivals that not every machine has, or minutes and no machine at all."""
_NAMES_HELP = f"of {', '.join(BENCHMARKS)}; by default all but {', '.join(_ON_REQUEST)}"


def main(arguments: list[str]) -> int:
    """Run what was named; 1 where a run did not do its work."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(BENCHMARKS)}; by default all but {', '.join(_ON_REQUEST)}",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, for CI: under 90 s")
    given = parser.parse_args(arguments)
    unknown = set(given.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark called {', '.join(sorted(unknown))}: choose of {', '.join(BENCHMARKS)}")
    return _report(
        given.names or [name for name in BENCHMARKS if name not in _ON_REQUEST], QUICK if given.quick else FULL
    )


def _report(names: list[str], scale: Scale) -> int:
    rows: list[Row] = []
    failed = 0
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}", flush=True)
    for name in names:
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="llmbench-") as folder:
            try:
                for row in BENCHMARKS[name](scale, Path(folder)):
                    rows.append(row)
                    print(row.line(), flush=True)
            except Unexpected as problem:
                failed = 1
                print(f"{name}: {problem}", file=sys.stderr)
        print(f"({name}: {time.perf_counter() - begin:.0f} s, load {os.getloadavg()[0]:.1f})", flush=True)
    print(f"\n{table(rows)}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
