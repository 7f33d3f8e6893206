"""What a run leaves in its folder, and the Quality line it puts into somebody's compose file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench import gate
from pytest_llmbench.errors import LlmbenchError, UsageProblem
from pytest_llmbench.reports.quality_line import check_quality_target, write_quality
from pytest_llmbench.sampling import deviations
from pytest_llmbench.settings import RECORDED, Settings
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
    if settings.endpoint in RECORDED:
        return "recorded answers, no model"
    return deviations(settings, defaults)
