"""Whether two measurements may be compared at all: what differs in how they were made, from their manifests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.manifest import sandbox_kinds

Facts = Mapping[str, Any]
"""What of a manifest decides on comparing: plain data by name, packs by ``pack <id>``. Unknown facts are missing."""

WEIGHTY = (
    "endpoint",
    "sampling",
    "thinking",
    "thinking tokens",
    "token limit",
    "deadline",
    "extra body",
    "prompt template",
)
"""Facts that shape the answers and are no property of the model: where they differ, so do the questions."""

MINOR = (
    "model",
    "model file",
    "concurrency",
    "thinking switch",
    "engine",
    "server build",
    "slot context",
    "GPUs",
    "processors",
    "sandbox",
    "pytest-llmbench",
)
"""Facts that may move a score by themselves: told, not refused. A changed model is what is mostly measured."""

_PACK = "pack "
_SHOWN = 60
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fact that differs. `refuses` tells whether comparing is then no comparison of the models."""

    name: str
    before: str
    now: str
    refuses: bool

    @property
    def text(self) -> str:
        """Return ``sampling: {} -> {"temperature": 0.7}``."""
        return f"{self.name}: {self.before} -> {self.now}"


def facts_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a run's manifest; works on those of older versions, which say less."""
    settings, sampling = manifest.get("settings") or {}, manifest.get("sampling") or {}
    thinking, server = manifest.get("thinking") or {}, manifest.get("server") or {}
    machine = manifest.get("machine") or {}
    engine, file = manifest.get("engine") or {}, manifest.get("model_file") or {}
    facts = {
        "endpoint": manifest.get("endpoint"),
        "sampling": _sampling(sampling),
        "thinking": thinking.get("asked", "pack"),
        "thinking tokens": thinking.get("max_tokens"),
        "token limit": settings.get("max_tokens"),
        "deadline": settings.get("timeout_s"),
        "extra body": _body((settings.get("connection") or {}).get("body") or {}),
        "prompt template": server.get("chat_template_sha256") or engine.get("chat_template_sha256"),
        "model": manifest.get("model"),
        "model file": file.get("sha256"),
        "concurrency": manifest.get("concurrency"),
        "thinking switch": thinking.get("switch"),
        "engine": engine.get("name"),
        "server build": " ".join(str(server[name]) for name in ("kind", "build") if server.get(name)) or None,
        "slot context": server.get("context"),
        "GPUs": machine.get("gpus"),
        "processors": machine.get("cpu_count"),
        "sandbox": sandbox_kinds(manifest) or None,
        "pytest-llmbench": manifest.get("version"),
        **{f"{_PACK}{pack['id']}": _pack(pack) for pack in manifest.get("packs", ()) if pack.get("selected", 1)},
    }
    return {name: value for name, value in facts.items() if value is not None}


def differences(before: Facts, now: Facts) -> tuple[Difference, ...]:
    """Return what differs between two runs' facts, that which forbids comparing first.

    A limit or an extra that only one of them has differs; of what a server did not tell (its template, its build)
    nothing is known, so it does not. A pack that only one of them has is left out of comparing and no difference.
    """
    packs = sorted(name for name in before if name.startswith(_PACK) and name in now)
    weighty = (_difference(name, before, now, refuses=True) for name in (*packs, *WEIGHTY))
    minor = (_difference(name, before, now, refuses=False) for name in MINOR)
    return tuple(found for found in (*weighty, *minor) if found is not None)


def refusal(found: Iterable[Difference]) -> str:
    """Say why two runs cannot be compared, in one sentence with the list of differences; "" where they can."""
    texts = [one.text for one in found if one.refuses]
    return f"not comparable with the baseline: {'; '.join(texts)}" if texts else ""


_TOLD_BY_SERVERS = frozenset({"prompt template", "endpoint", *MINOR})


def _difference(name: str, before: Facts, now: Facts, *, refuses: bool) -> Difference | None:
    old, new = before.get(name), now.get(name)
    if old == new or (name in _TOLD_BY_SERVERS and (old is None or new is None)):
        return None
    shown = [_shown(name, value) for value in (old, new)]
    return Difference(name=name, before=shown[0], now=shown[1], refuses=refuses)


def _sampling(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Return what replaces the packs' own sampling; {} where nothing does."""
    if not sampling.get("from_server"):
        return dict(sampling.get("overrides") or {})
    return {"from the server": sampling.get("server_defaults") or _UNKNOWN, **(sampling.get("overrides") or {})}


def _body(body: Mapping[str, Any]) -> str | None:
    """Name the fields; nobody knows which of their values are private, so a hash stands for those."""
    if not body:
        return None
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return f"{', '.join(sorted(body))} ({digest[:12]})"


def _pack(pack: Mapping[str, Any]) -> str:
    version = f"v{pack['version']} " if pack.get("version") else ""
    return f"{version}{pack.get('content_hash', _UNKNOWN)}"


def _shown(name: str, value: Any) -> str:
    if name == "sampling" and not value:
        return "the packs' own"
    if value in (None, ""):
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    if name.startswith(_PACK):
        version, _, digest = text.rpartition(" ")
        return f"{version} {digest[:12]}".strip()
    limit = 12 if name in ("prompt template", "model file") else _SHOWN
    return text if len(text) <= limit else f"{text[:limit]}..."
