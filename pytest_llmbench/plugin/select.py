"""Which packs and which of their scenarios run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.datasets import is_pack_file
from pytest_llmbench.datasets.builtin import builtin_packs_dir, select_packs
from pytest_llmbench.errors import UnknownName
from pytest_llmbench.plugin.legs import profile_of
from pytest_llmbench.plugin.options import read_settings


def use_packs(config: pytest.Config, names: Sequence[str]) -> None:
    """Make pytest collect the packs called `names` in place of its default paths, or beside those typed."""
    try:
        paths = [str(path) for path in select_packs(list(names))]
    except UnknownName as error:
        raise pytest.UsageError(f"--llm-packs: {error}") from None
    typed = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    config.args = [*typed, *(path for path in paths if path not in typed)]


def pack_file(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the collector of a pack of ours, or None for somebody else's pack.yaml."""
    if not is_pack_file(path):
        return None
    from pytest_llmbench.plugin.collect import PackFile

    given: dict[str, Any] = {"path": path}
    if path.is_relative_to(builtin_packs_dir()):
        # the same node id from a checkout and from an installed wheel, so that --lf and reports agree
        given["nodeid"] = f"packs/{path.parent.name}/{path.name}"
    file: pytest.Collector = PackFile.from_parent(parent, **given)
    return file


def keep_limit(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect all but the first ``--llm-limit`` scenarios of each pack."""
    try:
        limit = read_settings(config).limit
    except pytest.UsageError:
        if hasattr(config, "workerinput"):
            return  # a worker can only die of it; the controller reads the same settings and says what is wrong
        raise
    if limit is None:
        return
    seen: Counter[tuple[Path, str]] = Counter()
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        folder = getattr(item, "pack_path", None)
        place = (folder, profile_of(item)) if folder is not None else None
        if place is not None:
            seen[place] += 1
        (dropped if place is not None and seen[place] > limit else kept).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept
