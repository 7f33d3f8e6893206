"""A verifier of one's own: counts syllables, gives partial credit, reports metrics."""

import re

from pytest_llmbench.contracts import Problem
from pytest_llmbench.records import CheckOutcome, Outcome, Reason, Verdict

VOWELS = re.compile(r"[aeiouy]+", re.IGNORECASE)


class Haiku:
    """Passes three lines of which each has about the syllables its check asks for."""

    name = "haiku"
    rules_version = "1"

    def problems(self, scenario):
        """Say what is wrong with a scenario's checks, before anything is asked."""
        if [check.get("kind") for check in scenario.checks] != ["syllables"]:
            yield Problem(path=("checks",), message="a haiku has one check: {kind: syllables, lines: [5, 7, 5]}")

    def judge(self, scenario, exchange):
        """Judge what the model wrote; the trial has already dealt with cut-off answers."""
        wanted = scenario.checks[0]["lines"]
        lines = [line for line in exchange.answer.splitlines() if line.strip()]
        if len(lines) != len(wanted):
            detail = f"{len(lines)} lines, wanted {len(wanted)}"
            return Verdict(outcome=Outcome.FAIL, reason=Reason.INVALID_FORMAT, detail=detail, score=0.0)
        counted = [len(VOWELS.findall(line)) for line in lines]
        checks = tuple(
            CheckOutcome(name=f"line {number}", passed=have == want, detail=f"{have} syllables, wanted {want}")
            for number, (have, want) in enumerate(zip(counted, wanted, strict=True), 1)
        )
        passed = all(check.passed for check in checks)
        return Verdict(
            outcome=Outcome.PASS if passed else Outcome.FAIL,
            reason=None if passed else Reason.WRONG_ANSWER,
            detail="" if passed else f"syllables {counted}, wanted {wanted}",
            score=sum(check.passed for check in checks) / len(checks),
            metrics={"syllables_off": sum(abs(have - want) for have, want in zip(counted, wanted, strict=True))},
            checks=checks,
        )


def pytest_llmbench_families(families):
    """Make the verifier known under the name that the pack uses."""
    families.verifiers["haiku"] = Haiku()
