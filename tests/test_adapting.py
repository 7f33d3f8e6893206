"""The limit on requests in flight: how it finds what a server works on at once, and stays there."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_llmbench.adapting import CEILING, MEASURED, PATIENCE, Adaptive, Governor
from pytest_llmbench.records import ServerLoad
from tests.simulated import Answer, Batch, drive


def chat(chance: random.Random) -> Answer:
    """A question and an answer of everyday length."""
    return Answer(200, chance.randint(20, 120))


def even(_at_once: int) -> float:
    """Tokens per second of each answer, however many there are."""
    return 30.0


def knee_at(seats: int) -> Callable[[int], float]:
    """Return a pace that falls once more than `seats` share it."""
    return lambda at_once: 30.0 * min(1.0, seats / at_once)


def fed(adaptive: Adaptive, *looks: tuple[ServerLoad | None, int]) -> int:
    """Give observations half a second apart: what the server says, and how many are in flight."""
    for number, (load, in_flight) in enumerate(looks):
        adaptive.observe(load, in_flight=in_flight, at=number / 2)
    return adaptive.limit


@settings(deadline=None, max_examples=15)
@given(
    start=st.integers(1, 100),
    slots=st.integers(2, 40),
    longest=st.integers(20, 200),
    kind=st.sampled_from(["llama.cpp", "vllm"]),
)
@example(start=1, slots=15, longest=20, kind="llama.cpp")
def test_the_slots_of_any_server_are_found_and_kept(start: int, slots: int, longest: int, kind: str) -> None:
    """From any start: in the end all slots work, one in eight more is tried now and then, the limit rarely moves."""
    server = Batch(slots, even, kind=kind)
    course = drive(server, Adaptive(start), seconds=100, answer=lambda chance: Answer(50, chance.randint(10, longest)))
    settled, few = course.after(50), slots // 15
    assert slots <= min(settled)
    assert max(settled) <= slots + few + max(1, (slots + few) // 8)
    assert sum(limit <= slots + few for limit in settled) >= 0.8 * len(settled)
    assert course.changes <= 20


@settings(deadline=None, max_examples=8)
@given(slots=st.integers(2, 16), kind=st.sampled_from(["llama.cpp", "vllm"]))
def test_known_slots_are_kept_busy_from_the_first_request(slots: int, kind: str) -> None:
    """Started with what the server says of itself and bounded by it, the limit never moves at all."""
    server = Batch(slots, even, kind=kind)
    course = drive(server, Adaptive(slots, ceiling=slots), seconds=60, answer=chat)
    assert course.changes == 0
    assert course.busy(slots) >= 0.95


def test_overstated_slots_are_found_out() -> None:
    """A proxy may say 8 where 3 work: what waits tells."""
    course = drive(Batch(3, even), Adaptive(8, ceiling=8), seconds=60, answer=chat)
    assert course.after(10).count(3) >= 0.9 * len(course.after(10))


def test_others_get_their_room_and_give_it_back() -> None:
    """While somebody else holds 5 of 8 slots ours is 3; soon after they left it is 8 again."""
    course = drive(
        Batch(8, even),
        Adaptive(8, ceiling=8),
        seconds=200,
        answer=chat,
        others=lambda at: 5 if 40 < at < 100 else 0,
    )
    limits = dict(course.limits)
    assert {limit for at, limit in limits.items() if at < 40} == {8}
    assert {limit for at, limit in limits.items() if 50 < at < 100} <= {3, 4}
    assert {limit for at, limit in limits.items() if at > 110} == {8}


def test_somebody_who_floods_the_server_leaves_us_the_floor() -> None:
    """And once the flood is over all slots are ours again."""
    course = drive(
        Batch(8, even),
        Adaptive(8, floor=2, ceiling=8),
        seconds=200,
        answer=chat,
        others=lambda at: 40 if 20 < at < 80 else 0,
    )
    limits = dict(course.limits)
    assert {limit for at, limit in limits.items() if 50 < at < 80} == {2}
    assert {limit for at, limit in limits.items() if at > 110} == {8}


@pytest.mark.parametrize("seats", [12, 24, 60])
def test_growth_ends_where_throughput_does(seats: int) -> None:
    """Nothing ever waits, yet more at once is no faster: the limit stays within twice what is enough."""
    server = Batch(10_000, knee_at(seats), kind="vllm")
    course = drive(server, Adaptive(8), seconds=300, answer=lambda chance: Answer(200, chance.randint(20, 400)))
    assert max(course.after(60)) <= 2.3 * seats
    assert server.written / 300 >= 0.95 * 30.0 * seats


@pytest.mark.parametrize("cache", [2_000, 10_000, 40_000])
def test_a_cache_that_fills_is_respected(cache: int) -> None:
    """A quarter of the waste of somebody who asks too much at once, and nearly all of the answers."""
    server = Batch(10_000, even, cache=cache, kind="vllm")

    def answer(chance: random.Random) -> Answer:
        return Answer(chance.randint(100, 500), chance.randint(20, 400))

    course = drive(server, Adaptive(8), seconds=400, answer=answer)
    blind = Batch(10_000, even, cache=cache, kind="vllm")
    rival = drive(blind, Adaptive(4 * max(course.after(200)), fixed=True), seconds=400, answer=answer)
    assert server.preemptions < blind.preemptions / 4
    assert course.finished >= 0.8 * rival.finished


def test_a_fixed_limit_never_moves() -> None:
    """Whatever waits, and beyond the ceiling too."""
    adaptive = Adaptive(300, fixed=True)
    assert fed(adaptive, *[(ServerLoad(busy=8, waiting=292), 300)] * 10) == 300


@pytest.mark.parametrize("load", [None, ServerLoad(), ServerLoad(busy=4)])
def test_a_server_that_tells_nothing_of_its_queue_changes_nothing(load: ServerLoad | None) -> None:
    """A hosted service, or a llama.cpp that shows its slots alone."""
    assert fed(Adaptive(8), *[(load, 8)] * 50) == 8


def test_the_start_is_kept_between_floor_and_ceiling() -> None:
    """The ceiling of an unknown server is the project's own."""
    assert (Adaptive(0).limit, Adaptive(1000).limit, Adaptive(3, floor=5).limit) == (1, CEILING, 5)


