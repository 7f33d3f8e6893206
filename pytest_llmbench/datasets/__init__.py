"""Where scenarios come from: pack folder or foreign file -> Pack. One file per format, one line in the table."""

from __future__ import annotations

from pytest_llmbench.contracts import DatasetReader
from pytest_llmbench.datasets.builtin import builtin_packs_dir, find_packs, select_packs
from pytest_llmbench.datasets.gold import load_gold
from pytest_llmbench.datasets.llmbench_pack import LlmbenchPack, is_pack_file
from pytest_llmbench.datasets.places import locate

READERS: dict[str, DatasetReader] = {
    "llmbench": LlmbenchPack(),
}
"""The readers by name."""

__all__ = [
    "READERS",
    "builtin_packs_dir",
    "find_packs",
    "is_pack_file",
    "load_gold",
    "locate",
    "select_packs",
]
