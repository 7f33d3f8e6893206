"""What was typed and does not mean what it looks like, told before anything is collected, or where nothing was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

import pytest

from pytest_llmbench.plugin.options import OPTIONS
from pytest_llmbench.pytest_ini import read_ini

_SETS = ("quick", "medium", "full")
_PREFIX = "LLMBENCH_"
_OTHERS = {name: f"{_PREFIX}{name}" for name in ("API_KEY", "CACHE_DIR", "REQUIRE")}
"""Variables that are no flag's; the last one is for our own tests."""

NO_PACKS = "llmbench: no pack is here: add --llm-packs quick, or a path (llmbench packs list shows all there are)"


def check_paths(config: pytest.Config) -> None:
    """Raise `pytest.UsageError` where a path after one of our flags made pytest read another ini file, or none.

    pytest looks for its ini file before it knows our flags, so that an existing path after a space is a place of
    tests to it. Where test paths were typed as well, those decide.
    """
    if config.args_source is pytest.Config.ArgsSource.ARGS or config.getoption("inifilename", None):
        return
    for flag, value in _paths_after_spaces(config):
        ini = read_ini(config.invocation_params.dir)
        read = config.inipath.parent if config.inipath is not None else None
        if ini.values and read != ini.folder:
            raise pytest.UsageError(
                f"{flag} {value}: after a space pytest takes a path for one of tests, and did not read its settings in "
                f"{ini.folder}: write {flag}={value}"
            )


def _paths_after_spaces(config: pytest.Config) -> Iterator[tuple[str, str]]:
    flags = {option.flag for option in OPTIONS if option.metavar}
    for flag, value in pairwise(config.invocation_params.args):
        if flag in flags and Path(config.invocation_params.dir, value).exists():
            yield flag, value


def hint_without_packs(config: pytest.Config) -> str:
    """Say what is missing where a session that was to measure something collected nothing; "" for other sessions."""
    words = str(config.getoption("markexpr", "")).replace("(", " ").replace(")", " ").split()
    typed = any(config.getoption(option.key) is not None for option in OPTIONS)
    return NO_PACKS if typed or any(word in _SETS for word in words) else ""


def misspelt_variables(names: Iterable[str]) -> Iterator[str]:
    """Yield a line for each variable of the environment that is nearly one of ours and is not read."""
    known = {option.variable.removeprefix(_PREFIX): option.variable for option in OPTIONS} | _OTHERS
    for name in sorted(names):
        word = name.removeprefix(_PREFIX)
        if name.startswith(_PREFIX) and word not in known:
            match = get_close_matches(word, known, n=1, cutoff=0.75)
            if match:
                yield f"llmbench: {name} is set and not read: did you mean {known[match[0]]}?"
