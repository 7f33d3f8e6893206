"""When another try is made, and after how long."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from pytest_llmbench.endpoints.patience import LONGEST_S, Cause, Patience, asked_pause


def test_rate_limits_are_waited_for_past_a_minute() -> None:
    """Three pauses of 10, 20 and 40 seconds, then no more."""
    patience = Patience()
    assert [patience.pause(Cause.RATE) for _ in range(4)] == [10.0, 20.0, 40.0, None]
    assert patience.retries == 3


def test_broken_connections_are_tried_again_soon() -> None:
    """Four pauses that double from half a second, then no more."""
    patience = Patience()
    assert [patience.pause(Cause.BROKEN) for _ in range(5)] == [0.5, 1.0, 2.0, 4.0, None]


def test_a_full_server_is_waited_for_some_minutes() -> None:
    """Soon at first, then every eight seconds, and not for ever."""
    patience = Patience()
    pauses = [pause for _ in range(100) if (pause := patience.pause(Cause.BUSY)) is not None]
    assert pauses[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert 240 <= sum(pauses) <= 360


def test_each_cause_is_counted_by_itself_and_all_are_bounded() -> None:
    """A server that alternates between faults is given up as well."""
    patience = Patience()
    pauses = [patience.pause(cause) for _ in range(100) for cause in Cause]
    assert sum(pause is not None for pause in pauses) == patience.retries == 3 + 4 + 40


def test_the_servers_wish_goes_before_the_table_but_is_counted() -> None:
    """Retry-After replaces the pause, not the limit."""
    patience = Patience()
    assert [patience.pause(Cause.RATE, retry_after="3") for _ in range(4)] == [3.0, 3.0, 3.0, None]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("2", 2.0),
        ("0.5", 0.5),
        ("-4", 0.0),
        ("86400", LONGEST_S),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_S),
    ],
)
def test_retry_after_is_read_and_capped(header: str | None, seconds: float | None) -> None:
    """Seconds and HTTP dates; nonsense says nothing."""
    assert asked_pause(header) == seconds


def test_a_date_means_the_time_until_then() -> None:
    """Within the second that HTTP dates are exact to."""
    found = asked_pause(formatdate(time.time() + 30, usegmt=True))
    assert found is not None
    assert 25 < found <= 30
