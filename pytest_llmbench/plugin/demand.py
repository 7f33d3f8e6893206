"""What the selected scenarios ask for, of the server and of this machine."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pytest_llmbench.contracts import Families, SandboxedVerifier
from pytest_llmbench.plugin.crew import Posed
from pytest_llmbench.plugin.legs import Leg
from pytest_llmbench.records import PackFacts, Scenario
from pytest_llmbench.sampling import max_tokens_for
from pytest_llmbench.settings import Settings

_LARGEST = 12
"""Scenarios of a leg that are looked at more closely before the run."""

_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Large:
    """A scenario that may not fit into a context, and its pack's id."""

    pack: str
    scenario: Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the scenarios of a leg need of a server, known where the items are.

    Whether they offer `tools` to the model, and whether `programs` that it writes are run; the thinking `arms`
    their packs want; the `largest` of them by what they may take of a context.
    """

    leg: str = ""
    arms: tuple[str, ...] = ()
    largest: tuple[Large, ...] = ()
    tools: bool = False
    programs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a leg will ask for: packs with the number of selected scenarios, and what these need."""

    packs: Sequence[PackFacts] = ()
    scenarios: Sequence[Wanted] = ()
    selected: Mapping[str, int] = field(default_factory=dict)
    needs: Needs = Needs()
    workers: int = 0


class Wanted(Protocol):
    """A selected scenario, as far as host and journal care."""

    @property
    def facts(self) -> PackFacts:
        """The pack."""

    @property
    def scenario_id(self) -> str:
        """The scenario's id."""


def demand_of(scenarios: Sequence[Wanted], needs: Needs, *, workers: int = 0) -> Demand:
    """Return what these scenarios will ask of the server and of this machine."""
    selected: Counter[str] = Counter()
    packs: dict[str, PackFacts] = {}
    for one in scenarios:
        packs[one.facts.id] = one.facts
        selected[one.facts.id] += 1
    return Demand(
        packs=tuple(packs.values()),
        scenarios=scenarios,
        selected=selected,
        needs=needs,
        workers=workers,
    )


def needs_of(posed: Sequence[Posed], families: Families, leg: Leg) -> Needs:
    """Return what the packs among those of a leg need: tools and programs by the first selected scenario of each."""
    ours = [one for one in posed if one.profile == leg.name]
    arms = set[str]()
    large = (Large(pack=one.facts.id, scenario=_with_arm(one.scenario, arms)) for one in ours)
    first = [one.scenario for one in {one.pack_path: one for one in reversed(ours)}.values()]
    largest = tuple(heapq.nlargest(_LARGEST, large, key=lambda one: _size(one.scenario, leg.settings)))
    return Needs(
        leg=leg.name,
        arms=tuple(sorted(arms)),
        largest=largest,
        tools=any(scenario.tools for scenario in first),
        programs=any(isinstance(families.verifiers.get(one.verifier), SandboxedVerifier) for one in first),
    )


def _with_arm(scenario: Scenario, arms: set[str]) -> Scenario:
    """Return `scenario`, its arm noted: each is built when it is asked for, so all is done in one walk."""
    arms.add(scenario.thinking)
    return scenario


def _size(scenario: Scenario, settings: Settings) -> float:
    """Return roughly the tokens that a scenario may take."""
    texts = [message.content for message in scenario.messages] + list(scenario.followups)
    tools = sum(len(f"{tool.description}{tool.parameters}") for tool in scenario.tools)
    return (sum(map(len, texts)) + tools) / _CHARACTERS_PER_TOKEN + max_tokens_for(scenario, settings)
