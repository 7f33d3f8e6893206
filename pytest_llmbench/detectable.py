"""What a comparison of two runs could have seen: the power of the exact test, and the smallest drop it finds."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_llmbench.statistics import binomial

EXACT_TO = 100
"""Items that broke or flipped up to which all is enumerated; the normal distribution serves beyond."""

WORTH_COUNTING = 1e-8
"""Chance of a case below which it is left out."""

POWER = 0.8
"""How surely a drop is found that is called detectable."""

_NORMAL = statistics.NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A comparison before it is made: `size` items, `runs` attempts of each before and now.

    It alarms at a p value of at most `alpha` and a net loss of at least `least` items.
    """

    size: int
    runs: tuple[int, int] = (1, 1)
    alpha: float = 0.05
    least: float = 0.0


def power(design: Design, *, flip: float, drop: float) -> float:
    """Return the chance of an alarm where the share `drop` of all items broke and any attempt flips with `flip`.

    By enumeration: so many broken items, each passed before and failing now, and so many single flips, which fall
    on the attempts before and now in proportion to their number. Of one attempt each that is an item lost with the
    chance ``flip + drop`` and won with ``flip``. Two flips of one item are left out of account.
    """
    flips = min(flip * sum(design.runs), 1 - drop)
    cases = _cases(design.size, drop, flips)
    return math.fsum(chance * _alarm(design, broken, flipped) for broken, flipped, chance in cases)


def detectable_drop(design: Design, *, flip: float, wanted: float = POWER) -> float | None:
    """Return the smallest share of all items (0 to 1) whose loss is found with the chance `wanted`, or None."""
    most = 1.0 - min(1.0, flip * sum(design.runs))
    low, high = 0.0, min(most, 0.02)
    while power(design, flip=flip, drop=high) < wanted:
        if high >= most:
            return None
        low, high = high, min(most, 2 * high)
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if power(design, flip=flip, drop=middle) >= wanted else (middle, high)
    return high


def _cases(size: int, drop: float, flips: float) -> Iterator[tuple[int, int, float]]:
    """Yield broken and flipped items with the chance of that case."""
    for broken in range(size + 1):
        chance = binomial(size, broken, drop)
        if chance < WORTH_COUNTING:
            continue
        rest, rate = size - broken, min(1.0, flips / (1 - drop)) if drop < 1 else 0.0
        for flipped in range(rest + 1):
            both = chance * binomial(rest, flipped, rate)
            if both >= WORTH_COUNTING:
                yield broken, flipped, both
            elif flipped > rest * rate:
                break


@functools.lru_cache(maxsize=1 << 16)
def _alarm(design: Design, broken: int, flipped: int) -> float:
    """Return the chance that the test alarms, given what happened; open is only on which side each flip fell."""
    before, now = design.runs
    lowest = _critical(design, broken, flipped)
    # lost - won, in items: (now * broken + hits) / now - (flipped - hits) / before
    lost = math.ceil((design.least - broken + flipped / before) / (1 / now + 1 / before) - 1e-9)
    share = now / (before + now)
    if flipped > EXACT_TO:
        spread = math.sqrt(flipped * share * (1 - share))
        return 1 - _NORMAL.cdf((max(lowest, lost) - 0.5 - flipped * share) / spread)
    return math.fsum(binomial(flipped, hits, share) for hits in range(max(0, lowest, lost), flipped + 1))


def _critical(design: Design, broken: int, flipped: int) -> int:
    """Return how many of the flips must fall on the newer attempts for p to be small enough."""
    if broken + flipped > EXACT_TO:
        return _nearly_critical(design, broken, flipped)
    chances = _null(design.runs, broken, flipped)
    fails = design.runs[1] * broken
    tail, hits = math.fsum(chances[fails + flipped + 1 :]), flipped
    while hits >= 0:
        tail += chances[fails + hits] if fails + hits < len(chances) else 0.0
        if tail > design.alpha + 1e-12:
            break
        hits -= 1
    return hits + 1


def _nearly_critical(design: Design, broken: int, flipped: int) -> int:
    """Return the same by the normal distribution with the same mean and variance."""
    before, now = design.runs
    total = before + now
    mean = broken * now * now / total + flipped * now / total
    # of a broken item the failures are `now` of `total` attempts, of which `now` are drawn
    variance = broken * (now * before / total) ** 2 / (total - 1) + flipped * now * before / total**2
    return math.ceil(mean + _NORMAL.inv_cdf(1 - design.alpha) * math.sqrt(variance) + 0.5) - now * broken


@functools.lru_cache(maxsize=1 << 14)
def _null(runs: tuple[int, int], broken: int, flipped: int) -> tuple[float, ...]:
    """Return the chances of 0, 1, 2, ... failures among the newer attempts, were all attempts of an item alike."""
    before, now = runs
    if flipped:
        share, shorter = now / (before + now), _null(runs, broken, flipped - 1)
        return _convolved(shorter, (1 - share, share))
    if not broken:
        return (1.0,)
    total = before + now
    ways = (math.comb(now, fails) * math.comb(before, now - fails) for fails in range(now + 1))
    one = tuple(count / math.comb(total, now) for count in ways)
    return _convolved(_null(runs, broken - 1, 0), one)


def _convolved(left: tuple[float, ...], right: tuple[float, ...]) -> tuple[float, ...]:
    found = [0.0] * (len(left) + len(right) - 1)
    for place, value in enumerate(right):
        for other, chance in enumerate(left):
            found[place + other] += chance * value
    return tuple(found)
