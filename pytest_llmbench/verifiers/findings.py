"""What a check found, and the verdict that a scenario's findings come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_llmbench.records import CheckOutcome, Outcome, Reason, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found. `reason` is None where it holds."""

    reason: Reason | None = None
    detail: str = ""
    expected: str = ""
    got: str = ""


HOLDS = Finding()


def failing(outcomes: Sequence[CheckOutcome], findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings of the gating checks that do not hold, in their order."""
    pairs = zip(outcomes, findings, strict=True)
    return [finding for outcome, finding in pairs if outcome.gating and not outcome.passed]


def verdict_on(
    outcomes: tuple[CheckOutcome, ...], worst: Finding | None, *, silent: bool = False, score: float | None = None
) -> Verdict:
    """Return PASS where there is no `worst` finding, else FAIL for its reason, `no_answer` where the model was silent.

    `score` is the share of gating checks that hold, unless it is given.
    """
    gating = [outcome.passed for outcome in outcomes if outcome.gating]
    share = sum(gating) / max(len(gating), 1) if score is None else score
    if worst is None:
        return Verdict(outcome=Outcome.PASS, score=share, checks=outcomes)
    return Verdict(
        outcome=Outcome.FAIL,
        reason=Reason.NO_ANSWER if silent else worst.reason,
        detail=worst.detail,
        expected=worst.expected,
        got=worst.got,
        score=share,
        checks=outcomes,
    )
