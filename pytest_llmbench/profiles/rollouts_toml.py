"""TOML files that list ``[[tasks]]``, each with a model, a folder and a number of rollouts.

Each task becomes a profile: its folder the one pack that is asked, ``rollouts`` the attempts, ``parallel`` the trials
in flight. The format names no server: a task is asked of the one in its ``url``, in OPENAI_BASE_URL among its
``environment_variables``, or of ``--llm-url``.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmbench.datasets.shape import compile_schema, load_schema
from pytest_llmbench.engines.external import base_url
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.profiles.candidate import Candidate, Source, name_fault
from pytest_llmbench.profiles.quantities import seconds
from pytest_llmbench.settings import Profile

SCHEMA = Path(__file__).with_name("rollouts.schema.json")
PACK = "pack.yaml"
_TIMEOUT, _URL = "TIMEOUT_SEC", "OPENAI_BASE_URL"
"""The variables of a task that mean something without the program they were written for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One of the file's tasks, `index` from 0, with what the file says of all."""

    source: Source
    text: str
    index: int
    values: Mapping[str, Any]
    parallel: int | None

    @property
    def line(self) -> int | None:
        """Where the task begins."""
        return _line(self.text, self.index, "")

    @property
    def env(self) -> Mapping[str, str]:
        """Its environment variables, as texts."""
        given = self.values.get("environment_variables", {})
        return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}

    def fault(self, key: str, message: str) -> UsageProblem:
        """Return the error that `message` is true of one of its keys."""
        return self.source.fault(_line(self.text, self.index, key), f"tasks[{self.index}].{key}: {message}")


def read_rollouts(source: Source) -> tuple[Candidate, ...]:
    """Return the tasks of the file, in its order; raises `UsageProblem` with file, line and nearest match."""
    text = source.text()
    content = _parsed(source, text)
    fault = compile_schema(load_schema(SCHEMA))(content)
    if fault is not None:
        index = next((part for part in fault.path if isinstance(part, int)), None)
        key = next((str(part) for part in reversed(fault.path) if not isinstance(part, int)), "")
        raise source.fault(_line(text, index, key), f"{_dotted(fault.path)}{fault.message}")
    tasks = [
        _Task(source=source, text=text, index=index, values=values, parallel=content.get("parallel"))
        for index, values in enumerate(content["tasks"])
    ]
    named = zip(tasks, _names([task.values for task in tasks]), strict=True)
    return tuple(_candidate(task, name, content.get("name", "")) for task, name in named)


def _candidate(task: _Task, name: str, benchmark: str) -> Candidate:
    about = f"{task.values['model']} on {task.values['prepared_dir']}"
    return Candidate(
        name=name,
        origin=task.source.at(task.line),
        build=functools.partial(_profile, task, name),
        description=f"{benchmark}: {about}" if benchmark else about,
        notes=_notes(task),
    )


def _profile(task: _Task, name: str) -> Profile:
    if fault := name_fault(name):
        raise task.fault("model", fault)
    if task.values.get("apply_overrides"):
        message = (
            "overrides cannot be applied to a pack: it is measured as it stands, so that scores compare. Write "
            "apply_overrides = false to run it so, or make a pack of its own with the changes"
        )
        raise task.fault("apply_overrides", message)
    return Profile(
        name=name,
        engine="external",
        origin=task.source.at(task.line),
        folder=str(task.source.path.parent.absolute()),
        urls=_urls(task),
        model=task.values["model"],
        env={key: value for key, value in task.env.items() if key not in (_TIMEOUT, _URL)},
        packs=(_pack(task),),
        repeat=task.values.get("rollouts"),
        concurrency=task.parallel,
        timeout_s=_timeout(task),
        connection=task.source.connection(),
    )


def _urls(task: _Task) -> tuple[str, ...]:
    key = next((key for key in ("url", "base_url") if key in task.values), "environment_variables")
    url = task.values.get(key, "") if key != "environment_variables" else task.env.get(_URL, "")
    try:
        return (base_url(url),) if url else ()
    except UsageProblem as error:
        raise task.fault(key, str(error)) from None


def _timeout(task: _Task) -> float | None:
    if _TIMEOUT not in task.env:
        return None
    try:
        return seconds(task.env[_TIMEOUT])
    except ValueError as error:
        raise task.fault("environment_variables", f"{_TIMEOUT} {error}") from None


def _pack(task: _Task) -> str:
    """Return the folder of the task's pack: from the file's own folder, else from one that the run starts in."""
    named = Path(task.values["prepared_dir"]).expanduser()
    places = list(dict.fromkeys((task.source.path.parent.absolute(), *map(Path.absolute, task.source.folders))))
    found = next((place / named for place in places if (place / named / PACK).is_file()), None)
    if found is None:
        looked = " and ".join(str(place / named) for place in places)
        message = (
            f"there is no {PACK} in {looked}. A task is a pack here: a folder with a {PACK} that holds prompts and "
            "checks (packs/README.md says how to write one; llmbench selftest FOLDER proves it)"
        )
        raise task.fault("prepared_dir", message)
    return str(found)


def _notes(task: _Task) -> tuple[str, ...]:
    where = task.source.at(task.line)
    notes = []
    idle = sorted(set(task.env) - {_TIMEOUT, _URL})
    if idle:
        notes.append(f"{where}: nothing is started for a task, so nobody reads its variables {', '.join(idle)}")
    if "overrides" in task.values and not task.values.get("apply_overrides"):
        notes.append(f"{where}: overrides are left out, as apply_overrides is not true")
    return tuple(notes)


def _names(tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name each task by its model; where several share it, by its folder as well; then by a number."""
    names = [_fit(task["model"]) for task in tasks]
    shared = Counter(names)
    folders = Counter((_fit(task["model"]), task["prepared_dir"]) for task in tasks)
    if any(count > 1 for count in shared.values()):
        names = [
            f"{name}.{_fit(Path(task['prepared_dir']).name)}"
            if shared[name] > folders[name, task["prepared_dir"]]
            else name
            for name, task in zip(names, tasks, strict=True)
        ]
    return _numbered(names)


def _numbered(names: Sequence[str]) -> list[str]:
    taken: list[str] = []
    for name in names:
        number = 1
        while (unique := name if number == 1 else f"{name}-{number}") in taken:
            number += 1
        taken.append(unique)
    return taken


def _fit(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:48]


def _parsed(source: Source, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        raise source.fault(
            int(found[1]) if found else text.count("\n") + 1, f"this is not valid TOML: {error}"
        ) from None


def _line(text: str, index: int | None, key: str) -> int | None:
    """Return the 1-based line of `key` in the task `index`, or above all tasks; that of the task without the key."""
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines, start=1) if re.match(r"\s*\[\[\s*tasks\s*\]\]", line)]
    first = heads[index] if index is not None and index < len(heads) else 1
    after = next((head for head in heads if head > first or index is None), len(lines) + 1)
    own = re.compile(rf"""\s*(\[tasks\.)?["']?{re.escape(key)}["']?[\].=\s]""")
    found = next((number for number in range(first, after) if key and own.match(f"{lines[number - 1]} ")), None)
    return found or (first if index is not None else None)


def _dotted(path: Sequence[str | int]) -> str:
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return f"{words}: " if words else ""
