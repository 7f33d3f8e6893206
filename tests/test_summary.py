"""Counting: what a run came to, whatever order its results come in."""

from __future__ import annotations

import dataclasses
import math
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.records import Outcome, Purpose, Reason
from pytest_llmbench.statistics import clustered_interval
from pytest_llmbench.summary import (
    Counts,
    Estimates,
    Mean,
    PackSummary,
    Status,
    percent,
    plural,
    score_text,
    shown_k,
)
from pytest_llmbench.tally import DETAIL_LIMIT, Tally
from tests.summaries import RUN, facts, fill, quick, result, summary, words

WORDS = st.sampled_from(["pass", "wrong_answer", "timeout", "server_error", "rate_limited", "cancelled"])


def test_a_whole_run_is_counted() -> None:
    """Passes, failures and totals add up, packs are sorted by id."""
    found = quick()
    assert [pack.facts.id for pack in found.packs] == ["instructfollow-15", "toolcall-15"]
    tools = found.packs[1]
    assert (tools.passed, tools.failed, tools.errors, tools.not_run, tools.counted) == (14, 1, 0, 0, 15)
    assert tools.score == pytest.approx(14 / 15)
    assert tools.interval == pytest.approx((0.7018, 0.9881), abs=5e-5)
    assert (found.total.passed, found.total.counted, found.total.size) == (27, 30, 30)
    assert found.total.complete


def test_errors_leave_the_denominator() -> None:
    """An ERROR is neither passed nor failed, and the pack is not complete."""
    pack = summary({"toolcall-15": words(12, 1, 2)}).packs[0]
    assert (pack.counted, pack.errors, pack.complete) == (13, 2, False)
    assert pack.score == pytest.approx(12 / 13)


def test_a_cancelled_trial_was_not_run() -> None:
    """A trial the end of the run overtook is missing, not an error."""
    pack = summary({"toolcall-15": [*words(3), "cancelled"]}).packs[0]
    assert (pack.errors, pack.not_run) == (0, 12)
    assert pack.missing[0] == "packs/toolcall-15/pack.yaml::S-04"
    assert pack.status is Status.UNFINISHED


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (Counts(size=15, selected=15, passed=14, failed=1), "14/15 (93%)"),
        (Counts(size=15, selected=15, passed=14, errors=1), "14/14, 1 error"),
        (Counts(size=15, selected=15, errors=15), "0/0, 15 errors"),
        (Counts(size=15, selected=1, passed=1), "1/1 of 15 selected"),
        (Counts(size=15, selected=2, passed=1, errors=1), "1/1 of 15 selected, 1 error"),
        (Counts(size=15, selected=15, passed=3, failed=1, not_run=11), "3/4, 11 not run"),
        (Counts(size=15, selected=15), "0/0"),
        (Counts(), "0/0"),
        (Counts(size=1000, selected=1000, passed=999, failed=1), "999/1000 (99%)"),
        (Counts(size=1000, selected=1000, passed=1, failed=999), "1/1000 (1%)"),
        (Counts(size=8, selected=8, passed=1, failed=7), "1/8 (13%)"),
    ],
)
def test_score_text_is_never_a_bare_percentage(counts: Counts, text: str) -> None:
    """Only a complete pack has a percentage; all else says what is missing."""
    assert score_text(counts) == text


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_score_text_shows_a_percentage_exactly_for_complete_packs(
    passed: int, failed: int, errors: int, not_run: int, unselected: int
) -> None:
    """The percent sign stands there if, and only if, nothing is missing and something was counted."""
    selected = passed + failed + errors + not_run
    counts = Counts(
        size=selected + unselected, selected=selected, passed=passed, failed=failed, errors=errors, not_run=not_run
    )
    assert ("%" in score_text(counts)) == (counts.counted > 0 and errors + not_run + unselected == 0)


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0%"), (1.0, "100%"), (0.005, "1%"), (0.0001, "1%"), (0.9999, "99%")]
)
def test_percent_keeps_0_and_100_for_the_whole(share: float, text: str) -> None:
    """199 of 200 is not everything."""
    assert percent(share) == text


