"""Did it get worse: verdicts, their sentences, and what asking again makes of them."""

from __future__ import annotations

import random

import pytest

from pytest_llmbench.flips import Attempts, Finding, Key
from pytest_llmbench.paired import amount, p_text, plain_of
from pytest_llmbench.records import Purpose
from pytest_llmbench.regression import Word, ask_again, attempts_of, compare, confirm, flip_rate
from tests.summaries import facts, result

KEYS = [(f"pack-{pack}", f"S-{number:02}") for pack in range(5) for number in range(15)]
BASE: dict[Key, tuple[int, int]] = {key: (int(place < 70), 1) for place, key in enumerate(KEYS)}
"""One run, 70 of 75 passed: all but five of the last pack."""


def changed(
    attempts: Attempts, *, worse: tuple[int, ...] = (), better: tuple[int, ...] = ()
) -> dict[Key, tuple[int, int]]:
    """Return single attempts in which scenarios with these places fail or pass, and the others stay."""
    now = {key: (int(passed > 0), 1) for key, (passed, _) in attempts.items()}
    return {**now, **{KEYS[at]: (0, 1) for at in worse}, **{KEYS[at]: (1, 1) for at in better}}


def repeated(times: int, *, flaky: tuple[int, ...] = ()) -> dict[Key, tuple[int, int]]:
    """Return the baseline of `times` runs; the scenarios with these places failed in one of them."""
    found = {key: (passed * times, times) for key, (passed, _) in BASE.items()}
    return {**found, **{KEYS[at]: (times - 1, times) for at in flaky}}


NINE = (0, 1, 2, 3, 4, 5, 20, 35, 50)


def test_a_regression_says_where_and_how_sure() -> None:
    """Nine scenarios lost, six of them in one pack."""
    found = compare(BASE, changed(BASE, worse=NINE))
    assert found.sentence == "REGRESSION 70->61 of 75, most in pack-0 15->9 (exact paired test p=0.002)"
    assert found.failed
    assert found.lines[0] == (
        "fails at p <= 0.04 over all 75 scenarios or, in one of 5 packs, 0.01 after Holm, and a loss of 3 points"
    )
    assert found.lines[2] == "pack-0 15->9 of 15, 6 worse, 0 better, p=0.016, adjusted p=0.078"


def test_a_confirmed_regression_says_so() -> None:
    """All that got worse fail three times more; the controls do as before."""
    now = changed(BASE, worse=NINE, better=(70,))
    found = compare(BASE, now)
    asked = ask_again(found, BASE, now)
    assert set(asked.flipped) == {KEYS[at] for at in (*NINE, 70)}
    assert len(asked.controls) == 10
    assert not set(asked.controls) & set(asked.flipped)
    assert asked == ask_again(found, BASE, now)
    fresh = {key: (3 * now[key][0], 3) for key in (*asked.flipped, *asked.controls)}
    last = confirm(found, BASE, now, fresh)
    assert last.word is Word.REGRESSION
    assert last.sentence.endswith("(exact paired test p=0.011, confirmed 9/9)")
    assert "asked again: pack-0 S-00 0/3 broken" in last.lines


def test_an_alarm_that_fresh_attempts_refute_is_taken_back() -> None:
    """All that got worse pass when asked again: noise, whatever the first p value was."""
    now = changed(BASE, worse=NINE)
    found = compare(BASE, now)
    asked = ask_again(found, BASE, now)
    last = confirm(found, BASE, now, {key: (3 * BASE[key][0], 3) for key in (*asked.flipped, *asked.controls)})
    assert last.word is Word.NOISE
    assert last.sentence == (
        "NOISE 9 flips, none flaky in the baseline, asked again 9 fine; a drop of 14 points would have been seen"
    )


def test_a_server_that_became_less_steady_everywhere_is_a_regression() -> None:
    """Each scenario fails now and then, so few fail again: the controls, which fail as often, tell."""
    now = changed(BASE, worse=NINE)
    found = compare(BASE, now)
    asked = ask_again(found, BASE, now)
    steady = {key: (3 * BASE[key][0], 3) for key in (*asked.flipped, *asked.controls)}
    unsteady = {key: (max(0, passed - 1), judged) for key, (passed, judged) in steady.items()}
    assert confirm(found, BASE, now, {**steady, **unsteady}).word is Word.REGRESSION
    only_flipped = {**steady, **{key: unsteady[key] for key in asked.flipped}}
    kept = confirm(found, BASE, now, only_flipped)
    assert {one.finding for one in kept.confirmation.worse} == {Finding.FLAKY} if kept.confirmation else False


