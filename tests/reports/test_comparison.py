"""Servers side by side: rows, Markdown, JSON."""

from __future__ import annotations

import json

from pytest_llmbench.records import PackFacts
from pytest_llmbench.reports.comparison import comparison_json, comparison_lines, comparison_markdown
from pytest_llmbench.resources import Resources
from pytest_llmbench.summary import Summary
from pytest_llmbench.tally import Tally
from tests.summaries import RUN, facts, fill, quick, result, words

PAIR = {
    "q4|fast": quick(
        model="a", about={"Slots": "4", "Preset": "balanced"}, started_at=0.0, finished_at=61.0, run_dir="r"
    ),
    "q8": quick(model="b", about={"Slots": "8"}),
}


def test_each_server_is_a_column() -> None:
    """What is known of one server alone has a dash for the other."""
    rows = {line.partition("|")[0].strip(): line for line in comparison_lines(PAIR)}
    assert [cell.strip() for cell in rows["Slots"].split(" | ")[1:]] == ["4", "8"]
    assert [cell.strip() for cell in rows["Preset"].split(" | ")[1:]] == ["balanced", "-"]
    assert "1 min 1 s" in rows["Took"]


def test_took_is_the_time_of_asking() -> None:
    """Of a run that was gone on with the next morning the night does not count."""
    found = quick(started_at=0.0, finished_at=40_000.0, run_dir="r", resources=Resources(span_s=61.0))
    assert any(line.split() == ["Took", "|", "1", "min", "1", "s"] for line in comparison_lines({"a": found}))


def test_what_does_not_compare_is_noted() -> None:
    """Other sampling, and a model that did not think as asked; runs of which nothing is to be said have no such row."""
    assert not any(line.startswith("Note ") for line in comparison_lines(PAIR))
    tally = Tally()
    for number in range(15):
        tally.add(result(facts(), f"S-{number}", thinking="off", thought=True, turns=1))
    pair = {"warm": quick(canonical=False, note="temperature=0.8"), "q8": quick(), "loud": tally.summary(RUN)}
    cells = next(line for line in comparison_lines(pair) if line.startswith("Note ")).split("|")
    assert [cell.strip() for cell in cells[1:3]] == ["not canonical: temperature=0.8", "-"]
    assert cells[3].strip().startswith("INVALID: thinking ")


def test_why_a_server_was_not_measured_is_told() -> None:
    """Below the table, with the run's folder where there is one."""
    page = comparison_markdown({"a": quick(run_dir="r"), "b": quick(problem="no server"), "c": quick()})
    assert "- a: r\n- b: not measured: no server\n- c: not measured\n" in page


def test_names_break_no_table() -> None:
    """A bar in a name is escaped in Markdown; every row has as many cells."""
    table = [line for line in comparison_markdown(PAIR).splitlines() if line.startswith("|")]
    assert "q4\\|fast" in table[0]
    assert {line.replace("\\|", "").count("|") for line in table} == {4}


def test_programs_read_the_same_figures() -> None:
    """Scores are shares, unknown is null."""
    profiles = json.loads(comparison_json(PAIR))["profiles"]
    assert [one["profile"] for one in profiles] == ["q4|fast", "q8"]
    assert profiles[0]["about"] == {"Slots": "4", "Preset": "balanced"}
    assert profiles[0]["passed"] == profiles[1]["passed"]


def test_the_same_scenarios_are_claimed_only_of_the_same_scenarios() -> None:
    """Runs of other packs, or of a part of one, are compared by their scores alone."""
    whole, other = ten_of(facts()), ten_of(facts(content_hash="another"))
    assert "The scenarios are the same" in comparison_lines({"a": whole, "b": whole})[-1]
    assert "The scenarios are the same" not in comparison_lines({"a": whole, "b": other})[-1]


def ten_of(pack: PackFacts) -> Summary:
    """Return a run of ten of the pack's scenarios."""
    tally = Tally()
    fill(tally, pack, words(7, 3))
    return tally.summary(RUN)
