"""A record compared with what it must be, field by field.

Each single value that is asked for counts as one field. What is missing counts with all its fields, a key or a
list item nobody asked for as one more, wrong field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.pairing import pair_up
from pytest_llmbench.verifiers.record_shape import Atom, Group, Node, Series, asked, join, rule_name, size
from pytest_llmbench.verifiers.record_text import level
from pytest_llmbench.verifiers.value_rules import compare, shown

_RIVALS = 1000
"""Values of an unordered list that are tried on rules; literals are looked up among any number."""
_NAME = 60

Key = tuple[str, Any]


class Nothing:
    """Stands for a value that is not there, which null is."""


NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at `where`: `wanted` is None for what nobody asked for, `got` is NOTHING where it is missing.

    `fields` says how many fields are wrong by it.
    """

    where: str
    wanted: Node | None
    got: Any
    fields: int = 1

    @property
    def reason(self) -> Reason:
        """The reason a verdict books it under."""
        return Reason.MISSING_FIELD if self.got is NOTHING else Reason.WRONG_ANSWER

    @property
    def expected(self) -> str:
        """What should stand there, in words."""
        return "nothing" if self.wanted is None else asked(self.wanted)

    @property
    def found(self) -> str:
        """What stands there, in words."""
        return "nothing" if self.got is NOTHING else shown(self.got)

    def __str__(self) -> str:
        """Return the fault as a clause that begins with where it is."""
        many = f" ({self.fields} fields)" if self.fields > 1 else ""
        if self.got is NOTHING:
            return f"{self.where} is missing{many}: expected {self.expected}"
        if self.wanted is None:
            return f"{self.where} was not asked for{many}: got {self.found}"
        return f"{self.where}: expected {self.expected}, got {self.found}{many}"


@dataclass(slots=True)
class Tally:
    """How many fields are right, and what is wrong, in the order in which the pack names the fields."""

    right: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """The number of wrong fields."""
        return sum(fault.fields for fault in self.faults)

    @property
    def total(self) -> int:
        """All fields, wrong ones that nobody asked for included."""
        return self.right + self.wrong


def tally_fields(record: Group, value: Mapping[str, Any], *, extra: bool) -> dict[str, Tally]:
    """Return a tally for each field of the outermost object, and under "" one of the keys nobody asked for.

    `extra` lets pass, on every level, keys that were not asked for.
    """
    found: dict[str, Tally] = {}
    for name in record.fields:
        counter = _Counter(extra=extra)
        counter.member(record, name, value, "")
        found[name] = counter.tally
    counter = _Counter(extra=extra)
    counter.extra_keys(record, value, "")
    return {**found, "": counter.tally}


def scalar_key(value: Any) -> Key | None:
    """Return a hashable that is equal for values that are the same (5 and 5.0, never 1 and true), else None."""
    if value is None or isinstance(value, (bool, str)):
        return type(value).__name__, value
    return ("number", value) if isinstance(value, (int, float)) else None


def anchor_keys(rule: Any) -> list[Key]:
    """Return the keys by which an object with this anchor is found: of a literal, {text} or {one_of} of these.

    Empty for any other rule. `rule` must be level.
    """
    if isinstance(rule, Mapping):
        name = rule_name(rule)
        operand = rule[name] if name else None
        if name == "one_of" and isinstance(operand, list):
            found = [anchor_keys(choice) for choice in operand]
            return [key for keys in found for key in keys] if all(found) else []
        return [("folded", operand.casefold())] if name == "text" and isinstance(operand, str) else []
    key = scalar_key(rule)
    return [key] if key and key[0] in ("str", "number") else []


