"""Where the record is found in an answer, what is none, and what makes one pass."""

from __future__ import annotations

import json

import pytest

from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import Outcome, Reason
from tests.verifiers.record_cases import FIELDS, PLAIN, RIGHT, TOTAL, changed, counts, judged, record


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        json.dumps(RIGHT, indent=4),
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}\n```",
        f"~~~JSON\n{PLAIN}\n~~~",
        f"```json\n{PLAIN}",
        f"{PLAIN}\n```",
        f"Here you are:\n\n```json\n{PLAIN}\n```\n\nThe VAT id is null, since it is not in the text.",
        f"Here you are: {PLAIN} [1]\n\n[1] The sums are net.",
        f"First I read {{see above}} and {{}} then\n{PLAIN}",
        f"A brace {{ opens, a bracket ] closes, [here] {{is}} {{ one: {PLAIN}",
        f'It is not {{"vendor": "Bohm",}} but {PLAIN}',
        f"{PLAIN}\nNot: {{'vendor': 1}}",
        f'{PLAIN}\n\nI wrote `{{"iban": null}}` as none is given.',
        f'It begins with `{{"vendor"` and ends with the total: {PLAIN}',
        f'Draft: {{"vendor": "Bohm"}}\n\nOn second thought:\n{PLAIN}',
        f'```json\n{{"vendor": "Bohm"}}\n```\nCorrected:\n```json\n{PLAIN}\n```',
        f'<think>{{"vendor": "Bohm"}}</think>{PLAIN}',
        f"\ufeff{PLAIN}",
        f"\u00a0{PLAIN}\u00a0",
        PLAIN.replace("\n", "\r\n"),
    ],
)
def test_the_record_is_found_wherever_it_stands(text: str) -> None:
    """Whole, fenced, amid prose; the last one wins, and thinking is no answer."""
    verdict = judged(text)
    assert verdict.outcome is Outcome.PASS, verdict.detail
    assert verdict.reason is None
    assert counts(verdict) == (TOTAL, TOTAL)
    assert all(check.passed and check.gating for check in verdict.checks)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.NO_ANSWER),
        (" \n\u00a0", Reason.NO_ANSWER),
        (f"<think>{PLAIN}", Reason.NO_ANSWER),
        ("lorem ipsum", Reason.INVALID_FORMAT),
        ("[]", Reason.INVALID_FORMAT),
        ("null", Reason.INVALID_FORMAT),
        ("42", Reason.INVALID_FORMAT),
        (json.dumps(PLAIN), Reason.INVALID_FORMAT),
        (f"[{PLAIN}]", Reason.INVALID_FORMAT),
        (f"The list: [{PLAIN}]", Reason.INVALID_FORMAT),
        (f"```json\n[{PLAIN}]\n```", Reason.INVALID_FORMAT),
        (f'{{"invoice": {PLAIN}}}', Reason.INVALID_FORMAT),
        (f'{{"status": "ok", "data": [{PLAIN}]}}', Reason.INVALID_FORMAT),
        (PLAIN[: int(len(PLAIN) * 0.8)], Reason.INVALID_FORMAT),
        (PLAIN.replace('"paid"', '"paid": true, "paid"'), Reason.INVALID_FORMAT),
        (PLAIN.replace("null", "None"), Reason.INVALID_FORMAT),
        (PLAIN.replace('"', "'"), Reason.INVALID_FORMAT),
        (PLAIN.replace("1250.5", "NaN"), Reason.INVALID_FORMAT),
        (f"```json\n{PLAIN}\n// done\n```", Reason.INVALID_FORMAT),
        (f'{{"invoice": {PLAIN}', Reason.INVALID_FORMAT),
        (f'It is {{ "note": "so {{here}}", "invoice": {PLAIN}, }}', Reason.INVALID_FORMAT),
        (f"The list: [{PLAIN}, {PLAIN}", Reason.INVALID_FORMAT),
        (f"Draft {PLAIN[:40]} and {PLAIN}", Reason.INVALID_FORMAT),
        ("{}", Reason.MISSING_FIELD),
        (f"{PLAIN}\nor rather:\n{{}}", Reason.MISSING_FIELD),
        (f"{{{PLAIN}}}", Reason.INVALID_FORMAT),
        (f"{{{PLAIN}", Reason.INVALID_FORMAT),
        (f"{{invoice: {PLAIN}", Reason.INVALID_FORMAT),
        (f"{{\n  invoice: {PLAIN}", Reason.INVALID_FORMAT),
        (f'{{\n  // the invoice\n  "invoice": {PLAIN}', Reason.INVALID_FORMAT),
    ],
)
def test_what_is_no_such_record_scores_nothing(text: str, reason: Reason) -> None:
    """An extra outer object or list is the wrong shape, however right its content."""
    verdict = judged(text)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)
    assert counts(verdict) == (0, TOTAL)
    assert verdict.expected
    assert verdict.got
    assert not any(check.passed for check in verdict.checks)
    assert all(check.detail for check in verdict.checks)