def test_plural_counts_aloud() -> None:
    """One is one, many have an s and separators."""
    assert (plural(1, "error"), plural(0, "error"), plural(12000, "error")) == ("1 error", "0 errors", "12,000 errors")


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), WORDS), max_size=40), st.randoms())
def test_the_order_of_arrival_does_not_matter(trials: list[tuple[int, int, str]], rng: random.Random) -> None:
    """The same last results in any order give the same summary."""
    last = {(scenario, attempt): word for scenario, attempt, word in trials}
    pack = facts(size=4)
    results = [result(pack, f"S-{scenario}", word, attempt=attempt) for (scenario, attempt), word in last.items()]
    shuffled = results.copy()
    rng.shuffle(shuffled)
    found = []
    for order in (results, shuffled):
        tally = Tally()
        fill(tally, pack, [], selected=0)
        for number in range(1, 5):
            tally.expect(pack, f"S-{number}", f"node {number}")
        for one in order:
            tally.add(one)
        found.append(tally.summary(RUN))
    assert found[0] == found[1]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), WORDS), max_size=40))
def test_a_later_result_of_the_same_trial_replaces_the_earlier(trials: list[tuple[int, int, str]]) -> None:
    """Whatever came before for a trial leaves no trace in counts, rows and repeats."""
    pack = facts(size=4)
    booked, clean = Tally(), Tally()
    for scenario, attempt, word in trials:
        booked.add(result(pack, f"S-{scenario}", word, attempt=attempt, metrics={"m": 1.0}))
    for scenario in dict.fromkeys(scenario for scenario, _, _ in trials):
        last = {attempt: word for one, attempt, word in trials if one == scenario}
        for attempt, word in last.items():
            clean.add(result(pack, f"S-{scenario}", word, attempt=attempt, metrics={"m": 1.0}))
    assert booked.summary(RUN) == clean.summary(RUN)


@given(st.lists(WORDS, max_size=15))
def test_every_selected_scenario_is_somewhere(outcomes: list[str]) -> None:
    """Passed, failed, errors and not run make up what was selected, and rows are what did not pass."""
    found = summary({"toolcall-15": outcomes})
    total = found.total
    assert total.passed + total.failed + total.errors + total.not_run == total.selected == 15
    assert len(found.rows) == total.failed + total.errors


def test_only_the_first_attempt_scores() -> None:
    """Further attempts show in the repeats and nowhere else."""
    pack = facts(size=2)
    tally = Tally()
    for attempt, word in enumerate(["wrong_answer", "pass", "pass"], start=1):
        tally.add(result(pack, "A", word, attempt=attempt, latency_s=float(attempt)))
        tally.add(result(pack, "B", "pass", attempt=attempt, latency_s=1.0))
    found = tally.summary(RUN).packs[0]
    assert (found.passed, found.failed) == (1, 1)
    assert found.repeats == {"A": (2, 3), "B": (3, 3)}
    assert found.unstable == ("A",)
    assert found.latency_p95_s == 1.0


def attempts_of(*outcomes: list[str]) -> PackSummary:
    """Return the summary of tasks whose attempts ended so."""
    pack, tally = facts(size=len(outcomes)), Tally()
    for number, words_of_task in enumerate(outcomes):
        for attempt, word in enumerate(words_of_task, start=1):
            tally.add(result(pack, f"S-{number}", word, attempt=attempt))
    return tally.summary(RUN).packs[0]


def values(found: Estimates) -> dict[int, float | None]:
    """Return the estimates alone."""
    return {k: one.value if one else None for k, one in found.items()}


