"""Servers side by side: rows, Markdown, JSON."""

from __future__ import annotations

import json

from pytest_llmbench.reports.comparison import comparison_json, comparison_lines, comparison_markdown
from tests.summaries import quick

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
