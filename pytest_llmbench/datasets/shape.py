"""Checks values against a JSON Schema, in the words of somebody who writes packs.

Packs are checked at every collection, so speed matters: a schema is compiled once into plain
functions, some fifty times faster than a general validator. The schema files stay ordinary JSON
Schema (draft 2020-12) for editors; of its vocabulary this module knows the part they use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llmbench.lookup import nearest, suggestion


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a value. `path` leads to it and is filled in from the inside out."""

    message: str
    path: list[str | int] = field(default_factory=list)


Check = Callable[[Any], Fault | None]
"""Returns the first fault of a value, None where it has none."""

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_WORDS = {
    "object": "a mapping (key: value)",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_NOTES = frozenset({"$schema", "$id", "$defs", "title", "description", "default", "examples"})


def load_schema(path: Path) -> dict[str, Any]:
    """Read a schema file of ours."""
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def compile_schema(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Check:
    """Return the check that `schema` describes; `root` is where its ``$ref`` point into.

    Raises ValueError for a keyword this module does not know.
    """
    root = schema if root is None else root
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return compile_schema({**root["$defs"][name], **{k: v for k, v in schema.items() if k != "$ref"}}, root)
    unknown = schema.keys() - _MAKERS.keys() - _NOTES
    if unknown:
        raise ValueError(f"unknown schema keywords: {sorted(unknown)}")
    makers = dict.fromkeys(maker for keyword, maker in _MAKERS.items() if keyword in schema)
    checks = [maker(schema, root) for maker in makers]
    if len(checks) == 1:
        return checks[0]

    def check(value: Any) -> Fault | None:
        for each in checks:
            fault = each(value)
            if fault is not None:
                return fault
        return None

    return check


def shown(value: Any) -> str:
    """Word a value for an error message, cut to a readable length."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f'the text "{value[:60]}..."' if len(value) > 60 else f'the text "{value}"'
    return (
        f"the number {value}" if isinstance(value, (int, float)) and not isinstance(value, bool) else json.dumps(value)
    )


def _type(schema: Mapping[str, Any], _root: Mapping[str, Any]) -> Check:
    named = schema["type"]
    names: list[str] = [named] if isinstance(named, str) else named
    allowed = tuple(kind for name in names for kind in _TYPES[name])
    bool_allowed = "boolean" in names
    wanted = " or ".join(_WORDS[name] for name in names)

    def check(value: Any) -> Fault | None:
        if isinstance(value, allowed) and (bool_allowed or not isinstance(value, bool)):
            return None
        hint = ""
        if "string" in names and isinstance(value, (bool, int, float)):
            hint = f': put it in quotes, "{json.dumps(value)}"'
        elif isinstance(value, str) and ("integer" in names or "number" in names):
            hint = ": write it without quotes, in digits"
        return Fault(f"must be {wanted}, is {shown(value)}{hint}")

    return check


def _enum(schema: Mapping[str, Any], _root: Mapping[str, Any]) -> Check:
    values = schema["enum"]
    names = [item if isinstance(item, str) else json.dumps(item) for item in values]

    def check(value: Any) -> Fault | None:
        if any(value == item and isinstance(value, bool) == isinstance(item, bool) for item in values):
            return None
        if len(names) == 1:
            return Fault(f"must be {names[0]}, is {shown(value)}")
        match = nearest(value, names) if isinstance(value, str) else None
        hint = f': did you mean "{match}"?' if match else ""
        return Fault(f"must be one of {', '.join(names)}, is {shown(value)}{hint}")

    return check


def _pattern(schema: Mapping[str, Any], _root: Mapping[str, Any]) -> Check:
    search = re.compile(schema["pattern"].removesuffix("$") + (r"\Z" if schema["pattern"].endswith("$") else "")).search
    rule = schema.get("description", f"it must match {schema['pattern']}")

    def check(value: Any) -> Fault | None:
        if not isinstance(value, str) or search(value):
            return None
        return Fault(f'"{value[:80]}" cannot stand here: {rule}')

    return check


def _min_length(schema: Mapping[str, Any], _root: Mapping[str, Any]) -> Check:
    least: int = schema["minLength"]

    def check(value: Any) -> Fault | None:
        return Fault("must not be empty") if isinstance(value, str) and len(value) < least else None

    return check


def _minimum(schema: Mapping[str, Any], _root: Mapping[str, Any]) -> Check:
    return _bound(lambda value: value >= schema["minimum"], f"must be at least {schema['minimum']}")


def _maximum(schema: Mapping[str, Any], _root: Mapping[str, Any]) -> Check:
    return _bound(lambda value: value <= schema["maximum"], f"must be at most {schema['maximum']}")


def _above(schema: Mapping[str, Any], _root: Mapping[str, Any]) -> Check:
    return _bound(lambda value: value > schema["exclusiveMinimum"], f"must be above {schema['exclusiveMinimum']}")


def _bound(holds: Callable[[Any], bool], rule: str) -> Check:
    def check(value: Any) -> Fault | None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return Fault(f"{rule}, is {value}") if is_number and not holds(value) else None

    return check


def _properties(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Check:
    known = {name: compile_schema(each, root) for name, each in schema.get("properties", {}).items()}
    extra = schema.get("additionalProperties", True)
    other: Check | None = compile_schema(extra, root) if isinstance(extra, dict) and extra else None

    def check(value: Any) -> Fault | None:
        if not isinstance(value, dict):
            return None
        for name, item in value.items():
            each = known.get(name, other)
            if each is not None:
                fault = each(item)
            else:
                fault = None if extra is not False or name in known else _unknown_key(name, known)
            if fault is not None:
                fault.path.insert(0, name)
                return fault
        return None

    return check


def _unknown_key(name: str, known: Mapping[str, Check]) -> Fault:
    return Fault(f'there is no key "{name[:80]}" here: {suggestion(name, known)}')


def _required(schema: Mapping[str, Any], _root: Mapping[str, Any]) -> Check:
    names: list[str] = schema["required"]

    def check(value: Any) -> Fault | None:
        for name in names if isinstance(value, dict) else ():
            if name not in value:
                return Fault(f'the key "{name}" is missing')
        return None

    return check


def _one_of(schema: Mapping[str, Any], _root: Mapping[str, Any]) -> Check:
    """Only the form that asks for one key of several: ``[{"required": ["a"]}, {"required": ["b"]}]``."""
    names: list[str] = [branch["required"][0] for branch in schema["oneOf"]]
    listed = " and ".join(f'"{name}"' for name in names)

    def check(value: Any) -> Fault | None:
        if not isinstance(value, dict) or sum(name in value for name in names) == 1:
            return None
        return Fault(f"needs exactly one of the keys {listed}")

    return check


def _items(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Check:
    each = compile_schema(schema["items"], root)

    def check(value: Any) -> Fault | None:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            fault = each(item)
            if fault is not None:
                fault.path.insert(0, index)
                return fault
        return None

    return check


def _min_items(schema: Mapping[str, Any], _root: Mapping[str, Any]) -> Check:
    least: int = schema["minItems"]

    def check(value: Any) -> Fault | None:
        if not isinstance(value, list) or len(value) >= least:
            return None
        return Fault(f"needs at least {least} {'entry' if least == 1 else 'entries'}, has {len(value)}")

    return check


_MAKERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Check]] = {
    "type": _type,
    "enum": _enum,
    "minLength": _min_length,
    "pattern": _pattern,
    "minimum": _minimum,
    "maximum": _maximum,
    "exclusiveMinimum": _above,
    "properties": _properties,
    "additionalProperties": _properties,
    "required": _required,
    "oneOf": _one_of,
    "minItems": _min_items,
    "items": _items,
}
