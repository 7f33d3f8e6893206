"""JSON Schema (draft 2020-12) by the package jsonschema, with nothing fetched and nothing silently unchecked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmbench.plain_data import printable
from pytest_llmbench.verifiers.structured_paths import frozen

FORMATS_CHECKED = ("date", "ipv4", "ipv6", "uuid")
"""Values of ``format`` that are checked; for others a pack writes a ``pattern``."""
_SHOWN = 300


def schema_fault(schema: Mapping[str, Any], value: Any) -> str:
    """Return how `value` breaks `schema`, or ""."""
    try:
        fault = next(_validator(schema).iter_errors(value), None)
    except RecursionError:
        return "$: is nested too deep"
    return "" if fault is None else f"{fault.json_path}: {printable(fault.message, _SHOWN)}"


def schema_problems(schema: Any) -> Iterator[str]:
    """Yield what is wrong with a schema written in a pack."""
    if not isinstance(schema, Mapping):
        yield f"must be a JSON Schema, a mapping, not {schema!r}"
        return
    validator = _validator(schema)
    faults = list(type(validator)(validator.META_SCHEMA).iter_errors(schema))
    yield from (f"is no valid JSON Schema: {fault.json_path}: {printable(fault.message, _SHOWN)}" for fault in faults)
    for node in [] if faults else _mappings(schema):
        yield from _node_problems(node, schema, validator)


def _node_problems(node: Mapping[str, Any], schema: Mapping[str, Any], validator: Any) -> Iterator[str]:
    target, name = node.get("$ref"), node.get("format")
    if isinstance(target, str) and not _resolves(schema, target):
        yield f'"$ref: {target}" leads nowhere; only "#" and "#/..." within the schema do'
    elif isinstance(target, str) and _circles(validator, target):
        yield f'"$ref: {target}" leads back to itself'
    if any(isinstance(node.get(key), str) for key in ("$dynamicRef", "$id")):
        yield '"$dynamicRef" and "$id" are not supported'
    if isinstance(name, str) and name not in FORMATS_CHECKED:
        yield f'"format: {name}" is not checked, only {", ".join(FORMATS_CHECKED)} are: write a pattern'
    by_pattern = node.get("patternProperties")
    for pattern in [node.get("pattern"), *(by_pattern if isinstance(by_pattern, Mapping) else ())]:
        try:
            re.compile(pattern if isinstance(pattern, str) else "")
        except re.error as error:
            yield f'the pattern "{pattern}" is no regular expression: {error}'


def _circles(validator: Any, target: str) -> bool:
    try:
        list(validator.descend(None, {"$ref": target}))
    except RecursionError:
        return True
    return False


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema import FormatChecker, validators  # noqa: PLC0415 (costs 0.1 s, paid for where a schema is used)
    from jsonschema.validators import Draft202012Validator  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    extend: Any = validators.extend
    extended = extend(Draft202012Validator, {"uniqueItems": _unique_items})
    return extended(schema, registry=Registry(), format_checker=FormatChecker(FORMATS_CHECKED))


def _unique_items(_validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[Exception]:
    """Do in linear time what the package does by comparing each with each."""
    from jsonschema import ValidationError  # noqa: PLC0415

    if wanted is True and isinstance(value, list) and len({frozen(item) for item in value}) < len(value):
        yield ValidationError("an element comes twice")


def _mappings(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings in `schema`, but not those that are data (``const``, ``enum``, ...)."""
    if isinstance(schema, Mapping):
        yield schema
        for key, inner in schema.items():
            if key not in {"const", "enum", "default", "examples"}:
                yield from _mappings(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _mappings(inner)


def _resolves(schema: Any, target: str) -> bool:
    """Whether the JSON Pointer behind ``#`` (RFC 6901) leads to a schema."""
    if target == "#":
        return True
    for part in target.removeprefix("#/").split("/") if target.startswith("#/") else [None]:
        name = (part or "").replace("~1", "/").replace("~0", "~")
        if part is None or not isinstance(schema, Mapping) or name not in schema:
            return False
        schema = schema[name]
    return isinstance(schema, (Mapping, bool))