def test_pass_at_k_is_a_mean_over_tasks() -> None:
    """Tasks with 2, 0, 5 and 1 of 5 attempts right, at every k that is shown and at 5 itself."""
    found = attempts_of(*([*["pass"] * right, *["wrong_answer"] * (5 - right)] for right in (2, 0, 5, 1)))
    assert found.attempts == 5
    assert values(found.pass_at) == {1: pytest.approx(0.4), 2: pytest.approx(0.525), 5: 0.75}
    assert values(found.pass_hat) == {1: pytest.approx(0.4), 2: pytest.approx(0.275), 5: 0.25}
    one = found.pass_at[1]
    assert one is not None
    assert (one.tasks, one.interval) == (4, clustered_interval([0.4, 0.0, 1.0, 0.2], 20))


def test_one_attempt_each_is_the_score() -> None:
    """Without repeats pass@1 is the score, with Wilson's interval, and there is no other k."""
    found = quick().packs[1]
    assert list(found.pass_at) == list(found.pass_hat) == [1]
    one = found.pass_at[1]
    assert one is not None
    assert one.value == found.score
    assert one.interval == pytest.approx(found.interval)


def test_too_few_judged_attempts_of_one_task_leave_a_k_unknown() -> None:
    """Errors are no attempts: of a task with one of three judged, nothing is known on two."""
    found = attempts_of(["pass"] * 3, ["pass", "server_error", "server_error"])
    assert values(found.pass_at) == {1: 1.0, 2: None, 3: None}
    assert values(found.pass_hat) == {1: 1.0, 2: None, 3: None}


def test_a_task_without_a_judged_attempt_is_no_task() -> None:
    """It is left out, and the estimate says over how many the mean is."""
    found = attempts_of(["pass", "wrong_answer"], ["server_error", "rate_limited"])
    assert values(found.pass_at) == {1: 0.5, 2: 1.0}
    assert {one.tasks for one in found.pass_at.values() if one} == {1}
    assert (found.errors, found.repeat_errors) == (1, 1)


def test_nothing_judged_has_no_estimate() -> None:
    """Neither where all attempts were errors, nor where none was made."""
    assert values(attempts_of(["server_error", "server_error"]).pass_at) == {1: None, 2: None}
    assert summary({"toolcall-15": []}).packs[0].pass_at == {}


def test_the_shown_k_end_at_the_attempts() -> None:
    """The usual ones that so many attempts allow, and their number."""
    assert shown_k(0) == []
    assert shown_k(1) == [1]
    assert shown_k(7) == [1, 2, 5, 7]
    assert shown_k(200) == [1, 2, 5, 10, 25, 100, 200]


def test_an_error_in_a_further_attempt_is_told_apart() -> None:
    """It does not touch the score, but the pack is not fine either."""
    pack = facts(size=1)
    tally = Tally()
    for attempt, word in enumerate(["pass", "server_error"], start=1):
        tally.add(result(pack, "A", word, attempt=attempt))
    found = tally.summary(RUN).packs[0]
    assert (found.errors, found.repeat_errors, found.status) == (0, 1, Status.ERRORS)
    assert score_text(found) == "1/1 (100%)"


def test_figures_come_from_judged_first_attempts() -> None:
    """An error's latency is no latency of the model; unknown tokens stay unknown."""
    pack = facts(size=3)
    tally = Tally()
    tally.add(result(pack, "A", "pass", latency_s=1.0, first_token_s=0.25, completion_tokens=7, decode_tps=None))
    tally.add(result(pack, "B", "wrong_answer", latency_s=3.0, first_token_s=None, completion_tokens=None))
    tally.add(result(pack, "C", "server_error", latency_s=99.0, completion_tokens=99))
    found = tally.summary(RUN).packs[0]
    assert (found.latency_p50_s, found.first_token_p50_s, found.decode_tps) == (2.0, 0.25, 50.0)
    assert found.completion_tokens == 7


def test_a_pack_without_figures_has_none() -> None:
    """Nothing measured is None, not zero."""
    found = summary({"toolcall-15": words(0, 0, 15)}).packs[0]
    assert (found.score, found.interval, found.latency_p50_s, found.completion_tokens) == (None, None, None, None)


