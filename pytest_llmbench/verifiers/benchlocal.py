"""Judges the scenarios of benchlocal-cli packs as benchlocal-cli does, so that scores compare.

An assert's kind is ``type.kind``, the verifier type of the pack and the kind of assert: ``tool_call.arg_regex``.
All must hold; the first that does not gives reason and detail. Each verifier type has its file beside this one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pytest_llmbench.contracts import Problem
from pytest_llmbench.lookup import nearest, suggestion
from pytest_llmbench.records import CheckOutcome, Exchange, Outcome, Request, Response, Scenario, Turn, Verdict
from pytest_llmbench.verifiers import benchlocal_calls, benchlocal_fields
from pytest_llmbench.verifiers.benchlocal_answers import ANSWERS, checkpoints_met
from pytest_llmbench.verifiers.benchlocal_calls import CALLS
from pytest_llmbench.verifiers.benchlocal_cautions import cautions_on
from pytest_llmbench.verifiers.benchlocal_documents import DOCUMENTS
from pytest_llmbench.verifiers.benchlocal_fields import FIELDS
from pytest_llmbench.verifiers.benchlocal_subject import (
    HOLDS,
    Before,
    Explained,
    Finding,
    Kind,
    Params,
    Subject,
    subject_of,
)
from pytest_llmbench.verifiers.benchlocal_texts import INSTRUCTIONS
from pytest_llmbench.verifiers.findings import verdict_on

KINDS: dict[str, Kind] = {**CALLS, **INSTRUCTIONS, **DOCUMENTS, **ANSWERS, **FIELDS}
BEFORE: dict[str, Before] = {"tool_call": benchlocal_calls.before, "data_extract": benchlocal_fields.before}


class Benchlocal:
    """The verifier ``benchlocal``."""

    name = "benchlocal"
    rules_version = "1"

    def problems(self, scenario: Scenario) -> Iterator[Problem]:
        """Yield the faults of a scenario's asserts."""
        if not scenario.checks:
            yield Problem(path=("checks",), message="there is no assert: nothing could be judged")
        for place, check in enumerate(scenario.checks):
            for key, message in _faults(check):
                yield Problem(path=("checks", place, key), message=message)

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """Judge the last response; where a model said nothing at all, the reason is `no_answer`."""
        subject = subject_of(exchange)
        kind = str(scenario.checks[0]["kind"]).partition(".")[0]
        first = BEFORE[kind](subject, scenario.checks) if kind in BEFORE else HOLDS
        if first.reason is not None:
            return _verdict(subject, [first], (CheckOutcome(name=kind, passed=False, detail=first.detail),))
        findings = [KINDS[check["kind"]].check(subject, check) for check in scenario.checks]
        outcomes = tuple(
            CheckOutcome(name=name, passed=finding.reason is None, detail=finding.detail)
            for name, finding in zip(_names(scenario.checks), findings, strict=True)
        )
        return _verdict(subject, findings, (*outcomes, *_diagnosed(subject, scenario.checks)))

    def cautions(self, scenarios: Sequence[Scenario]) -> tuple[str, ...]:
        """Return what is known to be wrong with the asserts of a pack, and in which scenarios."""
        return cautions_on(scenarios, self._passes)

    def _passes(self, scenario: Scenario, text: str) -> bool:
        turn = Turn(request=Request(model="", messages=()), response=Response(content=text))
        return self.judge(scenario, Exchange(turns=(turn,))).outcome is Outcome.PASS


def _faults(check: Params) -> Iterator[tuple[str, str]]:
    name = check.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        yield _unknown(str(name))
        return
    for key in kind.needs:
        if key not in check:
            yield key, f"the key is missing: it must be {kind.needs[key].words}{_instead(key, kind, check)}"
    if kind.one_of and not any(key in check for key in kind.one_of):
        yield kind.one_of[0], f"at least one of {', '.join(kind.one_of)} must be there"
    for key, shape in {**kind.may, **kind.needs}.items():
        if key in check and not shape.fits(check[key]):
            told = shape.why(check[key]) if isinstance(shape, Explained) else ""
            yield key, told or f"must be {shape.words}, not {str(check[key])[:80]!r}"


def _unknown(name: str) -> tuple[str, str]:
    """Return where the fault is, the verifier type or the kind of assert, and the message."""
    if name.endswith(".upstream_evaluator"):
        return "kind", "this scenario is judged by code inside benchlocal-cli, which a pack file does not hold"
    family, _, kind = name.partition(".")
    kinds = [known.partition(".")[2] for known in KINDS if known.partition(".")[0] == family]
    if not kinds:
        return "type", f'unknown verifier type "{family}": {suggestion(family, {k.partition(".")[0] for k in KINDS})}'
    return "kind", f'unknown kind of assert "{kind}" of {family}: {suggestion(kind, kinds)}'


def _instead(missing: str, kind: Kind, check: Params) -> str:
    """Point to a key nobody reads that `missing` may have been meant by."""
    known = {"kind", *kind.needs, *kind.may}
    found = nearest(missing, [key for key in check if key not in known])
    return f'; was "{found}" meant to be "{missing}"?' if found else ""


def _names(checks: Sequence[Params]) -> list[str]:
    """Name each assert after its kind, numbered from the second of a kind on."""
    seen: Counter[str] = Counter()
    names = []
    for check in checks:
        name = check["kind"].partition(".")[2]
        seen[name] += 1
        names.append(f"{name}-{seen[name]}" if seen[name] > 1 else name)
    return names


def _diagnosed(subject: Subject, checks: Sequence[Params]) -> Iterator[CheckOutcome]:
    for check in checks:
        met, wanted = checkpoints_met(subject, check) if check["kind"] in ANSWERS else (0, 0)
        if wanted:
            detail = f"{met} of {wanted} stand in the answer"
            yield CheckOutcome(name="checkpoints", passed=met == wanted, detail=detail, gating=False)


def _verdict(subject: Subject, findings: Sequence[Finding], outcomes: tuple[CheckOutcome, ...]) -> Verdict:
    score = sum(finding.credit for finding in findings) / len(findings)
    worst = next((finding for finding in findings if finding.reason is not None), None)
    return verdict_on(outcomes, worst, silent=not subject.calls and not subject.text.strip(), score=score)
