"""Local results beside published ones: only what compares, with sources, and in words where it does not."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

import pytest

from pytest_llmbench.reports.markdown_table import MarkdownTable
from pytest_llmbench.reports.published_scores import CAVEAT, SCORES_PATH, published_lines
from pytest_llmbench.summary import Summary
from pytest_llmbench.tally import Tally
from tests.summaries import RUN, facts, quick, result

DATA = json.loads(SCORES_PATH.read_text("utf-8"))


def run(
    outcomes: Iterable[str],
    *,
    benchmark: str = "humaneval",
    repeats: int = 1,
    base: float | None = None,
    **changes: Any,
) -> Summary:
    """Return a run of one pack of 20 tasks of a benchmark, or as many as `outcomes`."""
    tally = Tally()
    pack = facts("code", title="Code", benchmark=benchmark, data_md5="88", size=20)
    metrics = {} if base is None else {"base_passed": base}
    for number in range(20):
        tally.expect(pack, f"T-{number}", f"node {number}")
    for number, word in enumerate(outcomes):
        for attempt in range(1, repeats + 1):
            wrong = attempt == 2
            tally.add(result(pack, f"T-{number}", "wrong_answer" if wrong else word, attempt=attempt, metrics=metrics))
    return tally.summary(dataclasses.replace(RUN, **changes))


def cells(line: str) -> list[str]:
    """Return the cells of a row."""
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def tables(found: Summary) -> list[list[list[str]]]:
    """Return the rows of each table, without its head."""
    blocks = "\n".join(published_lines(found)).split("### ")[1:]
    return [[cells(line) for line in block.splitlines() if line.startswith("|")][2:] for block in blocks]


def test_a_run_without_benchmarks_has_no_section() -> None:
    """Packs of our own stand beside nothing."""
    assert published_lines(quick()) == []
    assert "published" not in MarkdownTable().render(quick())


def test_the_local_result_stands_among_the_published() -> None:
    """Sorted by score, in bold, with its interval; a source and a protocol in each row."""
    (table,) = tables(run(["pass"] * 14 + ["wrong_answer"] * 6))
    scores = [float(row[1].strip("*")) for row in table]
    assert scores == sorted(scores, reverse=True)
    (local,) = [row for row in table if row[0].startswith("**")]
    assert local == ["**some-model (this run)**", "**70.0**", "**48-85**", "**this run**", local[4]]
    assert local[4] == "**Code (v1.0.0), first attempts**"
    assert all(all(row) and len(row) == 5 for row in table)
    assert len(table) == 1 + sum("humaneval" in row["scores"] for row in DATA["rows"])
    assert [row[1:3] for row in table if row[0] == "Phi-3-mini-4k-instruct"] == [["64.6", "57-72"]]


def test_the_caveat_and_the_sources_are_told() -> None:
    """That protocols move scores, and where each figure was read."""
    lines = published_lines(run(["pass"] * 20))
    assert CAVEAT in lines
    told = {line.removeprefix("- ") for line in lines if line.startswith("- ")}
    assert told == {source["full"] for source in DATA["sources"].values()}
    assert "## Beside published scores\n" in MarkdownTable().render(run(["pass"] * 20))


def test_all_attempts_count_where_there_are_several() -> None:
    """The local row is pass@1 over all attempts, its interval clustered by task, and it says so."""
    found = run(["pass"] * 20, repeats=2)
    (local,) = [row for row in tables(found)[0] if row[0].startswith("**")]
    assert local[1] == "**50.0**"
    assert local[4] == "**Code (v1.0.0), all of 2 attempts each**"


def test_both_rows_of_a_pack_with_plus_inputs_are_of_all_attempts() -> None:
    """Second attempts that fail the base inputs lower that row too, and its interval is clustered as the other's."""
    tally = Tally()
    pack = facts("code", title="Code", benchmark="humaneval_plus", data_md5="88", size=20)
    for number in range(20):
        tally.add(result(pack, f"T-{number}", metrics={"base_passed": 1.0}))
        tally.add(result(pack, f"T-{number}", "tests_failed", attempt=2, metrics={"base_passed": 0.0}))
        tally.add(result(pack, f"T-{number}", "token_limit", attempt=3))
    own, base = (next(row for row in rows if row[0].startswith("**")) for rows in tables(tally.summary(RUN)))
    assert own[1:4] == base[1:4]
    assert (own[1], own[4]) == ("**33.3**", "**Code (v1.0.0), all of 3 attempts each**")
    assert base[4] == "**Code (v1.0.0), base inputs alone, all of 3 attempts each**"


def test_a_pack_with_plus_inputs_has_two_tables() -> None:
    """Its own score, and that of the base inputs alone beside the figures they are the tasks of."""
    own, base = tables(run(["pass"] * 10 + ["wrong_answer"] * 10, benchmark="humaneval_plus", base=1.0))
    assert [row[1] for row in own if row[0].startswith("**")] == ["**50.0**"]
    assert [row[1] for row in base if row[0].startswith("**")] == ["**100.0**"]
    assert len(tables(run(["pass"] * 20, benchmark="humaneval_plus"))) == 1


