"""``llmbench selftest``: are the answers of a pack judged rightly? Without a model, in seconds."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_llmbench.assemble import build_sandbox, with_sandbox
from pytest_llmbench.config_file import sandbox_settings_in
from pytest_llmbench.contracts import Gold
from pytest_llmbench.datasets import builtin_packs_dir, fill, find_packs, load_gold, read_pack, select_packs
from pytest_llmbench.datasets.gold import FILENAME as GOLD
from pytest_llmbench.datasets.llmbench_pack import FILENAME as PACK
from pytest_llmbench.dialogues import DIALOGUES
from pytest_llmbench.errors import DatasetUnavailable, PackError, SandboxUnavailable, UsageProblem
from pytest_llmbench.mutations import MUTATORS
from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Outcome, Pack, Verdict
from pytest_llmbench.rehearsal import Cast, Part, Rehearsed, gold_problems, rehearse, scenario_problems
from pytest_llmbench.sandboxes import LAUNCHERS
from pytest_llmbench.sandboxes.deferred import DeferredSandbox
from pytest_llmbench.verifiers import VERIFIERS

HELP = "judge the recorded answers of packs, and mutations of the right ones, without a model"
EXCERPT = 600
"""Characters of a wrongly judged answer that are shown."""

_CAST = Cast(dialogues=DIALOGUES, verifiers=VERIFIERS, mutators=MUTATORS)
_FINE, _WRONG, _UNUSABLE = 0, 1, 4


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    parser.add_argument(
        "packs",
        nargs="*",
        metavar="PACK",
        help="a built-in pack's id, a tag, a pattern or a path, as --llm-packs takes them; "
        "default: all built-in packs that hold their scenarios themselves",
    )
    parser.add_argument("--data", metavar="DIR", default="", help="a folder with benchmark data, for packs made of it")
    parser.add_argument("--sandbox", choices=["auto", *LAUNCHERS], help="where programs run")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for every answer")


def run(options: argparse.Namespace) -> int:
    """Return 0 where all is judged as it must be, 1 where not, 4 where a pack cannot be found or read."""
    try:
        files = select_packs(options.packs) if options.packs else _self_contained()
        settings = sandbox_settings_in(Path.cwd(), options.sandbox)
    except UsageProblem as error:
        print(error, file=sys.stderr)
        return _UNUSABLE
    if not files:
        print("no pack is named: leave the name out for all packs that come with us", file=sys.stderr)
        return _UNUSABLE
    sandbox = build_sandbox(settings)
    cast = replace(_CAST, verifiers=with_sandbox(_CAST.verifiers, sandbox))
    width = max(len(_folder_or_file(file)) for file in files)
    try:
        return max(_tested(_Test(file=file, cast=cast, data=options.data), width, options.verbose) for file in files)
    finally:
        sandbox.close()


def _self_contained() -> list[Path]:
    """Return the built-in packs that have recorded answers: those of data sets need data, and minutes."""
    return [file for file in find_packs(builtin_packs_dir()) if file.with_name(GOLD).is_file()]


def _folder_or_file(file: Path) -> str:
    return file.parent.name if file.name == PACK else file.stem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    file: Path
    cast: Cast
    data: str

    def pack(self) -> Pack:
        """Return the pack, its scenarios filled in; raises `PackError`, `DatasetUnavailable`."""
        pack = read_pack(self.file)
        if not any(scenario.task for scenario in pack.scenarios[:1]):
            return pack
        return replace(pack, scenarios=[fill(scenario, data=self.data, say=print) for scenario in pack.scenarios])

    def gold(self, pack: Pack) -> Mapping[str, Gold]:
        """Return the recorded answers, none where there are none."""
        is_recorded = (pack.path / GOLD).is_file() or any(scenario.task for scenario in pack.scenarios[:1])
        return load_gold(pack.path, data=self.data) if is_recorded else {}


def _tested(test: _Test, width: int, verbose: bool) -> int:  # noqa: FBT001 - as the option says
    started = time.monotonic()
    faults: list[str] = []
    cast = test.cast
    try:
        pack = test.pack()
        name = pack.facts.id.ljust(width)
        if strange := sorted({scenario.verifier for scenario in pack.scenarios} - set(VERIFIERS)):
            print(_not_ours(name, strange, pack))
            return _WRONG
        faults += (fault for index in range(len(pack.scenarios)) for fault in scenario_problems(pack, index, cast))
        gold = test.gold(pack)
        _need_sandbox(pack, cast)
    except (PackError, DatasetUnavailable, SandboxUnavailable) as error:
        print(*faults, error, sep="\n", file=sys.stderr)
        return _UNUSABLE
    if not pack.path.is_dir() and not faults:
        print(f"{name}  {len(pack.scenarios)} scenarios of a foreign pack, all readable; no recorded answers")
        return _FINE
    problems = [*faults, *_gold_problems(pack, gold)]
    done = list(_judged(pack, gold, cast))
    print(_summary(name, done, problems, time.monotonic() - started))
    for line in (*(f"    {problem}" for problem in problems), *(_shown(one) for one in done if one.fault or verbose)):
        print(line)
    return _WRONG if problems or any(one.fault for one in done) else _FINE


def _need_sandbox(pack: Pack, cast: Cast) -> None:
    """Raise `SandboxUnavailable` where answers are programs and there is nowhere to run them."""
    for name in {scenario.verifier for scenario in pack.scenarios}:
        sandbox = getattr(cast.verifiers[name], "sandbox", None)
        if isinstance(sandbox, DeferredSandbox):
            sandbox.chosen()


def _not_ours(name: str, verifiers: Sequence[str], pack: Pack) -> str:
    return (
        f"{name}  not tested: {', '.join(verifiers)} is no verifier of pytest-llmbench. One from a conftest.py or a "
        f"plugin is known to pytest: pytest {pack.path} --llm-endpoint gold, then --llm-endpoint broken"
    )


def _judged(pack: Pack, gold: Mapping[str, Gold], cast: Cast) -> Iterator[Rehearsed]:
    """Judge what can be: scenarios without recorded answers or with faulty checks stand among the problems."""
    for index, scenario in enumerate(pack.scenarios):
        if scenario.id in gold and not any(scenario_problems(pack, index, cast)):
            yield from rehearse(scenario, gold[scenario.id], cast)


def _gold_problems(pack: Pack, gold: Mapping[str, Gold]) -> list[str]:
    if not pack.path.is_dir():
        return []
    if not gold:
        return [f"no recorded answers in {pack.path / GOLD}: packs/README.md says under gold.yaml what goes there"]
    return list(gold_problems(pack, gold))


def _summary(name: str, done: Sequence[Rehearsed], problems: Sequence[str], seconds: float) -> str:
    counts = [f"{len(problems)} {'fault' if len(problems) == 1 else 'faults'} in the pack"] if problems else []
    for part in Part if done else ():
        own = [one for one in done if one.part is part]
        counts.append(f"{part} {sum(not one.fault for one in own)}/{len(own)}")
    return "  ".join([name, *counts, f"{seconds:.1f} s"])


def _shown(one: Rehearsed) -> str:
    part = "mutation" if one.part is Part.MUTATION else one.part.value
    head = f"{one.scenario} {part} [{one.answer.note}] must {one.wanted}"
    if not one.fault:
        return f"    ok     {head}: {_why(one.verdict)}"
    wanted = one.wanted.value + (f" {one.answer.reason}" if one.answer.reason else "")
    rows = [
        f"    WRONG  {one.scenario} {part} [{one.answer.note}] {one.fault}",
        f"           expected {wanted}",
        f"           judged   {_why(one.verdict)}",
        f"           answer   {_excerpt(one)}",
    ]
    return "\n".join(rows)


def _why(verdict: Verdict) -> str:
    if verdict.outcome is Outcome.PASS:
        return "PASS"
    return printable(f"{verdict.outcome} {verdict.reason}: {' '.join(verdict.detail.split())}", EXCERPT)


def _excerpt(one: Rehearsed) -> str:
    parts: list[str] = []
    for turn in one.answer.turns:
        parts += [f"{call.name}({call.arguments})" for call in turn.tool_calls]
        parts += [turn.content] if turn.content else []
    return printable(repr("\n".join(parts)), EXCERPT)
