"""A record with everything that can stand in one, and how an answer to it is judged."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from pytest_llmbench.records import Exchange, Request, Response, Scenario, Turn, Verdict
from pytest_llmbench.verifiers import VERIFIERS

VERIFIER = VERIFIERS["data_extraction"]
FIELDS: dict[str, Any] = {
    "vendor": "Böhm & Söhne",
    "number": {"text": "RE-17"},
    "total": 1250.5,
    "paid": False,
    "vat_id": None,
    "tags": ["rush", "export", "rush"],
    "steps": ["pack", "ship"],
    "lines": [
        {"sku": "A-1", "price": {"amount": 10, "currency": "EUR"}},
        {"sku": "A-2", "price": {"amount": 20.25, "currency": "USD"}},
    ],
    "ship_to": {"city": "Lyon", "date": {"date": "2026-03-05"}},
}
RIGHT: dict[str, Any] = {
    "vendor": "Böhm & Söhne",
    "number": "re-17",
    "total": 1250.50,
    "paid": False,
    "vat_id": None,
    "tags": ["export", "rush", "rush"],
    "steps": ["pack", "ship"],
    "lines": [
        {"price": {"currency": "USD", "amount": 20.25}, "sku": "A-2"},
        {"sku": "A-1", "price": {"amount": 10.0, "currency": "EUR"}},
    ],
    "ship_to": {"date": "2026-03-05", "city": "Lyon"},
}
TOTAL = 18
ORDER: dict[str, Any] = {"anchors": {"lines": "sku"}, "unordered": ["tags"]}


def scenario(fields: Mapping[str, Any] = FIELDS, **keys: Any) -> Scenario:
    """Return a scenario with one record check."""
    more = {**ORDER, **keys} if fields is FIELDS else keys
    check = {"kind": "record", "fields": fields, **more}
    return Scenario(id="X", title="x", messages=(), dialogue="single_turn", verifier="data_extraction", checks=(check,))


def judged(text: str, fields: Mapping[str, Any] = FIELDS, **keys: Any) -> Verdict:
    """Return the verdict on an answer to a scenario free of problems."""
    asked = scenario(fields, **keys)
    assert list(VERIFIER.problems(asked)) == []
    turn = Turn(request=Request(model="m", messages=()), response=Response(content=text))
    return VERIFIER.judge(asked, Exchange(turns=(turn,)))


def record(value: Any, fields: Mapping[str, Any] = FIELDS, **keys: Any) -> Verdict:
    """Return the verdict on an answer that is nothing but the JSON of `value`."""
    return judged(json.dumps(value, ensure_ascii=False), fields, **keys)


def counts(verdict: Verdict) -> tuple[int, int]:
    """Return (right, all) and hold what every verdict says of them."""
    words = verdict.detail.split(" fields right, ")[0].split(" of ")
    right, total = int(words[0]), int(words[1])
    assert verdict.score == verdict.metrics["field_score"] == right / total
    return right, total


def changed(**fields: Any) -> dict[str, Any]:
    """Return the right record with some top-level values replaced."""
    return {**copy.deepcopy(RIGHT), **fields}


PLAIN = json.dumps(RIGHT, ensure_ascii=False)
