"""Judges whether an answer keeps to instructions that can be checked by rule.

A scenario lists its checks; each names its `kind` from the tables of `counting`, `wording` and `layout`.
Any check may say which `turn` it reads (0, 1, ... or ``last``, the default), which one `line`,
`paragraph`, `sentence` or list `item` of it (1 the first, -1 the last), a `name` of its own, and
``gating: false`` where it only informs. Answers are read with plain quotes and spaces, without
invisible characters, without a code fence around the whole, and words without emphasis marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_llmbench.contracts import Problem
from pytest_llmbench.records import CheckOutcome, Exchange, Outcome, Reason, Scenario, Verdict
from pytest_llmbench.verifiers.check_kinds import Kind, Params, Subject, bad_keys, part_of, short
from pytest_llmbench.verifiers.counting import COUNTING
from pytest_llmbench.verifiers.extraction import spoken
from pytest_llmbench.verifiers.layout import LAYOUT
from pytest_llmbench.verifiers.text import tidy, unfence
from pytest_llmbench.verifiers.wording import WORDING

KINDS: dict[str, Kind] = {**COUNTING, **WORDING, **LAYOUT}
_SHOWN = 3


class Instructions:
    """The verifier ``instructions``."""

    name = "instructions"
    rules_version = "2"

    def problems(self, scenario: Scenario) -> Iterator[Problem]:
        """Yield the faults of the scenario's checks, each with its path."""
        if not any(check.get("gating", True) for check in scenario.checks):
            yield Problem(path=("checks",), message="a scenario needs at least one gating check")
        turns = 1 + len(scenario.followups)
        taken: set[str] = set()
        for place, check in enumerate(scenario.checks):
            faults = list(bad_keys(KINDS, check))
            yield from (Problem(path=("checks", place, key), message=message) for key, message in faults)
            if not faults:
                yield from _turn_problems(place, check, turns)
            if (name := _name(check)) in taken:
                yield Problem(path=("checks", place), message=f'a second check called "{name}": give it its own "name"')
            taken.add(name)

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """PASS where every gating check holds; otherwise the first that does not gives the reason."""
        raw = [spoken(turn.response.content) for turn in exchange.turns]
        answers = tuple(unfence(tidy(text)) for text in raw)
        silent = _silent_turn(answers, 1 + len(scenario.followups))
        outcomes = tuple(_outcome(check, raw, answers) for check in scenario.checks)
        gating = [pair for pair in zip(scenario.checks, outcomes, strict=True) if pair[1].gating]
        failed = [(check, outcome) for check, outcome in gating if not outcome.passed]
        score = (len(gating) - len(failed)) / max(len(gating), 1)
        if silent is not None:
            detail = f"answer {silent + 1} is empty"
            return Verdict(outcome=Outcome.FAIL, reason=Reason.NO_ANSWER, detail=detail, score=0.0, checks=outcomes)
        if not failed and gating:
            return Verdict(outcome=Outcome.PASS, score=score, checks=outcomes)
        return _failure(failed, answers, score, outcomes)


def _failure(
    failed: Sequence[tuple[Params, CheckOutcome]],
    answers: Sequence[str],
    score: float,
    outcomes: tuple[CheckOutcome, ...],
) -> Verdict:
    check = failed[0][0]
    more = f" (and {len(failed) - _SHOWN} more)" if len(failed) > _SHOWN else ""
    return Verdict(
        outcome=Outcome.FAIL,
        reason=KINDS[check["kind"]].reason,
        detail="; ".join(f"{outcome.name}: {outcome.detail}" for _, outcome in failed[:_SHOWN]) + more,
        expected=", ".join(f"{key}: {value}" for key, value in check.items() if key not in {"name", "gating"})[:300],
        got=short(answers[_turn(check, len(answers))], 300),
        score=score,
        checks=outcomes,
    )


def _turn_problems(place: int, check: Params, turns: int) -> Iterator[Problem]:
    own = _turn(check, turns)
    if own >= turns:
        yield Problem(path=("checks", place, "turn"), message=f"there is no turn {own}; the last is {turns - 1}")
    for key in ("of_turn", "to_turn"):
        if key in check and not check[key] < own:
            message = f'"{key}" must be a turn before the one that is read ({own})'
            yield Problem(path=("checks", place, key), message=message)


def _silent_turn(answers: Sequence[str], turns: int) -> int | None:
    return next((place for place in range(turns) if place >= len(answers) or not answers[place].strip()), None)


def _outcome(check: Params, raw: Sequence[str], answers: tuple[str, ...]) -> CheckOutcome:
    complaint = _complaint(check, raw, answers)
    return CheckOutcome(
        name=_name(check), passed=not complaint, detail=complaint, gating=bool(check.get("gating", True))
    )


def _complaint(check: Params, raw: Sequence[str], answers: tuple[str, ...]) -> str:
    turn = _turn(check, len(answers))
    needed = max(turn, check.get("of_turn", 0), check.get("to_turn", 0))
    if not 0 <= turn <= needed < len(answers) or not answers[turn].strip():
        return "there is no answer"
    part = part_of(answers[turn], check)
    if part is None:
        wanted = next(
            f"{key} {value}" for key, value in check.items() if key in {"line", "paragraph", "sentence", "item"}
        )
        return f"there is no {wanted}"
    return KINDS[check["kind"]].check(Subject(text=part, raw=raw[turn], answers=answers), check)


def _turn(check: Params, turns: int) -> int:
    turn = check.get("turn", "last")
    return turns - 1 if turn == "last" else int(turn)


def _name(check: Params) -> str:
    return str(check.get("name", check.get("kind", "")))
