"""The verbs: one Protocol per family. A member of a family is any object that fits.

=============  =====================================  ==========================
family         what a member does                     where members live
=============  =====================================  ==========================
Engine         start and stop a model server          engines/
Endpoint       Request -> Response                    endpoints/
Dialogue       Scenario -> Exchange                   dialogues/
Verifier       Exchange -> Verdict                    verifiers/
Mutator        right answer -> Mutants of it          mutations/
Sandbox        files + command -> ExecResult          sandboxes/
DatasetReader  pack folder or foreign file -> Pack    datasets/
Report         Summary -> text                        reports/
=============  =====================================  ==========================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pytest_llmbench.records import (
    Connection,
    Ending,
    Exchange,
    ExecResult,
    Message,
    Outcome,
    Pack,
    Request,
    Response,
    Scenario,
    Server,
    ServerFacts,
    ServerLoad,
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


@runtime_checkable
class LoadSignal(Protocol):
    """An endpoint that can say how busy its server is."""

    def load(self) -> ServerLoad | None:
        """Return what the server says of its work, None where it says nothing; blocks, a second at most."""
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


@runtime_checkable
class SandboxedVerifier(Verifier, Protocol):
    """A verifier that runs what the model wrote; it can judge once it was given its sandbox."""

    def with_sandbox(self, sandbox: Sandbox) -> Verifier:
        """Return this verifier, judging in `sandbox`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A trusted Python module that leads an untrusted program inside a sandbox.

    A cell imports `source` once; each conversation runs its ``main(channel)`` in a new process of its own.
    `channel` has ``read_line() -> bytes | None`` (without the newline; None at the end) and
    ``write(data: bytes)``. Only the standard library of Python 3.8 may be used.
    """

    name: str
    source: str


class Conversation(Protocol):
    """What a driver and its caller say to each other, in lines of bytes."""

    def say(self, line: bytes) -> None:
        """Send one line; a driver that is gone hears nothing, and that is no error here."""
        ...

    def hear(self, *, time_s: float, limit: int = 1 << 22) -> bytes:
        """Return the driver's next line, without its newline.

        Raises TimeoutError when it was not there after `time_s` seconds, EOFError when the driver is gone,
        OverflowError when the line is longer than `limit` bytes.
        """
        ...

    def end(self) -> ExecResult:
        """Kill what still runs and return what became of it; the same again when called again."""
        ...


class Sandbox(Protocol):
    """Runs untrusted programs, several at once, from several threads; nothing passes from one to the next.

    No program sees the network, the host's files, environment or processes, or what another one left.
    """

    name: str

    def describe(self) -> Mapping[str, str]:
        """Return what programs run on, for the manifest: name, Python version, image and its digest."""
        ...

    def run(
        self,
        command: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        stdin: bytes = b"",
        time_s: float | None = None,
    ) -> ExecResult:
        """Run `command` in a fresh folder that holds `files` (relative name -> content); waits for its end.

        `time_s` seconds of wall clock (default: the settings'). What the program does, however bad, is in the
        result; raises `SandboxFailed` where the sandbox broke, `SandboxUnavailable` where there is none.
        """
        ...

    def converse(self, driver: Driver, *, time_s: float | None = None) -> AbstractContextManager[Conversation]:
        """Start ``driver.main`` and talk to it; leaving the block ends it, whatever it is doing.

        After `time_s` seconds in all `hear` raises TimeoutError. Raises as `run` does.
        """
        ...

    def turn(self, *, alone: bool = False) -> AbstractContextManager[bool]:
        """Take part in the work, or with `alone` wait until nobody else does and keep it so.

        The value tells whether others were at work: a timeout then may be theirs. Not reentrant.
        """
        ...

    def close(self) -> None:
        """Leave nothing behind: no process, container or file. Harmless when called twice."""
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
    """What an endpoint is made from. `base_url` is empty where no server was named; `data` holds data sets.

    `replicas` are further base URLs that serve the same model. `say` gets lines for the user while trials run.
    """

    base_url: str = ""
    replicas: tuple[str, ...] = ()
    model: str = ""
    data: str = ""
    api_key: str = field(default="", repr=False)
    connection: Connection = field(default_factory=Connection)
    say: Callable[[str], None] | None = None


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
