"""Every mutant of every built-in pack's right answers gets the verdict that the pack's own rules demand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llmbench.datasets import READERS, builtin_packs_dir, find_packs, load_gold
from pytest_llmbench.mutations import MUTATORS
from pytest_llmbench.records import Outcome
from pytest_llmbench.rehearsal import Part, Rehearsed, rehearse
from pytest_llmbench.verifiers import VERIFIERS
from tests.mutations.lab import CAST

LEAST = 2000
"""Mutants that the packs tagged medium must give together."""

PACKS = [path for path in find_packs(builtin_packs_dir()) if path.with_name("gold.yaml").is_file()]
_judged: dict[Path, list[Rehearsed]] = {}


def judged(path: Path) -> list[Rehearsed]:
    """Return the judged mutants of a pack; each pack is judged once."""
    if path not in _judged:
        pack = READERS["llmbench"].read(path)
        gold = load_gold(pack.path)
        done = [one for scenario in pack.scenarios for one in rehearse(scenario, gold[scenario.id], CAST)]
        _judged[path] = [one for one in done if one.part is Part.MUTATION]
    return _judged[path]


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.parent.name)
def test_no_mutant_is_judged_wrongly(path: Path) -> None:
    """What must pass passes, what must fail fails, for the reason where only one can be meant."""
    wrong = [
        f"{one.scenario} [{one.answer.note}] {one.fault}: {one.verdict.detail}" for one in judged(path) if one.fault
    ]
    assert wrong == []


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.parent.name)
def test_each_scenario_has_mutants_of_both_kinds(path: Path) -> None:
    """A scenario that only has mutants which pass, or which fail, proves half."""
    kinds = {(one.scenario, one.wanted) for one in judged(path)}
    ids = [scenario.id for scenario in READERS["llmbench"].read(path).scenarios]
    assert [
        (name, wanted) for name in ids for wanted in (Outcome.PASS, Outcome.FAIL) if (name, wanted) not in kinds
    ] == []


def test_the_packs_of_medium_give_thousands() -> None:
    """The figure that a user is told."""
    medium = [path for path in PACKS if "medium" in READERS["llmbench"].read(path).facts.tags]
    assert sum(len(judged(path)) for path in medium) >= LEAST


def test_each_verifier_of_our_packs_has_a_mutator() -> None:
    """A verifier without one would be judged by its own word alone."""
    used = {scenario.verifier for path in PACKS for scenario in READERS["llmbench"].read(path).scenarios}
    assert used <= set(MUTATORS) <= set(VERIFIERS)


def test_mutants_are_always_the_same() -> None:
    """No chance in it: two runs judge the same mutants in the same order."""
    path = min(PACKS, key=lambda pack: pack.with_name("gold.yaml").stat().st_size)
    first = judged(path)
    del _judged[path]
    assert [one.answer for one in judged(path)] == [one.answer for one in first]
