"""How fast, and how well, the limit on requests in flight finds what a server works on at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from pytest_llmbench.adapting import Adaptive, Governor
from pytest_llmbench.contracts import Progress
from pytest_llmbench.endpoints.openai_chat import OpenAIChat, preload
from pytest_llmbench.engines.embedded import SLOTS, Embedded
from pytest_llmbench.loop import Loop
from pytest_llmbench.pump import Feeder, Key
from pytest_llmbench.records import (
    Message,
    Outcome,
    PackFacts,
    Purpose,
    Request,
    Result,
    Sampling,
    Scenario,
    ServerLoad,
    Trial,
    Verdict,
)
from tests.benchmarks.measure import Unexpected
from tests.benchmarks.scale import FULL, Scale
from tests.benchmarks.table import Row
from tests.stub import running_stub

STUB_SLOTS = 8
BUSY_ENOUGH = 0.95
STARTS = (2, 8, 32)
LOOK_S = 0.1
ANSWER_TOKENS = 100
"""A slot is idle for a step of the engine or two between two answers: with very short ones that is what is measured."""


class Drive:
    """Asks `prompts` through a real feeder, endpoint and governor, and keeps what happened.

    `limits` are (seconds since the first request, limit), `looks` how many requests the server worked on.
    """

    def __init__(self, url: str, prompts: list[str], adaptive: Adaptive, *, max_tokens: int = 16) -> None:
        self.prompts, self.adaptive = prompts, adaptive
        self._max_tokens = max_tokens
        self._loop, self._endpoint, self._watch = Loop("drive"), OpenAIChat(base_url=url), OpenAIChat(base_url=url)
        self._model = self._endpoint.facts(wait_s=5).models[0]
        preload()
        self._over = threading.Event()
        self._left = len(prompts)
        self._wrong: list[Exception] = []
        self._feeder = Feeder(limit=0, launch=self._launch, probe=self._never, broken=self._wrong.append)
        self._begin = time.monotonic()
        self.limits = [(0.0, adaptive.limit)]
        self.looks: list[int] = []
        self.span_s = 0.0

    def run(self) -> None:
        """Ask all of them; raises `Unexpected` where one was not answered."""
        governor = Governor(
            self.adaptive, load=self._endpoint.load, in_flight=lambda: self._feeder.busy, resize=self._resized
        )
        self._begin = time.monotonic()
        self._loop.call(self._feeder.plan, range(len(self.prompts)), 1)
        self._loop.call(self._feeder.resize, self.adaptive.limit)
        governor.start()
        while not self._over.wait(LOOK_S):
            self._look(self._watch.load())
        governor.stop()
        self._loop.stop(self._endpoint.close())
        if self._wrong:
            raise Unexpected(f"{len(self._wrong)} questions got no answer, the first one: {self._wrong[0]!r}")

    def busy(self, slots: int) -> float:
        """Return the share of slots that worked while there was enough to do for all of them."""
        return sum(min(look, slots) for look in self.looks) / (slots * len(self.looks))

    def settled_s(self, slots: int) -> float:
        """Return the seconds until at least `slots` and at most one in eight more were in flight, to stay."""
        fits = [slots <= limit <= slots + max(1, slots // 8) for _, limit in self.limits]
        last_bad = max((at for at, fit in enumerate(fits) if not fit), default=-1)
        return self.limits[last_bad + 1][0] if last_bad + 1 < len(fits) else self.span_s

    def course(self) -> str:
        """Return the limits as they came."""
        return ", ".join(f"{limit} at {at:.1f} s" for at, limit in self.limits)

    def _look(self, load: ServerLoad | None) -> None:
        if load is not None and load.busy is not None and self._left > self.adaptive.limit:
            self.looks.append(load.busy)

    def _resized(self, limit: int) -> None:
        self.limits.append((time.monotonic() - self._begin, limit))
        self._loop.call(self._feeder.resize, limit)

    def _launch(self, key: Key) -> None:
        self._loop.spawn(self._ask(key))

    async def _ask(self, key: Key) -> None:
        request = Request(
            model=self._model,
            messages=(Message(role="user", content=self.prompts[key[0]]),),
            sampling=Sampling(temperature=0.0),
            max_tokens=self._max_tokens,
            extra=_TO_THE_END,
        )
        try:
            await self._endpoint.ask(request, trial=_TRIAL, turn=0, progress=Progress())
        except Exception as error:  # noqa: BLE001 - told at the end
            self._wrong.append(error)
        self._feeder.talked(key)
        self._feeder.done(key, _DONE)
        self._left -= 1
        if not self._left:
            self.span_s = time.monotonic() - self._begin
            self._over.set()

    async def _never(self) -> None:
        """Find the server well."""
        await asyncio.sleep(0)


_TO_THE_END = {"ignore_eos": True}
"""llama.cpp then writes as many tokens as it may: the small model would else end after ten."""

_PACK = PackFacts(id="x", title="X", version="1", content_hash="0", size=1)
_TRIAL = Trial(
    nodeid="x",
    pack=_PACK,
    scenario=Scenario(id="x", title="x", messages=(), dialogue="single_turn", verifier="none"),
)
_DONE = Result(
    key=_TRIAL.key, nodeid="x", title="x", purpose=Purpose.FIXTURE, verdict=Verdict(outcome=Outcome.PASS), pack=_PACK
)


def adaptive(scale: Scale, folder: Path) -> Iterator[Row]:
    """Against the stub, which counts slots and queue, as either server; then against the real llama.cpp."""
    del folder
    full = scale == FULL
    for flavour in ("llama.cpp", "vllm"):
        for start in STARTS if full else STARTS[1:2]:
            yield from _on_stub(flavour, start, seconds=45.0 if full else 20.0)
    yield from _known_slots()
    yield from _on_embedded(full=full)


def _on_stub(flavour: str, start: int, *, seconds: float) -> Iterator[Row]:
    """A server that does not say how many slots it has, asked for answers of 0.5 to 1.5 s."""
    services = [0.5 + 0.25 * (number % 5) for number in range(int(seconds * STUB_SLOTS))]
    prompts = [f"[[seconds={each}]] [[tokens=20]] {number}" for number, each in enumerate(services)]
    with running_stub(slots=STUB_SLOTS, flavour=flavour, shows_slots=False) as stub:
        drive = Drive(stub.url, prompts, Adaptive(start), max_tokens=64)
        drive.run()
    yield from _rows(f"{flavour} stub, slots hidden, {STUB_SLOTS} of them, start {start}", drive, STUB_SLOTS, services)


def _known_slots() -> Iterator[Row]:
    """The same with slots that are known and bound the limit, as of any llama.cpp."""
    services = [0.5 + 0.25 * (number % 5) for number in range(20 * STUB_SLOTS)]
    prompts = [f"[[seconds={each}]] {number}" for number, each in enumerate(services)]
    with running_stub(slots=STUB_SLOTS) as stub:
        drive = Drive(stub.url, prompts, Adaptive(STUB_SLOTS, ceiling=STUB_SLOTS))
        drive.run()
    yield from _rows(f"llama.cpp stub, {STUB_SLOTS} slots known", drive, STUB_SLOTS, services)


def _on_embedded(*, full: bool) -> Iterator[Row]:
    """The real llama.cpp with its small model, told nothing of its slots."""
    engine = Embedded()
    server = engine.start()
    try:
        for start in (1, SLOTS, 16) if full else (SLOTS,):
            prompts = [f"Count from {number} to {number + 100}." for number in range(40 if full else 16)]
            drive = Drive(server.base_url, prompts, Adaptive(start), max_tokens=ANSWER_TOKENS)
            drive.run()
            yield from _rows(f"real llama.cpp, {SLOTS} slots not told, start {start}", drive, SLOTS, ())
        drive = Drive(server.base_url, prompts, Adaptive(SLOTS, ceiling=SLOTS), max_tokens=ANSWER_TOKENS)
        drive.run()
        yield from _rows(f"real llama.cpp, {SLOTS} slots known", drive, SLOTS, ())
    finally:
        engine.stop()


def _rows(what: str, drive: Drive, slots: int, services: list[float] | tuple[float, ...]) -> Iterator[Row]:
    busy = drive.busy(slots)
    ideal_s = sum(services) / slots
    beside = f"; ideal {ideal_s:.1f} s" if services else ""
    yield Row(
        what=f"{what}: slots idle while there was enough to ask",
        measured=f"busy {busy:.1%}, {len(drive.prompts)} requests in {drive.span_s:.1f} s{beside}",
        compared=f"limit {drive.course()}",
        value=1 - busy,
        limit=1 - BUSY_ENOUGH if drive.limits[0][1] >= slots else None,
        unit="of them",
    )
    yield Row(
        what=f"{what}: limit found",
        measured=f"after {drive.settled_s(slots):.1f} s",
        compared=f"{len(drive.limits) - 1} changes",
        value=drive.settled_s(slots),
        unit="s",
    )
