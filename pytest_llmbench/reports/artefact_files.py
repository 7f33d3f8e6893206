"""The folder of one attempt at a task: the program, what it printed, where it failed."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Result

PROGRAM = "program.py"
"""The artefact that is the program as it was judged."""

FAILURE = "failure.json"
"""The artefact that tells where the program failed; `input`, the arguments, and `call`, a text, are read again."""

PROGRAMS_METRIC = "programs"
"""The metric of a program that was run: how many times."""

_ODD = re.compile(r"[^A-Za-z0-9._-]")
_NAME_LIMIT = 100


def attempt_folder(result: Result) -> Path:
    """Return ``HumanEval-0/attempt-1``, below the pack's folder."""
    return Path(file_name(result.key.scenario)) / f"attempt-{result.key.attempt}"


def programs_run(result: Result) -> float:
    """Return how many programs were run to judge the answer: none where it had none."""
    return result.verdict.metrics.get(PROGRAMS_METRIC, 0.0)


def write_artefacts(result: Result, pack_folder: Path) -> None:
    """Write the artefacts that are not empty, in the place of those of an earlier verdict. Raises OSError."""
    folder = pack_folder / attempt_folder(result)
    if folder.exists():
        shutil.rmtree(folder)
    for name, text in result.verdict.artefacts.items():
        if text:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file_name(name)).write_bytes(printable(text, None).encode("utf-8"))


def file_name(text: str) -> str:
    """Return `text` where it can name a file on any system, else a name like it that nothing else gets."""
    plain = _ODD.sub("_", text)[:_NAME_LIMIT].lstrip(".")
    if plain == text and plain:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}".lstrip("-")
