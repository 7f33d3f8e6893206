"""The feeder, the pump and the shelf, without pytest and without a server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.errors import EndpointUnreachable
from pytest_llmbench.loop import Loop
from pytest_llmbench.ordering import Job, order_jobs
from pytest_llmbench.pump import INFRA_LIMIT, JUDGING_LIMIT, Feeder, Key, Pump, Shelf
from pytest_llmbench.records import Outcome, PackFacts, Purpose, Reason, Result, TrialKey, Verdict


def result(outcome: Outcome = Outcome.PASS, reason: Reason | None = None) -> Result:
    """Return a result that says `outcome`."""
    return Result(
        key=TrialKey(pack="p", pack_hash="h", scenario="s", attempt=1),
        nodeid="n",
        title="t",
        purpose=Purpose.ITEM,
        verdict=Verdict(outcome=outcome, reason=reason),
        pack=PackFacts(id="p", title="P", version="1", content_hash="h", size=1),
    )


DOWN = result(Outcome.ERROR, Reason.SERVER_ERROR)


class Desk:
    """A feeder with all it calls, noted down."""

    def __init__(self, limit: int, probe: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        self.launched: list[Key] = []
        self.broken: list[Exception] = []
        self.probes = 0
        self.idle = 0
        self._probe = probe
        self.feeder = Feeder(
            limit=limit,
            launch=self.launched.append,
            probe=self.probe,
            broken=self.broken.append,
            idle=self.count_idle,
        )

    def count_idle(self) -> None:
        """Count how often the feeder said that nothing needs the server."""
        self.idle += 1

    async def probe(self) -> None:
        """Count the probe, then do as the test says."""
        self.probes += 1
        if self._probe is not None:
            await self._probe()


def test_the_slots_are_filled_and_a_finished_trial_is_replaced_at_once() -> None:
    """A slot is free as soon as the talk is over, before the verdict."""
    desk = Desk(limit=2)
    desk.feeder.plan([5, 6, 7], attempts=1)
    assert desk.launched == [(5, 1), (6, 1)]
    desk.feeder.talked((6, 1))
    assert desk.launched[-1] == (7, 1)
    desk.feeder.done((6, 1), result())
    assert len(desk.launched) == 3


def test_all_attempts_of_a_job_run_one_after_another_in_the_queue() -> None:
    """Attempts are counted from 1."""
    desk = Desk(limit=10)
    desk.feeder.plan([3, 1], attempts=2)
    assert desk.launched == [(3, 1), (3, 2), (1, 1), (1, 2)]


def test_a_hundred_thousand_trials_are_not_a_hundred_thousand_launches() -> None:
    """The queue is pulled from, and unjudged answers are bounded."""
    desk = Desk(limit=4)
    desk.feeder.plan(range(1000), attempts=100)
    while True:
        before = len(desk.launched)
        for key in list(desk.launched):
            desk.feeder.talked(key)
        if len(desk.launched) == before:
            break
    assert len(desk.launched) == 4 + JUDGING_LIMIT


def test_a_higher_limit_starts_more_at_once() -> None:
    """The limit may change while the run goes on."""
    desk = Desk(limit=1)
    desk.feeder.plan(range(5), attempts=1)
    desk.feeder.resize(3)
    assert len(desk.launched) == 3


def test_a_limit_that_changes_before_the_plan_is_no_end() -> None:
    """The governor of a server looks at its queue before the trials are there: the server must not be stopped."""
    desk = Desk(limit=2)
    desk.feeder.resize(4)
    assert not desk.idle
    assert not desk.feeder.is_idle
    desk.feeder.plan([1], attempts=1)
    assert not desk.idle
    desk.feeder.talked((1, 1))
    assert desk.idle == 1
    assert desk.feeder.is_idle


def test_a_question_before_the_plan_is_answered_and_is_no_end() -> None:
    """A hand-written test may ask while the trials of the packs are still being put in order."""

    async def main() -> Desk:
        desk = Desk(limit=1)
        await desk.feeder.slot()
        desk.feeder.leave()
        desk.feeder.again((7, 1))
        desk.feeder.talked((7, 1))
        return desk

    desk = asyncio.run(main())
    assert desk.launched == [(7, 1)]
    assert not desk.idle


def test_a_plan_without_trials_is_an_end() -> None:
    """A leg whose trials were all asked before needs its server no more."""
    desk = Desk(limit=1)
    desk.feeder.plan([], attempts=3)
    assert desk.idle == 1
    assert desk.feeder.is_idle


def test_a_feeder_that_is_closed_before_its_plan_has_ended() -> None:
    """Nobody waits for a leg that was broken off before it began."""
    desk = Desk(limit=1)
    desk.feeder.close()
    assert desk.idle == 1
    assert desk.feeder.is_idle


def test_lost_trials_go_first() -> None:
    """What a dead worker held is run again before anything new."""
    desk = Desk(limit=1)
    desk.feeder.plan([1, 2, 3], attempts=1)
    desk.feeder.lost([(1, 1)])
    assert desk.launched == [(1, 1), (1, 1)]


def test_infrastructure_errors_in_a_row_pause_and_probe_once() -> None:
    """A server that is well again is fed again."""

    async def main() -> Desk:
        desk = Desk(limit=1)
        desk.feeder.plan(range(100), attempts=1)
        for _ in range(INFRA_LIMIT):
            desk.feeder.done(desk.launched[-1], DOWN)
        paused = len(desk.launched)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(desk.launched) == paused + 1
        return desk

    desk = asyncio.run(main())
    assert desk.probes == 1
    assert not desk.broken


def test_one_broken_connection_for_each_slot_is_enough_to_probe() -> None:
    """The endpoint has retried each of them for seconds: eight rounds of that would be a minute of silence."""

    async def main() -> Desk:
        desk = Desk(limit=2)
        desk.feeder.plan(range(100), attempts=1)
        for key in desk.launched[:2]:
            desk.feeder.done(key, result(Outcome.ERROR, Reason.ENDPOINT_UNREACHABLE))
        await asyncio.sleep(0)
        return desk

    assert asyncio.run(main()).probes == 1


def test_a_failing_probe_ends_the_run_with_its_message() -> None:
    """Nothing more is started."""

    async def down() -> None:
        raise EndpointUnreachable("it is gone")

    async def main() -> Desk:
        desk = Desk(limit=1, probe=down)
        desk.feeder.plan(range(100), attempts=1)
        for _ in range(INFRA_LIMIT):
            desk.feeder.done(desk.launched[-1], DOWN)
        for _ in range(5):
            await asyncio.sleep(0)
        return desk

    desk = asyncio.run(main())
    assert [str(error) for error in desk.broken] == ["it is gone"]
    assert len(desk.launched) == INFRA_LIMIT


def test_a_wrong_answer_between_errors_keeps_the_run_going() -> None:
    """Only errors in a row count."""
    desk = Desk(limit=1)
    desk.feeder.plan(range(100), attempts=1)
    for number in range(40):
        desk.feeder.done(desk.launched[-1], result() if number % INFRA_LIMIT == INFRA_LIMIT - 1 else DOWN)
    assert desk.probes == 0


def test_a_guest_waits_for_a_slot_and_goes_before_queued_trials() -> None:
    """Questions of hand-written tests share the limit."""

    async def main() -> None:
        desk = Desk(limit=1)
        desk.feeder.plan([1, 2], attempts=1)
        guest = asyncio.ensure_future(desk.feeder.slot())
        await asyncio.sleep(0)
        assert not guest.done()
        desk.feeder.talked((1, 1))
        await guest
        assert desk.launched == [(1, 1)]
        desk.feeder.leave()
        assert desk.launched == [(1, 1), (2, 1)]

    asyncio.run(main())


def test_known_durations_put_the_longest_first() -> None:
    """What the last run measured beats the token limit."""
    jobs = [Job(0, "a", 100), Job(1, "b", 100), Job(2, "c", 100)]
    assert order_jobs(jobs, {"a": 0.2, "b": 3.0, "c": 1.0}) == [1, 2, 0]


def test_without_durations_the_token_limit_decides() -> None:
    """The order of the pack breaks ties."""
    jobs = [Job(0, "a", 100), Job(1, "b", 900), Job(2, "c", 900)]
    assert order_jobs(jobs, {}) == [1, 2, 0]


def test_an_unmeasured_job_is_placed_by_the_rate_of_the_measured_ones() -> None:
    """100 tokens took 1 s, so 250 are taken for 2.5 s."""
    jobs = [Job(0, "a", 100), Job(1, "b", 300), Job(2, "new", 250)]
    assert order_jobs(jobs, {"a": 1.0, "b": 3.0}) == [1, 2, 0]


def test_jobs_with_one_prefix_stay_together() -> None:
    """The server's prefix cache is hit again while it still holds the prefix."""
    jobs = [Job(0, "a", 10, "tools"), Job(1, "b", 50), Job(2, "c", 90, "tools"), Job(3, "d", 20)]
    assert order_jobs(jobs, {}) == [2, 0, 1, 3]


