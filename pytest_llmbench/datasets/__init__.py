"""Where scenarios come from: pack folder or foreign file -> Pack. One file per format, one line in the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_llmbench.contracts import DatasetReader
from pytest_llmbench.datasets import llmbench_pack
from pytest_llmbench.datasets.benchlocal import BenchlocalPack, fault_in_line
from pytest_llmbench.datasets.benchlocal_lines import SUFFIX, is_foreign_pack
from pytest_llmbench.datasets.builtin import builtin_packs_dir, find_packs, select_packs
from pytest_llmbench.datasets.code_gold import code_gold
from pytest_llmbench.datasets.code_sets import CODE_SETS, fill
from pytest_llmbench.datasets.gold import load_gold
from pytest_llmbench.datasets.llmbench_pack import LlmbenchPack
from pytest_llmbench.datasets.places import fault_at, locate
from pytest_llmbench.errors import PackError
from pytest_llmbench.records import Pack

READERS: dict[str, DatasetReader] = {
    "benchlocal": BenchlocalPack(),
    "llmbench": LlmbenchPack(),
}
"""The readers by name."""


def is_pack_file(path: Path) -> bool:
    """Tell whether `path` is a pack that can be read: a pack.yaml of ours, or a foreign one. Never raises."""
    return llmbench_pack.is_pack_file(path) or is_foreign_pack(path)


def read_pack(path: Path) -> Pack:
    """Return the pack in the file (or, one of ours, the folder) at `path`; raises PackError."""
    return READERS["benchlocal" if path.suffix == SUFFIX else "llmbench"].read(path)


def pack_file(pack: Pack) -> Path:
    """Return the file that `pack` was read from."""
    return pack.path / llmbench_pack.FILENAME if pack.path.is_dir() else pack.path


def pack_fault(file: Path, key_path: Sequence[str | int], message: str) -> PackError:
    """Return the error that `message` is true of the value at `key_path` in a pack file of any format."""
    where = fault_in_line if file.suffix == SUFFIX else fault_at
    return where(file, key_path, message)


__all__ = [
    "CODE_SETS",
    "READERS",
    "builtin_packs_dir",
    "code_gold",
    "fill",
    "find_packs",
    "is_pack_file",
    "load_gold",
    "locate",
    "pack_fault",
    "pack_file",
    "read_pack",
    "select_packs",
]
