"""Are data the record that a check of `data_extraction` asks for? Yes, no, or not certain, by the handbook's words."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pytest_llmbench.mutations.rules import RULES, Answer, every, fits, is_number, matched
from pytest_llmbench.mutations.values import walk

Check = Mapping[str, Any]
_RULES = frozenset({*RULES, "optional", "absent"})


def holds(check: Check, data: Any) -> Answer:
    """Say whether every field of `data` is right."""
    return _fits(check["fields"], data, check, "")


def is_rule(rule: Any) -> bool:
    """Whether a value under `fields` is a rule of the table, and not a nested object."""
    return isinstance(rule, Mapping) and len(rule) == 1 and next(iter(rule)) in _RULES


def _fits(rule: Any, value: Any, check: Check, path: str) -> Answer:
    if isinstance(rule, Mapping) and not is_rule(rule):
        return _object(rule, value, check, path)
    if isinstance(rule, list):
        return _list(rule, value, check, path)
    return fits(rule, value)


def _object(rules: Mapping[str, Any], value: Any, check: Check, path: str) -> Answer:
    if not isinstance(value, Mapping):
        return False
    if value.keys() - rules.keys() and check.get("extra") != "allow":
        return False
    return every(_member(rule, name, value, check, path) for name, rule in rules.items())


def _member(rule: Any, name: str, owner: Mapping[str, Any], check: Check, path: str) -> Answer:
    if is_rule(rule) and "absent" in rule:
        return name not in owner
    if is_rule(rule) and "optional" in rule:
        return name not in owner or fits(rule["optional"], owner[name])
    return name in owner and _fits(rule, owner[name], check, f"{path}.{name}".removeprefix("."))


def _list(rules: list[Any], value: Any, check: Check, path: str) -> Answer:
    if not isinstance(value, list) or len(value) != len(rules):
        return False
    if path in check.get("anchors", {}) or path in check.get("unordered", ()):
        return matched(rules, value, lambda rule, item: _fits(rule, item, check, path))
    return every(_fits(rule, item, check, path) for rule, item in zip(rules, value, strict=True))


def sizes(rule: Any) -> tuple[int, int]:
    """Return how many fields a rule asks for at least and at most: each single value is one, an optional one may be."""
    if is_rule(rule) and next(iter(rule)) in ("optional", "absent"):
        return 0, 1
    inner = rule if isinstance(rule, list) else rule.values() if isinstance(rule, Mapping) and not is_rule(rule) else []
    found = [sizes(one) for one in inner]
    return (sum(least for least, _ in found), sum(most for _, most in found)) if found else (1, 1)


def lenient(check: Check, data: Any, original: Any) -> Answer:
    """Say whether `data` passes where some fields may be wrong; `original` is right in every one.

    Certain only where single values differ that are no list elements and tell no objects apart.
    """
    unlike = _differences(original, data)
    if unlike is None or any(path[-1] in check.get("anchors", {}).values() for path in unlike):
        return None
    share = Fraction(str(check.get("pass_at", 1)))
    verdicts = {Fraction(fields - len(unlike), fields) >= share for fields in sizes(check["fields"])}
    return verdicts.pop() if len(verdicts) == 1 else None


def _differences(one: Any, two: Any) -> list[tuple[str | int, ...]] | None:
    """Return the paths of the single values that differ, or None where more does than values of keys."""
    left, right = dict(walk(one)), dict(walk(two))
    if left.keys() != right.keys():
        return None
    paths = [path for path, value in left.items() if not isinstance(value, (Mapping, list))]
    unlike = [path for path in paths if not _alike(left[path], right[path])]
    return unlike if all(path and isinstance(path[-1], str) for path in unlike) else None


def _alike(one: Any, two: Any) -> bool:
    return bool(one == two) and (type(one) is type(two) or (is_number(one) and is_number(two)))
