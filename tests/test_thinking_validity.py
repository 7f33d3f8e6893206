"""Whether a model thought as asked is counted from its answers, and is said wherever scores are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.reports.cautions import caution_blocks
from pytest_llmbench.reports.markdown_table import MarkdownTable
from pytest_llmbench.reports.quality_line import quality_line, write_quality
from pytest_llmbench.reports.results_json import write_results
from pytest_llmbench.summary import Status, Summary, thinking_problem
from pytest_llmbench.tally import Tally
from pytest_llmbench.thinking_validity import ThinkingCounts, Validity, together, told, weighed
from tests.summaries import RUN, facts, result


def measured(arm: str, thought: Iterable[bool], *, turns: int = 1) -> Summary:
    """Return the summary of one pack, each answer asked in this arm."""
    tally = Tally()
    for number, seen in enumerate(thought, start=1):
        tally.add(result(facts(), f"S-{number:02}", thinking=arm, thought=seen, turns=turns))
    return tally.summary(RUN)


@pytest.mark.parametrize(
    ("arm", "thought", "validity"),
    [
        ("on", [True] * 15, Validity.VALID),
        ("on", [False] * 14 + [True], Validity.VALID),
        ("on", [False] * 15, Validity.SILENT),
        ("off", [False] * 15, Validity.VALID),
        ("off", [False] * 14 + [True], Validity.CONTAMINATED),
        ("", [True] * 15, Validity.UNASKED),
        ("", [False] * 15, Validity.UNASKED),
    ],
)
def test_an_arm_is_judged_by_its_answers(arm: str, thought: list[bool], validity: Validity) -> None:
    """A model may answer easy questions at once; not one thought at all, or one where none was wanted, is a fault."""
    found = measured(arm, thought)
    assert found.packs[0].thinking.validity is found.thinking.validity is validity
    assert found.thinking_valid is (validity in (Validity.VALID, Validity.UNASKED))
    assert bool(thinking_problem(found)) is not found.thinking_valid
    assert (found.status is Status.INVALID) is not found.thinking_valid


def test_only_answers_are_witnesses() -> None:
    """Where every trial timed out or erred before its first answer, nothing is known."""
    found = measured("on", [False] * 15, turns=0)
    assert found.thinking == ThinkingCounts()
    assert found.thinking_valid


def test_every_attempt_is_a_witness_and_a_repeated_one_replaces_itself() -> None:
    """Repeats count too; the verdict of a resumed attempt comes twice."""
    tally = Tally()
    for attempt, thought in ((1, False), (2, True), (2, False)):
        tally.add(result(facts(), "S-01", thinking="off", thought=thought, turns=1, attempt=attempt))
    tally.add(result(facts(), "S-02", thinking="on", thought=True, turns=1))
    tally.add(result(facts(), "S-03", thought=True, turns=1))
    found = tally.summary(RUN).thinking
    assert (found.off, found.off_thought, found.on, found.on_thought) == (2, 0, 1, 1)
    assert (found.free, found.free_thought, found.validity) == (1, 1, Validity.VALID)


def test_one_silent_pack_is_not_made_up_for_by_another() -> None:
    """The worst word stands for all, the counts are sums."""
    packs = [weighed({"on": 15}), weighed({"on": 15, "on_thought": 15}), weighed({"off": 2, "off_thought": 1})]
    assert together(packs[:2]).validity is Validity.SILENT
    assert together(packs) == ThinkingCounts(validity=Validity.CONTAMINATED, on=30, on_thought=15, off=2, off_thought=1)
    assert together([]) == ThinkingCounts()


def test_it_is_told_in_words() -> None:
    """What was asked, and what was seen."""
    assert told(weighed({"on": 15})) == "thinking was asked on, and never seen in 15 answers"
    assert told(weighed({"off": 15, "off_thought": 3})) == "thinking was asked off, and seen in 3 of 15 answers"
    assert told(weighed({"off": 1})) == "thinking was asked off, and not seen in 1 answer"
    assert told(weighed({"free": 9, "free_thought": 4})) == (
        "thinking was left to the server, and seen in 4 of 9 answers"
    )
    assert told(weighed({"free": 9})) == ""


def test_an_invalid_arm_is_said_loudly_everywhere(tmp_path: Path) -> None:
    """Table, page, Quality line, JSON; and the line goes into no compose file."""
    found = measured("on", [False] * 15)
    assert thinking_problem(found) == "ToolCall-15: thinking was asked on, and never seen in 15 answers"
    (heading, lines), *_ = caution_blocks(found)
    assert heading.startswith("INVALID: these are not the scores of what was asked for")
    assert lines == ["ToolCall-15: thinking was asked on, and never seen in 15 answers"]
    page = MarkdownTable().render(found)
    assert "invalid: the model did not think as it was asked to" in page
    assert "INVALID: these are not the scores" in page
    assert "INVALID: thinking silent" in quality_line(found)
    write_results(tmp_path / "results.json", found, {}, [])
    data = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert data["run"]["thinking"]["validity"] == data["packs"][0]["thinking"]["validity"] == "silent"
    assert (data["run"]["status"], data["packs"][0]["thinking"]["on"]) == ("invalid", 15)
    compose = tmp_path / "compose.yml"
    compose.write_text("# Quality: old\nservices: {}\n", encoding="utf-8")
    with pytest.raises(UsageProblem, match="did not think as it was asked to"):
        write_quality(compose, found)


def test_a_valid_arm_is_told_on_the_page() -> None:
    """And what the model did unasked; nothing where there is nothing."""
    assert "Thinking was asked on, and seen in 15 of 15 answers." in MarkdownTable().render(measured("on", [True] * 15))
    assert "Thinking was left to the server, and seen in 1 of 15" in MarkdownTable().render(
        measured("", [True] + [False] * 14)
    )
    plain = MarkdownTable().render(measured("", [False] * 15))
    assert "hinking" not in plain
    assert "INVALID" not in plain
