"""A profile's keys in ``llmbench.yaml`` -> `Profile`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_llmbench.config_file import Block
from pytest_llmbench.engines.external import base_url
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.profiles.connection import connection_of
from pytest_llmbench.profiles.quantities import seconds
from pytest_llmbench.sampling import parse_sampling
from pytest_llmbench.settings import START_LIMIT_S, Profile

_ENGINE_OF = {"url": "external", "command": "process", "file": "compose", "service": "compose"}
"""The keys that tell the engine."""
_STARTED = ("env", "port", "path")
_FOR: Mapping[str, tuple[str, ...]] = {
    "external": ("url",),
    "embedded": (),
    "process": ("command", *_STARTED),
    "compose": ("file", "service", *_STARTED),
}
"""Which of the keys that are not for all engines each one knows."""
_AS_THEY_ARE = (
    *("model", "service", "preset", "port", "vram_gb", "repeat", "concurrency", "thinking", "thinking_max_tokens"),
    *("thinking_switch", "max_tokens", "path"),
)


def profile_of(name: str, block: Block, origin: str) -> Profile:
    """Return the profile called `name` that `block` describes; raises `UsageProblem` with file and line."""
    values = block.settled()
    engine = _engine(block, values)
    given: dict[str, Any] = {key: values[key] for key in _AS_THEY_ARE if key in values}
    folder = block.path.parent.absolute()
    if engine == "embedded" and "model" in values:
        given["model"] = str(folder / Path(values["model"]).expanduser())
    return Profile(
        **given,
        name=name,
        engine=engine,
        origin=origin,
        folder=str(folder),
        urls=_urls(block, values),
        command=_command(block, values),
        files=_listed(values, "file"),
        env=_environment(block, values),
        start_limit_s=_seconds(block, values, "start_limit") or START_LIMIT_S,
        packs=tuple(_name_or_folder(folder, pack) for pack in _listed(values, "packs")),
        sampling=_sampling(block, values),
        timeout_s=_seconds(block, values, "timeout"),
        connection=connection_of(block, values),
    )


def _engine(block: Block, values: Mapping[str, Any]) -> str:
    """Return the engine that is named, or the one whose keys are there."""
    telling = {key: engine for key, engine in _ENGINE_OF.items() if key in values}
    engines = sorted(set(telling.values()))
    engine: str = values.get("engine") or (engines[0] if engines else "")
    if not engine:
        message = (
            "this does not say which server it is: give a url (it runs already), a command (we start it) or a "
            "compose file with its service; engine: external takes the server of --llm-url, engine: embedded the "
            "small built-in one"
        )
        raise block.fault((), message)
    if "engine" not in values and len(engines) > 1:
        raise block.fault((), f"{' and '.join(telling)} name different servers: keep one")
    strange = next(
        (key for key in values if key not in _FOR[engine] and any(key in keys for keys in _FOR.values())), ""
    )
    if strange:
        known = ", ".join(name for name, keys in _FOR.items() if strange in keys)
        raise block.fault((strange,), f"{strange} means nothing to the engine {engine}, only to {known}")
    missing = {"process": "command"}.get(engine, "")
    if missing and missing not in values:
        raise block.fault((), f"the engine {engine} needs a {missing}")
    return engine


def _listed(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = values.get(key, ())
    return (value,) if isinstance(value, str) else tuple(value)


def _urls(block: Block, values: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(base_url(url) for url in _listed(values, "url")))
    except UsageProblem as error:
        raise block.value_fault(("url",), str(error)) from None


def _command(block: Block, values: Mapping[str, Any]) -> tuple[str, ...]:
    value = values.get("command", ())
    try:
        words = tuple(shlex.split(value)) if isinstance(value, str) else tuple(value)
    except ValueError as error:
        message = f"this command line cannot be taken apart ({error}): check its quotes, or write it as a list"
        raise block.fault(("command",), message) from None
    if "command" in values and not "".join(words[:1]).strip():
        raise block.fault(("command",), "the command names no program")
    return words


def _environment(block: Block, values: Mapping[str, Any]) -> dict[str, str]:
    given = {name: value for name, value in values.get("env", {}).items() if value is not None}
    for name, value in given.items():
        if not name or "=" in name or "\0" in f"{name}{value}":
            raise block.fault(("env", name), "this is no variable of an environment")
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}


def _seconds(block: Block, values: Mapping[str, Any], key: str) -> float | None:
    if key not in values:
        return None
    try:
        return seconds(values[key])
    except ValueError as error:
        raise block.fault((key,), str(error)) from None


def _sampling(block: Block, values: Mapping[str, Any]) -> str:
    value = values.get("sampling", "")
    text = value if isinstance(value, str) else ",".join(f"{name}={number}" for name, number in value.items())
    try:
        parse_sampling(text)
    except UsageProblem as error:
        raise block.value_fault(("sampling",), str(error).removeprefix("--llm-sampling: ")) from None
    return text


def _name_or_folder(folder: Path, pack: str) -> str:
    """Return a pack's path from the file's own folder where there is one, else its name as it stands."""
    place = folder / Path(pack).expanduser()
    return str(place) if place.exists() else pack
