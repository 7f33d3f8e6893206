"""The verbs: one Protocol per family. A member of a family is any object that fits.

=============  =====================================  ==========================
family         what a member does                     where members live
=============  =====================================  ==========================
Engine         start and stop a model server          engines/
Endpoint       Request -> Response                    endpoints/
Dialogue       Scenario -> Exchange                   dialogues/
Verifier       Exchange -> Verdict                    verifiers/
Mutator        right answer -> Mutants of it          mutations/
DatasetReader  pack folder or foreign file -> Pack    datasets/
Report         Summary -> text                        reports/
=============  =====================================  ==========================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_llmbench.records import (
    Ending,
    Exchange,
    Message,
    Outcome,
    Pack,
    Request,
    Response,
    Scenario,
    Server,
    ServerFacts,
    Trial,
    Verdict,
)

if TYPE_CHECKING:
    from pytest_llmbench.summary import Summary


class Engine(Protocol):
    """Owns the life of one model server."""

    name: str

    def start(self) -> Server:
        """Make the server ready and say where it is; blocks until it answers.

        Raises `EndpointUnreachable` or `BadConfiguration` with what was seen and what to try;
        in that case nothing is left running.
        """
        ...

    def stop(self) -> None:
        """Stop what `start` started. Harmless when called twice, or before `start`."""
        ...

    def obituary(self) -> str:
        """Say how the server died (exit code, last log lines), or return "" while it lives or is not ours."""
        ...


@dataclass(slots=True)
class Progress:
    """What an endpoint reports while a request is under way, for the trial's deadline.

    `streamed` says whether the transport could have shown partial output at all.
    """

    streamed: bool = False
    characters: int = 0


class Endpoint(Protocol):
    """Asks a model. One instance serves all trials of a process, concurrently, on one event loop."""

    name: str

    def facts(self, *, wait_s: float) -> ServerFacts:
        """Ask the server what it is, before the first trial; blocks.

        Waits up to `wait_s` seconds for a server that is there but still loading. Raises
        `EndpointUnreachable` (nobody answers) or `BadConfiguration` (key refused, model
        not served) with one message for the user.
        """
        ...

    async def ask(self, request: Request, *, trial: Trial, turn: int, progress: Progress) -> Response:
        """Send `request`, the `turn`-th (0-based) of `trial`, and return the answer.

        Retries what is worth retrying. Raises a `TrialError`; the deadline is the caller's.
        """
        ...

    async def close(self) -> None:
        """Close all connections, so that the server stops decoding for nobody."""
        ...


class Talk(Protocol):
    """What a dialogue speaks through: it journals each turn and keeps the deadline."""

    async def say(self, messages: Sequence[Message]) -> Response:
        """Send the whole conversation so far and return the model's next message."""
        ...


class Dialogue(Protocol):
    """Leads the conversation of one scenario. Stateless: one instance serves all trials."""

    name: str

    async def hold(self, scenario: Scenario, talk: Talk) -> Ending:
        """Talk until the scenario is answered; each turn is kept by `talk`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A fault in a pack, found before the run. `path` leads to it inside the scenario,

    such as ``("checks", 0, "kind")``.
    """

    path: tuple[str | int, ...]
    message: str


class Verifier(Protocol):
    """Judges what the model said. Stateless; runs in a thread, so it may take its time."""

    name: str
    rules_version: str
    """Changes when the same exchange may get another verdict; part of the pack's content hash."""

    def problems(self, scenario: Scenario) -> Iterable[Problem]:
        """Faults in the scenario's checks: unknown kinds and keys, wrong types, no check at all."""
        ...

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """Return PASS or FAIL. An exception is booked as ERROR verifier_error.

        The trial has already dealt with truncation (`finish_reason` ``length``), with a dialogue
        that ran out of turns and with the deadline: such exchanges never come here.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldAnswer:
    """One recorded answer: the assistant's turns, and for a failing one why it must fail.

    `reason` is a `Reason` value; `check` the name of the check that must be the failing one.
    """

    turns: tuple[Message, ...]
    note: str = ""
    reason: str = ""
    check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """The answers of one scenario that must pass, and those that must fail."""

    passing: tuple[GoldAnswer, ...]
    failing: tuple[GoldAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A right answer changed in one way, and the outcome it must have by the scenario's own checks.

    `reason` is a `Reason` value where only one can be meant, else empty; as with a `GoldAnswer`,
    ``token_limit`` stands for an answer whose last turn was cut off by the server.
    """

    note: str
    turns: tuple[Message, ...]
    wanted: Outcome
    reason: str = ""


class Mutator(Protocol):
    """Makes mutants for the scenarios of one verifier, as a second opinion on its judgements.

    It reads the checks as the handbook documents them and shares no code with the verifier.
    """

    name: str

    def mutants(self, scenario: Scenario, answer: GoldAnswer) -> Iterator[Mutant]:
        """Yield mutants of `answer`, which must pass; always the same ones, in the same order.

        What the checks do not decide with certainty is left out.
        """
        ...


class DatasetReader(Protocol):
    """Reads a pack from a file."""

    name: str

    def read(self, path: Path) -> Pack:
        """Return the pack; raises `PackError` with file, line and key. Never touches the network."""
        ...


class Report(Protocol):
    """Words a summary for one kind of reader. Counts nothing itself."""

    name: str
    filename: str

    def render(self, summary: Summary) -> str:
        """Return the whole text of the file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPlan:
    """What an endpoint is made from. `base_url` is empty where no server was named."""

    base_url: str = ""
    model: str = ""
    api_key: str = field(default="", repr=False)


EndpointFactory = Callable[[EndpointPlan], Endpoint]


@dataclass(slots=True)
class Families:
    """The members of each family by name; `pytest_llmbench_families` may add to it.

    An endpoint is given as a factory, for each process makes its own.
    """

    endpoints: dict[str, EndpointFactory] = field(default_factory=dict)
    dialogues: dict[str, Dialogue] = field(default_factory=dict)
    verifiers: dict[str, Verifier] = field(default_factory=dict)


GoldBook = Mapping[str, Gold]
"""Scenario id -> its recorded answers."""
