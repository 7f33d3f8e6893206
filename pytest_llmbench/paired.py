"""Two measurements of the same scenarios side by side: all that is known of them, and the sentence that says it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.detectable import Design, detectable_drop
from pytest_llmbench.flips import Confirmation, Finding, Flip, Key, PackChange, Word
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.summary import plural

BASELINE = "the baseline"
"""What the earlier of two measurements is called, unless both have names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The verdict on two measurements of the same scenarios.

    `p` is that of the exact one-sided test over all scenarios, which fails at `alpha`; a pack fails at
    `pack_alpha`, both only with a loss of at least the share `delta`. `flip_rate` is how often an attempt is not
    what the scenario mostly does, estimated from `pairs` pairs of attempts of one scenario (0: assumed). `missing` are
    the earlier measurement's scenarios without a verdict now, `left_out` its packs that were not asked at all, `added`
    those that it does not know; `earlier` is what sentences call it.
    """

    word: Word
    packs: tuple[PackChange, ...] = ()
    flips: tuple[Flip, ...] = ()
    p: float = 1.0
    alpha: float = 0.0
    pack_alpha: float = 0.0
    delta: float = 0.0
    design: Design
    flip_rate: float = 0.0
    pairs: int = 0
    missing: tuple[Key, ...] = ()
    added: tuple[Key, ...] = ()
    left_out: tuple[str, ...] = ()
    confirmation: Confirmation | None = None
    earlier: str = BASELINE

    @property
    def failed(self) -> bool:
        """Whether a gate must fail."""
        return self.word in (Word.REGRESSION, Word.NOT_COMPARABLE)

    @property
    def size(self) -> int:
        """Scenarios with a verdict in both."""
        return sum(pack.size for pack in self.packs)

    @property
    def before(self) -> float:
        """Scenarios passed earlier, a mean over its attempts."""
        return math.fsum(pack.before for pack in self.packs)

    @property
    def now(self) -> float:
        """Scenarios passed now, a mean over the attempts."""
        return math.fsum(pack.now for pack in self.packs)

    @property
    def loss(self) -> float:
        """The share of all scenarios lost, less those won."""
        return (self.before - self.now) / self.size if self.size else 0.0

    @property
    def pooled_failed(self) -> bool:
        """Whether the test over all scenarios found them worse."""
        return self.p <= self.alpha and self.loss >= self.delta

    @property
    def worse(self) -> tuple[Flip, ...]:
        """Those that passed and fail now."""
        return tuple(flip for flip in self.flips if flip.is_worse)

    @property
    def detectable(self) -> float | None:
        """The smallest loss (share of all scenarios) found four times in five; None where none would be."""
        return detectable_drop(self.design, flip=self.flip_rate) if self.size else None

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return _SENTENCES[self.word](self) + _gaps(self)

    @property
    def lines(self) -> tuple[str, ...]:
        """How it was decided, and each pack's figures."""
        return (*_rules(self), *(_pack_line(self, pack) for pack in self.packs), *_again_lines(self))


def plain_of(found: Comparison) -> dict[str, Any]:
    """Return the comparison for programs: rates from 0 to 1, scenarios as counts."""
    return {
        "word": found.word,
        "sentence": found.sentence,
        "lines": found.lines,
        "size": found.size,
        "before": found.before,
        "now": found.now,
        "loss": found.loss,
        "p": found.p,
        "alpha": found.alpha,
        "pack_alpha": found.pack_alpha,
        "delta": found.delta,
        "detectable": found.detectable,
        "flip_rate": found.flip_rate,
        "packs": to_plain(found.packs),
        "flips": [{**to_plain(flip), "is_worse": flip.is_worse, "was_flaky": flip.was_flaky} for flip in found.flips],
        "missing": found.missing,
        "confirmation": to_plain(found.confirmation),
    }


def amount(value: float) -> str:
    """Return scenarios as a count, with a decimal where they are a mean over attempts: ``70``, ``70.3``."""
    return f"{value:.0f}" if abs(value - round(value)) < 1e-9 else f"{value:.1f}"


def p_text(value: float) -> str:
    """Return ``p=0.031``, ``p<0.0001``."""
    return f"p={value:.2g}" if value >= 1e-4 else "p<0.0001"


def _points(share: float) -> str:
    return plural(math.ceil(share * 100 - 1e-6), "point")


def _regression(found: Comparison) -> str:
    if found.pooled_failed:
        return f"REGRESSION {_scores(found)} (exact paired test {p_text(found.p)}{_confirmed(found)})"
    worst = min((pack for pack in found.packs if pack.failed), key=lambda pack: pack.adjusted)
    adjusted = f"{p_text(worst.adjusted)} adjusted for {len(found.packs)} packs"
    return (
        f"REGRESSION in {worst.pack} {_pack_scores(worst)} of {worst.size}, {_total(found)} in all "
        f"(exact paired test {adjusted}{_confirmed(found)})"
    )


