"""How often gates alarm where nothing changed, and where something did: simulated CI runs, no model.

A scenario has a true state and each attempt shows the other one with the chance of the noise. A drop breaks scenarios
that passed, drawn from all packs. Our gate asks again three times before it alarms.
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pytest_llmbench.flips import Attempts, Key
from pytest_llmbench.regression import ask_again, compare, confirm
from tests.benchmarks.scale import QUICK, Scale
from tests.benchmarks.table import Row

DRAWS, QUICK_DRAWS = 2000, 50
ASKED_AGAIN = 3
PACK = 15
NOISES = (0.01, 0.03, 0.05)
DROPS = (0.07, 0.13, 0.20, 0.33)
SIZES = (15, 75, 150)
BASELINE_RUNS = (1, 3)
NINE_COINS = 0.06
"""Noise that nine scenarios of 75 make alone where each of their attempts is a coin's flip."""

AIMS = ((75, 1, 0.01), (75, 3, 0.03))
"""Scenarios, baseline runs and noise at which a drop of 13 points is to be found in four runs of five."""

Chances = dict[Key, float]
"""By scenario: the chance that an attempt passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kind of CI. `score` is the model's true one; `is_concentrated` puts all noise into coin-flip scenarios.

    `is_diffuse` makes every scenario that passed fail more often, in place of breaking a few. With `is_sticky` a
    scenario's attempts in one session all agree; the baseline's runs come from one session or from `sessions`.
    """

    size: int
    runs: int
    noise: float
    drop: float = 0.0
    score: float = 0.87
    is_concentrated: bool = False
    is_diffuse: bool = False
    is_sticky: bool = False
    sessions: int = 1


@dataclass(slots=True)
class Alarms:
    """How many of the simulated runs each gate failed."""

    draws: int
    counts: Counter[str] = field(default_factory=Counter)

    def percent(self, gate: str) -> float:
        """Return the share in percent."""
        return 100 * self.counts[gate] / self.draws


def gates(scale: Scale, folder: Path) -> Iterator[Row]:
    """Simulate every cell: the false alarms of each, then what is found of true drops."""
    draws = QUICK_DRAWS if scale is QUICK else DRAWS
    cells = [Cell(size=size, runs=runs, noise=noise) for size in SIZES for runs in BASELINE_RUNS for noise in NOISES]
    for cell in cells:
        yield _false_alarms(cell, draws)
    for cell in cells:
        yield _found(cell, draws)
    for runs in BASELINE_RUNS:
        coins = Cell(size=75, runs=runs, noise=NINE_COINS, is_concentrated=True)
        yield _false_alarms(coins, draws, ", in nine coin-flip scenarios")
        yield _found(coins, draws, ", in nine coin-flip scenarios")
        yield _false_alarms(Cell(size=150, runs=runs, noise=0.05, score=0.3), draws, ", a model that passes 30%")
        yield _found(Cell(size=75, runs=runs, noise=0.01, is_diffuse=True), draws, ", spread over all scenarios")
    for sessions in (1, 3):
        sticky = Cell(size=75, runs=3, noise=NINE_COINS, is_concentrated=True, is_sticky=True, sessions=sessions)
        yield _false_alarms(sticky, draws, f", in nine coins that fall once per session, baseline of {sessions}")


def _false_alarms(cell: Cell, draws: int, note: str = "") -> Row:
    alarms = _simulated(cell, draws)
    return Row(
        what=f"false alarms, {_named(cell)}{note}",
        measured=f"{alarms.percent('ours'):.1f} % ({alarms.percent('unasked'):.1f} % without asking again)",
        compared=f"any flip {alarms.percent('any flip'):.1f} %, > 10 points {alarms.percent('points'):.1f} %",
        value=alarms.percent("ours"),
        limit=5.0,
        unit="%",
    )


