"""What is wrong with the ``record`` check of a scenario, found before the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.contracts import Problem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Scenario
from pytest_llmbench.verifiers.record_fields import Key, anchor_keys
from pytest_llmbench.verifiers.record_shape import join, members, rule_name
from pytest_llmbench.verifiers.record_text import level_rule
from pytest_llmbench.verifiers.value_rules import rule_problems, shown

ALONE = "nothing around"
"""The outcome that says whether the JSON stands alone, where it must."""

Check = Mapping[str, Any]
Path = tuple[str | int, ...]
_KIND = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """A list somewhere among the fields: the dotted `way` to it, its `path` in the scenario, its items."""

    way: str
    path: Path
    items: list[Any]


def record_name(check: Check) -> str:
    """Return the name of the check's outcome."""
    return str(check.get("name", _KIND))


def record_problems(scenario: Scenario) -> Iterator[Problem]:
    """Yield what is wrong; every path begins with ``checks``."""
    if not scenario.checks:
        yield Problem(path=("checks",), message=f'a scenario needs one check of kind "{_KIND}"')
    for place, check in enumerate(scenario.checks):
        path: Path = ("checks", place)
        if place:
            yield Problem(path=path, message=f'one check of kind "{_KIND}" is all there can be: put all fields into it')
        elif check.get("kind") != _KIND:
            message = f'unknown kind of check "{check.get("kind")}": {suggestion(str(check.get("kind")), [_KIND])}'
            yield Problem(path=(*path, "kind"), message=message)
        else:
            yield from _check_problems(check, path)


def _check_problems(check: Check, path: Path) -> Iterator[Problem]:
    for key, value in check.items():
        fault = _KEYS[key](value) if key in _KEYS else f'there is no key "{key}" here: {suggestion(str(key), _KEYS)}'
        if fault:
            yield Problem(path=(*path, str(key)), message=fault)
    fields = check.get("fields")
    if "fields" not in check:
        yield Problem(path=path, message=f'"{_KIND}" needs "fields": names and their values')
    if not isinstance(fields, Mapping) or not fields:
        return
    lists: list[_List] = []
    yield from _group_problems(fields, (*path, "fields"), "", lists)
    yield from _name_problems(check, fields, path)
    if not any(rule_name(raw) not in ("optional", "absent") for raw in fields.values()):
        yield Problem(path=(*path, "fields"), message="at least one field must be neither optional nor absent")
    yield from _anchors_problems(check.get("anchors"), lists, (*path, "anchors"))
    yield from _unordered_problems(check.get("unordered"), lists, (*path, "unordered"))


def _name_problems(check: Check, fields: Check, path: Path) -> Iterator[Problem]:
    taken = [ALONE] if check.get("alone", False) is True else []
    if record_name(check) in taken or record_name(check) in fields:
        message = f'a field is called "{record_name(check)}" too: give the check a "name" of its own'
        yield Problem(path=path, message=message)
    yield from (
        Problem(path=(*path, "fields", name), message=f'"{name}" is what the check "alone" is called')
        for name in taken
        if name in fields
    )


def _group_problems(fields: Check, path: Path, way: str, lists: list[_List]) -> Iterator[Problem]:
    if not fields:
        yield Problem(path=path, message="an object needs at least one field")
    for name, raw in fields.items():
        at: Path = (*path, str(name))
        if not isinstance(name, str):
            yield Problem(path=at, message="a field's name must be a text")
        elif rule_name(raw) == "optional":
            yield from _node_problems(raw["optional"], (*at, "optional"), join(way, name), lists)
        elif rule_name(raw) == "absent":
            yield from rule_problems(raw, at, names_field=True)
        else:
            yield from _node_problems(raw, at, join(way, name), lists)


def _node_problems(raw: Any, path: Path, way: str, lists: list[_List]) -> Iterator[Problem]:
    """Yield the problems of one value and note the lists on the way."""
    if isinstance(raw, list):
        lists.append(_List(way=way, path=path, items=raw))
        for place, item in enumerate(raw):
            yield from _node_problems(item, (*path, place), way, lists)
        return
    fields = members(raw)
    if fields is not None:
        own = (*path, "object") if rule_name(raw) == "object" else path
        yield from _group_problems(fields, own, way, lists)
    else:
        yield from rule_problems(raw, path)


