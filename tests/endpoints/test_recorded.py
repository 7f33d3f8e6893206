"""Answers read out of a pack's gold file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_llmbench import contracts
from pytest_llmbench.contracts import Endpoint, GoldAnswer, Progress
from pytest_llmbench.endpoints import Broken, Gold
from pytest_llmbench.errors import DatasetUnavailable, PackError
from pytest_llmbench.records import Message, Response, ToolCall
from tests.endpoints.asking import request_of, trial_of

CALL = Message(role="assistant", tool_calls=(ToolCall(id="1", name="get_weather", arguments="{}"),))


def said(text: str) -> Message:
    """Return an assistant's words."""
    return Message(role="assistant", content=text)


BOOK = {
    "A": contracts.Gold(
        passing=(GoldAnswer(turns=(CALL, said("4 degrees"))), GoldAnswer(turns=(said("other"),))),
        failing=(GoldAnswer(turns=(CALL,)), GoldAnswer(turns=(said("cut o"),), reason="token_limit")),
    ),
    "B": contracts.Gold(passing=(), failing=()),
}


def heard(endpoint: Endpoint, turn: int, *, scenario: str = "A", attempt: int = 1) -> Response:
    """Ask for one turn."""
    trial = trial_of(scenario, attempt=attempt)
    return asyncio.run(endpoint.ask(request_of("?"), trial=trial, turn=turn, progress=Progress()))


def test_gold_reads_the_passing_answer_turn_by_turn() -> None:
    """Turn k answers request k; finish reasons are those of a server."""
    first, second = (heard(Gold(lambda _: BOOK), turn) for turn in (0, 1))
    assert (first.tool_calls, first.finish_reason) == (CALL.tool_calls, "tool_calls")
    assert (second.content, second.finish_reason) == ("4 degrees", "stop")


def test_past_the_last_turn_the_last_text_is_said_again() -> None:
    """A dialogue that goes on is answered, with nothing where there was never a text."""
    assert heard(Gold(lambda _: BOOK), 7).content == "4 degrees"
    silence = heard(Broken(lambda _: BOOK), 7)
    assert (silence.content, silence.tool_calls, silence.finish_reason) == ("", (), "stop")


def test_each_attempt_reads_the_next_answer() -> None:
    """After the last one it starts again."""
    found = [heard(Gold(lambda _: BOOK), 1, attempt=attempt).content for attempt in (1, 2, 3)]
    assert found == ["4 degrees", "other", "4 degrees"]


def test_broken_reads_the_failing_answers() -> None:
    """One that stands for a cut-off answer ends as a server would end it."""
    assert heard(Broken(lambda _: BOOK), 0).tool_calls == CALL.tool_calls
    cut = heard(Broken(lambda _: BOOK), 0, attempt=2)
    assert (cut.content, cut.finish_reason) == ("cut o", "length")


@pytest.mark.parametrize("scenario", ["B", "C"])
def test_a_scenario_without_answers_names_the_file_to_write(scenario: str) -> None:
    """Nobody's fault but the pack's."""
    with pytest.raises(DatasetUnavailable, match=rf"no passing answer for {scenario}.*gold\.yaml"):
        heard(Gold(lambda _: BOOK), 0, scenario=scenario)


@pytest.mark.parametrize("fault", [PackError("broken", path=Path("gold.yaml")), FileNotFoundError("gold.yaml")])
def test_a_faulty_gold_file_is_an_error_of_the_trial(fault: Exception) -> None:
    """The message says what is wrong with it."""

    def book_for(path: Path) -> Mapping[str, contracts.Gold]:
        raise fault

    with pytest.raises(DatasetUnavailable, match=r"gold\.yaml"):
        heard(Gold(book_for), 0)


def test_a_book_is_read_once() -> None:
    """However many trials ask."""
    opened: list[Path] = []
    endpoint = Gold(lambda path: opened.append(path) or BOOK)  # type: ignore[func-returns-value]
    for _ in range(3):
        heard(endpoint, 0)
    assert opened == [Path("packs/x")]
