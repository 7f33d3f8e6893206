"""The link to pytest-html: columns, a row's transcript, the summary on top. Registered only if it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import pytest

from pytest_llmbench.reports.wording import MISSING, seconds

TRANSCRIPT_LIMIT = 20_000
"""Characters of HTML one row's transcript may take: a browser has to hold all rows at once."""

_COLUMN = 2
_FRAME = 160
_HEADERS = ("reason", "Reason"), ("latency", "Latency"), ("tokens", "Tokens")
_PARTS = ("prompt", "Prompt"), ("answer", "Answer"), ("expected", "Expected"), ("got", "Got")


@dataclass(frozen=True, slots=True)
class _Row:
    """What a report adds to its row: three cells of HTML and the text behind it."""

    cells: tuple[str, str, str] = ("", "", "")
    transcript: str = ""


class HtmlLink:
    """Hooks of pytest-html, for the process that writes the report.

    A test report takes part if its ``llmbench`` holds results as `to_plain` makes them when it is
    logged; pytest-html itself looks at reports later, when they may have been emptied. What
    `summary_html` returns when the session ends stands above the rows as it is.
    """

    def __init__(self, summary_html: Callable[[], str]) -> None:
        self._summary_html = summary_html
        self._rows: dict[int, _Row] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what the row will show until pytest-html asks for it, at the end of the test."""
        result = first_result(report)
        self._rows.pop(id(report), None)
        if result is not None:
            self._rows[id(report)] = _Row(_figures(result), transcript(result))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the table above the rows."""
        prefix.append(self._summary_html())

    def join(self, page: Any) -> None:
        """Add the columns to a page whose header was made before it was known that anything is measured.

        `page` is what pytest-html hands to ``pytest_html_report_title``.
        """
        cells = list(page.table_header)
        self.pytest_html_results_table_header(cells)
        page.table_header = cells

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add the columns after the test's name."""
        cells[_COLUMN:_COLUMN] = [
            f'<th class="sortable" data-column-type="{name}">{title}</th>' for name, title in _HEADERS
        ]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """Fill the columns, with empty cells for tests that ask no model; a row another plugin emptied stays so."""
        if cells:
            texts = self._rows.get(id(report), _Row()).cells
            cells[_COLUMN:_COLUMN] = [
                f'<td class="col-{name}">{text}</td>' for (name, _), text in zip(_HEADERS, texts, strict=True)
            ]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(self, report: pytest.TestReport, data: list[str]) -> None:
        """Show prompt, answer and what was expected when the row is opened."""
        row = self._rows.pop(id(report), None)
        if row is not None and row.transcript:
            if data == ["No log output captured."]:
                data.clear()
            data.append(row.transcript)


def first_result(report: Any) -> Mapping[str, Any] | None:
    """Return the first attempt's plain result, or None for a test that asked no model."""
    attached = getattr(report, "llmbench", None)
    results = attached.get("results") if isinstance(attached, Mapping) else None
    return results[0] if results else None


def transcript(result: Mapping[str, Any]) -> str:
    """Return prompt, answer, expected and got as escaped text, all together at most `TRANSCRIPT_LIMIT` long."""
    verdict = result.get("verdict") or {}
    texts = {"prompt": result.get("prompt"), "answer": result.get("answer")}
    texts |= {"expected": verdict.get("expected"), "got": verdict.get("got")}
    parts = [(title, str(texts[name])) for name, title in _PARTS if texts[name]]
    share = TRANSCRIPT_LIMIT // max(1, len(parts)) - _FRAME
    return "\n".join(f"{f' {title} ':-^80}\n{_bounded(text, share)}\n" for title, text in parts)


def _bounded(text: str, limit: int) -> str:
    """Return as much of the start of `text` as fits into `limit` characters of HTML."""
    pieces: list[str] = []
    used = 0
    for at, char in enumerate(text):
        piece = char if char in "\n\t" else _visible(char)
        used += len(piece)
        if used > limit:
            return f"{''.join(pieces)}\n... [{len(text) - at:,} more characters; results.json has them]"
        pieces.append(piece)
    return "".join(pieces)


def _visible(char: str) -> str:
    return escape(char) if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def _figures(result: Mapping[str, Any]) -> tuple[str, str, str]:
    reason = (result.get("verdict") or {}).get("reason")
    latency, tokens = result.get("latency_s"), result.get("completion_tokens")
    counted = MISSING if tokens is None else f"{tokens:,}"
    return escape(str(reason or "")), _sortable(latency, seconds(latency)), _sortable(tokens, counted)


def _sortable(value: float | None, text: str) -> str:
    """Return `text` after a comment of fixed width: pytest-html sorts cells by their HTML as text."""
    return f"<!--{value or 0.0:015.3f}-->{text}"