@pytest.mark.parametrize("benchmark", ["mbpp_500", "mbpp_sanitized"])
def test_another_set_of_tasks_is_called_so(benchmark: str) -> None:
    """The published MBPP column is of 378 tasks, which these packs do not ask."""
    text = "\n".join(published_lines(run(["pass"] * 20, benchmark=benchmark)))
    assert "EvalPlus's 378 tasks, this pack asks another set" in text
    assert "EvalPlus's 378 tasks, this pack asks another set" not in "\n".join(
        published_lines(run(["pass"] * 20, benchmark="mbpp_plus"))
    )


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (run(["pass"] * 20, benchmark=""), "it asks only some of the data set's tasks"),
        (run(["pass"] * 19), "only a whole run without errors is, and this one has 19/19, 1 not run"),
        (run(["pass"] * 19 + ["server_error"]), "only a whole run without errors is, and this one has 19/19, 1 error"),
        (run(["pass"] * 20, endpoint="gold"), "recorded answers, no model"),
    ],
)
def test_what_does_not_compare_is_said_in_words(found: Summary, why: str) -> None:
    """A part of a benchmark, a part of a run, recorded answers: no table, no caveat, a reason."""
    assert published_lines(found) == [
        "## Beside published scores",
        "",
        f"Code is not compared with published scores: {why}.",
        "",
    ]


def test_a_run_with_its_own_sampling_says_so_in_its_row() -> None:
    """It stands among the others, which have samplings of their own."""
    (table,) = tables(run(["pass"] * 20, canonical=False, note="own max_tokens=8192"))
    (local,) = [row for row in table if row[0].startswith("**")]
    assert local[4] == r"**Code (v1.0.0), first attempts, not canonical: own max\_tokens=8192**"


def together(*benchmarks: str) -> str:
    """Return the section of a run of these benchmarks, 20 tasks each, all passed."""
    tally = Tally()
    for benchmark in benchmarks:
        pack = facts(benchmark, title=benchmark.upper(), benchmark=benchmark, data_md5="88", size=20)
        for number in range(20):
            tally.add(result(pack, f"T-{number}", metrics={"base_passed": 1.0} if "plus" in benchmark else {}))
    return "\n".join(published_lines(tally.summary(RUN)))


def test_packs_beside_the_same_column_share_its_table() -> None:
    """HumanEval and the base inputs of HumanEval+ are two rows of one table, told apart by their packs."""
    text = together("humaneval", "humaneval_plus")
    assert text.count("| Phi-3-mini-4k-instruct |") == 2, "once for each column"
    assert "### HumanEval; HumanEval: the base inputs\n" in text
    rows = [line for line in text.splitlines() if "(this run)" in line]
    assert [row.split("**")[-2].partition(",")[0] for row in rows] == [
        r"HUMANEVAL (v1.0.0)",
        r"HUMANEVAL\_PLUS (v1.0.0)",
        r"HUMANEVAL\_PLUS (v1.0.0)",
    ]


def test_a_caution_names_the_rows_it_is_for() -> None:
    """It comes once, and says nothing of the base inputs of MBPP+ in the same table."""
    text = together("mbpp_500", "mbpp_sanitized", "mbpp_plus")
    assert text.count("this pack asks another set") == 1
    assert "\nMBPP, MBPP sanitized: The published column is of" in text


def test_a_benchmark_nobody_tabled_has_no_section() -> None:
    """Where no figures are kept there is nothing to stand beside."""
    assert published_lines(run(["pass"] * 20, benchmark="another")) == []


def test_foreign_names_cannot_break_the_table() -> None:
    """A model's name is text, whatever is in it."""
    (table,) = tables(run(["pass"] * 20, model="a|b\n<i>**x**"))
    assert any(row[0] == r"**a\|b\\n\<i\>\*\*x\*\* (this run)**" for row in table)


def test_the_table_of_figures_is_sound() -> None:
    """Known keys only, figures of pass@1 in percent, plus never above base, every model once per source."""
    assert set(DATA) == {"about", "tasks", "benchmarks", "sources", "protocols", "rows"}
    for row in DATA["rows"]:
        scores = row["scores"]
        assert set(row) == {"model", "scores", "source", "protocol"}
        assert set(scores) <= set(DATA["tasks"])
        assert scores
        assert all(0 < value < 100 for value in scores.values())
        assert scores.get("humaneval_plus", 0) <= scores.get("humaneval", 100)
        assert scores.get("mbpp_plus", 0) <= scores.get("mbpp_base", 100)
    keys = [(row["model"], row["source"]) for row in DATA["rows"]]
    assert len(set(keys)) == len(keys) >= 20
    assert {row["source"] for row in DATA["rows"]} == set(DATA["sources"])
    assert {row["protocol"] for row in DATA["rows"]} == set(DATA["protocols"])
    assert {board["column"] for boards in DATA["benchmarks"].values() for board in boards} == set(DATA["tasks"])
