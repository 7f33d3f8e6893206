"""``llmbench packs list|show|new``: which packs there are, what one asks, and one of your own to begin with."""

from __future__ import annotations

import argparse
import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmbench.commands import saved
from pytest_llmbench.datasets import builtin_packs_dir, find_packs, pack_file, read_pack, select_packs
from pytest_llmbench.datasets.gold import FILENAME as GOLD
from pytest_llmbench.datasets.pack_skeleton import ID_FORM, skeleton
from pytest_llmbench.errors import PackError, UsageProblem
from pytest_llmbench.records import Pack, Scenario
from pytest_llmbench.reports.wording import MISSING, pad, single_line, width

HELP = "list the packs, show what one asks and how it is judged, or begin one of your own"
PROMPT = 300
"""Characters of a prompt that are shown."""

_FINE, _WRONG = 0, 1
_HEADS = ("id", "version", "scenarios", "floor", "tags", "verifiers", "gold", "title")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    acts = parser.add_subparsers(dest="act", metavar="list|show|new", required=True)
    names = "a pack's id, a tag, a pattern or a path, as --llm-packs takes them"
    about = "list packs with their size, tags and verifiers"
    listed = acts.add_parser("list", help=about, description=about)
    listed.add_argument("packs", nargs="*", metavar="PACK", help=f"{names}; default: all that come with us")
    about = "show a pack's scenarios: what is asked, what must hold"
    shown = acts.add_parser("show", help=about, description=about)
    shown.add_argument("packs", nargs=1, metavar="PACK", help=names)
    shown.add_argument("--scenario", default="", metavar="ID", help="only this one, with its whole text")
    about = "write a pack of three scenarios with recorded answers, to be changed into your own"
    new = acts.add_parser("new", help=about, description=about)
    new.add_argument("id", metavar="ID", help="the pack's id: small letters, digits, single hyphens")
    new.add_argument("--dir", type=Path, default=Path("packs"), metavar="DIR", help="where its folder goes (packs)")
    new.add_argument("--title", default="", metavar="TEXT", help="what tables call it")
    for one in (listed, shown, new):
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def run(options: argparse.Namespace) -> int:
    """Return 0, and 1 where a listed pack cannot be read; raises `UsageProblem`, `PackError`."""
    return _ACTS[options.act](options)


def _list(options: argparse.Namespace) -> int:
    files = select_packs(options.packs) if options.packs else find_packs(builtin_packs_dir())
    packs: list[Pack] = []
    faults: list[str] = []
    for file in files:
        try:
            packs.append(read_pack(file))
        except PackError as error:
            faults.append(str(error))
    if options.json:
        saved.print_json({"packs": [_plain(pack) for pack in packs], "problems": faults})
    else:
        print(*_table([_HEADS, *map(_row, packs)]), sep="\n")
        print(*(["", *faults] if faults else []), sep="\n", end="\n" if faults else "")
    return _WRONG if faults else _FINE


def _show(options: argparse.Namespace) -> int:
    pack = read_pack(_only(select_packs(options.packs), options.packs[0]))
    chosen = [one for one in pack.scenarios if options.scenario in ("", one.id)]
    if not chosen:
        raise UsageProblem(f"{pack.facts.id} has no scenario {options.scenario}: llmbench packs show {pack.facts.id}")
    if options.json:
        saved.print_json({**_plain(pack), "scenarios": chosen})
        return _FINE
    if options.scenario:
        print(*_whole(chosen[0]), sep="\n")
        return _FINE
    print(*_head(pack), "", *(line for one in chosen for line in _brief(one)), sep="\n")
    return _FINE


def _new(options: argparse.Namespace) -> int:
    if not ID_FORM.fullmatch(options.id):
        raise UsageProblem(
            f'"{options.id}" is no id of a pack: small letters, digits and single hyphens, as in my-pack'
        )
    folder: Path = options.dir / options.id
    if folder.exists():
        raise UsageProblem(f"{folder} is there already: name another id, or another place with --dir")
    files = skeleton(options.id, title=options.title, folder=shlex.quote(str(folder)))
    try:
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageProblem(f"{folder} cannot be written: {error.strerror or error}") from error
    if options.json:
        saved.print_json({"id": options.id, "files": [folder / name for name in files]})
        return _FINE
    place = shlex.quote(str(folder))
    print(*(f"{folder / name}" for name in files), "", "next:", sep="\n")
    print(f"  llmbench selftest {place}", f"  pytest {place} --llm-url URL", sep="\n")
    return _FINE


