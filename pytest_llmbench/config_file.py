"""``llmbench.yaml``: what a repository or a machine sets once for all runs."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_llmbench.datasets.places import KeyPath, fault_at
from pytest_llmbench.datasets.shape import compile_schema, load_schema
from pytest_llmbench.datasets.yaml_text import read_yaml
from pytest_llmbench.errors import PackError, UnknownName, UsageProblem
from pytest_llmbench.lookup import find
from pytest_llmbench.pytest_ini import read_ini
from pytest_llmbench.sandboxes import LAUNCHERS
from pytest_llmbench.settings import SandboxSettings
from pytest_llmbench.variables import mentions_variables, substituted, variable_names

FILENAME = "llmbench.yaml"
SANDBOX_VARIABLE, SANDBOX_KEY = "LLMBENCH_SANDBOX", "llmbench_sandbox"
"""Where the kind of sandbox may stand beside the command line and llmbench.yaml."""

SANDBOX_FLAG = "--llm-sandbox"
SCHEMA = Path(__file__).with_name("llmbench.schema.json")

_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


_WITHOUT_VARIABLES = ("thinking", "thinking_switch")
"""Keys of the whole file that decide what a run is worth: nobody shall have to guess what stood there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the file says of every run, in the words of the settings; what it leaves out has its default.

    Its servers are read by `pytest_llmbench.profiles`, when they are asked for.
    """

    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    strict_thinking: bool = False
    thinking_switch: str = ""


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
    content = checked_content(path)
    for key in _WITHOUT_VARIABLES:
        if variable_names(str(content.get(key, ""))):
            raise UsageProblem(str(fault_at(path, (key,), "takes no variable: write the word itself")))
    block = Block(path=path, values=content.get("sandbox", {}), schema=("properties", "sandbox"))
    try:
        sandbox = _sandbox(path, block.settled())
    except PackError as error:
        raise UsageProblem(str(error)) from None
    return Config(
        sandbox=sandbox,
        strict_thinking=content.get("thinking") == "strict",
        thinking_switch=content.get("thinking_switch", ""),
    )


def config_in(*folders: Path) -> Config:
    """Return what the first ``llmbench.yaml`` in one of `folders` says, or the defaults; raises as `read_config`."""
    path = next(filter(None, map(find_config, folders)), None)
    return read_config(path) if path is not None else Config()


def checked_content(path: Path) -> dict[str, Any]:
    """Return the file's content, checked but for values with variables in them: those are left as they stand.

    Raises `UsageProblem` as `read_config` does.
    """
    try:
        content: dict[str, Any] = read_yaml(path)
        fault = compile_schema(_schema())(_without_variables(content))
        if fault is not None:
            raise fault_at(path, fault.path, fault.message)
    except PackError as error:
        raise UsageProblem(f"{error}{_hint(error)}") from None
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A mapping of the file at `path` with variables still in it, of the kind that `schema` leads to.

    `homes` tells where in the file a value stands that was taken from elsewhere (`extends`), `()` being the rest.
    """

    path: Path
    values: Mapping[str, Any]
    schema: tuple[str, str]
    homes: Mapping[KeyPath, KeyPath] = field(default_factory=dict)

    def settled(self) -> dict[str, Any]:
        """Return the values with variables replaced by the environment's.

        Raises `UsageProblem` with file, line and the variable's name for one that is not set or does not fit;
        what it holds stands in no message.
        """
        schema = _schema()[self.schema[0]][self.schema[1]]
        content: dict[str, Any] = self._filled(dict(self.values), schema, ())
        fault = compile_schema(schema, _schema())(content)
        if fault is not None:
            raise self.value_fault(fault.path, fault.message)
        return content

    def fault(self, key_path: Sequence[str | int], message: str) -> UsageProblem:
        """Return the error that `message` is true of the value at `key_path` of this block."""
        inside = tuple(key_path)
        known = next((end for end in range(len(inside), -1, -1) if inside[:end] in self.homes), 0)
        home = self.homes.get(inside[:known], (self.schema[1],))
        return UsageProblem(str(fault_at(self.path, (*home, *inside[known:]), message)))

    def value_fault(self, key_path: Sequence[str | int], message: str) -> UsageProblem:
        """Return the error as `fault` does, for a `message` that shows the value: unless it came from a variable."""
        raw: Any = self.values
        schema = _schema()[self.schema[0]][self.schema[1]]
        for part in key_path:
            raw, schema = raw[part], _below(schema, part)
        names = variable_names(json.dumps(raw))
        if names:
            wanted = ", ".join(schema["enum"]) if "enum" in schema else schema.get("description", "another value")
            message = f"what {' and '.join(names)} stands for does not fit here (it is not shown). Wanted: {wanted}"
        return self.fault(key_path, message)

    def _filled(self, value: Any, schema: Mapping[str, Any], at: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(item, _below(schema, key), (*at, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, schema.get("items", {}), (*at, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or not mentions_variables(value):
            return value
        try:
            text = substituted(value, os.environ)
        except ValueError as error:
            raise self.fault(at, str(error)) from None
        return text if "string" in schema.get("type", "string") else _plain(text)


def sandbox_settings(*folders: Path, typed: str | None = None, ini: str = "") -> SandboxSettings:
    """Return what the first ``llmbench.yaml`` in one of `folders` says of sandboxes, or the defaults.

    The kind is the one that was `typed`, else that of LLMBENCH_SANDBOX, of pytest's `ini` file, of llmbench.yaml,
    else ``auto``. Raises as `read_config` does, and where there is no such kind.
    """
    settings = config_in(*folders).sandbox
    kind, source = _asked_kind(typed, ini)
    if not kind:
        return settings
    try:
        find("sandbox", kind, {"auto": None, **LAUNCHERS})
    except UnknownName as error:
        raise UsageProblem(f"{source}: {error}") from None
    return replace(settings, kind=kind)


def sandbox_settings_in(folder: Path, typed: str | None = None) -> SandboxSettings:
    """Return what a run started in `folder` would take, for commands that run without pytest."""
    ini = read_ini(folder)
    return sandbox_settings(folder, ini.folder, typed=typed, ini=ini.text(SANDBOX_KEY))


def _asked_kind(typed: str | None, ini: str) -> tuple[str, str]:
    """Return the kind that was asked for, and where."""
    if typed is not None:
        return typed, SANDBOX_FLAG
    if asked := os.environ.get(SANDBOX_VARIABLE, ""):
        return asked, SANDBOX_VARIABLE
    return ini, f"{SANDBOX_KEY} in the ini file"


@functools.cache
def _schema() -> dict[str, Any]:
    return load_schema(SCHEMA)


def _below(schema: Mapping[str, Any], part: str | int) -> Mapping[str, Any]:
    """Return the schema of what stands at `part` of a value of this schema."""
    if isinstance(part, int):
        found = schema.get("items", {})
    else:
        found = schema.get("properties", {}).get(part) or schema.get("additionalProperties")
    if not isinstance(found, dict):
        return {}
    below: Mapping[str, Any] = _schema()["$defs"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found
    return below


def _without_variables(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {key: item for key, item in value.items() if not (isinstance(item, str) and mentions_variables(item))}
    return {key: _without_variables(item) for key, item in kept.items()}


def _hint(error: PackError) -> str:
    """Name the trap that a reference is in YAML's own braces, where the line that cannot be read has one."""
    lines = error.path.read_bytes().splitlines()[: error.line] if error.line and not error.key else []
    return " Between { and } a value with ${NAME} needs quotes." if lines and b"${" in lines[-1] else ""


def _plain(text: str) -> Any:
    """Return the number or truth value that `text` writes, else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (bool, int, float)) else text


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
