"""What can be seen of a profile without starting anything: what it would start, and why it would not start."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pytest_llmbench.datasets import select_packs
from pytest_llmbench.errors import UnknownName
from pytest_llmbench.profiles.compose_look import compose_problems
from pytest_llmbench.redaction import HIDDEN, redacted, redacted_command
from pytest_llmbench.settings import Profile

_CONTEXT_FLAGS = ("-c", "--ctx-size", "--max-model-len")
"""Of llama-server and of ``vllm serve``."""
_CONTEXT_VARIABLES = re.compile(
    r"(LLAMA_ARG_)?(N_|NUM_|MAX_)?(CTX|CONTEXT)(_SIZE|_LENGTH|_LEN)?|(VLLM_)?MAX_MODEL_LEN(GTH)?", re.IGNORECASE
)
_TOKENS = re.compile(r"([0-9]{1,9})([kK]?)")


def what_starts(profile: Profile, command: str = "") -> str:
    """Return in a line what the profile starts or asks, without secrets; `command` is its line as it was typed."""
    if profile.engine == "external":
        return ", ".join(redacted(url) for url in profile.urls) or "the server of --llm-url"
    if profile.engine == "embedded":
        return f"llama.cpp here with {profile.model or 'SmolLM2 135M'}"
    names = f"env {' '.join(profile.env)}" if profile.env else ""
    if profile.engine == "process":
        return ", ".join(filter(None, (_command_line(profile, command), names)))
    service = f"service {profile.service}" if profile.service else ""
    return ", ".join(filter(None, (" + ".join(profile.files) or "its compose file", service, names)))


def context_of(profile: Profile) -> int | None:
    """Return the tokens of context that its command line or environment asks for, None where that is not seen."""
    words = [part for word in profile.command for part in (word.split("=", 1) if word.startswith("--") else [word])]
    after = [value for flag, value in itertools.pairwise(words) if flag in _CONTEXT_FLAGS]
    named = [value for name, value in profile.env.items() if _CONTEXT_VARIABLES.fullmatch(name)]
    sizes = (_TOKENS.fullmatch(value) for value in (*after, *named))
    return next((int(size[1]) * (1024 if size[2] else 1) for size in sizes if size), None)


def problems(profile: Profile) -> Iterator[str]:
    """Yield what keeps the profile from being measured here, each in a few words."""
    yield from _OF_ENGINE.get(profile.engine, _nothing)(profile)
    authorities = profile.connection.ca_file
    if authorities and not Path(authorities).is_file():
        yield f"no file {authorities} (tls: ca)"
    for pack in profile.packs:
        try:
            select_packs([pack])
        except UnknownName as error:
            yield str(error)


def _command_line(profile: Profile, typed: str) -> str:
    try:
        words = shlex.split(typed) if typed else list(profile.command)
    except ValueError:
        words = list(profile.command)
    return shlex.join(redacted_command(words)).replace("'{port}'", "{port}").replace(f"'{HIDDEN}'", HIDDEN)


def _nothing(_profile: Profile) -> Iterator[str]:
    yield from ()


def _of_process(profile: Profile) -> Iterator[str]:
    program = profile.command[0]
    is_path = "/" in program or os.sep in program
    place = Path(profile.folder, Path(program).expanduser()) if is_path else program
    if shutil.which(place, path=profile.env.get("PATH")) is None:
        yield f"no program {program}" + ("" if is_path else " on PATH")
    said = [*profile.command, *profile.env.values()]
    if profile.port is None and not any("{port}" in text for text in said):
        yield "no port: write {port} into the command, or the key port"
    words = [word.rpartition("=")[2] for word in profile.command[1:]]
    yield from _missing_weights(profile, [word for word in words if word.endswith(".gguf") and "{" not in word])


def _of_embedded(profile: Profile) -> Iterator[str]:
    if importlib.util.find_spec("xllamacpp") is None:
        yield 'llama.cpp is not installed here: pip install "pytest-llmbench[local]"'
    yield from _missing_weights(profile, [profile.model] if profile.model else [])


def _missing_weights(profile: Profile, files: list[str]) -> Iterator[str]:
    for file in files:
        if not Path(profile.folder, Path(file).expanduser()).is_file():
            yield f"no file {file}"


_OF_ENGINE: Mapping[str, Callable[[Profile], Iterator[str]]] = {
    "process": _of_process,
    "embedded": _of_embedded,
    "compose": compose_problems,
}
