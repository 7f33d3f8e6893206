"""The table on the terminal, as Markdown and as HTML, with the breakdown of failures."""

from __future__ import annotations

from pathlib import Path

from pytest_llmbench.records import PackFacts
from pytest_llmbench.reports import REPORTS, write_reports
from pytest_llmbench.reports.attempts import ESTIMATE_NOTE
from pytest_llmbench.reports.html_block import html_block
from pytest_llmbench.reports.markdown_table import MarkdownTable
from pytest_llmbench.reports.table import LEGEND
from pytest_llmbench.reports.terminal import breakdown_lines, table_lines
from pytest_llmbench.reports.wording import width
from pytest_llmbench.resources import Resources
from pytest_llmbench.summary import Status, Summary
from pytest_llmbench.tally import Tally
from tests.summaries import RUN, facts, fill, quick, result, summary, words

NOTE = (
    "The 95% interval (Wilson) is the range of true scores these few scenarios are compatible with: "
    "two runs whose intervals overlap widely may be equally good."
)

TERMINAL = f"""\
some-model at http://127.0.0.1:8080/v1 (external): 30 scenarios (quick), 4 at once, in 3 min 20 s

Pack                       | Pass / total | Score | 95% interval | p50 latency | p95 latency | tokens/s | Status
---------------------------+--------------+-------+--------------+-------------+-------------+----------+-------
InstructFollow-15 (v1.0.0) |        13/15 |   87% |       62-96% |       2.0 s |       2.0 s |     50.0 | ok
ToolCall-15 (v1.0.0)       |        14/15 |   93% |       70-99% |       2.0 s |       2.0 s |     50.0 | ok
---------------------------+--------------+-------+--------------+-------------+-------------+----------+-------
TOTAL                      |        27/30 |   90% |       74-97% |             |             |          | ok

{NOTE}"""

MARKDOWN = f"""\
# Quality of some-model

Measured 2026-05-09 08:00:00 UTC: some-model at http\\://127.0.0.1:8080/v1 (external): 30 scenarios (quick), \
4 at once, in 3 min 20 s.

| Pack | Pass / total | Score | 95% interval | p50 latency | p95 latency | tokens/s | Status |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
| InstructFollow-15 (v1.0.0) | 13/15 | 87% | 62-96% | 2.0 s | 2.0 s | 50.0 | ok |
| ToolCall-15 (v1.0.0) | 14/15 | 93% | 70-99% | 2.0 s | 2.0 s | 50.0 | ok |
| **TOTAL** | **27/30** | **90%** | **74-97%** |  |  |  | **ok** |

{NOTE}

    Quality:   InstructFollow-15 13/15 (87%) · ToolCall-15 14/15 (93%) (quick, packs v1.0.x, 2026-05-09)

## Failure breakdown

- instructfollow-15 S-14: wrong\\_answer (as told)
- instructfollow-15 S-15: wrong\\_answer (as told)
- toolcall-15 S-15: wrong\\_answer (as told)
"""


def test_the_terminal_table_is_exact() -> None:
    """Aligned columns, a TOTAL, a note on intervals."""
    assert "\n".join(table_lines(quick())) == TERMINAL


def test_the_markdown_page_is_exact() -> None:
    """Title, what was measured, table, note, Quality line, breakdown."""
    assert MarkdownTable().render(quick()) == MARKDOWN


def test_a_pack_with_errors_shows_no_percentage() -> None:
    """Neither in its row nor in the total; the errors stand apart from the failures."""
    found = summary({"toolcall-15": words(12, 1, 2), "instructfollow-15": words(15)})
    rows = table_lines(found)
    assert rows[5].split(" | ")[1:4] == ["12/13, 2 errors", "    -", "           -"]
    assert rows[7].split(" | ")[1:4] == ["27/28, 2 errors", "    -", "           -"]
    assert breakdown_lines(found) == [
        "Failure breakdown:",
        "- toolcall-15 S-13: wrong_answer (as told)",
        "Errors (not the model's fault, left out of the score):",
        "- toolcall-15 S-14, S-15: server_error (as told)",
    ]
    assert "## Errors: not the model's fault, left out of the score\n" in MarkdownTable().render(found)


def test_many_equal_errors_are_one_line() -> None:
    """A server that is not there is told once."""
    found = summary({"toolcall-15": ["endpoint_unreachable"] * 15})
    assert breakdown_lines(found) == [
        "Errors (not the model's fault, left out of the score):",
        "- toolcall-15 S-01, S-02, S-03 and 12 more: endpoint_unreachable (as told)",
    ]


def test_the_breakdown_is_bounded_on_a_terminal() -> None:
    """A thousand failures fill no screen, and the reader learns where they are."""
    lines = breakdown_lines(summary({"toolcall-15": words(0, 15)}), 10)
    assert len(lines) == 12
    assert lines[-1] == "- and 5 more, all of them in results.json"


def test_nothing_failed_has_no_breakdown() -> None:
    """No heading without lines."""
    assert breakdown_lines(summary({"toolcall-15": words(15)})) == []


