"""Finding packs: those that come with the package, by id, tag or pattern, and anybody's by path."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pytest_llmbench.datasets.benchlocal import find_foreign_packs
from pytest_llmbench.datasets.benchlocal_lines import is_foreign_pack
from pytest_llmbench.datasets.llmbench_pack import FILENAME, is_pack_file
from pytest_llmbench.datasets.yaml_text import read_head
from pytest_llmbench.errors import PackError, UnknownName
from pytest_llmbench.lookup import suggestion

_PACKAGE_DIR = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackHead:
    """What is known of a pack from its file's first lines."""

    path: Path
    id: str
    tags: tuple[str, ...]


def builtin_packs_dir() -> Path:
    """Return the folder of the packs that come with us: inside the wheel, or beside the package in a checkout."""
    shipped = _PACKAGE_DIR / "_packs"
    return shipped if shipped.is_dir() else _PACKAGE_DIR.parent / "packs"


def find_packs(folder: Path) -> list[Path]:
    """Return the pack files in `folder` or one level below it, sorted."""
    own = folder / FILENAME
    if is_pack_file(own):
        return [own]
    return sorted(path for path in folder.glob(f"*/{FILENAME}") if is_pack_file(path))


def select_packs(names: Iterable[str]) -> list[Path]:
    """Return the pack files that `names` ask for, each once, in the order asked.

    A name is a built-in pack's id, a tag of built-in packs such as ``quick``, a pattern over their
    ids such as ``tool*``, or the path of a pack file, a pack folder or a folder of packs, ours or
    foreign ones; several may stand in one name, with commas between. Raises UnknownName with the
    nearest match.
    """
    wanted = [part.strip() for name in names for part in name.split(",") if part.strip()]
    return list(dict.fromkeys(path for name in wanted for path in _named(name)))


@functools.cache
def _heads(folder: Path) -> tuple[PackHead, ...]:
    return tuple(_head(path) for path in find_packs(folder))


def _head(path: Path) -> PackHead:
    """Read a pack's id and tags; a broken file is called by its folder, its collection says what is wrong."""
    try:
        head = read_head(path, ("id", "tags"))
    except PackError:
        head = {}
    name, tags = head.get("id"), head.get("tags")
    return PackHead(
        path=path,
        id=name if isinstance(name, str) else path.parent.name,
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _named(name: str) -> list[Path]:
    heads = _heads(builtin_packs_dir())
    for found in (
        [head.path for head in heads if head.id == name],
        [head.path for head in heads if name in head.tags],
        [head.path for head in heads if fnmatch.fnmatchcase(head.id, name)],
        _at(Path(name).expanduser()),
    ):
        if found:
            return found
    if Path(name).expanduser().exists():
        raise UnknownName(f"{name} holds no pack: a pack.yaml is looked for there and one folder below")
    known = {head.id for head in heads} | {tag for head in heads for tag in head.tags}
    raise UnknownName(f'no pack, tag or path "{name}": {suggestion(name, known)}')


def _at(path: Path) -> list[Path]:
    if path.is_dir():
        return [found.resolve() for found in (*find_packs(path), *find_foreign_packs(path))]
    return [path.resolve()] if is_pack_file(path) or is_foreign_pack(path) else []