def test_the_pass_rule_is_counted_exactly_and_shown() -> None:
    """Seven tenths of ten fields are seven; what nobody asked for raises the number that is needed."""
    fields = {f"f{number}": number for number in range(10)}
    seven = {f"f{number}": number if number < 7 else -1 for number in range(10)}
    verdict = record(seven, fields, pass_at=0.7)
    assert verdict.outcome is Outcome.PASS
    assert verdict.detail.startswith("7 of 10 fields right, 7 needed: f7: expected 7, got -1; ")
    assert record(seven, fields, pass_at=0.71).outcome is Outcome.FAIL
    more = record({**seven, "x": 1}, fields, pass_at=0.7)
    assert (more.outcome, more.reason) == (Outcome.FAIL, Reason.WRONG_ANSWER)
    assert more.detail.startswith("7 of 11 fields right, 8 needed")


def test_fields_gate_where_all_must_be_right_and_else_inform() -> None:
    """The record itself always gates, so that a failing verdict has a failing check."""
    strict = record(changed(total=1))
    assert [check.name for check in strict.checks if check.gating and not check.passed] == ["record", "total"]
    assert [check.name for check in strict.checks] == ["record", *FIELDS]
    loose = record(changed(total=1), pass_at=0.9, name="invoice")
    assert loose.outcome is Outcome.PASS
    assert [check.name for check in loose.checks if check.gating] == ["invoice"]
    assert [check.name for check in loose.checks if not check.passed] == ["total"]
    surplus = record(changed(note=1))
    assert [check.name for check in surplus.checks if not check.passed] == ["record"]


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        (PLAIN, True),
        (f" \n{PLAIN}\n", True),
        (f"```json\n{PLAIN}\n```", True),
        (f"```json\n{PLAIN}", True),
        (f"\ufeff{PLAIN}", True),
        (f"Here: {PLAIN}", False),
        (f"{PLAIN}\nDone.", False),
        (f"```json\n{PLAIN}\n```\nDone.", False),
        (f"{PLAIN}{PLAIN}", False),
    ],
)
def test_a_record_that_must_stand_alone(text: str, *, alone: bool) -> None:
    """A fence is let pass, words are not; the fields are counted all the same."""
    verdict = judged(text, alone=True)
    assert counts(verdict) == (TOTAL, TOTAL)
    assert (verdict.outcome is Outcome.PASS) is alone
    assert [check.name for check in verdict.checks if not check.passed] == ([] if alone else ["nothing around"])
    if not alone:
        assert verdict.reason is Reason.INVALID_FORMAT
        assert "nothing may stand around the JSON" in verdict.detail


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"vendor":' * 100_000,
        '{"vendor": ' + "[" * 900 + "]" * 900 + "}",
        '{"total": ' + "9" * 5000 + "}",
        '{"total": ' + "9" * 300 + "}",
        '{"total": 1e999}',
        '{"vendor": "\\ud800", "\\udfff\\u0000": "\x00"}',
        '{"vendor": "\ud800", "x": "\x00"}',
        json.dumps({"vendor": "x" * 10_000_000}),
        json.dumps({"vendor": "e" + "\u0301\u0315" * 200_000}, ensure_ascii=False),
        json.dumps({"tags": ["rush"] * 300_000}),
        json.dumps({"lines": [{"sku": "A-1"}] * 100_000}),
        json.dumps({f"k{number}": number for number in range(200_000)}),
        json.dumps({"k" * 1_000_000: {"vendor": 1}, "l" * 1_000_000: 1}),
        "`" * 100_000,
        "```json\n" * 20_000,
        "<think>" * 20_000,
    ],
    ids=range(17),
)
def test_hostile_answers_are_judged(text: str) -> None:
    """Deep, huge, broken: a verdict of readable size each time."""
    verdict = judged(text)
    assert verdict.outcome is Outcome.FAIL
    assert len(verdict.detail) < 5000
    assert len(verdict.got) < 1000
    json.dumps(to_plain(verdict))
