"""Members of families that conftests and installed plugins bring, for commands that start no pytest session."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from pytest_llmbench.contracts import Families
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.verdicts import brief

HOOK = "pytest_llmbench_families"
"""The hook by which a conftest or a plugin adds its own; pytest calls it in a session."""
GROUP = "pytest11"
"""The entry points by which pytest finds plugins."""

_FILE = "conftest.py"
_OURS = __name__.partition(".")[0]


def add_own_members(families: Families, pack_file: Path, root: Path) -> None:
    """Let the conftests that pytest would load for `pack_file` add to `families`, from `root` down to its folder.

    Those without the hook are not imported. Raises `UsageProblem` for one that cannot be.
    """
    for path in _conftests(pack_file, root):
        module = _imported(path)
        hook = getattr(module, HOOK, None)
        if callable(hook):
            hook(families=families)


def add_installed_members(families: Families) -> None:
    """Let the installed plugins of pytest that have the hook add to `families`; the others are not imported.

    Raises `UsageProblem` for one that cannot be.
    """
    for point in importlib.metadata.entry_points(group=GROUP):
        source = _source(point.module)
        if source is None or HOOK.encode() not in source.read_bytes() or point.module.startswith(f"{_OURS}."):
            continue
        try:
            hook = getattr(point.load(), HOOK, None)
        except Exception as error:
            raise UsageProblem(f"the plugin {point.name} ({source}) cannot be imported: {brief(error)}") from error
        if callable(hook):
            hook(families=families)


def _source(module: str) -> Path | None:
    """Return the file of a module without importing anything, None for one that has none."""
    top, *rest = module.split(".")
    found = importlib.util.find_spec(top)
    if found is None or found.origin is None:
        return None
    inner = [Path(place, *rest) for place in found.submodule_search_locations or ()]
    paths = [Path(found.origin)] if not rest else [path for one in inner for path in _files(one)]
    return next((path for path in paths if path.is_file()), None)


def _files(place: Path) -> tuple[Path, Path]:
    return place.with_name(f"{place.name}.py"), place / "__init__.py"


def _conftests(pack_file: Path, root: Path) -> Iterator[Path]:
    folder, top = pack_file.resolve().parent, root.resolve()
    inside = folder.is_relative_to(top)
    folders = [one for one in (*reversed(folder.parents), folder) if one.is_relative_to(top)] if inside else [folder]
    for one in folders:
        path = one / _FILE
        if path.is_file() and HOOK.encode() in path.read_bytes():
            yield path


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"llmbench_{abs(hash(path))}_conftest", path)
    if spec is None or spec.loader is None:
        raise UsageProblem(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # where pytest, too, lets a conftest find what lies beside it
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's own file may raise anything, pytest's skips included
        raise UsageProblem(f"{path} cannot be imported: {brief(error)}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module