@given(st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(["", "x", "y"])), max_size=30))
def test_the_order_holds_every_job_once(shapes: list[tuple[int, str]]) -> None:
    """Whatever the sizes and prefixes."""
    jobs = [Job(index, str(index), tokens, prefix) for index, (tokens, prefix) in enumerate(shapes)]
    assert sorted(order_jobs(jobs, {"0": 3.0})) == list(range(len(jobs)))


def test_the_shelf_hands_over_between_threads() -> None:
    """The waiting thread is woken, and may do something each time anything arrives."""
    shelf: Shelf[str] = Shelf()
    seen: list[int] = []
    timer = threading.Timer(0.05, lambda: (shelf.put((1, 1), "other"), shelf.put((0, 1), "mine")))
    timer.start()
    assert shelf.take((0, 1), lambda: seen.append(1)) == "mine"
    assert seen
    assert shelf.take((1, 1)) == "other"


def test_a_closed_shelf_keeps_nobody_waiting_and_what_it_holds() -> None:
    """What is there is still handed out; what is missing is substituted."""
    shelf: Shelf[str] = Shelf()
    shelf.put((0, 1), "there")
    threading.Timer(0.05, shelf.close, [lambda key: f"none for {key}"]).start()
    assert shelf.take((9, 1)) == "none for (9, 1)"
    assert shelf.take((0, 1)) == "there"


