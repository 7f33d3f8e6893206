"""The `Quality:` line: a run in one line, for a terminal, quality.txt and a compose file's header."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import Purpose
from pytest_llmbench.reports.compose_header import with_quality
from pytest_llmbench.reports.files import replace_file
from pytest_llmbench.reports.table import pack_title, run_label
from pytest_llmbench.reports.wording import day, single_line
from pytest_llmbench.summary import PackSummary, Summary, score_text, thinking_problem

_SEMANTIC = re.compile(r"(\d+)\.(\d+)\.\d+\S*")


class QualityLine:
    """The line alone, as a file."""

    name = "quality_line"
    filename = "quality.txt"

    def render(self, summary: Summary) -> str:
        """Return the line and a line break."""
        return quality_line(summary) + "\n"


def quality_line(summary: Summary) -> str:
    """Return ``Quality:   ToolCall-15 14/15 (93%) · ... (quick, packs v1.0.x, 2026-05-09)``.

    The date is the UTC day the run started. What was not the packs' own sampling is tagged, and so are
    packs of another tool: ``ToolCall-15 [benchlocal-cli] 14/15 (93%) ... (benchlocal-cli quick, ...)``.
    """
    return f"Quality:   {_scores(summary)}"


def _scores(summary: Summary) -> str:
    scores = " · ".join(_score(pack) for pack in summary.packs) or "nothing measured"
    return f"{scores} ({', '.join(_facts(summary))})"


def _score(pack: PackSummary) -> str:
    text = score_text(pack).replace(" selected", "", 1)
    return f"{pack_title(pack)} {text}"


def _facts(summary: Summary) -> list[str]:
    run = summary.run
    tag = [f"not canonical: {single_line(run.note, 200)}" if run.note else "not canonical"] if not run.canonical else []
    if not summary.thinking_valid:
        tag.append(f"INVALID: thinking {summary.thinking.validity}")
    return [run_label(summary), *tag, *_versions(summary), day(run.started_at)]


def _versions(summary: Summary) -> list[str]:
    """Return ``packs v1.0.x``: versions by major.minor; where packs differ, all groups, such as ``v1.0.x/v1.1.x``."""
    groups = sorted({_group(pack.facts.version) for pack in summary.packs if pack.facts.version})
    return [f"packs {'/'.join(groups)}"] if groups else []


def _group(version: str) -> str:
    match = _SEMANTIC.fullmatch(version)
    return f"v{match[1]}.{match[2]}.x" if match else f"v{single_line(version, 20)}"


def check_quality_target(path: Path) -> None:
    """Raise UsageProblem unless `path` is a file the line can be written into; meant for before the run."""
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise UsageProblem(f"--llm-write-quality: {path} {what}; name a compose file, such as compose.yml")
    try:
        with_quality(path.read_bytes(), "")
    except (OSError, ValueError) as error:
        raise UsageProblem(f"--llm-write-quality: {path}: {error}") from error


def write_quality(path: Path, summary: Summary) -> str:
    """Put the run's line into the header comment of the compose file at `path`; return the line.

    The old Quality line is replaced, every other byte stays, and so do the file's permissions. Raises
    UsageProblem for a run that is partial, has errors, is not canonical or has packs of another tool, and
    for a file that is missing or cannot be written; the file is then untouched.
    """
    refusal = _refusal(summary)
    if refusal:
        raise UsageProblem(f"--llm-write-quality: {path} was left as it is: {refusal}")
    check_quality_target(path)
    old = path.read_bytes()
    new = with_quality(old, _scores(summary))
    try:
        if new != old:
            with replace_file(path) as file:
                file.write(new)
    except OSError as error:
        raise UsageProblem(f"--llm-write-quality: {path} cannot be written: {error}") from error
    return quality_line(summary)


def _refusal(summary: Summary) -> str:
    run = summary.run
    if not run.canonical:
        why = f" ({run.note})" if run.note else ""
        return f"this run is not canonical{why}, so its scores do not compare"
    if problem := thinking_problem(summary):
        return f"the model did not think as it was asked to ({problem})"
    if not any(pack.purpose is Purpose.ITEM for pack in summary.packs):
        return "no pack was measured"
    foreign = [pack_title(pack) for pack in summary.packs if pack.facts.origin]
    if foreign:
        return f"only packs in our own format go there, and this run has {', '.join(foreign)}"
    short = [f"{pack.facts.title} {score_text(pack)}" for pack in summary.packs if not pack.complete]
    return f"only whole packs without errors go there, and this run has {', '.join(short)}" if short else ""
