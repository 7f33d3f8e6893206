"""``llmbench profiles``: the servers that ``--llm-profile`` knows here, and what each would start."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmbench.config_file import FILENAME
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.plain_data import printable
from pytest_llmbench.profiles import Candidate, find_candidates
from pytest_llmbench.profiles.problems import context_of, problems, what_starts
from pytest_llmbench.profiles.selection import EMBEDDED, own_candidates
from pytest_llmbench.pytest_ini import read_ini
from pytest_llmbench.settings import Profile

HELP = "list the servers that --llm-profile can measure, with what each would start"
EXAMPLE = """\
profiles:
  served: {url: "http://127.0.0.1:8080/v1"}
  q4: {command: "llama-server -m q4.gguf --port {port}"}
  q8: {command: "llama-server -m q8.gguf --port {port}"}
"""
WIDTH = 100
"""Characters of a cell that are shown."""

_FINE, _WRONG, _UNUSABLE = 0, 1, 4
_PACKS = " --llm-packs quick"
"""What to ask, where there may be no packs beside the profiles."""

_MARKS = {".conf": b"[bench-", ".toml": b"[[tasks]]"}
_HEADS = ("profile", "engine", "preset", "context", "VRAM", "starts", "stands in", "check")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A profile as it is listed; `profile` is None where it cannot be read, which then is its one problem."""

    candidate: Candidate
    profile: Profile | None
    problems: tuple[str, ...]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"a profile, a glob, all, embedded, or a file with profiles; default: all of {FILENAME}, and embedded",
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects")


def run(options: argparse.Namespace) -> int:
    """Return 0 where each listed profile could be measured, 1 where one could not, 4 where one cannot be found."""
    try:
        here = Path.cwd()
        folders = tuple(dict.fromkeys((here, read_ini(here).folder)))
        own = () if options.names else own_candidates(folders)
        chosen = find_candidates(options.names, folders=folders) if options.names else (*own, EMBEDDED)
    except UsageProblem as error:
        print(printable(str(error)), file=sys.stderr)
        return _UNUSABLE
    rows = [_row(candidate) for candidate in chosen]
    print(json.dumps([_plain(row) for row in rows], indent=2) if options.json else _table(rows))
    if not options.json:
        print(*_after(rows, options.names, has_own=bool(own), here=here), sep="\n")
    return _WRONG if any(row.problems for row in rows) else _FINE


def _row(candidate: Candidate) -> _Row:
    try:
        profile = candidate.build()
    except UsageProblem as error:
        return _Row(candidate=candidate, profile=None, problems=() if candidate.is_template else (str(error),))
    return _Row(candidate=candidate, profile=profile, problems=tuple(problems(profile)))


def _plain(row: _Row) -> dict[str, Any]:
    """Return a row for programs: names of variables and headers, never their values."""
    profile, candidate = row.profile, row.candidate
    facts: dict[str, Any] = {"name": candidate.name, "origin": candidate.origin, "description": candidate.description}
    if profile is not None:
        facts |= {
            "engine": profile.engine,
            "starts": what_starts(profile, candidate.command),
            "env": list(profile.env),
            "headers": list(profile.connection.headers),
            "preset": profile.preset,
            "model": profile.model,
            "context": context_of(profile),
            "vram_gb": profile.vram_gb,
            "packs": list(profile.packs),
        }
    return {**facts, "notes": list(candidate.notes), "problems": list(row.problems)}


def _table(rows: Sequence[_Row]) -> str:
    """Return rows in columns, without those that are empty all the way down."""
    cells = [_HEADS, *(_cells(row) for row in rows)]
    kept = [column for column in range(len(_HEADS)) if column in (0, 1) or any(row[column] for row in cells[1:])]
    widths = {column: max(len(row[column]) for row in cells) for column in kept}
    return "\n".join("  ".join(row[column].ljust(widths[column]) for column in kept).rstrip() for row in cells)


def _cells(row: _Row) -> tuple[str, ...]:
    profile, candidate = row.profile, row.candidate
    found = "see below" if row.problems else "ok"
    if profile is None:
        kind = ("not read", found) if row.problems else ("template", "")
        return (candidate.name, kind[0], "", "", "", "", candidate.origin, kind[1])
    context, vram = context_of(profile), profile.vram_gb
    return (
        candidate.name,
        profile.engine,
        profile.preset,
        f"{context:,}" if context else "",
        f"{vram:g} GB" if vram else "",
        printable(what_starts(profile, candidate.command), WIDTH),
        candidate.origin,
        found,
    )


def _after(rows: Sequence[_Row], names: Sequence[str], *, has_own: bool, here: Path) -> list[str]:
    """Return what is said beneath the table: problems, notes, and the next step."""
    lines = [f"{row.candidate.name}: {problem}" for row in rows for problem in row.problems]
    lines += [note for row in rows for note in row.candidate.notes]
    lines = ["", *(printable(line) for line in lines)] if lines else []
    good = [row for row in rows if row.profile is not None and not row.problems]
    if has_own:
        good = [row for row in good if row.candidate is not EMBEDDED]
    if has_own or names:
        return [*lines, "", _step(names, good)] if good else lines
    beside = sorted(path.name for path in here.iterdir() if _holds_profiles(path))
    lines += ["", f"There is no {FILENAME} here. Four lines make one, and a server a profile:", "", EXAMPLE]
    if beside:
        lines += [f"Or name a file that is here: llmbench profiles {beside[0]}", ""]
    return [*lines, f"measure with: pytest --llm-profile served --llm-profile q4{_PACKS}"]


def _step(names: Sequence[str], good: Sequence[_Row]) -> str:
    asked = list(names) or [good[0].candidate.name]
    words = [word for name in asked for word in ("--llm-profile", name)]
    nowhere = any(row.profile and row.profile.engine == "external" and not row.profile.urls for row in good)
    own = any(row.profile and row.profile.packs for row in good)
    url, packs = " --llm-url URL" if nowhere else "", "" if own else _PACKS
    return f"measure with: pytest {shlex.join(words)}{packs}{url}"


def _holds_profiles(path: Path) -> bool:
    """Tell whether a file looks like one of the foreign ones that can be read."""
    mark = _MARKS.get(path.suffix)
    return mark is not None and path.is_file() and mark in path.read_bytes()