def test_flips_that_were_flaky_before_are_noise() -> None:
    """The sentence names them, and what would have been seen."""
    found = compare(repeated(3, flaky=(0, 1)), changed(BASE, worse=(0, 1)))
    assert found.sentence == "NOISE 2 flips, both flaky in the baseline; a drop of 8 points would have been seen"
    assert found.word is Word.NOISE
    assert found.pairs == 150


@pytest.mark.parametrize(
    ("flaky", "worse", "told"),
    [
        ((0,), (0,), "1 flip, flaky in the baseline"),
        ((0, 1, 2), (0, 15), "2 flips, 1 of them flaky in the baseline"),
        ((), (0,), "1 flip, not flaky in the baseline"),
        ((0, 15, 30), (0, 15, 30), "3 flips, all flaky in the baseline"),
    ],
)
def test_flakiness_in_words(flaky: tuple[int, ...], worse: tuple[int, ...], told: str) -> None:
    """One, some, all or none of the flips."""
    found = compare(repeated(3, flaky=flaky), changed(BASE, worse=worse))
    assert found.sentence.startswith(f"NOISE {told};")


def test_a_large_loss_that_may_be_chance_is_watched() -> None:
    """Four of fifteen lost in one pack: no gate fails, but nobody overlooks it."""
    found = compare(BASE, changed(BASE, worse=(0, 1, 2, 3)))
    assert found.sentence == (
        "WATCH 70->66 of 75, most in pack-0 15->11 (exact paired test p=0.062): not sure; "
        "a drop of 14 points would have been seen"
    )
    assert not found.failed


def test_what_is_watched_and_broken_stays_watched() -> None:
    """A confirmed loss that is too small for the test is no noise; flaky ones are."""
    now = changed(BASE, worse=(0, 1, 2, 3))
    found = compare(BASE, now)
    broken = confirm(found, BASE, now, {KEYS[at]: (0, 3) for at in range(4)})
    assert broken.word is Word.WATCH
    assert "asked again 4 broken" in broken.sentence
    flaky = confirm(found, BASE, now, {KEYS[at]: (2, 3) for at in range(4)})
    assert flaky.word is Word.NOISE
    assert "asked again 4 flaky" in flaky.sentence


def test_certain_but_small_is_watched() -> None:
    """Eight of a thousand lost for sure are less than the minimum effect."""
    before = {("big", f"S-{number}"): (3, 3) for number in range(1000)}
    now = {key: (int(place >= 8), 1) for place, key in enumerate(before)}
    found = compare(before, now)
    assert found.p < 0.001
    assert found.word is Word.WATCH
    assert compare(before, now, delta=0.005).word is Word.REGRESSION


def test_one_pack_alone_fails_by_the_second_way() -> None:
    """A collapsed pack is seen behind as many scenarios that got better elsewhere."""
    before = {**BASE, KEYS[30]: (0, 1), KEYS[31]: (0, 1)}
    now = changed(before, worse=tuple(range(10)), better=(30, 31, *range(70, 75)))
    found = compare(before, now)
    assert not found.pooled_failed
    assert found.sentence == (
        "REGRESSION in pack-0 15->5 of 15, 68->65 of 75 in all (exact paired test p=0.0049 adjusted for 5 packs)"
    )
    fresh = {KEYS[at]: (0, 3) for at in range(10)}
    assert confirm(found, before, now, fresh).sentence.endswith("adjusted for 5 packs, confirmed 10/10)")
    refuted = {KEYS[at]: (3, 3) for at in range(10)}
    assert confirm(found, before, now, refuted).word is Word.NOISE


def test_one_pack_has_all_of_alpha() -> None:
    """Five of fifteen lost are p = 1/32, which one test alone may call."""
    before = {key: counts for key, counts in BASE.items() if key[0] == "pack-0"}
    found = compare(before, {**before, **{KEYS[at]: (0, 1) for at in range(5)}})
    assert (found.alpha, found.pack_alpha) == (0.05, 0.0)
    assert found.sentence == "REGRESSION 15->10 of 15 (exact paired test p=0.031)"


def test_nothing_worse_is_ok_and_asks_nothing_again() -> None:
    """Better or equal: no flip to worse, nothing to confirm."""
    now = changed(BASE, better=(70,))
    found = compare(BASE, now)
    assert found.sentence == "OK 70->71 of 75, none fails that passed; a drop of 14 points would have been seen"
    assert not ask_again(found, BASE, now).flipped
    assert confirm(found, BASE, now, {}) == found


