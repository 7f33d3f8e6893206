"""``models.conf``: ``[section]`` and ``KEY=VALUE`` lines, each section the environment of one compose file.

Sections named ``bench-...`` are the profiles; others (a user's production settings) are taken by their whole name.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.profiles.candidate import Candidate, Source, name_fault
from pytest_llmbench.profiles.compose_files import compose_files_near
from pytest_llmbench.profiles.shell_lines import read_assignment
from pytest_llmbench.settings import Profile

MARK = "bench-"
"""How the sections begin that are meant for measuring."""
_ABOUT = ("DESCRIPTION", "NAME")
"""Keys that say in words what a section is."""
_SECTION = re.compile(r"\[([^\[\]]+)\]\s*(?:[#;]\s*(.*))?")


@dataclass(slots=True, kw_only=True)
class _Section:
    name: str
    line: int
    comment: str
    env: dict[str, str] = field(default_factory=dict)


def read_models_conf(source: Source) -> tuple[Candidate, ...]:
    """Return the sections of the file, in its order; raises `UsageProblem` with file and line.

    A variable stands for what the section or the environment says of it before; others stay as they are written.
    """
    sections = _sections(source)
    if not sections:
        raise UsageProblem(f"{source.path}: there is no [section] in this file; [bench-NAME] begins a profile")
    return tuple(_candidate(source, section) for section in sections)


def _candidate(source: Source, section: _Section) -> Candidate:
    return Candidate(
        name=section.name,
        origin=source.at(section.line),
        build=functools.partial(_profile, source, section),
        description=next((section.env[key] for key in _ABOUT if section.env.get(key)), section.comment),
        chosen_by_all=section.name.startswith(MARK),
    )


def _profile(source: Source, section: _Section) -> Profile:
    fault = name_fault(section.name)
    if fault:
        raise source.fault(section.line, fault)
    folder = source.path.parent.absolute()
    return Profile(
        name=section.name,
        engine="compose",
        origin=source.at(section.line),
        folder=str(folder),
        files=compose_files_near(folder),
        env=section.env,
        connection=source.connection(),
    )


def _sections(source: Source) -> list[_Section]:
    sections: dict[str, _Section] = {}
    current: _Section | None = None
    above: list[str] = []
    for number, line in enumerate(source.text().splitlines(), start=1):
        text = line.strip()
        header = _SECTION.fullmatch(text)
        if header:
            current = _Section(name=header[1].strip(), line=number, comment=header[2] or _sentence(above))
            first = sections.setdefault(current.name, current)
            if first is not current:
                raise source.fault(number, f"the section [{current.name}] stands in line {first.line} already")
        elif text and text[0] not in "#;":
            _add(source, number, text, current)
        above = [*above, text.lstrip("#; ")] if text.startswith("#") else []
    return list(sections.values())


def _add(source: Source, number: int, text: str, section: _Section | None) -> None:
    if section is None:
        raise source.fault(number, "this stands before the first [section]: no profile would have it")
    known: Mapping[str, Any] = {**os.environ, **section.env}
    try:
        key, value = read_assignment(text, known)
    except ValueError as error:
        raise source.fault(number, str(error)) from None
    section.env[key] = value


def _sentence(comments: list[str]) -> str:
    """Return comment lines as one text, without lines that only rule off."""
    return " ".join(line for line in comments if re.search(r"\w", line))
