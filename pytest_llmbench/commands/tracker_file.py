"""``llmbench tracker FILE.md``: makes and updates a Markdown file that follows models over all runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_llmbench.commands import saved
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.reports.files import replace_file
from pytest_llmbench.reports.series import Point, points_of
from pytest_llmbench.reports.tracker import new_tracker, updated
from pytest_llmbench.reports.trend import left_out, trend_plain
from pytest_llmbench.run_heads import runs_below
from pytest_llmbench.summary import plural

HELP = "make or update a Markdown file that follows models, profiles and packs over all runs"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    parser.add_argument("file", type=Path, metavar="FILE.md", help="made where it is not there; else updated")
    saved.add_base(parser)


def run(options: argparse.Namespace) -> int:
    """Write the file and return 0; raises `UsageProblem`, and the file is then as it was."""
    heads = runs_below(options.runs)
    points = [point for head in heads for point in points_of(head)]
    note = left_out(heads)
    if not points:
        raise UsageProblem(f"no finished run below {options.runs}. {note}")
    word = _write(options.file, points)
    if options.json:
        saved.print_json({"file": options.file, "was": word, "series": trend_plain(points)})
        return 0
    runs = plural(len({point.run for point in points}), "run")
    print(f"{options.file} {word}: {runs}.", *filter(None, [note]))
    return 0


def _write(path: Path, points: list[Point]) -> str:
    """Write the file where it changes; return what became of it: ``created``, ``updated`` or ``unchanged``."""
    try:
        old = path.read_bytes().decode("utf-8") if path.exists() else None
        new = new_tracker(points) if old is None else updated(old, points, where=str(path))
        if new != old:
            with replace_file(path) as file:
                file.write(new.encode("utf-8"))
    except UnicodeDecodeError:
        raise UsageProblem(f"{path} is no UTF-8 text: name another file") from None
    except OSError as error:
        raise UsageProblem(f"{path} cannot be written: {error.strerror or error}") from error
    return "created" if old is None else "unchanged" if new == old else "updated"