def test_missing_and_added_scenarios_are_told() -> None:
    """What has no verdict now is counted, a pack that was not asked is named, neither is a failure."""
    now = {key: counts for key, counts in BASE.items() if key[0] != "pack-3"}
    now |= {KEYS[0]: (0, 0), ("pack-0", "S-99"): (1, 1)}
    found = compare(BASE, now)
    assert found.missing == (KEYS[0],)
    assert found.added == (("pack-0", "S-99"),)
    assert found.left_out == ("pack-3",)
    assert found.sentence.endswith("; 1 scenario of the baseline has no verdict now")
    assert "packs of the baseline that were not asked: pack-3" in found.lines


def test_nothing_in_common_is_not_comparable() -> None:
    """It fails a gate, for it cannot say that nothing got worse."""
    found = compare(BASE, {("other", "S-01"): (1, 1)})
    assert found.word is Word.NOT_COMPARABLE
    assert found.failed
    assert found.sentence == "NOT COMPARABLE no scenario has a verdict in both"
    assert found.detectable is None


def test_too_few_scenarios_see_nothing_and_say_so() -> None:
    """Two scenarios cannot show any drop."""
    few = {key: BASE[key] for key in KEYS[:2]}
    assert compare(few, few).sentence == "OK 2->2 of 2, none fails that passed; 2 scenarios are too few to see any drop"


def test_means_over_attempts_have_a_decimal() -> None:
    """A baseline of three runs may have passed 69.7."""
    found = compare(repeated(3, flaky=(0,)), changed(BASE, worse=NINE))
    assert found.sentence.startswith("REGRESSION 69.7->61 of 75, most in pack-0 14.7->9 (exact paired test p<0.0001")


def test_noise_is_estimated_from_repeats() -> None:
    """The rate at which attempts were drawn comes out; without repeats three in a hundred are assumed."""
    assert flip_rate(BASE) == (0.03, 0)
    # of 100 scenarios with three attempts each, 3 * 0.05 * 0.95^2 = 13.5 % have one that flipped
    flipped = {("p", f"{number}"): (2 if number < 14 else 3, 3) for number in range(100)}
    rate, pairs = flip_rate(flipped)
    assert rate == pytest.approx(0.05, abs=0.005)
    assert pairs == 200
    assert 0 < flip_rate(repeated(3))[0] < 0.005


def test_attempts_are_counted_from_results() -> None:
    """Errors are not judged, confirmations do not count, repeats do."""
    pack = facts()
    results = [
        result(pack, "S-01"),
        result(pack, "S-01", "wrong_answer", attempt=2),
        result(pack, "S-02", "server_error"),
        result(pack, "S-03", purpose=next(one for one in Purpose if one is not Purpose.ITEM)),
    ]
    assert attempts_of(results) == {("toolcall-15", "S-01"): (1, 2), ("toolcall-15", "S-02"): (0, 0)}


@pytest.mark.parametrize("runs", [1, 3])
def test_noise_alone_seldom_alarms(runs: int) -> None:
    """Where nothing changed and each attempt flips with 5 %, at most one comparison in twenty alarms, unconfirmed."""
    draw, alarms, draws = random.Random(5), 0, 300  # noqa: S311 - no secret
    for _ in range(draws):
        before, now = (
            {
                key: (sum((draw.random() < 0.05) != bool(passed) for _ in range(times)), times)
                for key, (passed, _) in BASE.items()
            }
            for times in (runs, 1)
        )
        alarms += compare(before, now).failed
    assert alarms <= 0.05 * draws


def test_for_programs() -> None:
    """The plain form holds the word, the sentence, each flip and what asking again found."""
    now = changed(BASE, worse=NINE)
    found = compare(BASE, now)
    plain = plain_of(confirm(found, BASE, now, {KEYS[0]: (0, 3)}))
    assert (plain["word"], plain["size"], len(plain["flips"])) == ("regression", 75, 9)
    assert plain["flips"][0]["is_worse"]
    assert plain["confirmation"]["checked"][0]["finding"] == "broken"


def test_figures_in_words() -> None:
    """Counts are whole where they are, small p values do not become zero."""
    assert [amount(value) for value in (70.0, 70.3333, 69.99999999999)] == ["70", "70.3", "70"]
    assert [p_text(value) for value in (0.0156, 0.00001, 1.0)] == ["p=0.016", "p<0.0001", "p=1"]
