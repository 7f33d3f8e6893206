"""What pytest's own ini file says, for commands that run without pytest."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llmbench.errors import UsageProblem

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ini:
    """The values of an ini file, and the folder that pytest calls its rootdir."""

    folder: Path
    values: Values = field(default_factory=dict)

    def text(self, key: str) -> str:
        """Return what `key` is set to, or ""."""
        return str(self.values.get(key) or "")


def read_ini(start: Path) -> Ini:
    """Return what pytest would read in the folder `start`: of the nearest folder that has any, the first file.

    The order of files and folders is that of https://docs.pytest.org/en/stable/reference/customize.html. Raises
    `UsageProblem` for a file that cannot be read.
    """
    without: Path | None = None
    for folder in (start, *start.parents):
        for name, read in _READERS.items():
            values = _values(folder / name, read)
            if values is not None:
                return Ini(folder=folder, values=values)
        if without is None and (folder / _PYPROJECT).is_file():
            without = folder
    return Ini(folder=without or next((one for one in (start, *start.parents) if (one / "setup.py").is_file()), start))


def _values(path: Path, read: Callable[[str], Values | None]) -> Values | None:
    try:
        return read(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError, configparser.Error) as error:
        raise UsageProblem(f"{path}, where pytest has its settings, cannot be read: {error}") from error


def _ini(text: str) -> Values | None:
    return _section(text, "pytest")


def _own_ini(text: str) -> Values | None:
    return _section(text, "pytest") or {}


def _cfg(text: str) -> Values | None:
    return _section(text, "tool:pytest")


def _section(text: str, name: str) -> Values | None:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    return dict(parser[name]) if name in parser else None


def _own_toml(text: str) -> Values | None:
    return _table(tomllib.loads(text), "pytest") or {}


def _pyproject(text: str) -> Values | None:
    table = _table(_table(tomllib.loads(text), "tool") or {}, "pytest")
    return (_table(table, "ini_options") or table or None) if table else None


def _table(data: Values, name: str) -> Values | None:
    table = data.get(name)
    return table if isinstance(table, Mapping) else None


_PYPROJECT = "pyproject.toml"
_READERS: Mapping[str, Callable[[str], Values | None]] = {
    "pytest.toml": _own_toml,
    ".pytest.toml": _own_toml,
    "pytest.ini": _own_ini,
    ".pytest.ini": _own_ini,
    _PYPROJECT: _pyproject,
    "tox.ini": _ini,
    "setup.cfg": _cfg,
}
