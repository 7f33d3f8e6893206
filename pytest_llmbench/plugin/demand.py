"""What the selected scenarios ask for, of the server and of this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pytest_llmbench.contracts import Families, SandboxedVerifier
from pytest_llmbench.plugin.crew import Posed
from pytest_llmbench.records import PackFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the session will ask for: packs with the number of selected scenarios, tools or not.

    `programs` tells whether any verifier runs what the model wrote.
    """

    packs: Sequence[PackFacts] = ()
    selected: Mapping[str, int] = field(default_factory=dict)
    tools: bool = False
    programs: bool = False
    workers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Whether scenarios offer tools to the model, and whether what it writes is run."""

    tools: bool = False
    programs: bool = False


class Wanted(Protocol):
    """A selected scenario, as far as the host cares."""

    @property
    def facts(self) -> PackFacts:
        """The pack."""


def demand_of(scenarios: Sequence[Wanted], needs: Needs, *, workers: int = 0) -> Demand:
    """Return what these scenarios will ask of the server and of this machine."""
    selected: Counter[str] = Counter()
    packs: dict[str, PackFacts] = {}
    for one in scenarios:
        packs[one.facts.id] = one.facts
        selected[one.facts.id] += 1
    return Demand(
        packs=tuple(packs.values()), selected=selected, tools=needs.tools, programs=needs.programs, workers=workers
    )


def needs_of(posed: Sequence[Posed], families: Families) -> Needs:
    """Return what the packs among these need, by the first selected scenario of each."""
    first = [one.scenario for one in {one.pack_path: one for one in reversed(posed)}.values()]
    return Needs(
        tools=any(scenario.tools for scenario in first),
        programs=any(isinstance(families.verifiers.get(one.verifier), SandboxedVerifier) for one in first),
    )
