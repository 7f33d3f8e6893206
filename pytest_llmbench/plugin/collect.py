"""pack.yaml -> test items. Pure: collection reads the pack file and nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from pytest_llmbench.contracts import Families, Verifier
from pytest_llmbench.datasets import builtin_packs_dir, find_packs, pack_fault, pack_file, read_pack
from pytest_llmbench.datasets.benchlocal_lines import SUFFIX
from pytest_llmbench.datasets.yaml_text import read_head
from pytest_llmbench.errors import PackError, UnknownName
from pytest_llmbench.lookup import find
from pytest_llmbench.pack_rules import facts_as_judged
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.plugin.legs import asks_pack, leg_names, leg_of
from pytest_llmbench.records import Outcome, Pack, PackFacts, Result, Scenario

if TYPE_CHECKING:
    from pytest_llmbench.plugin.session import BenchSession

T = TypeVar("T")
BENCH: pytest.StashKey[BenchSession] = pytest.StashKey()
FAMILIES: pytest.StashKey[Families] = pytest.StashKey()
_COLLECTED: pytest.StashKey[dict[str, Counter[str]]] = pytest.StashKey[dict[str, Counter[str]]]()
_PLACES: pytest.StashKey[dict[str, Path]] = pytest.StashKey[dict[str, Path]]()
_TAGS: pytest.StashKey[set[str]] = pytest.StashKey()
_Failure: Any = pytest.fail.Exception


class ScenarioFailed(Exception):
    """The model's answer is wrong: raised in the call phase, so that pytest shows F."""


class NoVerdict(_Failure):  # type: ignore[misc] # pytest shows it without a traceback
    """There is no verdict, and that is not the model's fault: raised in setup, so that pytest shows E."""

    __module__ = "builtins"  # pytest prints the name with its module, unless it is this one


