"""Verdicts that no verifier gives: truncated and endless talks, errors; and how a verifier's own is taken."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import replace

from pytest_llmbench.contracts import Verifier
from pytest_llmbench.errors import TrialError, VerifierError
from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Ending, Exchange, Outcome, Reason, Scenario, Turn, Verdict

EXCERPT = 4000
"""Characters of prompt, answer and error kept beside a verdict; the journal has the whole."""


def cut_short(turns: Iterable[Turn]) -> Verdict | None:
    """Truncated answers never pass, whatever the part that arrived says."""
    for turn in turns:
        response = turn.response
        if response.finish_reason != "length":
            continue
        limit = _limit(turn)
        if response.reasoning.strip() and not response.content.strip() and not response.tool_calls:
            detail = f"was still thinking at {limit}"
            return Verdict(outcome=Outcome.FAIL, reason=Reason.THINKING_RUNAWAY, detail=detail)
        return Verdict(outcome=Outcome.FAIL, reason=Reason.TOKEN_LIMIT, detail=f"the answer was cut off at {limit}")
    return None


def _limit(turn: Turn) -> str:
    """Name the limit that ended the turn: the one that was asked for, or a lower one of the server's, its context."""
    asked, written = turn.request.max_tokens, turn.response.usage.completion_tokens
    if written is None or written >= asked:
        return f"the limit of {asked} tokens"
    return f"a limit of the server's, after {written} of {asked} tokens"


def exhausted(ending: Ending, scenario: Scenario) -> Verdict | None:
    """A dialogue that used up its turns has no answer to judge."""
    if ending is not Ending.LOOP_EXHAUSTED:
        return None
    detail = f"still calling tools after {scenario.max_turns} turns"
    return Verdict(outcome=Outcome.FAIL, reason=Reason.AGENT_LOOP_EXHAUSTED, detail=detail)


def judged(verifier: Verifier, scenario: Scenario, exchange: Exchange) -> Verdict:
    """Return the verifier's verdict, or an ERROR: the reason of a `TrialError` it raises, else verifier_error."""
    try:
        verdict = verifier.judge(scenario, exchange)
        if not isinstance(verdict, Verdict):
            raise TypeError(f"judge returned {type(verdict).__name__} in place of a Verdict")  # noqa: TRY301 - one way out
        return replace(verdict, metrics={str(name): float(value) for name, value in verdict.metrics.items()})
    except TrialError as error:  # what it needs is not there: a sandbox, the data
        return error_verdict(error)
    except BaseException as error:  # noqa: BLE001 - pytest.fail and SystemExit are no Exceptions; the answer stays unjudged
        return error_verdict(VerifierError(f"verifier {verifier.name} raised {brief(error)}"))


def error_verdict(error: TrialError) -> Verdict:
    """Return the verdict of a trial that met an error of ours or the server's."""
    return Verdict(outcome=Outcome.ERROR, reason=Reason(error.reason), detail=printable(str(error), EXCERPT))


def brief(error: BaseException) -> str:
    """Return what was raised and where, on one line."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
