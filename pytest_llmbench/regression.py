"""Did it get worse? Exact paired tests on two measurements, and the last word once scenarios were asked again.

Two ways to fail share the false alarms that are allowed: the test over all scenarios has four fifths of alpha, the
tests of single packs together one fifth, by Holm's method; with one pack there is one test, and it has all of it. So
where nothing changed at most alpha of all comparisons alarm, however much single attempts flip, as long as the baseline
is one ordinary run or several of which all are kept. Several attempts of one session are taken for several runs: where
a server answers alike within a session and otherwise in the next one, runs of several sessions are the baseline to
take. Both ways need a net loss of at least delta: what is certain may still be too small to matter. Asking again can
only take an alarm back, so it adds no false ones.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pytest_llmbench.detectable import Design
from pytest_llmbench.flips import Attempts, Checked, Confirmation, Finding, Flip, Key, PackChange, Word
from pytest_llmbench.paired import Comparison
from pytest_llmbench.records import Outcome, Purpose, Result
from pytest_llmbench.statistics import holm, stratified_p

__all__ = ["AskAgain", "Attempts", "Comparison", "Word", "ask_again", "attempts_of", "compare", "confirm"]

ALPHA = 0.05
"""The share of comparisons that may alarm where nothing changed."""

POOLED_SHARE = 0.8
"""What of it the test over all scenarios has; the packs have the rest."""

DELTA = 0.03
"""The smallest net loss (share of scenarios) that fails."""

WATCHED, WATCHED_IN_PACK = 0.05, 0.10
"""The net loss, of all scenarios and of one pack's, that is worth a look although it may be chance."""

ASSUMED_FLIPS = 0.03
"""How often an attempt is assumed to flip where nothing was repeated."""

