"""Several servers of one model, asked as if they were one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pytest_llmbench.contracts import Progress
from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable, TrialError
from pytest_llmbench.records import Request, Response, ServerFacts, ServerLoad, Trial, TrialKey

REST_S = 30.0
"""Seconds for which a server that could not be reached is left alone before it is looked at again."""

HOMES_LIMIT = 4096
"""Dialogues whose server is remembered: many more than are under way at once."""

_COUNTERS = ("preemptions", "refusals", "prompt_tokens", "generated_tokens")
_META = ("n_params", "size", "n_vocab", "n_embd")
_TOLD = ("base_url", "slots", "context")
S = TypeVar("S")
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Replica:
    """One server: our requests it holds, until when it rests (0: it does not), what it last said of its work."""

    endpoint: OpenAIChat
    in_flight: int = 0
    rests_until: float = 0.0
    is_looked_at: bool = False
    load: ServerLoad = field(default_factory=ServerLoad)


class Balanced:
    """Fits `contracts.Endpoint` and `contracts.LoadSignal` over `members`, each a server of the same model.

    A dialogue stays with the server it began at, whose cache holds its prompt. One that cannot be reached is left
    out until it answers again, as the same model; both are told through `say`, from any thread. Without it the
    lines gather in `notices`, oldest first.
    """

    name = "balanced"

    def __init__(self, members: Sequence[OpenAIChat], *, say: Callable[[str], None] | None = None) -> None:
        self.notices: list[str] = []
        self._say = say or self.notices.append
        self._replicas = [_Replica(endpoint=member) for member in members]
        self._homes: dict[TrialKey, _Replica] = {}
        self._chosen = 0

    def facts(self, *, wait_s: float) -> ServerFacts:
        """Ask all servers at once. Slots are summed (None where one does not tell), the context is the smallest.

        Raises as each member does, and `BadConfiguration` where they do not serve the same model.
        """
        members = [replica.endpoint for replica in self._replicas]
        found = _all_at_once(lambda member: member.facts(wait_s=wait_s), members)
        _check_same(members, found)
        slots = [facts.slots for facts in found if facts.slots]
        detail = {"replicas": [{name: getattr(facts, name) for name in _TOLD} for facts in found]}
        return replace(
            found[0],
            slots=sum(slots) if len(slots) == len(found) else None,
            context=min((facts.context for facts in found if facts.context), default=None),
            detail={**found[0].detail, **detail},
        )

    async def ask(self, request: Request, *, trial: Trial, turn: int, progress: Progress) -> Response:
        """Ask the server of this dialogue: at first the one with the fewest requests in flight.

        Where that cannot be reached and has sent nothing, one other is asked. Raises a `TrialError`.
        """
        self._look_at_the_resting()
        home = self._home(trial.key)
        try:
            return await self._ask(home, request, trial=trial, turn=turn, progress=progress)
        except EndpointUnreachable:
            others = self._awake()
            if progress.characters or not others:
                raise
        other = self._homes[trial.key] = self._idlest(others)
        found = await self._ask(other, request, trial=trial, turn=turn, progress=progress)
        return replace(found, retries=found.retries + 1)

    async def _ask(self, at: _Replica, request: Request, *, trial: Trial, turn: int, progress: Progress) -> Response:
        at.in_flight += 1
        try:
            return await at.endpoint.ask(request, trial=trial, turn=turn, progress=progress)
        except EndpointUnreachable as error:
            is_news = not at.rests_until
            at.rests_until = time.monotonic() + REST_S
            if is_news:
                self._say(f"a server is left out, {self._how_many()}: {error}")
            raise
        finally:
            at.in_flight -= 1

    def _how_many(self) -> str:
        return f"{len(self._awake())} of {len(self._replicas)} servers are asked"

    async def close(self) -> None:
        """Close all connections to all servers."""
        await asyncio.gather(*(replica.endpoint.close() for replica in self._replicas))

    def load(self) -> ServerLoad | None:
        """Return the work of all servers together; the fullest cache counts. See `contracts.LoadSignal`."""
        awake = self._awake()
        answers = _all_at_once(lambda replica: replica.endpoint.load(), awake)
        told = [(replica, said) for replica, said in zip(awake, answers, strict=True) if said is not None]
        for replica, said in told:
            replica.load = said
        return _summed([said for _, said in told], [replica.load for replica in self._replicas]) if told else None

    def _awake(self) -> list[_Replica]:
        return [replica for replica in self._replicas if not replica.rests_until]

    def _home(self, key: TrialKey) -> _Replica:
        """Return the server of a dialogue; where all rest, one of them has to do."""
        home = self._homes.pop(key, None)
        if home is None or home.rests_until:
            home = self._idlest(self._awake() or self._replicas)
        self._homes[key] = home
        if len(self._homes) > HOMES_LIMIT:
            del self._homes[next(iter(self._homes))]
        return home

    def _idlest(self, among: Sequence[_Replica]) -> _Replica:
        """Return the one with the fewest requests in flight, of several each in its turn."""
        self._chosen += 1
        turns = [(replica.in_flight, (at - self._chosen) % len(among)) for at, replica in enumerate(among)]
        return among[turns.index(min(turns))]

    def _look_at_the_resting(self) -> None:
        now = time.monotonic()
        for replica in self._replicas:
            if 0 < replica.rests_until <= now and not replica.is_looked_at:
                replica.is_looked_at = True
                threading.Thread(target=self._look_at, args=(replica,), name="llmbench-look", daemon=True).start()

    def _look_at(self, replica: _Replica) -> None:
        """Let a server take part again where it answers as the others do."""
        members = [one.endpoint for one in (replica, *self._awake()[:1])]
        try:
            found = [member.facts(wait_s=0) for member in members]
            _check_same(members, found)
        except TrialError:
            replica.rests_until = time.monotonic() + REST_S
        else:
            replica.rests_until = 0.0
            self._say(f"{found[0].base_url} answers again, {self._how_many()}")
        finally:
            replica.is_looked_at = False


def _check_same(members: Iterable[OpenAIChat], found: Sequence[ServerFacts]) -> None:
    """Raise `BadConfiguration` with all that differs between servers that should be replicas of each other."""
    told = [_identity(member, facts) for member, facts in zip(members, found, strict=True)]
    differences = [
        f"{name}: "
        + ", ".join(f"{at.base_url} has {one[name]}" for at, one in zip(found, told, strict=True) if one[name])
        for name in told[0]
        if len({one[name] for one in told} - {None, ""}) > 1
    ]
    if differences:
        raise BadConfiguration(
            "requests can only be shared out among servers of one and the same model, and these differ; "
            f"{'; '.join(differences)}. Name one of them, or start both alike (under one name: llama-server --alias, "
            "vllm --served-model-name)"
        )


def _identity(member: OpenAIChat, facts: ServerFacts) -> Mapping[str, Any]:
    """Return what replicas have in common; None or "" where the server does not tell."""
    meta = facts.detail.get("model_meta")
    meta = meta if isinstance(meta, Mapping) else {}
    return {
        "model": member.model,
        "server": facts.kind,
        "chat template": str(facts.detail.get("chat_template_sha256") or "")[:12],
        "thinking switch": facts.thinking_switch,
        **{name: meta.get(name) for name in _META},
    }


def _summed(now: Sequence[ServerLoad], known: Sequence[ServerLoad]) -> ServerLoad:
    """Add up what is told `now`, and the counters as they were last `known`: those never fall."""
    return ServerLoad(
        busy=_sum(load.busy for load in now),
        waiting=_sum(load.waiting for load in now),
        kv_usage=max((load.kv_usage for load in now if load.kv_usage is not None), default=None),
        **{name: _sum(getattr(load, name) for load in known) for name in _COUNTERS},
    )


def _sum(values: Iterable[int | None]) -> int | None:
    told = [value for value in values if value is not None]
    return sum(told) if told else None


def _all_at_once(function: Callable[[S], T], things: Sequence[S]) -> list[T]:
    if not things:
        return []
    with ThreadPoolExecutor(max_workers=len(things)) as pool:
        return list(pool.map(function, things))
