"""The scenarios of a pack, held as JSON and built when asked for.

A pack may have 100,000 scenarios while a few are in flight: as records they would need many
kilobytes each, as JSON bytes they need little more than the file did.
"""

from __future__ import annotations

import json
import sys
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from pytest_llmbench.records import Message, MockedResult, Sampling, Scenario, Tool
from pytest_llmbench.sampling import CANONICAL, overlay

DEFAULT_DIALOGUE = "single_turn"
DEFAULT_MAX_TURNS = 8
DEFAULT_MAX_TOKENS = 1024
DEFAULT_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the scenarios of a pack have in common: its defaults and its pool of tools."""

    defaults: Mapping[str, Any]
    pool: Mapping[str, Tool]
    sampling: Sampling
    whole_pool: tuple[Tool, ...]

    @classmethod
    def of(cls, head: Mapping[str, Any]) -> Shared:
        """Read it from a checked pack file's top level."""
        pool = {item["name"]: Tool(**item) for item in head.get("tools", ())}
        defaults = head.get("defaults", {})
        return cls(
            defaults=defaults,
            pool=pool,
            sampling=overlay(CANONICAL, defaults.get("sampling", {})),
            whole_pool=tuple(pool.values()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """One checked scenario of a file: what is asked of all at once, and the rest as JSON."""

    id: str
    title: str
    tags: tuple[str, ...]
    body: bytes

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Packed:
        """Pack a scenario as the file has it. Keys inside its values keep their order: the model sees it."""
        body = {name: raw[name] for name in sorted(raw) if name not in ("id", "title", "tags")}
        text = json.dumps(body, separators=(",", ":"))
        return cls(
            id=sys.intern(raw["id"]), title=raw["title"], tags=tuple(raw.get("tags", ())), body=text.encode("ascii")
        )


class OnDemand(Sequence[Scenario]):
    """A read-only sequence of scenarios that are built when they are asked for; `ids` and `titles` build none."""

    __slots__ = ()

    @abstractmethod
    def ids(self) -> Sequence[str]:
        """Return the ids in the pack's order."""

    @abstractmethod
    def _build(self, index: int) -> Scenario:
        """Return the scenario at `index`."""

    def __len__(self) -> int:
        """Return the number of scenarios."""
        return len(self.ids())

    @overload
    def __getitem__(self, index: int) -> Scenario: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Scenario]: ...
    def __getitem__(self, index: int | slice) -> Scenario | Sequence[Scenario]:
        """Build one scenario, or a list of them."""
        if isinstance(index, slice):
            return [self._build(position) for position in range(*index.indices(len(self)))]
        return self._build(index)

    def __iter__(self) -> Iterator[Scenario]:
        """Build one scenario after the other."""
        return map(self._build, range(len(self)))


class ScenarioList(OnDemand):
    """The scenarios that a pack file holds itself; `tags_of` builds none either."""

    __slots__ = ("_bodies", "_ids", "_shared", "_tags", "_titles")

    def __init__(self, packed: Sequence[Packed], shared: Shared) -> None:
        distinct: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._shared = shared
        self._ids = tuple(item.id for item in packed)
        self._titles = tuple(item.title for item in packed)
        self._bodies = tuple(item.body for item in packed)
        self._tags = tuple(distinct.setdefault(item.tags, item.tags) for item in packed)

    def ids(self) -> Sequence[str]:
        """Return the ids in the file's order."""
        return self._ids

    def titles(self) -> Sequence[str]:
        """Return the titles in the file's order."""
        return self._titles

    def tags_of(self, index: int) -> tuple[str, ...]:
        """Return the tags of one scenario beside its pack's."""
        return self._tags[index]

    def raw(self, index: int) -> dict[str, Any]:
        """Return what the file says of one scenario, without id, title and tags."""
        body: dict[str, Any] = json.loads(self._bodies[index])
        return body

    def _build(self, index: int) -> Scenario:
        raw = self.raw(index)
        settings = {**self._shared.defaults, **raw}
        tools = self._tools(raw)
        return Scenario(
            id=self._ids[index],
            title=self._titles[index],
            messages=opening(raw, self._shared.defaults),
            dialogue=settings.get("dialogue", DEFAULT_DIALOGUE),
            verifier=settings["verifier"],
            category=raw.get("category", ""),
            tags=self._tags[index],
            followups=tuple(raw.get("followups", ())),
            tools=tools,
            tool_choice=settings.get("tool_choice", "auto") if tools else None,
            tool_results=tuple(MockedResult(**entry) for entry in raw.get("results", ())),
            checks=tuple(raw["checks"]),
            sampling=self._sampling(raw),
            stream=settings.get("stream", not tools),
            max_tokens=settings.get("max_tokens", DEFAULT_MAX_TOKENS),
            timeout_s=float(settings.get("timeout_s", DEFAULT_TIMEOUT_S)),
            max_turns=settings.get("max_turns", DEFAULT_MAX_TURNS),
            thinking=settings.get("thinking", ""),
        )

    def _tools(self, raw: Mapping[str, Any]) -> tuple[Tool, ...]:
        if "tools" not in raw:
            return self._shared.whole_pool
        return tuple(self._shared.pool[name] for name in raw["tools"])

    def _sampling(self, raw: Mapping[str, Any]) -> Sampling:
        return overlay(self._shared.sampling, raw["sampling"]) if "sampling" in raw else self._shared.sampling


def opening(raw: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the messages a dialogue starts with: the system message, if any, and the scenario's own.

    The scenario's system message replaces the pack's, an empty one removes it; one among its
    `messages` replaces it too.
    """
    if "prompt" in raw:
        messages: tuple[Message, ...] = (Message(role="user", content=raw["prompt"]),)
    else:
        messages = tuple(Message(**message) for message in raw["messages"])
    system = raw.get("system", defaults.get("system", ""))
    if not system or messages[0].role == "system":
        return messages
    return (Message(role="system", content=system), *messages)