def test_status_words_are_explained_where_they_appear() -> None:
    """Who never saw the code can read the last column."""
    found = summary({"toolcall-15": words(8, 7)})
    assert f"low: {LEGEND[Status.LOW]}." in table_lines(found)
    assert not any(line.startswith("watch:") for line in table_lines(found))
    assert set(LEGEND) == set(Status) - {Status.OK}


def test_metrics_have_columns() -> None:
    """Every metric in REPORT.md, a few on the terminal; its own n where some lack it."""
    tally = Tally()
    tally.add(result(facts(size=2), "A", metrics={"cosine": 0.91234, "m1": 1, "m2": 2, "m3": 3, "m4": 4}))
    tally.add(result(facts(size=2), "B", metrics={"cosine": 0.91234}))
    tally.add(result(facts("other", size=1), "A"))
    found = tally.summary(RUN)
    page = MarkdownTable().render(found)
    assert "| tokens/s | cosine | m1 | m2 | m3 | m4 | Status |" in page
    assert "| 50.0 | 0.9123 | 1 (n=1) | 2 (n=1) | 3 (n=1) | 4 (n=1) | ok |" in page
    assert "| 50.0 | - | - | - | - | - | ok |" in page
    assert table_lines(found)[2].split(" | ")[-2].strip() == "m3"


def test_repeats_are_told() -> None:
    """How many were repeated, and which were not steady."""
    tally = Tally()
    for attempt, word in enumerate(["pass", "wrong_answer", "pass"], start=1):
        tally.add(result(facts(size=2), "TC-07", word, attempt=attempt))
        tally.add(result(facts(size=2), "TC-08", "pass", attempt=attempt))
    lines = table_lines(tally.summary(RUN))
    assert (
        "Repeats: the first attempt scores; 2 scenarios had further ones, "
        "and 1 of them did not always end the same way." in lines
    )
    assert "Unsteady in ToolCall-15: TC-07 (2 of 3 passed)." in lines


def repeated(*, error: bool = False) -> Summary:
    """Return a run of two packs, one of them with five attempts at each of 15 tasks."""
    tally = Tally()
    fill(tally, facts("instructfollow-15"), words(15))
    for number in range(1, 16):
        for attempt in range(1, 6):
            word = "pass" if attempt <= number % 4 + 2 else "wrong_answer"
            gone = error and (number, attempt) == (3, 5)
            tally.add(result(facts(), f"S-{number:02}", "server_error" if gone else word, attempt=attempt))
    return tally.summary(RUN)


def test_pass_at_1_stands_beside_the_score() -> None:
    """The score is that of first attempts; the mean of all of them has a column where there are repeats."""
    rows = [[cell.strip() for cell in line.split("|")] for line in table_lines(repeated())[2:8]]
    assert rows[0][1:5] == ["Pass / total", "Score", "95% interval", "pass@1"]
    assert rows[2][1:5] == ["15/15", "100%", "80-100%", "100% (80-100)"]
    assert rows[3][1:5] == ["15/15", "100%", "80-100%", "72% (55-84)"]
    assert rows[5][1:5] == ["30/30", "100%", "89-100%", ""]
    page = MarkdownTable().render(repeated())
    assert "| Score | 95% interval | pass@1 | p50 latency |" in page
    assert "72% (55-84)" in page
    assert "72% (55-84)" in html_block(repeated())


def test_pass_at_k_is_told_below_the_table() -> None:
    """For each k both estimates with their intervals, what they are means of, and what they mean."""
    lines = table_lines(repeated())
    told = next(line for line in lines if line.startswith("Attempts of ToolCall-15"))
    assert told == (
        "Attempts of ToolCall-15: pass@1 72% (55-84), pass@2 91% (74-98), pass@5 100% (80-100); "
        "pass^2 53% (35-70), pass^5 27% (11-52); over 15 tasks with 5 attempts each."
    )
    assert ESTIMATE_NOTE in lines
    assert not any(line.startswith("Attempts of InstructFollow-15") for line in lines)
    assert "Attempts of ToolCall-15: pass@1 72% (55-84)" in html_block(repeated())
    assert ESTIMATE_NOTE not in table_lines(quick())


def test_errors_among_attempts_are_in_sight() -> None:
    """They are left out, the k they make unknown is n/a, and the table shows no share."""
    lines = table_lines(repeated(error=True))
    told = next(line for line in lines if line.startswith("Attempts of ToolCall-15"))
    assert "pass@5 n/a; " in told
    assert told.endswith(
        "over 15 tasks with up to 5 attempts each, 1 error left out, n/a where a task has fewer judged attempts than k."
    )
    assert [cell.strip() for cell in lines[5].split("|")][4] == "-"


def test_what_does_not_compare_is_told_first() -> None:
    """The note comes before all others."""
    found = quick(canonical=False, note="temperature=0.8")
    assert table_lines(found)[9] == ("Not canonical (temperature=0.8): these scores do not compare with other runs.")