def _found(cell: Cell, draws: int, note: str = "") -> Row:
    cells = [_dropped(cell, drop) for drop in DROPS]
    alarms = [_simulated(one, draws) for one in cells]
    aimed = (cell.size, cell.runs, cell.noise) in AIMS and not note
    return Row(
        what=f"drops of {'/'.join(f'{drop * 100:.0f}' for drop in DROPS)} points found, {_named(cell)}{note}",
        measured=f"{_series(alarms, 'ours')} %",
        compared=f"> 10 points {_series(alarms, 'points')} %, without asking again {_series(alarms, 'unasked')} %",
        value=100 - alarms[DROPS.index(0.13)].percent("ours") if aimed else None,
        limit=20.0 if aimed else None,
        unit="% missed of 13 points",
    )


def _dropped(cell: Cell, drop: float) -> Cell:
    return dataclasses.replace(cell, drop=drop)


def _named(cell: Cell) -> str:
    runs = "1 run" if cell.runs == 1 else f"{cell.runs} runs"
    return f"{cell.size} scenarios, baseline of {runs}, noise {cell.noise:.0%}"


def _series(alarms: list[Alarms], gate: str) -> str:
    return "/".join(f"{one.percent(gate):.0f}" for one in alarms)


def _simulated(cell: Cell, draws: int) -> Alarms:
    rng = random.Random(f"{cell}")  # noqa: S311 - no secret
    alarms = Alarms(draws=draws)
    for _ in range(draws):
        before = _truth(cell, rng)
        after = _worsened(cell, before, rng)
        baseline, now = _baseline(cell, before, rng), _asked(after, 1, rng)
        first = {key: (passed >= 1 + rng.randrange(judged), 1) for key, (passed, judged) in baseline.items()}
        alarms.counts.update(gate for gate, fails in NAIVE.items() if fails(first, now))
        verdict = compare(baseline, now)
        alarms.counts["unasked"] += verdict.failed
        if verdict.failed:
            asked = ask_again(verdict, baseline, now)
            seen = {key: float(passed) for key, (passed, _) in now.items()} if cell.is_sticky else after
            again = {key: seen[key] for key in (*asked.flipped, *asked.controls)}
            alarms.counts["ours"] += confirm(verdict, baseline, now, _asked(again, ASKED_AGAIN, rng)).failed
    return alarms


def _truth(cell: Cell, rng: random.Random) -> Chances:
    keys = [(f"pack-{number // PACK}", f"S-{number % PACK:02}") for number in range(cell.size)]
    passing = set(rng.sample(keys, round(cell.score * cell.size)))
    if not cell.is_concentrated:
        return {key: 1 - cell.noise if key in passing else cell.noise for key in keys}
    coins = set(rng.sample(keys, round(2 * cell.noise * cell.size)))
    return {key: 0.5 if key in coins else float(key in passing) for key in keys}


def _worsened(cell: Cell, before: Chances, rng: random.Random) -> Chances:
    passing = [key for key, chance in before.items() if chance > 0.5]
    lost = round(cell.drop * cell.size)
    if cell.is_diffuse:
        return {**before, **{key: before[key] * (1 - lost / len(passing)) for key in passing}}
    return {**before, **dict.fromkeys(rng.sample(passing, lost), 0.0 if cell.is_concentrated else cell.noise)}


def _baseline(cell: Cell, chances: Chances, rng: random.Random) -> Attempts:
    if not cell.is_sticky:
        return _asked(chances, cell.runs, rng)
    each = cell.runs // cell.sessions
    return {
        key: (each * passed, each * sessions) for key, (passed, sessions) in _asked(chances, cell.sessions, rng).items()
    }


def _asked(chances: Chances, times: int, rng: random.Random) -> Attempts:
    draw = rng.random
    return {key: (sum(draw() < chance for _ in range(times)), times) for key, chance in chances.items()}


def _any_flip(before: Attempts, now: Attempts) -> bool:
    return any(before[key][0] > now[key][0] for key in now)


def _ten_points(before: Attempts, now: Attempts) -> bool:
    lost: Counter[str] = Counter()
    for key, (passed, _) in now.items():
        lost[key[0]] += before[key][0] - passed
    sizes = Counter(pack for pack, _ in now)
    return any(count > 0.10 * sizes[pack] for pack, count in lost.items())


NAIVE: dict[str, Callable[[Attempts, Attempts], bool]] = {"any flip": _any_flip, "points": _ten_points}
