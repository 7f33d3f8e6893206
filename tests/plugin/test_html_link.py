"""Columns, transcript and summary in the report of pytest-html, with and without xdist."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.plugin.html_link import TRANSCRIPT_LIMIT, first_result, transcript
from tests.summaries import facts, result

pytest.importorskip("pytest_html")

CONFTEST = """
    import pytest
    from pytest_llmbench.plugin.html_link import HtmlLink
    from pytest_llmbench.records import to_plain
    from tests.summaries import facts, result

    EVIL = "<script>alert(1)</script> & \\x1b[31m \\x00 \\ud800"

    def plain(word, **more):
        changes = dict(prompt="2 + 2?", answer=EVIL, latency_s=12.25, completion_tokens=1234, **more)
        return to_plain(result(facts(), "TC-07", word, expected="<4>", got="five", **changes))

    def pytest_configure(config):
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(HtmlLink(lambda: "<p>THE SUMMARY</p>"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item, call):
        report = yield
        if "ordinary" not in item.name and (report.when == "call" or report.failed):
            word = "server_error" if report.when == "setup" else "wrong_argument" if report.failed else "pass"
            report.llmbench = {"results": [plain(word), plain("timeout", attempt=2)]}
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(report):
        yield
        if hasattr(report, "llmbench"):
            report.llmbench = {"results": []}
"""

TESTS = """
    import pytest

    @pytest.fixture
    def broken():
        raise RuntimeError("no server")

    def test_right(): pass
    def test_wrong(): assert False
    def test_error(broken): pass
    def test_ordinary(): pass
"""


def rows_of(page: str) -> dict[str, dict[str, Any]]:
    """Return the rows of a report by test name, as the page's own script reads them."""
    blob = re.search(r'data-jsonblob="([^"]*)"', page)
    assert blob is not None
    tests = json.loads(html.unescape(blob[1]))["tests"]
    return {nodeid.rpartition("::")[2]: rows[0] for nodeid, rows in tests.items()}


@pytest.mark.parametrize("options", [["-p", "no:xdist"], ["-n", "2"], ["-p", "no:xdist", "--self-contained-html"]])
def test_rows_have_columns_and_transcripts(pytester: pytest.Pytester, options: list[str]) -> None:
    """Results travel as plain data; other tests have empty cells."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    done = pytester.runpytest_subprocess("-p", "no:llmbench", "--html=report.html", *options)
    done.assert_outcomes(passed=2, failed=1, errors=1)
    page = Path("report.html").read_text("utf-8")
    assert page.index("<p>THE SUMMARY</p>") < page.index("tests took")
    heads = re.findall(r"<th[^>]*>(\w+)</th>", page)
    assert heads == ["Result", "Test", "Reason", "Latency", "Tokens", "Duration", "Links"]
    rows = rows_of(page)
    assert rows["test_wrong"]["resultsTableRow"][2:5] == [
        '<td class="col-reason">wrong_argument</td>',
        '<td class="col-latency"><!--00000000012.250-->12.2 s</td>',
        '<td class="col-tokens"><!--00000001234.000-->1,234</td>',
    ]
    assert rows["test_wrong"]["reason"] == "wrong_argument"
    assert '<td class="col-reason">server_error</td>' in rows["test_error"]["resultsTableRow"]
    assert '<td class="col-reason"></td>' in rows["test_right"]["resultsTableRow"]
    assert rows["test_ordinary"]["resultsTableRow"][2:5] == [
        f'<td class="col-{name}"></td>' for name in ("reason", "latency", "tokens")
    ]
    assert " Prompt " not in rows["test_ordinary"]["log"]
    for name in ("test_right", "test_wrong", "test_error"):
        log = rows[name]["log"]
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; \\x1b[31m \\x00" in log
        assert "<script>" not in log
        assert [part for part in ("Prompt", "Answer", "Expected", "Got") if f" {part} " not in log] == []
        assert "No log output captured." not in log


def test_a_row_another_plugin_removed_stays_away(pytester: pytest.Pytester) -> None:
    """Emptied cells are not filled again."""
    remove = (
        "\n    @pytest.hookimpl(tryfirst=True)\n    def pytest_html_results_table_row(report, cells): cells.clear()\n"
    )
    pytester.makeconftest(CONFTEST + remove)
    pytester.makepyfile(TESTS)
    pytester.runpytest_subprocess("-p", "no:llmbench", "-p", "no:xdist", "--html=report.html").assert_outcomes(
        passed=2, failed=1, errors=1
    )
    assert rows_of(Path("report.html").read_text("utf-8")) == {}


def test_it_is_harmless_without_pytest_html(pytester: pytest.Pytester) -> None:
    """Its hooks are optional."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    pytester.runpytest_subprocess("-p", "no:llmbench", "-p", "no:html").assert_outcomes(passed=2, failed=1, errors=1)


@pytest.mark.parametrize("char", ["x", "<", "\x1b", "世", "\n"])
def test_a_transcript_is_bounded(char: str) -> None:
    """Whatever it is made of, it stays below the limit and says what is missing."""
    plain = to_plain(result(facts(), "A", "wrong_answer", prompt=char * 50_000, answer=char * 50_000, expected="e"))
    text = transcript(plain)
    assert len(text) <= TRANSCRIPT_LIMIT
    assert "more characters; results.json has them]" in text


def test_a_transcript_leaves_out_what_is_empty() -> None:
    """A passed row has prompt and answer and no empty headings."""
    text = transcript(to_plain(result(facts(), "A", prompt="p", answer="a")))
    assert "Prompt" in text
    assert "Expected" not in text


@pytest.mark.parametrize("attached", [None, {}, {"results": []}, {"results": None}, "text"])
def test_a_report_without_results_has_none(attached: object) -> None:
    """Any other use of the name does no harm."""

    class Report:
        llmbench = attached

    assert first_result(Report()) is None
    assert first_result(object()) is None