def test_the_pump_runs_trials_at_once_and_says_when_each_is_done() -> None:
    """Two trials that wait for each other end; `talked` comes once, before `done`."""
    loop = Loop("test")
    events: list[tuple[str, Key]] = []
    finished = threading.Event()
    barrier = asyncio.Barrier(2)

    async def run(key: Key, told: Callable[[], None]) -> Result:
        await barrier.wait()
        told()
        return result()

    def done(key: Key, _: Result) -> None:
        events.append(("done", key))
        if len(events) == 4:
            finished.set()

    def fallen(key: Key, error: BaseException) -> Result:
        raise error

    pump = Pump(loop, run=run, talked=lambda key: events.append(("talked", key)), done=done, fallen=fallen)
    loop.call(pump.launch, (0, 1))
    loop.call(pump.launch, (1, 1))
    assert finished.wait(5)
    loop.stop()
    assert sorted(events) == [("done", (0, 1)), ("done", (1, 1)), ("talked", (0, 1)), ("talked", (1, 1))]


def test_stopping_the_loop_cancels_what_runs_within_a_second() -> None:
    """A trial that hangs is cancelled, its farewell is run."""
    loop = Loop("test")
    cancelled = threading.Event()
    started = threading.Event()

    async def hang() -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    loop.call(loop.spawn, hang())
    assert started.wait(5)
    said: list[str] = []

    async def farewell() -> None:
        said.append("bye")

    loop.stop(farewell())
    assert cancelled.is_set()
    assert said == ["bye"]
    loop.stop()
