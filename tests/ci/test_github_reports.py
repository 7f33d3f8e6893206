"""Annotations and the job's page: short, worst first, and nothing a model says is obeyed."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.endings import ending
from pytest_llmbench.gate import decide
from pytest_llmbench.paired import Comparison
from pytest_llmbench.regression import attempts_of, compare, confirm
from pytest_llmbench.reports.annotations import annotations_of, line_in_file, resume_commands, stop_commands
from pytest_llmbench.reports.github_report import GithubJob
from pytest_llmbench.reports.job_summary import LIMIT, job_summary, within
from pytest_llmbench.reports.measured import Measured
from pytest_llmbench.tally import Tally
from tests.ci.steps import commands
from tests.summaries import RUN, facts, quick, result

HOSTILE = (
    "x%0A\r\n::add-mask::secret\n  ::set-output name=code::0\n##[error]fake | `b` <img src=x> @all [a](http://e.x)"
)
WORSE_ENDING = ending(1, "the gate baseline does not hold: REGRESSION")


def measured(*, worse: int, code: int = 1, detail: str = "as told", again: bool = False, **run: Any) -> Measured:
    """Return a run of one pack of 15 of which the first `worse` scenarios passed in the baseline and fail now."""
    pack, tally = facts(), Tally()
    names = [f"S-{number:02}" for number in range(1, 16)]
    results = [
        result(pack, name, "wrong_answer" if at < worse else "pass", detail=detail) for at, name in enumerate(names)
    ]
    for one in results:
        tally.expect(pack, one.key.scenario, one.nodeid)
        tally.add(one)
    before = {(pack.id, name): (3, 3) for name in names}
    now = attempts_of(results)
    comparison = compare(before, now)
    if again:
        comparison = confirm(comparison, before, now, {key: (0, 3) for key, counts in now.items() if not counts[0]})
    summary = tally.summary(RUN if not run else quick(**run).run)
    exit_ = WORSE_ENDING if code == 1 else ending(code, "what came of it")
    return Measured(summary=summary, verdict=decide(summary, ""), exit_=exit_, comparison=comparison)


def shown(one: Measured) -> list[tuple[str, dict[str, str], str]]:
    """Return what GitHub takes for commands among the annotations."""
    lines = annotations_of(one)
    found = list(commands("\n".join(lines)))
    assert len(found) == len(lines)
    return found


@pytest.mark.parametrize(("code", "level", "title"), [(0, "notice", "complete"), (6, "warning", "not by the model's")])
def test_a_run_that_did_not_fail_has_one_annotation(code: int, level: str, title: str) -> None:
    """Not even what flipped: a run without verdicts says nothing of the model."""
    ((name, properties, message),) = shown(measured(worse=9, code=code))
    assert (name, message) == (level, f"exit {code}: what came of it")
    assert title in properties["title"]


def test_what_got_worse_is_named_after_the_verdict() -> None:
    """With what was seen before, now, and when it was asked again."""
    first, *rest = shown(measured(worse=6, again=True))
    assert first == ("error", {"title": "llmbench: it got worse"}, WORSE_ENDING.sentence)
    assert len(rest) == 6
    level, properties, message = rest[0]
    assert (level, properties["title"]) == ("error", "toolcall-15 S-01 fails now")
    assert message == "passed 3 of 3, now 0 of 1; asked again 0 of 3: broken; wrong_answer (as told)"


@pytest.mark.parametrize(("worse", "last"), [(9, "passed 3 of 3"), (10, "and 2 more"), (15, "and 7 more")])
def test_no_more_annotations_than_github_shows(worse: int, last: str) -> None:
    """The tenth says how many are left."""
    found = shown(measured(worse=worse))
    assert len(found) == 10
    assert found[-1][2].startswith(last)


def test_a_failed_gate_without_a_comparison_is_one_error() -> None:
    """No scenario is said to have got worse."""
    summary = quick()
    verdict = decide(summary, "strict")
    one = Measured(summary=summary, verdict=verdict, exit_=ending(1, "the gate strict does not hold"))
    ((level, properties, _),) = shown(one)
    assert (level, properties["title"]) == ("error", "llmbench: the gate strict does not hold")


def test_a_models_words_are_no_command() -> None:
    """Whatever it writes stays within the one message, and comes out of it as it was."""
    found = shown(measured(worse=6, detail=HOSTILE))
    assert {name for name, _, _ in found} == {"error"}
    assert "\\r\\n::add-mask::secret" in found[1][2]
    assert "x%0A" in found[1][2]


def test_a_pack_of_ones_own_is_pointed_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With file and line, where there is such a file."""
    pack = tmp_path / "packs" / "toolcall-15" / "pack.yaml"
    pack.parent.mkdir(parents=True)
    pack.write_text('scenarios:\n  - {id: S-01, title: one}\n  - id: "S-02" # two\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    _, first, second, third, *_ = shown(measured(worse=6))
    assert [one[1].get("line") for one in (first, second, third)] == ["2", "3", None]
    assert first[1]["file"] == "packs/toolcall-15/pack.yaml"
    assert line_in_file("packs", "S-01") == 0


def test_between_stop_and_resume_nothing_is_a_command() -> None:
    """Neither at a line's start, nor behind spaces, nor in the old form."""
    out = "\n".join([stop_commands("t0ken"), HOSTILE, resume_commands("t0ken"), "::notice title=x::y"])
    assert list(commands(HOSTILE))
    assert list(commands(out)) == [("notice", {"title": "x"}, "y")]


def test_several_servers_share_what_github_shows() -> None:
    """Each has its verdict, and nothing before the first line is heard."""
    job = GithubJob({"GITHUB_ACTIONS": "true"})
    every = [measured(worse=9, profile=name) for name in ("q4", "q8", "fast")]
    found = list(commands("\n".join([*job.first_lines(), HOSTILE, *job.last_lines(every)])))
    assert len(found) == 9
    assert [one[1]["title"] for one in found[::3]] == [
        f"llmbench {name}: it got worse" for name in ("q4", "q8", "fast")
    ]


def test_the_page_says_the_end_first() -> None:
    """Then the table, then what changed."""
    page = job_summary(measured(worse=6, again=True, run_dir="/home/me/llmbench-run"))
    parts = ["**exit 1: ", "| Pack |", "6 scenarios were otherwise in the baseline", "Wrong answers", "llmbench-run"]
    at = [page.index(part) for part in parts]
    assert at == sorted(at)
    assert "| toolcall-15 S-01 | 3/3 | 0/1 | 0/3 broken | wrong\\_answer (as told) |" in page
    assert "/home/me" not in page


def test_the_page_tells_the_comparison_once() -> None:
    """The gate's lines or the last sentence may hold it already."""
    one = measured(worse=6)
    assert isinstance(one.comparison, Comparison)
    told = dataclasses.replace(one, exit_=ending(1, one.comparison.sentence))
    assert job_summary(told).count("REGRESSION") == 1


def test_the_page_shows_hostile_text_as_text() -> None:
    """No cell ends early, no HTML, no link, no second line."""
    page = job_summary(measured(worse=6, detail=HOSTILE))
    row = next(line for line in page.splitlines() if line.startswith("| toolcall-15 S-01"))
    assert row.replace("\\|", "").count("|") == 6
    assert "<img" in page
    assert not re.search(r"(?<!\\)[<`\[]|http:/", page)
    assert not list(commands(page))


def test_the_page_lists_twenty_at_most() -> None:
    """The rest is counted."""
    one = measured(worse=15)
    assert one.comparison is not None
    longer = dataclasses.replace(one.comparison, flips=one.comparison.flips * 3)
    page = job_summary(dataclasses.replace(one, comparison=longer))
    assert sum(line.startswith("| toolcall-15 S-") for line in page.splitlines()) == 20
    assert "and 25 more" in page


def test_a_page_never_exceeds_what_github_takes() -> None:
    """It ends at a whole line, in whole characters, and says so."""
    page = within("ä" * 40 + "\n" + "€" * LIMIT, 1000)
    assert len(page.encode()) <= 1000
    assert page.startswith("ä" * 40)
    assert "does not fit" in page
    assert within("lone \ud800", 1000) == "lone ?"


def test_pages_are_appended_where_there_is_one(tmp_path: Path) -> None:
    """Other tools of the step write to the same file."""
    path = tmp_path / "page.md"
    path.write_text("before\n", encoding="utf-8")
    job = GithubJob({"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(path)})
    job.last_lines([measured(worse=6), measured(worse=0, code=0)])
    text = path.read_text(encoding="utf-8")
    assert text.startswith("before\n### llmbench")
    assert text.count("### llmbench") == 2


def test_a_page_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """The run's own end stays as it is."""
    job = GithubJob({"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path)})
    (first, _, _), (name, _, message) = commands("\n".join(job.last_lines([measured(worse=0, code=0)])))
    assert (first, name) == ("notice", "warning")
    assert "could not be written" in message


def test_elsewhere_there_is_nothing_to_say(tmp_path: Path) -> None:
    """Neither a line nor a page."""
    path = tmp_path / "page.md"
    job = GithubJob({"GITHUB_STEP_SUMMARY": str(path)})
    assert job.first_lines() == job.last_lines([measured(worse=6)]) == []
    assert not path.exists()