def test_a_queue_seen_once_or_twice_changes_nothing() -> None:
    """A request may be seen just before it gets its slot; each empty queue begins the count anew."""
    crowded, calm = (ServerLoad(busy=8, waiting=2), 8), (ServerLoad(busy=8, waiting=0), 8)
    adaptive = Adaptive(8, ceiling=8)
    assert fed(adaptive, *[crowded, crowded, calm] * 10) == 8
    assert fed(adaptive, *[crowded] * PATIENCE) == 6


def test_a_smaller_limit_is_given_time_to_take_effect() -> None:
    """What is in flight stays in flight: while it drains its queue is no news."""
    adaptive = Adaptive(32)
    queue = (ServerLoad(busy=8, waiting=24), 32)
    assert fed(adaptive, *[queue] * PATIENCE) == 8
    assert fed(adaptive, *[queue] * 20) == 8


def test_a_run_that_ends_does_not_grow_the_limit() -> None:
    """Fewer in flight than may be: more would change nothing, and nothing is learnt."""
    assert fed(Adaptive(8), *[(ServerLoad(busy=3, waiting=0), 3)] * 50) == 8


def test_a_client_that_is_busy_itself_does_not_grow_the_limit() -> None:
    """All slots of ours are taken, but the server works on few of them."""
    assert fed(Adaptive(8), *[(ServerLoad(busy=2, waiting=0), 8)] * 50) == 8


def test_requests_thrown_out_of_the_cache_shrink_the_limit_at_once() -> None:
    """One rise of the counter is enough; the same count again is none."""

    def load(preemptions: int, written: int) -> ServerLoad:
        return ServerLoad(busy=8, waiting=0, preemptions=preemptions, prompt_tokens=9, generated_tokens=written)

    adaptive = Adaptive(16)
    assert fed(adaptive, (load(5, 1), 9), (load(5, 2), 9)) == 16
    assert fed(adaptive, (load(6, 3), 9)) == 8
    assert fed(adaptive, (load(6, 4), 8)) == 8