@dataclass(slots=True)
class _Counter:
    """Walks along what is asked for, never deeper, whatever the answer holds."""

    extra: bool
    tally: Tally = field(default_factory=Tally)

    def node(self, node: Node, value: Any, where: str) -> None:
        if isinstance(node, Atom):
            self._settle(node, value, where)
        elif isinstance(node, Group):
            self._group(node, value, where)
        else:
            self._series(node, value, where)

    def member(self, group: Group, name: str, value: Mapping[str, Any], where: str) -> None:
        """Compare the field `name` of the object `value`; what may be left out counts only where it is not."""
        node, at = group.fields[name], join(where, printable(name, _NAME))
        if name in group.absent:
            if name in value:
                self._fault(at, None, value[name])
        elif name in value:
            self.node(node, value[name], at)
        elif name not in group.optional:
            self._fault(at, node, NOTHING)

    def extra_keys(self, group: Group, value: Mapping[str, Any], where: str) -> None:
        if self.extra:
            return
        unasked = [name for name in value if name not in group.fields]
        for name in unasked[:1]:
            at = join(where, f'"{printable(name, _NAME)}"')
            at += f" and {len(unasked) - 1} more" if len(unasked) > 1 else ""
            self._fault(at, None, value[name], len(unasked))

    def _settle(self, node: Atom, value: Any, where: str) -> None:
        if compare(node.level, level(value), where) is None:
            self.tally.right += 1
        else:
            self._fault(where, node, value)

    def _group(self, group: Group, value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            self._fault(where, group, value)
            return
        before = self.tally.total
        for name in group.fields:
            self.member(group, name, value, where)
        self.extra_keys(group, value, where)
        if self.tally.total == before:
            self.tally.right += 1

    def _series(self, series: Series, value: Any, where: str) -> None:
        if not isinstance(value, list):
            self._fault(where, series, value)
        elif not series.items and not value:
            self.tally.right += 1
        elif series.anchor:
            self._anchored(series, value, where)
        elif series.unordered:
            self._unordered(series, value, where)
        else:
            self._pairs(series, value, where)

    def _pairs(self, series: Series, value: list[Any], where: str) -> None:
        for place, item in enumerate(series.items):
            if place < len(value):
                self.node(item, value[place], f"{where}[{place}]")
            else:
                self._fault(f"{where}[{place}]", item, NOTHING)
        self._extra_items(value[len(series.items) :], f"{where}[{len(series.items)}]")

    def _anchored(self, series: Series, value: list[Any], where: str) -> None:
        places = _places(series.anchor, value)
        used: set[int] = set()
        for item in series.items:
            rule = item.fields[series.anchor] if isinstance(item, Group) else item
            keys = anchor_keys(rule.level) if isinstance(rule, Atom) else []
            place = min((places[key] for key in keys if key in places and places[key] not in used), default=None)
            at = f"{where}[{asked(rule)}]"
            if place is None:
                self._fault(at, item, NOTHING)
                continue
            used.add(place)
            self.node(item, value[place], at)
        self._extra_items([item for place, item in enumerate(value) if place not in used], f"{where}[]")

    def _unordered(self, series: Series, value: list[Any], where: str) -> None:
        wanted, got = _unmatched(series.items, value)
        self.tally.right += len(series.items) - len(wanted)
        for item, other in zip(wanted, got, strict=False):
            self._fault(f"{where}[]", item, other)
        for item in wanted[len(got) :]:
            self._fault(f"{where}[]", item, NOTHING)
        self._extra_items(got[len(wanted) :], f"{where}[]")

    def _extra_items(self, items: Sequence[Any], where: str) -> None:
        if items:
            self._fault(where, None, items[0], len(items))

    def _fault(self, where: str, wanted: Node | None, got: Any, fields: int = 0) -> None:
        count = fields or (size(wanted) if wanted else 1)
        self.tally.faults.append(Fault(where, wanted, got, count))


def _places(anchor: str, items: Sequence[Any]) -> dict[Key, int]:
    """Return where the first object with each anchor stands, as written and, for texts, folded."""
    places: dict[Key, int] = {}
    for place, item in enumerate(items):
        key = scalar_key(level(item.get(anchor))) if isinstance(item, Mapping) else None
        if key is None:
            continue
        places.setdefault(key, place)
        if isinstance(key[1], str):
            places.setdefault(("folded", key[1].casefold()), place)
    return places


def _unmatched(items: Sequence[Node], value: Sequence[Any]) -> tuple[list[Node], list[Any]]:
    """Return the wanted and the given values that have no partner.

    Literals take theirs first, which costs no rule a partner it needs: equal values are interchangeable.
    """
    stock: dict[Key, list[int]] = {}
    for place in reversed(range(len(value))):
        if key := scalar_key(level(value[place])):
            stock.setdefault(key, []).append(place)
    used: set[int] = set()
    open_items: list[Node] = []
    for item in items:
        key = scalar_key(item.level) if isinstance(item, Atom) else None
        if key and stock.get(key):
            used.add(stock[key].pop())
        else:
            open_items.append(item)
    rest = [place for place in range(len(value)) if place not in used]
    rules = [item for item in open_items if isinstance(item, Atom) and isinstance(item.rule, Mapping)]
    rivals = [level(value[place]) for place in rest[:_RIVALS]]
    pairs = pair_up([[compare(rule.level, rival, "") is None for rival in rivals] for rule in rules])
    paired = {id(rules[row]) for row in pairs}
    taken = {rest[column] for column in pairs.values()}
    return [item for item in open_items if id(item) not in paired], [
        value[place] for place in rest if place not in taken
    ]
