"""The packs of a saved run as they are today: found again, read, checked, with who judges them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_llmbench.contracts import Dialogue, Families, Verifier
from pytest_llmbench.datasets import is_pack_file, pack_fault, pack_file, read_pack, select_packs
from pytest_llmbench.errors import UnknownName
from pytest_llmbench.lookup import find
from pytest_llmbench.own_members import add_installed_members, add_own_members
from pytest_llmbench.pack_rules import facts_as_judged, rules_of
from pytest_llmbench.records import Pack, PackFacts, Purpose, Result, Scenario
from pytest_llmbench.runfolder import project_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TodaysPack:
    """A pack as a run would read it now; `facts` carry the hash that its results would have.

    `used` are the names of its verifiers, `rules` the version of each one's rules.
    """

    file: Path
    pack: Pack
    facts: PackFacts
    used: tuple[str, ...]
    rules: Mapping[str, str]
    places: Mapping[str, int] = field(repr=False)

    def scenario(self, name: str) -> Scenario | None:
        """Return the scenario called `name`, None where the pack has none by now."""
        at = self.places.get(name)
        return None if at is None else self.pack.scenarios[at]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """Who holds and judges today, by name."""

    dialogues: Mapping[str, Dialogue]
    verifiers: Mapping[str, Verifier]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackBook:
    """The packs that a run's results are of: found, or why not."""

    packs: Mapping[str, TodaysPack]
    problems: Mapping[str, str]


def find_todays_packs(
    results: Iterable[Result], run_folder: Path, named: Sequence[str], families: Families
) -> PackBook:
    """Return the packs of `results`; those of `named` (as --llm-packs takes them) before all others.

    Looked for there, then where the run had them (from here, and from the project that the run folder is in), then
    among those that come with us. Members that installed plugins and a pack's conftests bring are added to
    `families`. Raises `UsageProblem` for a name that is none and for a plugin or conftest that cannot be imported,
    `PackError` for a pack file that is wrong.
    """
    own = [*select_packs(named)]
    add_installed_members(families)
    packs: dict[str, TodaysPack] = {}
    problems: dict[str, str] = {}
    for name, nodeid in _first_nodes(results).items():
        found = next(filter(None, (_read(path, name) for path in _candidates(name, nodeid, run_folder, own))), None)
        if found is None:
            problems[name] = f"the pack {name} is not found: name its folder with --packs"
            continue
        add_own_members(families, pack_file(found), project_of(run_folder))
        try:
            packs[name] = _checked(found, families)
        except UnknownName as error:
            problems[name] = str(error)
    return PackBook(packs=packs, problems=problems)


def _first_nodes(results: Iterable[Result]) -> dict[str, str]:
    nodes: dict[str, str] = {}
    for result in results:
        if result.purpose is not Purpose.FIXTURE:  # a hand-written test is of no pack
            nodes.setdefault(result.key.pack, result.nodeid)
    return nodes


def _candidates(name: str, nodeid: str, run_folder: Path, own: Sequence[Path]) -> Iterator[Path]:
    yield from own
    file = nodeid.partition("::")[0]
    for base in (Path.cwd(), project_of(run_folder)):
        if file and is_pack_file(base / file):
            yield base / file
    try:
        yield from select_packs([name])
    except UnknownName:
        return


def _read(path: Path, name: str) -> Pack | None:
    pack = read_pack(path)
    return pack if pack.facts.id == name else None


def _checked(pack: Pack, families: Families) -> TodaysPack:
    """Check a pack as a run does before it asks anything; raises `PackError`, `UnknownName`."""
    used: dict[str, Verifier] = {}
    for index, scenario in enumerate(pack.scenarios):
        find("dialogue", scenario.dialogue, families.dialogues)
        verifier = used[scenario.verifier] = find("verifier", scenario.verifier, families.verifiers)
        for problem in verifier.problems(scenario) if scenario.task is None else ():
            raise pack_fault(pack_file(pack), ("scenarios", index, *problem.path), problem.message)
    return TodaysPack(
        file=pack_file(pack),
        pack=pack,
        facts=facts_as_judged(pack, used.values()),
        used=tuple(sorted(used)),
        rules=rules_of(used.values()),
        places={scenario.id: index for index, scenario in enumerate(pack.scenarios)},
    )