def test_metrics_are_means_over_those_that_have_them() -> None:
    """Each metric has its own n; what is no finite number is left out."""
    pack = facts(size=3)
    tally = Tally()
    tally.add(result(pack, "A", metrics={"cosine": 0.5, "bleu": 0.1}))
    tally.add(result(pack, "B", "wrong_answer", metrics={"cosine": 0.25}))
    tally.add(result(pack, "C", metrics={"cosine": math.nan, "bleu": math.inf}))
    assert tally.summary(RUN).packs[0].metrics == {
        "bleu": Mean(value=0.1, count=1),
        "cosine": Mean(value=0.375, count=2),
    }


def test_rows_tell_what_did_not_pass() -> None:
    """A row has what a reader needs, and a long detail is cut."""
    tally = Tally()
    tally.add(result(facts(), "TC-07", "wrong_argument", detail="x" * 5000))
    row = tally.summary(RUN).rows[0]
    assert (row.pack, row.scenario, row.title) == ("toolcall-15", "TC-07", "Title of TC-07")
    assert (row.outcome, row.reason, row.nodeid) == (
        Outcome.FAIL,
        Reason.WRONG_ARGUMENT,
        "packs/toolcall-15/pack.yaml::TC-07",
    )
    assert row.detail.startswith("x" * DETAIL_LIMIT)
    assert len(row.detail) < DETAIL_LIMIT + 50


def test_reasons_are_counted() -> None:
    """Failures and errors are counted by reason."""
    pack = summary({"toolcall-15": ["pass", "timeout", "timeout", "rate_limited"]}).packs[0]
    assert pack.reasons == {Reason.TIMEOUT: 2, Reason.RATE_LIMITED: 1}


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        (words(12, 3), Status.OK),
        (words(9, 6), Status.WATCH),
        (words(10, 5), Status.WATCH),
        (words(8, 7), Status.LOW),
        (words(8, 6, 1), Status.ERRORS),
        (words(8, 6), Status.UNFINISHED),
    ],
)
def test_status_is_one_word(outcomes: list[str], status: Status) -> None:
    """At a floor of 80 % on 15: 8 is surely below, 9 and 10 are to be watched."""
    assert summary({"toolcall-15": outcomes}).packs[0].status is status


def test_status_of_a_part_is_partial() -> None:
    """A pack that was not wholly selected says so, whatever its score."""
    found = summary({"toolcall-15": words(0, 1)}, selected=1)
    assert found.packs[0].status is Status.PARTIAL
    assert found.packs[0].size == 15


def test_the_summary_has_the_worst_word() -> None:
    """One pack with errors marks the whole run."""
    assert quick().status is Status.OK
    assert summary({"toolcall-15": words(15), "instructfollow-15": words(14, 0, 1)}).status is Status.ERRORS
    assert summary().status is Status.OK


def test_a_skipped_scenario_is_not_selected() -> None:
    """What a mark skipped leaves the denominator and makes the pack partial."""
    tally = Tally()
    fill(tally, facts(), words(14))
    tally.withdraw(facts(), "S-15")
    pack = tally.summary(RUN).packs[0]
    assert score_text(pack) == "14/14 of 15 selected"


def test_a_wholly_skipped_pack_is_no_row() -> None:
    """Nothing selected, nothing shown."""
    tally = Tally()
    tally.expect(facts(), "A", "node")
    tally.withdraw(facts(), "A")
    assert tally.summary(RUN).packs == ()


def test_a_skip_after_a_verdict_changes_nothing() -> None:
    """A verdict stands."""
    tally = Tally()
    tally.add(result(facts(size=1), "A"))
    tally.withdraw(facts(size=1), "A")
    assert tally.summary(RUN).packs[0].passed == 1


