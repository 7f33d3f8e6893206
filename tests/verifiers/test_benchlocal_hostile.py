"""Whatever a model writes, the asserts of benchlocal-cli's packs come to a verdict."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import Outcome, Response, ToolCall
from tests.verifiers.benchlocal_cases import BATTERY, check, judged

ANY_TEXT = st.text(alphabet=st.characters(codec=None), max_size=60) | st.sampled_from(
    [
        "{}",
        "[]",
        "[" * 5000,
        "ANSWER: ",
        "```",
        "a,b\n",
        '{"a": NaN}',
        "\ud800",
        "\x00",
        "9" * 5000,
        '{"home": {"port": 1}}',
    ]
)
ANY_CALL = st.builds(ToolCall, id=ANY_TEXT, name=ANY_TEXT | st.just("dock"), arguments=ANY_TEXT)
ANY_RESPONSE = st.builds(
    Response, content=ANY_TEXT, reasoning=ANY_TEXT, tool_calls=st.lists(ANY_CALL, max_size=2).map(tuple)
)


@pytest.mark.parametrize("checks", BATTERY)
@settings(max_examples=60, deadline=None)
@given(response=ANY_RESPONSE)
def test_anything_is_judged(checks: list[dict[str, Any]], response: Response) -> None:
    """No answer makes it raise, and it says the same twice."""
    found = judged(checks, response)
    assert found == judged(checks, response)
    assert (found.reason is None) == (found.outcome is Outcome.PASS)
    assert 0 <= (found.score or 0) <= 1
    to_plain(found)


PIECES = ["a", " ", "9", "1,", "```", "[", "- \n", "ANSWER: ", "|-", "a: b\n", "http://", "\n", '"a":']


@pytest.mark.parametrize("checks", BATTERY)
@pytest.mark.parametrize("piece", PIECES)
def test_a_runaway_answer_is_survived(checks: list[dict[str, Any]], piece: str) -> None:
    """It is judged like any other, and fails."""
    assert judged(checks, Response(content=piece * ((1 << 17) // len(piece)))).outcome is Outcome.FAIL


def test_expressions_are_kept_from_outsized_answers() -> None:
    """A pack's expression may take quadratic time, so it is not tried on them."""
    found = judged([check("instruct_follow.format_regex", pattern="a.*b.*c")], Response(content="abc" * 30_000))
    assert "too long for the pack's expressions" in found.detail
