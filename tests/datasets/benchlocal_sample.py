"""Packs in benchlocal-cli's format, written for these tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

META: Mapping[str, Any] = {
    "__meta__": True,
    "pack_id": "harbour-3",
    "version": "1.2.0",
    "upstream_repo": "someone/Harbour-3",
    "upstream_commit": "0a1b2c3",
    "license": "MIT",
    "sampling_defaults": {"temperature": 0, "top_p": 1, "max_tokens": 512, "tool_choice": "auto"},
    "default_max_seconds": 45,
    "verifier_module": "instruct_follow",
    "supports_sandboxed_only": False,
}


def case(name: str, kind: str, *asserts: Mapping[str, Any], said: str = "Say so.", **more: Any) -> dict[str, Any]:
    """Return a scenario line of verifier type `kind`."""
    return {
        "id": name,
        "description": f"About {name}.",
        "messages": [{"role": "user", "content": said}],
        "verifier": {"type": kind, "asserts": list(asserts)},
        "tags": ["harbour"],
        **more,
    }


def tool(name: str, **properties: str) -> dict[str, Any]:
    """Return a tool whose parameters are of these JSON types."""
    schema = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"type": "function", "function": {"name": name, "description": f"Does {name}.", "parameters": schema}}


def write_jsonl(path: Path, cases: Sequence[Mapping[str, Any]], **meta: Any) -> Path:
    """Write a pack and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [{**META, "scenario_count": len(cases), **meta}, *cases]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path