def _watch(found: Comparison) -> str:
    again = _again(found)
    return f"WATCH {_scores(found)} (exact paired test {p_text(found.p)}){again}: not sure; {_seen(found)}"


def _noise(found: Comparison) -> str:
    return f"NOISE {plural(len(found.flips), 'flip')}, {_flaky(found)}{_again(found)}; {_seen(found)}"


def _ok(found: Comparison) -> str:
    return f"OK {_total(found)}, none fails that passed; {_seen(found)}"


def _not_comparable(_found: Comparison) -> str:
    return "NOT COMPARABLE no scenario has a verdict in both"


_SENTENCES = {
    Word.OK: _ok,
    Word.NOISE: _noise,
    Word.WATCH: _watch,
    Word.REGRESSION: _regression,
    Word.NOT_COMPARABLE: _not_comparable,
}


def _total(found: Comparison) -> str:
    return f"{amount(found.before)}->{amount(found.now)} of {found.size}"


def _scores(found: Comparison) -> str:
    worst = max(found.packs, key=lambda pack: pack.loss)
    if len(found.packs) == 1 or worst.loss <= 0:
        return _total(found)
    return f"{_total(found)}, most in {worst.pack} {_pack_scores(worst)}"


def _pack_scores(pack: PackChange) -> str:
    return f"{amount(pack.before)}->{amount(pack.now)}"


def _confirmed(found: Comparison) -> str:
    again = found.confirmation
    return f", confirmed {again.count(Finding.BROKEN)}/{len(again.worse)}" if again and again.worse else ""


def _again(found: Comparison) -> str:
    again = found.confirmation
    if again is None or not again.worse:
        return ""
    counts = {finding: again.count(finding) for finding in Finding}
    return f", asked again {', '.join(f'{count} {finding}' for finding, count in counts.items() if count)}"


def _flaky(found: Comparison) -> str:
    total, flaky = len(found.flips), sum(flip.was_flaky for flip in found.flips)
    if not flaky:
        who = "not" if total == 1 else "none"
    elif flaky < total:
        who = f"{flaky} of them"
    else:
        who = ("", "both", "all")[min(total, 3) - 1]
    return f"{who} flaky in {found.earlier}".lstrip()


def _seen(found: Comparison) -> str:
    least = found.detectable
    if least is None:
        return f"{plural(found.size, 'scenario')} are too few to see any drop"
    return f"a drop of {_points(least)} would have been seen"


def _gaps(found: Comparison) -> str:
    if not found.missing:
        return ""
    verb = "has" if len(found.missing) == 1 else "have"
    return f"; {plural(len(found.missing), 'scenario')} of {found.earlier} {verb} no verdict now"


def _rules(found: Comparison) -> list[str]:
    if not found.size:
        return []
    several = f" or, in one of {len(found.packs)} packs, {found.pack_alpha:g} after Holm" if found.pack_alpha else ""
    known = (
        f"estimated from {plural(found.pairs, 'pair')} of attempts" if found.pairs else "assumed: nothing was repeated"
    )
    lines = [
        f"fails at p <= {found.alpha:g} over all {found.size} scenarios{several}, and a loss of {_points(found.delta)}",
        f"{found.flip_rate:.1%} of attempts flip by themselves, {known}",
    ]
    if found.left_out:
        lines.append(f"packs of {found.earlier} that were not asked: {', '.join(found.left_out)}")
    if found.added:
        lines.append(f"{plural(len(found.added), 'scenario')} {found.earlier} does not know")
    return lines


def _pack_line(found: Comparison, pack: PackChange) -> str:
    flips = [flip for flip in found.flips if flip.pack == pack.pack]
    worse = sum(flip.is_worse for flip in flips)
    word = ": worse" if pack.failed else ""
    counts = f"{worse} worse, {len(flips) - worse} better"
    tests = f"{p_text(pack.p)}, adjusted {p_text(pack.adjusted)}"
    return f"{pack.pack} {_pack_scores(pack)} of {pack.size}, {counts}, {tests}{word}"


def _again_lines(found: Comparison) -> list[str]:
    if found.confirmation is None:
        return []
    return [
        f"asked again: {one.pack} {one.scenario} {one.fresh[0]}/{one.fresh[1]} {one.finding}"
        for one in found.confirmation.checked
        if not one.is_control or one.finding is not Finding.FINE
    ]
