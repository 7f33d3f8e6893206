"""The part of JSON Schema in which a no is certain at a glance: types, required and forbidden keys, bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_llmbench.mutations.rules import is_number, same

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "number": is_number,
    "integer": lambda value: is_number(value) and value == int(value),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
}


def breaks(schema: Any, value: Any) -> bool:
    """Whether `value` surely does not conform to `schema`; False says nothing."""
    if not isinstance(schema, Mapping):
        return schema is False
    return _itself(schema, value) or _members(schema, value) or _elements(schema, value)


def _itself(schema: Mapping[str, Any], value: Any) -> bool:
    types = schema.get("type", [])
    named = [types] if isinstance(types, str) else types
    if named and not any(_TYPES[name](value) for name in named):
        return True
    if "const" in schema and not same(schema["const"], value):
        return True
    if "enum" in schema and not any(same(choice, value) for choice in schema["enum"]):
        return True
    if not is_number(value):
        return False
    return bool(value < schema.get("minimum", value) or value > schema.get("maximum", value))


def _members(schema: Mapping[str, Any], value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    known = schema.get("properties", {})
    if any(name not in value for name in schema.get("required", ())):
        return True
    if (
        schema.get("additionalProperties") is False
        and "patternProperties" not in schema
        and value.keys() - known.keys()
    ):
        return True
    return any(breaks(known[name], value[name]) for name in value.keys() & known.keys())


def _elements(schema: Mapping[str, Any], value: Any) -> bool:
    if not isinstance(value, list):
        return False
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return True
    if "prefixItems" in schema or "items" not in schema:
        return False
    return any(breaks(schema["items"], item) for item in value)