def _anchors_problems(anchors: Any, lists: list[_List], path: Path) -> Iterator[Problem]:
    if not isinstance(anchors, Mapping) or _anchors(anchors):
        return
    ways = _ways(lists, lambda item: members(item) is not None) & {one.way for one in lists if one.items}
    for way, key in anchors.items():
        if way not in ways:
            yield Problem(path=(*path, way), message=f'"{way}" leads to no list of objects: {suggestion(way, ways)}')
            continue
        for one in lists:
            if one.way == way:
                yield from _anchored_problems(one, key)


def _anchored_problems(one: _List, key: str) -> Iterator[Problem]:
    """Yield objects without the anchor, and those that it does not tell apart."""
    seen: list[Key] = []
    for place, item in enumerate(one.items):
        fields, path = members(item), (*one.path, place)
        if fields is None or key not in fields:
            names = suggestion(key, [str(name) for name in fields or ()])
            yield Problem(path=path, message=f'the list is matched by "{key}", which is not here: {names}')
            continue
        keys = anchor_keys(level_rule(fields[key]))
        if not keys:
            message = f'"{key}" tells objects apart, so it must be a text, a number, {{text}}, or {{one_of}} of these'
            yield Problem(path=(*path, key), message=message)
        if any(_clash(mine, other) for mine in keys for other in seen):
            message = f'"{key}" must tell the objects apart, but {shown(fields[key])} comes twice'
            yield Problem(path=(*path, key), message=message)
        seen += keys


def _clash(one: Key, other: Key) -> bool:
    is_folded = "folded" in (one[0], other[0])
    texts = [key[1].casefold() for key in (one, other) if isinstance(key[1], str)]
    return one == other or (is_folded and len(texts) == 2 and texts[0] == texts[1])


def _unordered_problems(unordered: Any, lists: list[_List], path: Path) -> Iterator[Problem]:
    if not isinstance(unordered, list) or _unordered(unordered):
        return
    ways = _ways(lists, lambda item: members(item) is None and not isinstance(item, list))
    objects = _ways(lists, lambda item: members(item) is not None) - ways
    for place, way in enumerate(unordered):
        if way in objects:
            message = f'"{way}" is a list of objects: name the key that tells them apart under "anchors"'
            yield Problem(path=(*path, place), message=message)
        elif way not in ways:
            message = f'"{way}" leads to no list of single values: {suggestion(way, ways)}'
            yield Problem(path=(*path, place), message=message)


def _ways(lists: list[_List], fits: Callable[[Any], bool]) -> set[str]:
    """Return the ways to lists all of whose items fit, wherever such a list stands more than once."""
    return {one.way for one in lists} - {one.way for one in lists if not all(map(fits, one.items))}


def _fields(value: Any) -> str:
    return "" if isinstance(value, Mapping) and value else "needs a mapping of field names to values, not empty"


def _anchors(value: Any) -> str:
    good = isinstance(value, Mapping) and all(isinstance(item, str) for pair in value.items() for item in pair)
    return "" if good else "needs a mapping from a list of objects, such as order.lines, to one key of these"


def _unordered(value: Any) -> str:
    good = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return "" if good else "needs a list of the lists that are meant, such as [order.tags]"


def _extra(value: Any) -> str:
    return "" if value in ("forbid", "allow") else "needs forbid or allow"


def _pass_at(value: Any) -> str:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1
    return "" if good else "needs a number above 0, at most 1"


def _alone(value: Any) -> str:
    return "" if isinstance(value, bool) else "needs true or false"


def _gating(value: Any) -> str:
    return "" if value is True else "a scenario's only check must be gating, or it decides nothing"


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value.strip() else "needs a text"


_KEYS: Mapping[str, Callable[[Any], str]] = {
    "kind": _text,
    "name": _text,
    "gating": _gating,
    "fields": _fields,
    "anchors": _anchors,
    "unordered": _unordered,
    "extra": _extra,
    "pass_at": _pass_at,
    "alone": _alone,
}
