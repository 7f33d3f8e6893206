"""What a run leaves in its folder, and the Quality line it puts into somebody's compose file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench import gate
from pytest_llmbench.errors import LlmbenchError, UsageProblem
from pytest_llmbench.reports.comparison import comparison_json, comparison_markdown
from pytest_llmbench.reports.quality_line import check_quality_target, write_quality
from pytest_llmbench.runfolder import DEFAULT_BASE
from pytest_llmbench.sampling import deviations
from pytest_llmbench.settings import Settings
from pytest_llmbench.summary import Summary


def refuse_early(legs: Sequence[Settings]) -> None:
    """Refuse before the run what could only be refused after it; raises `pytest.UsageError`."""
    if len(legs) > 1 and any(settings.write_quality for settings in legs):
        raise pytest.UsageError("--llm-write-quality is for one server at a time: name one with --llm-profile")
    try:
        for settings in legs:
            gate.check_gate(settings.gate)
            if settings.write_quality:
                check_quality_target(Path(settings.write_quality))
    except UsageProblem as problem:
        raise pytest.UsageError(str(problem)) from None


def write_comparison(settings: Settings, summaries: Mapping[str, Summary], *, base: Path) -> list[Path]:
    """Write the servers' figures side by side, into the folder of ``--llm-out`` or beside the runs. Raises OSError."""
    folder = Path(settings.out) if settings.out else base / DEFAULT_BASE
    stem = "comparison" if settings.out else f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}-comparison"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {".md": comparison_markdown(summaries), ".json": comparison_json(summaries)}
    paths = [folder / f"{stem}{suffix}" for suffix in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def quality_notes(target: str, summary: Summary, short: Callable[[Path], str]) -> list[str]:
    """Write the Quality line into the file `target`, if one is named; return what is to be told of it."""
    if not target:
        return []
    try:
        write_quality(Path(target), summary)
    except LlmbenchError as error:
        return [f"  no Quality line: {error}"]
    return [f"  {short(Path(target))} (Quality line)"]


def why_not_canonical(settings: Settings, defaults: Mapping[str, Any]) -> str:
    """Say in a few words why the scores of this run do not compare with others, or return "".

    `defaults` are what the server says it samples with by itself.
    """
    if settings.endpoint in ("gold", "broken"):
        return "recorded answers, no model"
    return deviations(settings, defaults)
