"""Baselines: what a model could do, scenario by scenario, in a small file that is kept with the code.

One file per slug and thinking mode, ``baselines/vllm/qwen-27b.thinking-off.json``: JSON, sorted, a line for each
scenario and fact, so that a commit shows what changed. ``"TC-07": "2/3"`` is passed per judged attempts over all runs
it was made from; all of them count, for the best or the majority of several would be a bar that nobody clears twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.flips import Key
from pytest_llmbench.json_text import TextFault, parse_json
from pytest_llmbench.plain_data import printable

FORMAT = 1
"""Version of the file's layout; a newer one is refused."""

DEFAULT_FOLDER = Path("baselines")
"""Where baselines are kept, below the directory the command runs in."""

SPEEDS = ("decode_tps", "latency_s", "first_token_s")
"""Figures of which each run's median over its scenarios is kept: tokens per second, and seconds."""

_MARK = "llmbench_baseline"
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_SUFFIX = ".json"

MODES = ("pack", "off", "on")
"""What may be asked of thinking; a slug has a baseline for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What some runs of one model came to.

    `thinking` is what was asked of all of them (``on``, ``off``, ``pack``: as each scenario says), `facts` what they
    have in common (see `comparable.facts_of`), `runs` their names. `speeds` hold a median of each run, by the names in
    `SPEEDS`.
    """

    slug: str
    thinking: str
    model: str
    runs: tuple[str, ...]
    captured_at: str
    facts: Mapping[str, Any]
    attempts: Mapping[Key, tuple[int, int]]
    speeds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def packs(self) -> tuple[str, ...]:
        """The packs it knows, sorted."""
        return tuple(sorted({pack for pack, _ in self.attempts}))

    @property
    def unstable(self) -> tuple[Key, ...]:
        """Scenarios whose own attempts disagree."""
        return tuple(key for key, (passed, judged) in sorted(self.attempts.items()) if 0 < passed < judged)

    def score(self, pack: str = "") -> tuple[float, int]:
        """Return the scenarios passed (a mean over attempts) and their number, of one pack or of all."""
        chosen = [counts for key, counts in self.attempts.items() if pack in ("", key[0])]
        return sum(passed / judged for passed, judged in chosen), len(chosen)


def path_of(folder: Path, slug: str, thinking: str) -> Path:
    """Return where the baseline of a slug and a thinking mode is kept."""
    check_slug(slug)
    return folder / f"{slug}.thinking-{thinking}{_SUFFIX}"


def write(folder: Path, baseline: Baseline) -> Path:
    """Put the file into its place, whole or not at all, and return its path. Raises `UsageProblem`."""
    path = path_of(folder, baseline.slug, baseline.thinking)
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text_of(baseline), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise UsageProblem(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def text_of(baseline: Baseline) -> str:
    """Return the file's text: one line per fact, run and scenario, in a fixed order."""
    by_pack: dict[str, dict[str, str]] = {pack: {} for pack in baseline.packs}
    for (pack, scenario), (passed, judged) in sorted(baseline.attempts.items()):
        by_pack[pack][scenario] = f"{passed}/{judged}"
    plain = {
        _MARK: FORMAT,
        "slug": baseline.slug,
        "thinking": baseline.thinking,
        "model": printable(baseline.model),
        "captured_at": baseline.captured_at,
        "runs": list(baseline.runs),
        "facts": dict(sorted(baseline.facts.items())),
        "speeds": {name: [round(value, 3) for value in baseline.speeds[name]] for name in sorted(baseline.speeds)},
        "packs": by_pack,
    }
    return f"{_laid_out(plain)}\n"


def read(path: Path) -> Baseline:
    """Return the baseline in the file `path`; raises `UsageProblem` where it is none or cannot be read."""
    try:
        plain = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageProblem(
            f"{path} does not exist: capture it with llmbench baseline capture RUN... --slug NAME"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(f"{path} cannot be read: {error}") from error
    except TextFault as fault:
        raise UsageProblem(f"{path} {fault}: was it merged by hand? Capture it again") from fault
    if not isinstance(plain, dict) or _MARK not in plain:
        raise UsageProblem(
            f"{path} is no baseline: such files are made by llmbench baseline capture RUN... --slug NAME"
        )
    if plain[_MARK] != FORMAT:
        raise UsageProblem(
            f"{path} was written in another format than this version reads: pip install -U pytest-llmbench"
        )
    try:
        return _revived(plain)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageProblem(f"{path} is damaged ({type(error).__name__}: {error}): capture it again") from error


def find(text: str, folder: Path, *, thinking: str = "") -> Baseline:
    """Return the baseline that `text` means: a file, or a slug with one below `folder`.

    A slug that was captured in several thinking modes needs `thinking`. Raises `UsageProblem`.
    """
    if Path(text).is_file():
        return read(Path(text))
    modes = [thinking] if thinking else MODES
    paths = [path for mode in modes if (path := path_of(folder, text, mode)).is_file()]
    if len(paths) == 1:
        return read(paths[0])
    if paths:
        raise UsageProblem(f"there are {len(paths)} baselines of {text}: name the file, {' or '.join(map(str, paths))}")
    known = sorted({baseline.slug for baseline in listed(folder)})
    hint = f"there are {', '.join(known)}" if known else f"{folder} holds none"
    raise UsageProblem(
        f'there is no baseline "{text}": {hint} (llmbench baseline capture RUN... --slug NAME makes one)'
    )


def listed(folder: Path) -> list[Baseline]:
    """Return all baselines below `folder`, by slug and mode; raises `UsageProblem` for one that cannot be read."""
    return [read(path) for path in sorted(folder.rglob(f"*.thinking-*{_SUFFIX}")) if not path.name.startswith(".")]


def is_baseline(path: Path) -> bool:
    """Tell whether a file is a baseline (and not a run's results.json), by its first lines."""
    try:
        with path.open("rb") as stream:
            return f'"{_MARK}"'.encode() in stream.read(200)
    except OSError:
        return False


def check_slug(slug: str) -> None:
    """Raise `UsageProblem` unless `slug` may name a file on any system."""
    if not _SLUG.fullmatch(slug) or ".." in slug:
        raise UsageProblem(
            f'"{slug}" is no slug: letters, digits, ".", "_" and "-", with "/" between parts (vllm/qwen-27b)'
        )


def _laid_out(value: Any, indent: str = "") -> str:
    """Return JSON with a line per entry of an object and lists on one line."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    inner = f"{indent}  "
    rows = (f"{inner}{json.dumps(name, ensure_ascii=False)}: {_laid_out(item, inner)}" for name, item in value.items())
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"


def _revived(plain: Mapping[str, Any]) -> Baseline:
    attempts = {
        (pack, scenario): _counts(text)
        for pack, scenarios in plain["packs"].items()
        for scenario, text in scenarios.items()
    }
    return Baseline(
        slug=plain["slug"],
        thinking=plain["thinking"],
        model=plain["model"],
        runs=tuple(plain["runs"]),
        captured_at=plain["captured_at"],
        facts=dict(plain["facts"]),
        attempts=attempts,
        speeds={name: tuple(map(float, values)) for name, values in plain["speeds"].items()},
    )


def _counts(text: str) -> tuple[int, int]:
    passed, judged = map(int, text.split("/"))
    if not 0 <= passed <= judged or not judged:
        raise ValueError(f'"{text}" is not passed/judged')
    return passed, judged