def test_hand_written_tests_are_a_pack_of_their_own() -> None:
    """They have rows and scores, their size is what ran, and they never shape the label."""
    tally = Tally()
    for pack_id in ("toolcall-15", "instructfollow-15"):
        fill(tally, facts(pack_id), words(15))
    module = facts("test_mine", size=0, version="", tags=(), floor=None)
    tally.add(result(module, "test_a", purpose=Purpose.FIXTURE))
    tally.add(result(module, "test_b", "wrong_answer", purpose=Purpose.FIXTURE))
    found = tally.summary(RUN)
    assert [pack.facts.id for pack in found.packs] == ["instructfollow-15", "test_mine", "toolcall-15"]
    assert score_text(found.packs[1]) == "1/2 (50%)"
    assert found.label == "quick"


def test_the_label_is_the_tag_that_ran_whole() -> None:
    """All of a tag's scenarios and no others: of equal tags the one the pack names first."""
    assert quick().label == "quick"


def test_the_label_needs_the_packs_that_were_not_collected() -> None:
    """Two of three packs that carry the tag are not the tag."""
    assert quick(tag_totals={"quick": 45, "medium": 75, "full": 100}).label == "custom"


def test_the_label_does_not_undersell() -> None:
    """A run of more than a tag's scenarios is not called by that tag."""
    tally = Tally()
    fill(tally, facts("toolcall-15"), words(15))
    fill(tally, facts("structoutput-15", tags=("medium", "full")), words(15))
    run = dataclasses.replace(RUN, tag_totals={"quick": 15, "medium": 30, "full": 60})
    assert tally.summary(run).label == "medium"


def test_the_label_of_a_part_is_custom() -> None:
    """-k, --llm-limit and an early end make no quick run."""
    assert summary({"toolcall-15": words(3)}, selected=3).label == "custom"
    assert summary({"toolcall-15": words(3)}, tag_totals={"quick": 15}).label == "custom"
    assert summary().label == "custom"


def test_one_whole_pack_is_called_by_its_id() -> None:
    """A benchmark stands for itself where no tag does; two packs, or one with a scenario missing, do not."""
    tags = {"quick": 45, "medium": 75, "full": 100}
    assert summary({"toolcall-15": words(14, 0, 1)}, tag_totals=tags).label == "toolcall-15"
    assert summary({"toolcall-15": words(14)}, tag_totals=tags).label == "custom"
    assert summary({"toolcall-15": words(15)}, tag_totals={"quick": 15}).label == "quick"


def test_a_scenarios_own_tag_can_be_the_label() -> None:
    """All scenarios that carry a tag of their own make a run of that name."""
    tally = Tally()
    pack = facts()
    for number in range(3):
        tally.expect(pack, f"S-{number}", f"node {number}", ("hard",))
        tally.add(result(pack, f"S-{number}"))
    run = dataclasses.replace(RUN, tag_totals={"quick": 30, "medium": 30, "full": 75, "hard": 3})
    assert tally.summary(run).label == "hard"


def test_a_hundred_attempts_of_a_thousand_scenarios_stay_flat() -> None:
    """Memory is that of the scenarios, not of the trials."""
    pack = facts(size=1000)
    samples = [result(pack, f"S-{number:04}") for number in range(1000)]
    tally = Tally()
    for one in samples:
        tally.add(one)
    tracemalloc.start()
    for attempt in range(2, 101):
        for one in samples:
            tally.add(dataclasses.replace(one, key=dataclasses.replace(one.key, attempt=attempt)))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 300_000
    tracemalloc.start()
    found = tally.summary(RUN).packs[0]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
    assert found.repeats["S-0000"] == (100, 100)
    assert values(found.pass_hat) == dict.fromkeys((1, 2, 5, 10, 25, 100), 1.0)


def test_a_hundred_thousand_items_take_little_memory() -> None:
    """An expected and passed scenario costs less than 600 bytes beside its names."""
    pack = facts(size=20_000)
    names = [f"S-{number:06}" for number in range(20_000)]
    one = result(pack, "x", metrics={"m": 1.0})
    tracemalloc.start()
    tally = Tally()
    for name in names:
        tally.expect(pack, name, name, ("hard",))
        tally.add(dataclasses.replace(one, key=dataclasses.replace(one.key, scenario=name)))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(names) < 600