def test_a_resumed_run_is_told() -> None:
    """Which verdicts were there before."""
    tally = Tally()
    fill(tally, facts(), words(14))
    tally.add(result(facts(), "S-15", resumed=True))
    assert "1 verdict stood already when the run was resumed." in table_lines(tally.summary(RUN))


def test_how_a_run_ended_is_told() -> None:
    """An interrupted page does not look like a whole one."""
    assert "The run was interrupted; --llm-resume goes on from here." in MarkdownTable().render(quick(interrupted=True))
    assert "The run was stopped early by -x." in MarkdownTable().render(quick(stopped_early="-x"))
    assert "The run met a problem: no server" in MarkdownTable().render(quick(problem="no server"))


def hostile() -> PackFacts:
    """Return a pack whose names are not nice."""
    return facts("世界<b>", title="世界|<b>**x**", version="1.0.0\n", size=1, dimension="a\n| b")


def test_foreign_text_cannot_break_a_report() -> None:
    """Wide, Markdown, HTML and control characters stay text; the columns stay aligned."""
    tally = Tally()
    fill(tally, facts(), words(15))
    tally.add(result(hostile(), "S|1", "wrong_answer", detail="\x1b[2J</td>\n| x | \ud800 <script>"))
    found = tally.summary(RUN)
    rows = table_lines(found)[2:8]
    assert len({width(row.rsplit(" | ", 1)[0]) for row in (rows[0], rows[2], rows[3], rows[5])}) == 1
    assert all(line.isprintable() for line in [*table_lines(found), *breakdown_lines(found)])
    page = MarkdownTable().render(found)
    assert "<script>" not in page.replace(r"\<script\>", "")
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in table} == {9}
    block = html_block(found)
    assert "<b>" not in block
    assert "世界|&lt;b&gt;**x**" in block


def test_the_html_block_has_the_table() -> None:
    """Heading, cells, the Quality line."""
    block = html_block(quick())
    assert block.startswith('<div class="llmbench">\n<h2>Model quality</h2>')
    assert block.count("<tr>") == 4
    assert ">14/15</td>" in block
    assert '<pre style="white-space: pre-wrap">Quality:   InstructFollow-15 13/15 (87%)' in block


def test_the_html_blocks_of_several_servers_differ() -> None:
    """Each names its profile and model, or why it was not measured, and tells the server's speed."""
    resources = Resources(span_s=10.0, generated_tokens=100, tokens_per_s=10.0, tokens_from="answers")
    block = html_block(quick(profile="q4<b>", resources=resources))
    assert "<h2>Model quality: q4&lt;b&gt;: some-model</h2>" in block
    assert "<p>Throughput: 10.0 tokens/s generated (100 tokens in 10 s).</p>" in block
    gone = html_block(summary(model="", url="", engine="", profile="q8", problem="no server"))
    assert "<h2>Model quality: q8</h2>\n<p>Not measured: no server</p>" in gone
    assert "unnamed model" not in gone


def test_packs_of_another_tool_are_marked() -> None:
    """In the table and in what was measured, a long title too."""
    tally = Tally()
    fill(tally, facts(title="T" * 100, origin="benchlocal-cli"), words(15))
    lines = table_lines(tally.summary(RUN))
    assert lines[4].startswith(f"{'T' * 60}... [40 more characters] [benchlocal-cli] (v1.0.0) |")
    assert "15 scenarios (benchlocal-cli toolcall-15)" in lines[0]


def test_cautions_are_in_every_report() -> None:
    """Below the table, some of them, with the rest counted; nothing in them is markup."""
    tally = Tally()
    fill(tally, facts(origin="benchlocal-cli", cautions=("A <b>", *map(str, range(7)))), words(15))
    found = tally.summary(RUN)
    heading = "What to know of the scores of ToolCall-15 [benchlocal-cli]:"
    assert [heading, "- A <b>", "- 0"] == table_lines(found)[-8:-5]
    assert "- and 2 more, see results.json" in MarkdownTable().render(found)
    block = html_block(found)
    assert f"<p>{heading}</p>\n<ul>\n<li>A &lt;b&gt;</li>\n<li>0</li>" in block
    assert '<li>and 2 more, see results.json</li>\n</ul>\n<pre style="white-space: pre-wrap">Quality' in block
    assert "<ul>" not in html_block(quick())


def test_every_report_is_written(tmp_path: Path) -> None:
    """The run folder gets each file of the table, whole."""
    paths = write_reports(quick(), tmp_path)
    assert [path.name for path in paths] == ["quality.txt", "REPORT.md", "metrics.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["REPORT.md", "metrics.txt", "quality.txt"]
    assert (tmp_path / "REPORT.md").read_text("utf-8") == MARKDOWN
    assert all(REPORTS[name].name == name for name in REPORTS)


def test_a_run_of_nothing_has_reports() -> None:
    """A run that was stopped before the first answer breaks no report."""
    found = summary(model="", url="", engine="")
    assert table_lines(found)[0] == "unnamed model: 0 scenarios (custom), 4 at once, in 3 min 20 s"
    assert MarkdownTable().render(found).startswith("# Quality of an unnamed model\n")
    assert "TOTAL" in html_block(found)