Pairs = Mapping[Key, tuple[int, int, int, int]]
"""By scenario with a verdict in both: passed and judged attempts before, passed and judged now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAgain:
    """The scenarios to ask again before the last word; `controls` are as many of those that did not flip."""

    flipped: tuple[Key, ...] = ()
    controls: tuple[Key, ...] = ()


def attempts_of(results: Iterable[Result], *, purpose: Purpose = Purpose.ITEM) -> dict[Key, tuple[int, int]]:
    """Return passed and judged attempts of each scenario, of the trials of one purpose; errors are not judged."""
    found: dict[Key, tuple[int, int]] = {}
    for result in results:
        if result.purpose is purpose:
            key, outcome = (result.key.pack, result.key.scenario), result.verdict.outcome
            passed, judged = found.get(key, (0, 0))
            found[key] = passed + (outcome is Outcome.PASS), judged + (outcome is not Outcome.ERROR)
    return found


def compare(baseline: Attempts, now: Attempts, *, alpha: float = ALPHA, delta: float = DELTA) -> Comparison:
    """Return the verdict on `now`; whether the two may be compared at all is `comparable`'s affair.

    `alpha` is the share of comparisons that may alarm by chance, `delta` the least net loss (share of scenarios).
    """
    pairs = _pairs(baseline, now)
    packs = {pack for pack, _ in pairs}
    pack_alpha = round(alpha * (1 - POOLED_SHARE), 10) if len(packs) > 1 else 0.0
    pooled_alpha = round(alpha - pack_alpha, 10)
    rate, known = flip_rate(baseline, now)
    found = Comparison(
        word=Word.OK,
        packs=_packs(pairs, pack_alpha, delta),
        flips=tuple(_flips(pairs)),
        p=stratified_p(pairs.values()),
        alpha=pooled_alpha,
        pack_alpha=pack_alpha,
        delta=delta,
        design=_design(pairs, pooled_alpha, delta),
        flip_rate=rate,
        pairs=known,
        missing=tuple(key for key in sorted(baseline) if _is_lost(key, baseline, now, pairs)),
        added=tuple(key for key in sorted(now) if now[key][1] and key not in baseline),
        left_out=tuple(sorted({pack for pack, _ in baseline} - {pack for pack, _ in now})),
    )
    return dataclasses.replace(found, word=_word(found))


def ask_again(found: Comparison, baseline: Attempts, now: Attempts, *, most: int | None = None) -> AskAgain:
    """Return what to ask again: every scenario that flipped, for better as for worse, and as many controls.

    Nothing where none got worse. Asking only the failures again would be kind to the newer run. Of more than `most`
    that flipped so many are drawn. Draws are at random, but the same ones each time.
    """
    if not found.worse:
        return AskAgain()
    every = tuple((flip.pack, flip.scenario) for flip in found.flips)
    rest = sorted(key for key in baseline if key not in every and baseline[key][1] and now.get(key, (0, 0))[1])
    draw = random.Random(len(rest))  # noqa: S311 - no secret
    flipped = every if most is None or len(every) <= most else tuple(sorted(draw.sample(every, most)))
    return AskAgain(flipped=flipped, controls=tuple(sorted(draw.sample(rest, min(len(flipped), len(rest))))))


def confirm(found: Comparison, baseline: Attempts, now: Attempts, fresh: Attempts) -> Comparison:
    """Return the last word, once what `ask_again` named was asked again: `fresh` holds those attempts alone.

    The fresh attempts replace those that chose the scenarios, which are no evidence any more. An alarm stands if the
    test finds the same with them, or if they show at least delta and half of what it saw, the controls speaking for
    all that was not asked again; else it is taken back. None is raised here.
    """
    judged = {key: counts for key, counts in fresh.items() if counts[1] and baseline.get(key, (0, 0))[1]}
    pairs = _pairs(baseline, now)
    if not judged or not pairs:
        return found
    flips = {(flip.pack, flip.scenario): flip for flip in found.flips}
    checked = tuple(_checked(key, baseline[key], judged[key], flips.get(key)) for key in sorted(judged))
    scope = _scope(found, pairs)
    again = Confirmation(
        checked=checked,
        loss=_lost(scope, judged, ()),
        loss_by_controls=_lost(scope, judged, {key for key in scope if key in judged and key not in flips}),
        p=stratified_p((*pair[:2], *judged.get(key, pair[2:])) for key, pair in scope.items()),
    )
    kept = dataclasses.replace(found, confirmation=again)
    return dataclasses.replace(kept, word=_last_word(kept, again, scope))


def flip_rate(*measured: Attempts) -> tuple[float, int]:
    """Return how often an attempt is not what its scenario mostly does, and from how many pairs of attempts.

    Two attempts of one scenario disagree with the chance 2 f (1 - f). Half a disagreement is added to those seen,
    lest none among few looks like none at all. Without repeated scenarios it is what is assumed, and no pairs.
    """
    repeated = [counts for attempts in measured for counts in attempts.values() if counts[1] > 1]
    pairs = sum(judged - 1 for _, judged in repeated)
    if not pairs:
        return ASSUMED_FLIPS, 0
    seen = math.fsum(2 * passed * (judged - passed) / judged for passed, judged in repeated)
    share = min(0.5, (seen + 0.5) / (pairs + 1))
    return round((1 - math.sqrt(1 - 2 * share)) / 2, 3), pairs


def _pairs(baseline: Attempts, now: Attempts) -> Pairs:
    both = (key for key in sorted(baseline) if baseline[key][1] and now.get(key, (0, 0))[1])
    return {key: (*baseline[key], *now[key]) for key in both}


def _packs(pairs: Pairs, alpha: float, delta: float) -> tuple[PackChange, ...]:
    by_pack: dict[str, list[tuple[int, int, int, int]]] = {}
    for (pack, _), pair in pairs.items():
        by_pack.setdefault(pack, []).append(pair)
    p_values = [stratified_p(items) for items in by_pack.values()]
    return tuple(
        _pack(pack, items, p, adjusted=adjusted, fails_at=(alpha, delta))
        for (pack, items), p, adjusted in zip(by_pack.items(), p_values, holm(p_values), strict=True)
    )


def _pack(
    pack: str, items: list[tuple[int, int, int, int]], p: float, *, adjusted: float, fails_at: tuple[float, float]
) -> PackChange:
    before = math.fsum(passed / judged for passed, judged, _, _ in items)
    now = math.fsum(passed / judged for _, _, passed, judged in items)
    alpha, delta = fails_at
    failed = adjusted <= alpha and before - now >= delta * len(items)
    return PackChange(pack=pack, size=len(items), before=before, now=now, p=p, adjusted=adjusted, failed=failed)


def _flips(pairs: Pairs) -> Iterable[Flip]:
    for (pack, scenario), (passed, judged, passed_now, judged_now) in pairs.items():
        if 2 * abs(passed * judged_now - passed_now * judged) > judged * judged_now:
            yield Flip(pack=pack, scenario=scenario, before=(passed, judged), now=(passed_now, judged_now))


def _is_lost(key: Key, baseline: Attempts, now: Attempts, pairs: Pairs) -> bool:
    return bool(baseline[key][1]) and key not in pairs and any(key[0] == pack for pack, _ in now)


def _design(pairs: Pairs, alpha: float, delta: float) -> Design:
    usual = Counter((judged, judged_now) for _, judged, _, judged_now in pairs.values())
    runs = usual.most_common(1)[0][0] if usual else (1, 1)
    return Design(size=len(pairs), runs=runs, alpha=alpha, least=delta * len(pairs))


def _word(found: Comparison) -> Word:
    if not found.size:
        return Word.NOT_COMPARABLE
    if found.pooled_failed or any(pack.failed for pack in found.packs):
        return Word.REGRESSION
    if found.p <= found.alpha or found.loss >= WATCHED or any(map(_is_watched, found.packs)):
        return Word.WATCH
    return Word.NOISE if found.worse else Word.OK


def _is_watched(pack: PackChange) -> bool:
    return pack.loss >= max(2, WATCHED_IN_PACK * pack.size)


def _scope(found: Comparison, pairs: Pairs) -> Pairs:
    """Return the scenarios that the alarm was about: all, unless only packs failed."""
    failed = {pack.pack for pack in found.packs if pack.failed}
    if found.pooled_failed or not failed:
        return pairs
    return {key: pair for key, pair in pairs.items() if key[0] in failed}


def _checked(key: Key, before: tuple[int, int], fresh: tuple[int, int], flip: Flip | None) -> Checked:
    passed, judged = fresh
    finding = Finding.FINE
    if 0 < passed < judged or 0 < before[0] < before[1]:
        finding = Finding.FLAKY
    elif before[0] and not passed:
        finding = Finding.BROKEN
    is_worse = flip is not None and flip.is_worse
    return Checked(
        pack=key[0], scenario=key[1], fresh=fresh, finding=finding, is_control=flip is None, is_worse=is_worse
    )


def _lost(scope: Pairs, fresh: Attempts, controls: Collection[Key]) -> float:
    """Return the share of the scenarios lost, by the fresh attempts where there are any.

    Of those without, the `controls` tell; where there are none, the attempts that were there.
    """
    lost = {key: pair[0] / pair[1] - _rate(fresh.get(key, pair[2:])) for key, pair in scope.items()}
    if not controls:
        return math.fsum(lost.values()) / len(lost)
    asked = math.fsum(lost[key] for key in scope if key in fresh)
    each = math.fsum(lost[key] for key in controls) / len(controls)
    return (asked + each * sum(key not in fresh for key in scope)) / len(lost)


def _rate(counts: tuple[int, ...]) -> float:
    return counts[0] / counts[1]


def _last_word(found: Comparison, again: Confirmation, scope: Pairs) -> Word:
    if found.word is Word.REGRESSION and _stands(found, again, scope):
        return Word.REGRESSION
    if found.word is Word.OK:
        return Word.OK
    return Word.WATCH if again.count(Finding.BROKEN) else Word.NOISE


def _stands(found: Comparison, again: Confirmation, scope: Pairs) -> bool:
    """Tell whether the scenarios asked again are lost, or, where all have become less steady, the controls too."""
    alpha = found.alpha if found.pooled_failed else found.pack_alpha
    if again.p <= alpha and again.loss >= found.delta:
        return True
    return again.loss_by_controls >= max(found.delta, _lost(scope, {}, ()) / 2)
