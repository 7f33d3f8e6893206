"""What a record must be, read from a pack: objects, lists and single values, each of these a field.

A mapping with exactly one key that is the name of a rule is that rule; any other mapping is a nested
object, and ``{object: {...}}`` is one whatever its keys. A list is a list of such things.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.verifiers.record_text import level_rule
from pytest_llmbench.verifiers.value_rules import FIELD_RULES, LEAVES, SHAPES, SHOWN, worded

VALUE_RULES = frozenset(LEAVES) | (frozenset(SHAPES) - {"object"})
"""Rules for one value, which is one field."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One value. `rule` as the pack has it, `level` with its texts made level."""

    rule: Any
    level: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """An object. Fields in `optional` may be left out, those in `absent` must be."""

    fields: Mapping[str, Node]
    optional: frozenset[str]
    absent: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A list, in order unless its objects are told apart by the key `anchor` or it is `unordered`."""

    items: tuple[Node, ...]
    anchor: str = ""
    unordered: bool = False


Node = Atom | Group | Series


def members(raw: Any) -> Mapping[Any, Any] | None:
    """Return the fields of a nested object as a pack writes it, or None where `raw` is a list, a rule or a value."""
    if not isinstance(raw, Mapping):
        return None
    name = rule_name(raw)
    if name == "object":
        return raw[name] if isinstance(raw[name], Mapping) else None
    return None if name else raw


def rule_name(raw: Any) -> str:
    """Return the name of the rule that `raw` is, or ""."""
    if not isinstance(raw, Mapping) or len(raw) != 1:
        return ""
    name = next(iter(raw))
    return name if name in VALUE_RULES or name in FIELD_RULES or name == "object" else ""


def read_record(check: Mapping[str, Any]) -> Group:
    """Return what the ``record`` check of a pack asks for; the check must be free of problems."""
    order = _Order(check.get("anchors", {}), frozenset(check.get("unordered", ())))
    return order.group(check["fields"], "")


def size(node: Node) -> int:
    """Return how many fields are wrong where the whole of `node` is missing: at least one."""
    if isinstance(node, Atom):
        return 1
    if isinstance(node, Series):
        return max(1, sum(map(size, node.items)))
    needed = [name for name in node.fields if name not in node.optional | node.absent]
    return max(1, sum(size(node.fields[name]) for name in needed))


def asked(node: Node) -> str:
    """Return what `node` asks for, for a message."""
    if isinstance(node, Atom):
        return worded(node.rule)
    if isinstance(node, Series):
        return f"a list of {len(node.items)}" if node.items else "an empty list"
    names = ", ".join(name for name in node.fields if name not in node.absent)
    return f"an object with {names if len(names) <= SHOWN else f'{names[:SHOWN]}...'}"


@dataclass(frozen=True, slots=True)
class _Order:
    """Reads nodes; knows which list is compared how by the dotted names that lead to it."""

    anchors: Mapping[str, str]
    unordered: frozenset[str]

    def node(self, raw: Any, way: str) -> Node:
        if isinstance(raw, list):
            items = tuple(self.node(item, way) for item in raw)
            return Series(items=items, anchor=self.anchors.get(way, ""), unordered=way in self.unordered)
        fields = members(raw)
        return Atom(raw, level_rule(raw)) if fields is None else self.group(fields, way)

    def group(self, fields: Mapping[str, Any], way: str) -> Group:
        rules = {name: rule_name(raw) for name, raw in fields.items()}
        optional = frozenset(name for name, rule in rules.items() if rule == "optional")
        bare = {name: raw["optional"] if name in optional else raw for name, raw in fields.items()}
        return Group(
            fields={name: self.node(raw, join(way, name)) for name, raw in bare.items()},
            optional=optional,
            absent=frozenset(name for name, rule in rules.items() if rule == "absent"),
        )


def join(way: str, name: str) -> str:
    """Return the dotted way to the field `name` of what stands at `way`."""
    return f"{way}.{name}" if way else name
