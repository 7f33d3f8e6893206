"""The ``profiles:`` block of ``llmbench.yaml``: names, what extends what, and each profile's keys in one."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping
from typing import Any

from pytest_llmbench.config_file import Block, checked_content
from pytest_llmbench.datasets.places import KeyPath, fault_at, locate
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.profiles.candidate import TEMPLATE_MARK, Candidate, Source, name_fault
from pytest_llmbench.profiles.connection import KEYS as CONNECTION_KEYS
from pytest_llmbench.profiles.profile_block import profile_of
from pytest_llmbench.settings import Profile

_JOINED = ("env", *CONNECTION_KEYS)
"""Mappings whose entries are joined along a chain; any other key replaces what it extends."""
_NOT_PASSED_ON = ("extends", "description")


def read_llmbench_yaml(source: Source) -> tuple[Candidate, ...]:
    """Return the profiles of the file, in its order; raises `UsageProblem` with file, line and nearest match.

    The whole file is checked at once, but for what depends on the environment: that is read with each profile.
    """
    content = checked_content(source.path)
    return tuple(_candidate(source, content, name) for name in content.get("profiles", {}))


def _candidate(source: Source, content: Mapping[str, Any], name: str) -> Candidate:
    fault = name_fault(name)
    if fault:
        raise UsageProblem(str(fault_at(source.path, ("profiles", name), fault)))
    block = _joined(source, content, _chain(source, content["profiles"], name))
    origin = source.at(locate(source.path, ("profiles", name)))
    command = block.values.get("command", "")
    is_template = name.startswith(TEMPLATE_MARK)
    build = _refuse_template if is_template else profile_of
    return Candidate(
        name=name,
        origin=origin,
        build=functools.partial(build, name, block, origin),
        description=block.values.get("description", ""),
        command=command if isinstance(command, str) else shlex.join(command),
        chosen_by_all=not is_template,
    )


def _refuse_template(name: str, block: Block, _origin: str) -> Profile:
    raise block.fault(
        (), f'"{name}" is a template, since its name starts with {TEMPLATE_MARK}: name one that extends it'
    )


def _chain(source: Source, profiles: Mapping[str, Any], name: str) -> list[str]:
    """Return `name`, what it extends, what that extends, and so on."""
    chain = [name]
    while "extends" in profiles[chain[-1]]:
        parent = profiles[chain[-1]]["extends"]
        place = ("profiles", chain[-1], "extends")
        if parent not in profiles:
            others = [other for other in profiles if other != chain[-1]]
            message = f'there is no profile "{parent}" in this file: {suggestion(parent, others)}'
            raise UsageProblem(str(fault_at(source.path, place, message)))
        if parent in chain:
            circle = " extends ".join([*chain[chain.index(parent) :], parent])
            raise UsageProblem(str(fault_at(source.path, place, f"these profiles go round in a circle: {circle}")))
        chain.append(parent)
    return chain


def _joined(source: Source, content: Mapping[str, Any], chain: list[str]) -> Block:
    """Return the profile's keys with those it extends and the file's ``server:`` block beneath."""
    values: dict[str, Any] = {}
    homes: dict[KeyPath, KeyPath] = {(): ("profiles", chain[0])}
    layers: dict[KeyPath, Mapping[str, Any]] = {("server",): content.get("server", {})}
    layers |= {("profiles", name): content["profiles"][name] for name in reversed(chain)}
    for home, layer in layers.items():
        for key, value in layer.items():
            if key in _NOT_PASSED_ON and home != homes[()]:
                continue
            homes[key,] = (*home, key)
            if key in _JOINED:
                if not isinstance(value, dict):
                    raise UsageProblem(str(fault_at(source.path, (*home, key), "must be a mapping (key: value)")))
                homes |= {(key, name): (*home, key, name) for name in value}
                value = {**values.get(key, {}), **value}  # noqa: PLW2901 - what stands beneath it
            values[key] = value
    return Block(path=source.path, values=values, schema=("$defs", "profile"), homes=homes)
