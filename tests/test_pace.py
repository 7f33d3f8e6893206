"""Deadlines: who decides, how they follow the server's speed, and that nothing that asks for more time gets less."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.pace import CEILING_S, FEWEST_TOKENS, REFERENCE_TPS, WINDOW, Deadline, Pace
from pytest_llmbench.records import Message, Scenario, Timing, Usage
from pytest_llmbench.settings import THINKING_MAX_TOKENS, Settings
from pytest_llmbench.thinking_switch import ThinkingSwitch

SCENARIO = Scenario(
    id="A",
    title="A",
    messages=(Message(role="user", content="?"),),
    dialogue="single_turn",
    verifier="instructions",
    max_tokens=1024,
    timeout_s=120.0,
)
SWITCH = ThinkingSwitch(key="enable_thinking")
SPEEDS = st.floats(0.01, 10_000)
TOKENS = st.integers(1, 200_000)


def limit(pace: Pace, scenario: Scenario = SCENARIO, **settings: Any) -> Deadline:
    """Return the deadline under these settings, at a server that can be told to think."""
    return pace.limit_for(scenario, Settings(**settings), SWITCH)


def test_the_users_number_is_taken_as_it_is() -> None:
    """Whatever was measured, asked for, or is the ceiling."""
    slow = Pace(0.1)
    assert limit(slow, timeout_s=2.5) == Deadline(seconds=2.5, source="manual")
    assert limit(slow, timeout_s=90_000.0, thinking="on").seconds == 90_000.0


def test_unmeasured_the_pack_decides() -> None:
    """Its seconds as they stand."""
    assert limit(Pace()) == Deadline(seconds=120.0, source="pack")


def test_a_slow_server_gets_longer_and_the_source_says_why() -> None:
    """Half the reference speed, twice the time."""
    assert limit(Pace(REFERENCE_TPS / 2)) == Deadline(seconds=240.0, source="measured 15.0 tok/s")


def test_a_fast_server_gets_no_less_than_the_pack_gives() -> None:
    """A deadline is a ceiling, not a target."""
    assert limit(Pace(REFERENCE_TPS * 9)).seconds == 120.0


def test_thinking_adds_the_time_of_its_budget() -> None:
    """With no other option set, measured or not, and only in the arm that thinks."""
    assert limit(Pace(32.0), thinking="on").seconds == 120.0 + THINKING_MAX_TOKENS / 32
    assert limit(Pace(), thinking="on").seconds == pytest.approx(120.0 + THINKING_MAX_TOKENS / REFERENCE_TPS)
    assert limit(Pace(32.0), replace(SCENARIO, thinking="on"), thinking_max_tokens=3200).seconds == 220.0
    assert limit(Pace(32.0), replace(SCENARIO, thinking="on"), thinking="off").seconds == 120.0


def test_every_question_of_a_dialogue_may_be_thought_about() -> None:
    """Three of them, three budgets."""
    asked = replace(SCENARIO, followups=("and?", "and?"))
    assert limit(Pace(32.0), asked, thinking="on", thinking_max_tokens=3200).seconds == 420.0


def test_there_is_a_ceiling_unless_the_pack_goes_beyond_it() -> None:
    """An hour; a pack that gives two knows why."""
    assert limit(Pace(0.1), thinking="on").seconds == CEILING_S
    assert limit(Pace(0.1), replace(SCENARIO, timeout_s=7200.0)).seconds == 7200.0


@given(slower=SPEEDS, faster=SPEEDS, tokens=TOKENS, thinks=st.sampled_from(["on", "off", "pack"]))
def test_a_slower_server_never_gets_less(slower: float, faster: float, tokens: int, thinks: str) -> None:
    """Whatever else is asked."""
    slower, faster = sorted((slower, faster))
    given_slower, given_faster = (limit(Pace(tps), max_tokens=tokens, thinking=thinks) for tps in (slower, faster))
    assert given_slower.seconds >= given_faster.seconds >= SCENARIO.timeout_s


@given(tps=st.none() | SPEEDS, smaller=TOKENS, larger=TOKENS)
def test_a_larger_budget_never_gets_less(tps: float | None, smaller: int, larger: int) -> None:
    """Of the answer, and of the thoughts."""
    smaller, larger = sorted((smaller, larger))
    pace = Pace(tps)
    assert limit(pace, max_tokens=larger).seconds >= limit(pace, max_tokens=smaller).seconds
    thoughts = [limit(pace, thinking="on", thinking_max_tokens=tokens).seconds for tokens in (smaller, larger)]
    assert thoughts == sorted(thoughts)
    assert thoughts[0] >= limit(pace).seconds


@given(tps=SPEEDS, seconds=st.floats(1, 7200), more=st.floats(0, 7200))
def test_a_pack_that_gives_more_gets_more(tps: float, seconds: float, more: float) -> None:
    """The seconds of a pack count in full."""
    shorter, longer = (replace(SCENARIO, timeout_s=value) for value in (seconds, seconds + more))
    assert limit(Pace(tps), longer).seconds >= limit(Pace(tps), shorter).seconds >= seconds


def turn(tps: float | None, tokens: int | None = 100, total_s: float = 0.0) -> tuple[Timing, Usage]:
    """Return the figures of one turn."""
    return Timing(total_s=total_s, decode_tps=tps), Usage(completion_tokens=tokens)


def test_the_speed_is_measured_while_the_run_goes_on() -> None:
    """A server that slows down under load moves the deadline of what starts next."""
    pace = Pace(60.0)
    assert limit(pace).seconds == 120.0
    for _ in range(WINDOW):
        pace.note(*turn(10.0))
    assert limit(pace) == Deadline(seconds=360.0, source="measured 10.0 tok/s")
    for _ in range(WINDOW):
        pace.note(*turn(40.0))
    assert limit(pace).seconds == 120.0


def test_single_turns_do_not_decide() -> None:
    """It is the speed that three in four reach."""
    pace = Pace()
    for tps in (20.0, 20.0, 20.0, 20.0, 20.0, 20.0, 0.01, 90_000.0):
        pace.note(*turn(tps))
    assert pace.tps == 20.0


@pytest.mark.parametrize(
    "figures",
    [
        turn(50.0, FEWEST_TOKENS - 1),
        turn(50.0, None),
        turn(None, 100),
        turn(None, None, 9.0),
        turn(math.nan),
        turn(math.inf),
    ],
)
def test_a_turn_that_tells_nothing_is_passed_over(figures: tuple[Timing, Usage]) -> None:
    """Too short, uncounted, without any time, or of a client that cannot divide."""
    pace = Pace()
    pace.note(*figures)
    assert pace.tps is None


def test_an_answer_without_a_rate_counts_with_its_whole_time() -> None:
    """Which can only make deadlines longer."""
    pace = Pace()
    pace.note(*turn(None, 100, 10.0))
    assert pace.tps == 10.0


def test_many_threads_may_tell_at_once() -> None:
    """None is lost within the window."""
    pace = Pace()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(WINDOW * 20):
            pool.submit(pace.note, *turn(12.5))
    assert pace.tps == 12.5
    assert len(pace._rates) == WINDOW
