"""What every file of profiles offers: their names and places at once, each whole profile when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import Connection
from pytest_llmbench.settings import Profile

RESERVED = ("all", "embedded")
"""Names with a meaning of their own on the command line."""
TEMPLATE_MARK = "_"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A profile that a file holds. `build` reads it whole and raises `UsageProblem` with file and line.

    `origin` is ``file:line``. `command` is the command line as it was typed, variables and all. `chosen_by_all`
    tells whether ``all`` and globs take it. `notes` are told to whoever measures it.
    """

    name: str
    origin: str
    build: Callable[[], Profile]
    description: str = ""
    command: str = ""
    chosen_by_all: bool = True
    notes: tuple[str, ...] = ()

    @property
    def is_template(self) -> bool:
        """Tell whether it is there for others to extend."""
        return self.name.startswith(TEMPLATE_MARK) and not self.chosen_by_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of profiles: where it lies, how it is called in messages, and what surrounds it.

    `connection` makes what every request carries where the file says nothing of it; `folders` are those that a
    run starts in, for paths that are not there beside the file.
    """

    path: Path
    shown: str
    folders: tuple[Path, ...]
    connection: Callable[[], Connection] = Connection

    def at(self, line: int | None) -> str:
        """Return ``file:line``."""
        return self.shown if line is None else f"{self.shown}:{line}"

    def fault(self, line: int | None, message: str) -> UsageProblem:
        """Return the error that `message` is true of what stands in `line`."""
        return UsageProblem(f"{self.path}: {message}" if line is None else f"{self.path}:{line}: {message}")

    def text(self) -> str:
        """Return the file's text; raises `UsageProblem` where it cannot be read."""
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise self.fault(None, "the file is not UTF-8 text: save it as UTF-8") from None
        except OSError as error:
            raise self.fault(None, f"cannot be read: {error.strerror or error}") from None


def name_fault(name: str) -> str:
    """Return why a profile cannot be called `name`, or "": it becomes part of test ids and names a folder."""
    if name in RESERVED:
        return f'"{name}" has a meaning of its own for --llm-profile: call the profile otherwise'
    if not _NAME.fullmatch(name):
        return (
            f'"{name[:80]}" is no name for a profile: at most 64 letters, digits and . _ - '
            "that begin with a letter, a digit or _"
        )
    return ""
