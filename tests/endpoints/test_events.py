"""Server-sent events, cut anywhere by the network."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.endpoints.events import EventLines, lenient, parsed
from pytest_llmbench.errors import ServerError

STREAM = (
    ": ping\r\n\r\n"
    'data: {"a": "blåbær \u2028 \\n"}\r\n\r\n'
    "event: x\nid: 1\nretry: 5\nnonsense\n"
    'data:{"b": 1}\n\n'
    "data:\n\n"
    'error: {"code": 500}\n\n'
    "data: [DONE]\n\n"
).encode()
EVENTS = ['{"a": "blåbær \u2028 \\n"}', '{"b": 1}', "", '{"error": {"code": 500}}', "[DONE]"]


@given(st.lists(st.integers(min_value=0, max_value=len(STREAM)), max_size=20))
def test_events_come_out_whole_wherever_the_stream_was_cut(cuts: list[int]) -> None:
    """Comments and other fields are skipped; characters cut in two are mended."""
    places = [0, *sorted(cuts), len(STREAM)]
    lines = EventLines()
    found = [data for at, end in itertools.pairwise(places) for data in lines.feed(STREAM[at:end])]
    assert found == EVENTS
    assert lines.held == 0


def test_a_line_without_end_is_counted() -> None:
    """The reader can give up on a server that never ends its line."""
    lines = EventLines()
    assert list(lines.feed(b"data: " + b"x" * 1000)) == []
    assert lines.held == 1006


@pytest.mark.parametrize("text", ["", "<html>", '{"a"', "[" * 100_000, '{"a": 1' + "0" * 5000 + "}"])
def test_what_is_no_json_is_the_servers_fault(text: str) -> None:
    """Nesting and numbers beyond Python's limits included."""
    with pytest.raises(ServerError, match="not JSON"):
        parsed(text)
    assert lenient(text) == text


def test_json_is_read() -> None:
    """Both readers return it."""
    assert parsed("[1]") == lenient("[1]") == json.loads("[1]")