def _only(files: Sequence[Path], name: str) -> Path:
    if len(files) != 1:
        found = ", ".join(file.parent.name for file in files) or "none"
        raise UsageProblem(f'"{name}" means {len(files)} packs ({found}): name one')
    return files[0]


def _plain(pack: Pack) -> dict[str, Any]:
    facts = pack.facts
    names = ("id", "title", "version", "size", "tags", "floor", "dimension", "licence", "source", "origin", "cautions")
    return {**{name: getattr(facts, name) for name in names}, "verifiers": _verifiers(pack), "file": pack_file(pack)}


def _verifiers(pack: Pack) -> list[str]:
    return sorted({one.verifier for one in pack.scenarios})


def _row(pack: Pack) -> tuple[str, ...]:
    facts = pack.facts
    gold = "yes" if pack.path.is_dir() and (pack.path / GOLD).is_file() else MISSING
    floor = MISSING if facts.floor is None else f"{facts.floor:.0%}"
    words = (", ".join(facts.tags), ", ".join(_verifiers(pack)), gold, facts.title)
    return tuple(single_line(cell, 60) for cell in (facts.id, facts.version, f"{facts.size:,}", floor, *words))


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(pad(cell, widths[at], right=at in (2, 3)) for at, cell in enumerate(row)).rstrip()


def _head(pack: Pack) -> Iterator[str]:
    facts = pack.facts
    yield f"{facts.title} {facts.version} ({facts.id}): {facts.size:,} scenarios, {facts.licence or 'no licence named'}"
    yield from (single_line(text, 1000) for text in (facts.dimension, facts.source) if text)
    categories = Counter(one.category for one in pack.scenarios if one.category)
    if categories:
        yield "categories: " + "; ".join(f"{name} ({count})" for name, count in categories.items())
    yield f"verifiers: {', '.join(_verifiers(pack))}"
    yield from (f"caution: {single_line(caution, 1000)}" for caution in facts.cautions)
    yield f"file: {pack_file(pack)}"


def _brief(one: Scenario) -> Iterator[str]:
    yield f"{one.id}  {single_line(one.title, 200)}"
    yield f"    {single_line(' '.join(_prompt(one).split()), PROMPT)}"
    kinds = Counter(str(check.get("kind")) for check in one.checks)
    checks = ", ".join(f"{kind} x{count}" if count > 1 else kind for kind, count in kinds.items())
    if checks:
        yield f"    checks: {checks}"


def _whole(one: Scenario) -> Iterator[str]:
    yield f"{one.id}  {single_line(one.title, 200)}"
    yield f"dialogue {one.dialogue}, verifier {one.verifier}, at most {one.max_tokens:,} tokens, {one.timeout_s:g} s"
    for message in one.messages:
        yield from _text(str(message.role), message.content)
    for text in one.followups:
        yield from _text("user, next", text)
    yield from (single_line(f"tool {tool.name}: {tool.description}") for tool in one.tools)
    yield from (single_line(f"check {json.dumps(check, ensure_ascii=False)}", 10_000) for check in one.checks)
    if one.task is not None:
        yield f"task {one.task.task_id} of {one.task.reader}: its text is read from the data set when it is asked"


def _text(name: str, text: str) -> Iterator[str]:
    yield f"--- {name} ---"
    yield from (single_line(line, len(line)) for line in text.splitlines())


def _prompt(one: Scenario) -> str:
    if one.task is not None:
        return f"task {one.task.task_id} of {one.task.reader}"
    return next((message.content for message in reversed(one.messages) if message.role == "user"), "")


_ACTS: Mapping[str, Callable[[argparse.Namespace], int]] = {"list": _list, "show": _show, "new": _new}
