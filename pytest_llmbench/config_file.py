"""``llmbench.yaml``: what a repository or a machine sets once for all runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_llmbench.datasets.places import fault_at
from pytest_llmbench.datasets.shape import compile_schema, load_schema
from pytest_llmbench.datasets.yaml_text import read_yaml
from pytest_llmbench.errors import PackError, UsageProblem
from pytest_llmbench.settings import SandboxSettings

FILENAME = "llmbench.yaml"
SCHEMA = Path(__file__).with_name("llmbench.schema.json")

_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the file says, in the words of the settings; what it leaves out has its default."""

    sandbox: SandboxSettings = field(default_factory=SandboxSettings)


@dataclass(frozen=True, slots=True)
class _Amount:
    """A key that holds bytes: its name in the settings and its bounds."""

    name: str
    least: int
    most: int


_AMOUNTS: Mapping[str, _Amount] = {
    "memory": _Amount("memory_bytes", 64 << 20, 1 << 44),
    "disk": _Amount("disk_bytes", 1 << 20, 1 << 40),
    "output": _Amount("output_bytes", 1 << 10, 64 << 20),
}
"""Less memory cannot hold Python and what it imports; all output that is kept stands in our memory."""


def find_config(start: Path) -> Path | None:
    """Return the ``llmbench.yaml`` in the folder `start`, None where there is none."""
    path = start / FILENAME
    return path if path.is_file() else None


def read_config(path: Path) -> Config:
    """Return what the file at `path` says.

    Raises `UsageProblem` with file, line, key and, for a name that is not known, the nearest one.
    """
    try:
        return Config(sandbox=_sandbox(path, _checked(path).get("sandbox", {})))
    except PackError as error:
        raise UsageProblem(str(error)) from None


def sandbox_settings(*folders: Path, kind: str = "") -> SandboxSettings:
    """Return what the first ``llmbench.yaml`` in one of `folders` says of sandboxes, or the defaults.

    A `kind` that was typed wins over the file's. Raises as `read_config` does.
    """
    path = next(filter(None, map(find_config, folders)), None)
    settings = read_config(path).sandbox if path is not None else SandboxSettings()
    return replace(settings, kind=kind) if kind else settings


def _checked(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = read_yaml(path)
    fault = compile_schema(load_schema(SCHEMA))(content)
    if fault is not None:
        raise fault_at(path, fault.path, fault.message)
    return content


def _sandbox(path: Path, block: Mapping[str, Any]) -> SandboxSettings:
    given: dict[str, Any] = {}
    for key, value in block.items():
        convert = _CONVERTED.get(key)
        name, given_value = convert(path, key, value) if convert else (key, value)
        given[name] = given_value
    return SandboxSettings(**given)


def _amount(path: Path, key: str, value: str | int) -> tuple[str, int]:
    amount = _AMOUNTS[key]
    size = _bytes(value)
    if not amount.least <= size <= amount.most:
        bounds = f"must be from {_shown(amount.least)} to {_shown(amount.most)}"
        raise fault_at(path, ("sandbox", key), f"{bounds}, is {value} ({size} bytes)")
    return amount.name, size


def _seconds(_path: Path, _key: str, value: float) -> tuple[str, float]:
    return "time_s", float(value)


def _python(path: Path, key: str, value: str) -> tuple[str, str]:
    interpreter = Path(value).expanduser()
    return key, str(path.parent.absolute() / interpreter) if len(interpreter.parts) > 1 else value


_CONVERTED: Mapping[str, Callable[[Path, str, Any], tuple[str, Any]]] = {
    **dict.fromkeys(_AMOUNTS, _amount),
    "time": _seconds,
    "python": _python,
}


def _bytes(value: str | int) -> int:
    if isinstance(value, int):
        return value
    number, unit = (value[:-1], value[-1].lower()) if value[-1].isalpha() else (value, "")
    return int(float(number) * _UNITS.get(unit, 1))


def _shown(size: int) -> str:
    unit = max((unit for unit, one in _UNITS.items() if size % one == 0), key=lambda unit: _UNITS[unit])
    return f"{size // _UNITS[unit]}{unit}"