class PackFile(pytest.File):
    """A pack: its tags are markers of every scenario in it."""

    pack: Pack

    def collect(self) -> Iterator[ScenarioItem]:
        """Read and check the pack, yield an item for each scenario."""
        families = families_of(self.config)
        self.pack = _checked(read_pack(self.path), families)
        self._be_the_only_one()
        self.config.stash.setdefault(_COLLECTED, {})[self.pack.facts.id] = _tag_counts(self.pack)
        for tag in self.pack.facts.tags:
            self.add_marker(_registered(self.config, tag))
        for index in range(len(self.pack.scenarios)):
            for profile in self._profiles():
                name = _id(self.pack, index)
                item: ScenarioItem = ScenarioItem.from_parent(
                    self, name=f"{name}[{profile}]" if profile else name, index=index
                )
                if profile:
                    item.profile = profile
                yield item

    def _profiles(self) -> Sequence[str]:
        """Return the legs that ask this pack; a profile may name the packs it is for."""
        names = leg_names(self.config)
        if names == ("",):
            return names
        return [name for name in names if asks_pack(leg_of(self.config, name), self.pack)]

    def _be_the_only_one(self) -> None:
        """Results are known by pack and scenario: two packs of one name would be mixed up."""
        name = self.pack.facts.id
        other = self.config.stash.setdefault(_PLACES, {}).setdefault(name, self.path)
        if other != self.path:
            message = f'the id "{name}" is that of {other} too: measure them in two sessions, or give one another id'
            raise PackError(message, path=self.path, key="id" if self.pack.path.is_dir() else "pack_id")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002 - pytest's signature
        """Show a pack error as its one line."""
        if isinstance(excinfo.value, (PackError, UnknownName)):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class ScenarioItem(pytest.Item):
    """One scenario: its trial runs ahead of it, the item waits for the result and shows it."""

    parent: PackFile
    profile = ""

    def __init__(self, *, index: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index = index
        self.number = -1  # set late, but given a place now: 320 bytes of each item's __dict__ depend on it
        self.outcome: list[Result] | None = None
        for tag in tags_of(self.parent.pack, index):
            self.add_marker(_registered(self.config, tag))

    @property
    def facts(self) -> PackFacts:
        """The pack this scenario is of."""
        return self.parent.pack.facts

    @property
    def pack_path(self) -> Path:
        """The folder of the pack, or the foreign file."""
        return self.parent.pack.path

    @property
    def scenario(self) -> Scenario:
        """The scenario, built when asked for."""
        return self.parent.pack.scenarios[self.index]

    @property
    def scenario_id(self) -> str:
        """The scenario's id within its pack."""
        return self.name.removesuffix(f"[{self.profile}]") if self.profile else self.name

    @property
    def own_tags(self) -> tuple[str, ...]:
        """The scenario's tags beside its pack's."""
        return tags_of(self.parent.pack, self.index)

    def setup(self) -> None:
        """Wait for the results; without a verdict this is an error, not a failure."""
        super().setup()
        self.outcome = self.config.stash[BENCH].results_for(self)
        first = self.outcome[0].verdict
        if first.outcome is Outcome.ERROR:
            raise NoVerdict(f"{first.reason}: {_visible(first.detail)}", pytrace=False)

    def runtest(self) -> None:
        """Fail where the model's answer is wrong."""
        if self.outcome is not None and self.outcome[0].verdict.outcome is Outcome.FAIL:
            raise ScenarioFailed

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002 - pytest's signature
        """Show the prompt's end, the answer and what was expected."""
        if isinstance(excinfo.value, ScenarioFailed) and self.outcome:
            return failure_text(self.outcome[0])
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the scenario in pytest's output; pytest wants a line to say where a skipped one is."""
        return self.path, 0, f"{self.facts.id} {self.name}"

    def plain_results(self) -> list[Any] | None:
        """Return the results as builtin types for the test report, and let go of them."""
        results, self.outcome = self.outcome, None
        return None if results is None else [to_plain(result) for result in results]


def families_of(config: pytest.Config) -> Families:
    """Return all members of all families, those of conftests and other plugins included."""
    if FAMILIES not in config.stash:
        from pytest_llmbench.assemble import builtin_families

        families = builtin_families()
        config.hook.pytest_llmbench_families(families=families)
        config.stash[FAMILIES] = families
    return config.stash[FAMILIES]


def failure_text(result: Result) -> str:
    """Word a wrong answer for the person who reads the test report."""
    verdict = result.verdict
    parts = [f"{result.pack.id} {result.key.scenario}: {verdict.reason}: {_visible(verdict.detail)}"]
    for title, text in (  # indented, for pytest-html paints lines that begin with E red
        ("prompt", result.prompt),
        ("answer", result.answer or "(empty)"),
        ("expected", verdict.expected),
        ("got", verdict.got),
    ):
        if text:
            parts.append(f"--- {title} ---\n{indent(_visible(text), '  ')}")
    return "\n".join(parts)


def tags_of(pack: Pack, index: int) -> tuple[str, ...]:
    """Return a scenario's own tags without building it where the pack can tell."""
    cheap = getattr(pack.scenarios, "tags_of", None)
    return tuple(cheap(index)) if cheap else pack.scenarios[index].tags


def _id(pack: Pack, index: int) -> str:
    cheap = getattr(pack.scenarios, "ids", None)
    return str(cheap()[index]) if cheap else pack.scenarios[index].id


def _registered(config: pytest.Config, tag: str) -> str:
    known = config.stash.setdefault(_TAGS, set())
    if tag not in known:
        known.add(tag)
        config.addinivalue_line("markers", f"{tag}: scenarios of packs tagged {tag}")
    return tag


def tag_totals(config: pytest.Config) -> Counter[str]:
    """Return how many scenarios carry each tag, in the packs collected and in the built-in ones beside them."""
    packs = {**config.stash.get(_COLLECTED, {})}  # type: ignore[arg-type] # mypy takes {} for the key's own type
    for path in find_packs(builtin_packs_dir()):
        with contextlib.suppress(PackError):
            pack = read_pack(path)
            packs.setdefault(pack.facts.id, _tag_counts(pack))
    return sum(packs.values(), Counter())


def _tag_counts(pack: Pack) -> Counter[str]:
    """Count what a run can be called after; the scenarios' own tags in a foreign pack are no such names."""
    if not pack.path.is_dir():
        return Counter(dict.fromkeys(pack.facts.tags, len(pack.scenarios)))
    own = Counter(tag for index in range(len(pack.scenarios)) for tag in {*tags_of(pack, index)} - {*pack.facts.tags})
    return own + Counter(dict.fromkeys(pack.facts.tags, len(pack.scenarios)))


def _checked(pack: Pack, families: Families) -> Pack:
    """Return `pack` with a content hash that covers its verifiers' rules; raises `PackError` on a fault."""
    judging: dict[str, Verifier] = {}
    for index, scenario in enumerate(pack.scenarios):
        where = pack_file(pack)
        place = ("scenarios", index)
        _member("dialogue", scenario.dialogue, families.dialogues, where, place)
        verifier = _member("verifier", scenario.verifier, families.verifiers, where, place)
        judging[verifier.name] = verifier
        for problem in verifier.problems(scenario) if scenario.task is None else ():
            raise pack_fault(where, (*place, *problem.path), problem.message)
    return dataclasses.replace(pack, facts=facts_as_judged(pack, judging.values()))


def _member(kind: str, name: str, members: Mapping[str, T], where: Path, place: tuple[str | int, ...]) -> T:
    try:
        return find(kind, name, members)
    except UnknownName as error:
        if where.suffix == SUFFIX:
            raise pack_fault(where, (*place, kind), str(error)) from None
        defaults = read_head(where, ("defaults",)).get("defaults") or {}
        at = ("defaults", kind) if defaults.get(kind) == name else (*place, kind)
        raise pack_fault(where, at, str(error)) from None


def _visible(text: str) -> str:
    """Escape what would move the cursor or ring the bell; the model wrote this."""
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}" for char in text)
