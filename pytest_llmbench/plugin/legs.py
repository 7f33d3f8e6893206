"""The servers of a session: each profile that was asked for is a leg, with settings, host and run folder of its own.

Where only one server is measured its leg has no name, and nothing is named after it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.records import Pack
from pytest_llmbench.settings import Settings

LEGS: pytest.StashKey[tuple[Leg, ...]] = pytest.StashKey()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One server of the session. `settings` are the session's with those of its profile on top."""

    name: str = ""
    settings: Settings

    @property
    def title(self) -> str:
        """What the user calls it: the profile's name, "" where none was asked for."""
        return self.settings.profile.name if self.settings.profile is not None else ""


def settle_legs(config: pytest.Config) -> None:
    """Find out which servers are meant, before anything is collected; raises `pytest.UsageError`."""
    with contextlib.suppress(pytest.UsageError) if hasattr(config, "workerinput") else contextlib.nullcontext():
        legs_of(config)  # a worker can only die of it; the controller reads the same settings and says what is wrong


def legs_of(config: pytest.Config) -> tuple[Leg, ...]:
    """Return the legs in the order they are measured; raises `pytest.UsageError`."""
    if LEGS not in config.stash:
        config.stash[LEGS] = _read(config)
    return config.stash[LEGS]


def leg_names(config: pytest.Config) -> tuple[str, ...]:
    """Return the names that scenarios are multiplied by: ("",) unless several servers are measured."""
    legs = config.stash.get(LEGS, ())
    return tuple(leg.name for leg in legs) or ("",)


def leg_of(config: pytest.Config, name: str) -> Leg:
    """Return the leg called `name`."""
    return next(leg for leg in legs_of(config) if leg.name == name)


def packs_of_profiles(config: pytest.Config) -> list[str]:
    """Return the packs that profiles name as their own, to be collected where nothing else is asked for."""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        return []
    named = [leg.settings.profile for leg in config.stash.get(LEGS, ()) if leg.settings.profile is not None]
    found = [_path_or_name(profile.folder, name) for profile in named for name in profile.packs]
    return list(dict.fromkeys(found))


def _path_or_name(folder: str, name: str) -> str:
    path = Path(folder, name)
    return str(path) if path.exists() else name


def asks_pack(leg: Leg, pack: Pack) -> bool:
    """Tell whether the leg's profile asks `pack`: one that names packs, by id, tag or folder, asks no others."""
    profile = leg.settings.profile
    if profile is None or not profile.packs:
        return True
    folders = {Path(profile.folder, name).resolve() for name in profile.packs}
    names = {pack.facts.id, *pack.facts.tags}
    return pack.path.resolve() in folders or any(fnmatchcase(one, name) for name in profile.packs for one in names)


def profile_of(item: Any) -> str:
    """Return the leg an item belongs to, be it a scenario or a test that asks the server."""
    own: str | None = getattr(item, "profile", None)
    if own is not None:
        return own
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return str(parameters.get("llm", "")) if "llm" in getattr(item, "fixturenames", ()) else ""


def in_order(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the items of one server behind each other, for one server runs at a time."""
    places = {name: place for place, name in enumerate(leg_names(config))}
    if len(places) > 1:
        items.sort(key=lambda item: places.get(profile_of(item), 0))


def _reporter(config: pytest.Config) -> Callable[[str], None]:
    """Return what prints a line for the user; a worker's lines would come a second time."""
    if hasattr(config, "workerinput"):
        return lambda _line: None
    return lambda line: print(f"llmbench: {line}")  # noqa: T201 - before pytest has anything to report with


def _read(config: pytest.Config) -> tuple[Leg, ...]:
    from pytest_llmbench.config_file import config_in
    from pytest_llmbench.errors import UsageProblem
    from pytest_llmbench.plugin.options import read_settings, typed_settings
    from pytest_llmbench.profiles import leg_settings, load_profiles, server_connection

    folders = (config.invocation_params.dir, config.rootpath)
    settings = read_settings(config)
    try:
        said = config_in(*folders)
        settings = replace(settings, strict_thinking=said.strict_thinking, thinking_switch=said.thinking_switch)
        if not settings.profiles:
            return (Leg(settings=replace(settings, connection=server_connection(*folders))),)
        say = _reporter(config)
        profiles = load_profiles(settings.profiles, folders=folders, say=say)
        many, typed = len(profiles) > 1, typed_settings(config)
        return tuple(
            Leg(name=profile.name if many else "", settings=leg_settings(settings, profile, typed=typed))
            for profile in profiles
        )
    except UsageProblem as problem:
        raise pytest.UsageError(str(problem)) from None
