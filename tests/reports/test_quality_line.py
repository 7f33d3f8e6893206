"""The Quality line, word by word, and who may have it written into a file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import Purpose
from pytest_llmbench.reports.quality_line import QualityLine, check_quality_target, quality_line, write_quality
from pytest_llmbench.summary import Summary
from pytest_llmbench.tally import Tally
from tests.summaries import RUN, STARTED, facts, fill, quick, result, summary, words

QUICK = "Quality:   InstructFollow-15 13/15 (87%) · ToolCall-15 14/15 (93%) (quick, packs v1.0.x, 2026-05-09)"


def test_the_form_is_exact() -> None:
    """Packs with their scores, then the label, the packs' version and the UTC day."""
    assert quality_line(quick()) == QUICK
    assert QualityLine().render(quick()) == QUICK + "\n"


def test_the_day_is_the_one_the_run_started_on_in_utc() -> None:
    """A run over midnight counts for the day it began."""
    line = quality_line(quick(started_at=STARTED - 8 * 3600 - 1, finished_at=STARTED))
    assert line.endswith("2026-05-08)")


@pytest.mark.parametrize(
    ("outcomes", "selected", "score"),
    [
        (words(1), 1, "ToolCall-15 1/1 of 15 (custom,"),
        (words(14, 0, 1), 15, "ToolCall-15 14/14, 1 error (toolcall-15,"),
        (words(3, 1), 15, "ToolCall-15 3/4, 11 not run (custom,"),
        ([], 15, "ToolCall-15 0/0, 15 not run (custom,"),
    ],
)
def test_what_is_not_whole_has_no_percentage(outcomes: list[str], selected: int, score: str) -> None:
    """Missing scenarios are named instead."""
    assert score in quality_line(summary({"toolcall-15": outcomes}, selected=selected))


def test_other_sampling_is_tagged() -> None:
    """Nobody takes such a line for a comparable one."""
    assert "(quick, not canonical: temperature=0.8, packs v1.0.x, " in quality_line(
        quick(canonical=False, note="temperature=0.8")
    )
    assert "(quick, not canonical, packs v1.0.x, " in quality_line(quick(canonical=False))


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ("1.0.0", "1.0.7", "packs v1.0.x"),
        ("1.1.0", "1.0.7", "packs v1.0.x/v1.1.x"),
        ("1.0.0rc1", "2026", "packs v1.0.x/v2026"),
        ("1.0.0", "", "packs v1.0.x"),
    ],
)
def test_versions_are_grouped(first: str, second: str, text: str) -> None:
    """One group where major and minor agree, all groups where they do not."""
    tally = Tally()
    fill(tally, facts("a", version=first), words(15))
    fill(tally, facts("b", version=second), words(15))
    assert f"({tally.summary(RUN).label}, {text}, 2026-05-09)" in quality_line(tally.summary(RUN))


def foreign(*, ours: bool = False) -> Summary:
    """Return a run of two packs of another tool, the second perhaps our own."""
    tally = Tally()
    fill(tally, facts("instructfollow-15", origin="" if ours else "benchlocal-cli"), words(15))
    fill(tally, facts("toolcall-15", origin="benchlocal-cli"), words(15))
    return tally.summary(RUN)


def test_packs_of_another_tool_are_marked() -> None:
    """Nobody takes their scores, or their label, for ours."""
    assert quality_line(foreign()) == (
        "Quality:   InstructFollow-15 [benchlocal-cli] 15/15 (100%) · ToolCall-15 [benchlocal-cli] 15/15 (100%) "
        "(benchlocal-cli quick, packs v1.0.x, 2026-05-09)"
    )
    mixed = quality_line(foreign(ours=True))
    assert mixed.startswith("Quality:   InstructFollow-15 15/15 (100%) · ToolCall-15 [benchlocal-cli] 15/15 (100%)")
    assert "(custom, packs" in mixed


def test_hand_written_tests_are_in_it_too() -> None:
    """They stand like a pack, without changing label and version."""
    tally = Tally()
    fill(tally, facts(), words(15))
    module = facts("tests/test_mine.py", title="test_mine", version="", size=0, tags=())
    tally.add(result(module, "test_a", purpose=Purpose.FIXTURE))
    line = quality_line(tally.summary(RUN))
    assert line.startswith("Quality:   test_mine 1/1 (100%) · ToolCall-15 15/15 (100%) (toolcall-15, packs v1.0.x")


def test_a_run_of_nothing_has_a_line() -> None:
    """A run that was stopped at once says so."""
    assert quality_line(summary()) == "Quality:   nothing measured (custom, 2026-05-09)"


def test_the_line_is_put_into_a_file(tmp_path: Path) -> None:
    """The old line is replaced; the file's permissions, also through a link, stay."""
    real, link = tmp_path / "real.yml", tmp_path / "compose.yml"
    real.write_bytes(b"# Profile:\n#   Model:     x\n#   Quality:   old\nservices: {}\n")
    real.chmod(0o640)
    link.symlink_to(real)
    assert write_quality(link, quick()) == QUICK
    assert real.read_bytes() == f"# Profile:\n#   Model:     x\n#   {QUICK}\nservices: {{}}\n".encode()
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compose.yml", "real.yml"]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (summary({"toolcall-15": words(1)}, selected=1), "only whole packs .* has ToolCall-15 1/1 of 15 selected"),
        (summary({"toolcall-15": words(14, 0, 1)}), "only whole packs .* has ToolCall-15 14/14, 1 error"),
        (summary({"toolcall-15": words(14)}), "only whole packs .* has ToolCall-15 14/14, 1 not run"),
        (quick(canonical=False, note="gold answers"), r"not canonical \(gold answers\)"),
        (summary(), "no pack was measured"),
        (foreign(ours=True), r"only packs in our own format .* has ToolCall-15 \[benchlocal-cli\]"),
    ],
)
def test_what_does_not_compare_is_refused(found: Summary, why: str, tmp_path: Path) -> None:
    """Partial, erring and non-canonical runs leave the file as it is."""
    path = tmp_path / "compose.yml"
    path.write_bytes(b"services: {}\n")
    with pytest.raises(UsageProblem, match=f"compose.yml was left as it is: .*{why}"):
        write_quality(path, found)
    assert path.read_bytes() == b"services: {}\n"


def test_a_file_that_is_not_there_is_told_before_the_run(tmp_path: Path) -> None:
    """Nobody waits a quarter of an hour for a typing error."""
    with pytest.raises(UsageProblem, match=r"nowhere\.yml does not exist; name a compose file"):
        check_quality_target(tmp_path / "nowhere.yml")
    with pytest.raises(UsageProblem, match="is no file"):
        check_quality_target(tmp_path)
    utf16 = tmp_path / "wide.yml"
    utf16.write_bytes("services: {}\n".encode("utf-16"))
    with pytest.raises(UsageProblem, match="UTF-16; save it as UTF-8"):
        check_quality_target(utf16)
