"""What ``--llm-profile`` names: profiles of ``llmbench.yaml``, globs, ``all``, ``embedded``, or another file's."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pytest_llmbench.config_file import FILENAME, find_config
from pytest_llmbench.errors import UnknownName, UsageProblem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.profiles.candidate import Candidate, Source
from pytest_llmbench.profiles.connection import server_connection
from pytest_llmbench.profiles.llmbench_yaml import read_llmbench_yaml
from pytest_llmbench.profiles.models_conf import read_models_conf
from pytest_llmbench.profiles.rollouts_toml import read_rollouts
from pytest_llmbench.settings import Profile

ALL = "all"
EMBEDDED = Candidate(
    name="embedded",
    origin="built in",
    build=lambda: Profile(name="embedded", engine="embedded", origin="built in"),
    description="a small model, for trying things out",
    chosen_by_all=False,
)
READERS: Mapping[str, Callable[[Source], tuple[Candidate, ...]]] = {
    "conf": read_models_conf,
    "toml": read_rollouts,
    "yaml": read_llmbench_yaml,
    "yml": read_llmbench_yaml,
}
"""How a file name ends -> who reads such files."""
SEE = "`llmbench profiles` lists what there is"

_FILE = re.compile(rf"(?P<file>.+\.(?P<ending>{'|'.join(READERS)}))(?::(?P<name>.*))?", re.IGNORECASE)


def load_profiles(
    names: Sequence[str], *, folders: Sequence[Path], say: Callable[[str], None] | None = None
) -> tuple[Profile, ...]:
    """Return the profiles that `names` ask for, each once, in the order asked.

    A name is that of a profile in the first ``llmbench.yaml`` of `folders`, a glob over those, ``all``,
    ``embedded``, or a file with profiles, alone or as ``FILE:NAME`` or ``FILE:GLOB``. `say` is told what a file
    asks for that will not be done. Raises `UnknownName` with the nearest match, `UsageProblem` with file and line.
    """
    chosen = find_candidates(names, folders=folders)
    origins: dict[str, str] = {}
    for candidate in chosen:
        first = origins.setdefault(candidate.name, candidate.origin)
        if first != candidate.origin:
            raise UsageProblem(
                f'two profiles are called "{candidate.name}", in {first} and {candidate.origin}: rename one, '
                "or their results could not be told apart"
            )
    for note in (note for candidate in chosen for note in candidate.notes):
        if say is not None:
            say(note)
    return tuple(candidate.build() for candidate in chosen)


def find_candidates(names: Sequence[str], *, folders: Sequence[Path]) -> tuple[Candidate, ...]:
    """Return what `names` mean, as `load_profiles` reads them, without building any; raises as it does."""
    found = [candidate for name in names for candidate in _named(name, tuple(folders))]
    return tuple({(candidate.name, candidate.origin): candidate for candidate in found}.values())


def own_candidates(folders: Sequence[Path]) -> tuple[Candidate, ...]:
    """Return all that the first ``llmbench.yaml`` of `folders` holds, () where there is none; raises as above."""
    path = _own_file(folders)
    return _read(path, "yaml", tuple(folders)) if path else ()


def _named(name: str, folders: tuple[Path, ...]) -> Iterable[Candidate]:
    if name == EMBEDDED.name:
        return (EMBEDDED,)
    other = _FILE.fullmatch(name)
    if other is None:
        path = _own_file(folders)
        if path is None:
            raise UnknownName(_nowhere(name, folders))
        return _chosen(name, _read(path, "yaml", folders), str(path))
    path = _found(other["file"], folders)
    return _chosen(other["name"] or ALL, _read(path, other["ending"].lower(), folders), str(path))


def _chosen(name: str, candidates: Sequence[Candidate], where: str) -> Sequence[Candidate]:
    """Return the candidates that `name` means: one, those a glob fits, or all that are meant for it."""
    exact = [candidate for candidate in candidates if candidate.name == name]
    if exact:
        return exact
    pattern = "*" if name == ALL else name
    fitting = [one for one in candidates if one.chosen_by_all and fnmatchcase(one.name, pattern)]
    if fitting:
        return fitting
    known = [candidate.name for candidate in candidates if not candidate.is_template]
    if name == ALL or set(name) & set("*?["):
        listed = f"by name there are: {', '.join(known)}" if known else "it has no profiles"
        what = "all takes no profile" if name == ALL else f'no profile fits "{name}"'
        raise UnknownName(f"{what} in {where}; {listed} ({SEE})")
    raise UnknownName(f'unknown profile "{name}" in {where}: {suggestion(name, [*known, ALL, EMBEDDED.name])} ({SEE})')


def _read(path: Path, ending: str, folders: tuple[Path, ...]) -> tuple[Candidate, ...]:
    connection = functools.partial(server_connection, *folders)
    return READERS[ending](Source(path=path, shown=_shown(path, folders), folders=folders, connection=connection))


def _own_file(folders: Sequence[Path]) -> Path | None:
    return next(filter(None, map(find_config, folders)), None)


def _found(name: str, folders: Sequence[Path]) -> Path:
    places = [folder / Path(name).expanduser() for folder in folders]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        there = {one.name for place in places if place.parent.is_dir() for one in place.parent.iterdir()}
        near = suggestion(Path(name).name, (one for one in there if _FILE.fullmatch(one)))
        looked = " and ".join(dict.fromkeys(map(str, places)))
        raise UnknownName(f"there is no file of profiles {looked}: {near}")
    return path


def _shown(path: Path, folders: Sequence[Path]) -> str:
    bases = [folder.absolute() for folder in folders]
    inside = (path.absolute().relative_to(base) for base in bases if path.absolute().is_relative_to(base))
    return str(next(inside, path))


def _nowhere(name: str, folders: Sequence[Path]) -> str:
    looked = " or ".join(dict.fromkeys(str(folder) for folder in folders))
    return (
        f'unknown profile "{name}": there is no {FILENAME} in {looked}. `llmbench profiles` says what to write into '
        "one; --llm-profile embedded takes the small built-in model, --llm-profile models.conf a file you have"
    )
