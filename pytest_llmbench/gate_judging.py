"""Terms of a gate, held against a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.gate_terms import FIGURES, TOTAL, Gate, Term
from pytest_llmbench.gate_verdict import GateVerdict
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Purpose
from pytest_llmbench.settings import RECORDED
from pytest_llmbench.summary import Counts, PackSummary, Summary, count_text, plural


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What came of a term: `told` is what was found, `why` a refusal's reason."""

    term: Term
    told: str = ""
    passed: bool = False
    why: str = ""

    @property
    def text(self) -> str:
        if self.why:
            return f"{self.term.text} cannot be judged: {self.why}"
        return f"{self.told}, {'' if self.passed else 'not '}{self.term.wish}"


def judge_terms(summary: Summary, gate: Gate) -> GateVerdict:
    """Return whether every term of `gate` holds: of each figure itself, not of its interval, however it was sampled.

    A score is that of the first attempts. A percentage needs the whole pack and ``12/15`` exactly 15 verdicts, else
    the term cannot be judged, and then the gate does not hold. A figure of speed without a pack's name is each pack's
    own, as the table has it; the worst of them is told.
    """
    judged = [_judge(term, summary) for term in gate.terms]
    missed = [one.text for one in judged if not one.passed]
    return GateVerdict(
        name=",".join(term.text for term in gate.terms),
        passed=not missed,
        lines=tuple(one.text for one in judged),
        sentence="; ".join(missed) or ", ".join(one.told for one in judged),
        brief="; ".join(missed),
    )


def check_terms(gate: Gate, summary: Summary) -> None:
    """Raise `UsageProblem` where a term speaks of a pack that was not selected, or of more scenarios than there are."""
    packs = {pack.facts.id: pack for pack in _packs(summary)}
    for term in gate.terms:
        if term.subject not in ("", TOTAL, *packs):
            raise UsageProblem(
                f'--llm-gate: "{term.text}": no pack "{term.subject}" is in this run: '
                f"{suggestion(term.subject, (*packs, TOTAL))}"
            )
        size = summary.total.size if term.subject in ("", TOTAL) else packs[term.subject].size
        if term.count > size:
            raise UsageProblem(f'--llm-gate: "{term.text}": {term.subject} has {plural(size, "scenario")}')


def _judge(term: Term, summary: Summary) -> _Judged:
    if term.figure and summary.run.endpoint in RECORDED:
        return _Judged(term=term, why="recorded answers have no speed")
    if term.subject == TOTAL and not term.figure:
        return _judge_score(term, [summary.total])
    packs = [pack for pack in _packs(summary) if term.subject in ("", pack.facts.id)]
    if not packs:
        return _Judged(term=term, why="that pack is not in this run" if term.subject else "no pack was asked")
    return _judge_speed(term, packs) if term.figure else _judge_score(term, packs)


def _judge_score(term: Term, found: Sequence[Counts]) -> _Judged:
    """Judge a score; packs of one id are several only where two versions of it ran, of which the worst counts."""
    for counts in found:
        if why := _unfit(term, counts):
            return _Judged(term=term, why=why)
    counts = sorted(found, key=_share, reverse=term.is_ceiling)[0]
    share = _share(counts)
    return _Judged(
        term=term,
        told=f"{term.subject} {counts.passed}/{counts.counted} ({float(share * 100):.4g}%)",
        passed=term.holds(share),
    )


def _unfit(term: Term, counts: Counts) -> str:
    """Say why the score of these is no figure to hold to the term, or return ""."""
    if term.count:
        is_fit = counts.counted == counts.selected == term.count
        return "" if is_fit else f"it speaks of {term.count} verdicts, and there are {count_text(counts)}"
    if counts.counted and counts.complete:
        return ""
    return f"a percentage is for what ran whole, and this is {count_text(counts)} (a count such as 2/3 would do)"


def _judge_speed(term: Term, packs: Sequence[PackSummary]) -> _Judged:
    field, unit = FIGURES[term.figure]
    values = {pack.facts.title: value for pack in packs if (value := getattr(pack, field)) is not None}
    unknown = [pack.facts.title for pack in packs if pack.facts.title not in values]
    if unknown:
        return _Judged(term=term, why=f"it was not measured in {', '.join(unknown)}")
    title = sorted(values, key=values.__getitem__, reverse=term.is_ceiling)[0]
    shown = f"{values[title] * term.per_second:.4g} {unit if term.per_second == 1 else 'ms'}"
    return _Judged(term=term, told=f"{term.figure} {shown} in {title}", passed=term.holds(values[title]))


def _share(counts: Counts) -> Fraction:
    return Fraction(counts.passed, counts.counted)


def _packs(summary: Summary) -> list[PackSummary]:
    return [pack for pack in summary.packs if pack.purpose is Purpose.ITEM]