def test_a_nearly_full_cache_stops_growth_before_anything_waits() -> None:
    """At 0.6 of the cache half as many more fit, at 0.9 none."""

    def course(usage: float) -> int:
        loads = [
            ServerLoad(busy=20, waiting=0, preemptions=0, prompt_tokens=9, generated_tokens=n, kv_usage=usage)
            for n in range(MEASURED)
        ]
        return fed(Adaptive(20), *[(load, 20) for load in loads])

    assert (course(0.1), course(0.6), course(0.9), course(1.0)) == (40, 30, 20, 20)


def test_a_page_that_was_not_written_anew_counts_once() -> None:
    """A step of vLLM is what its figures are written after, and it may last a minute where prompts are read slowly."""
    stale = ServerLoad(busy=6, waiting=2, preemptions=0, prompt_tokens=9000, generated_tokens=5)
    assert fed(Adaptive(8), *[(stale, 8)] * 100) == 8


def test_where_many_come_and_go_a_few_may_wait() -> None:
    """One in sixteen is always just arriving."""
    assert fed(Adaptive(64, ceiling=64), *[(ServerLoad(busy=60, waiting=4), 64)] * 10) == 64
    assert fed(Adaptive(64, ceiling=64), *[(ServerLoad(busy=59, waiting=5), 64)] * 10) < 64


@settings(deadline=None)
@given(
    start=st.integers(-5, 400),
    floor=st.integers(1, 10),
    looks=st.lists(
        st.tuples(
            st.one_of(
                st.none(),
                st.builds(
                    ServerLoad,
                    busy=st.one_of(st.none(), st.integers(0, 300)),
                    waiting=st.one_of(st.none(), st.integers(0, 300)),
                    preemptions=st.one_of(st.none(), st.integers(0, 9)),
                    prompt_tokens=st.one_of(st.none(), st.integers(0, 10_000)),
                    generated_tokens=st.one_of(st.none(), st.integers(0, 10_000)),
                    kv_usage=st.one_of(st.none(), st.floats(0, 1)),
                ),
            ),
            st.integers(0, 300),
        ),
        max_size=60,
    ),
)
def test_whatever_is_observed_the_limit_stays_in_bounds_and_repeats(
    start: int, floor: int, looks: list[tuple[ServerLoad | None, int]]
) -> None:
    """Nonsense included: no exception, and the same observations give the same limits."""
    one, other = Adaptive(start, floor=floor), Adaptive(start, floor=floor)
    for number, (load, in_flight) in enumerate(looks):
        limit = one.observe(load, in_flight=in_flight, at=float(number))
        assert floor <= limit <= CEILING
        assert limit == other.observe(load, in_flight=in_flight, at=float(number))


def test_a_governor_tells_each_change_and_what_the_server_said() -> None:
    """It asks in a thread of its own until it is stopped."""
    told: list[int] = []
    shrunk = threading.Event()

    def resize(limit: int) -> None:
        told.append(limit)
        shrunk.set()

    queue = ServerLoad(busy=3, waiting=5)
    governor = Governor(Adaptive(8), load=lambda: queue, in_flight=lambda: 8, resize=resize, interval_s=0.01)
    assert (governor.limit, governor.latest) == (8, None)
    governor.start()
    assert shrunk.wait(10)
    governor.stop()
    governor.stop()
    assert (told, governor.limit, governor.latest) == ([3], 3, queue)


@pytest.mark.parametrize("busy", [0, 4])
def test_a_server_that_refuses_gets_fewer(busy: int) -> None:
    """A vLLM with --max-num-queued-reqs 4 shows no queue; what it works on stands on its page only a step later."""
    looks = [
        (ServerLoad(busy=busy, waiting=0, preemptions=0, refusals=4 * n, prompt_tokens=9, generated_tokens=n), 8)
        for n in range(2)
    ]
    assert fed(Adaptive(8), *looks) == 4
