"""The asserts of benchlocal-cli's verifier type ``struct_output``. A code fence around the whole answer is let pass."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.benchlocal_subject import (
    EXPRESSION,
    EXPRESSION_LIMIT,
    HOLDS,
    WORD_LIST,
    Finding,
    JsonFault,
    Kind,
    Params,
    Subject,
    explained,
    load_json,
    unfenced,
    unmatched,
)
from pytest_llmbench.verifiers.check_kinds import ANYTHING, Shape, short
from pytest_llmbench.verifiers.value_rules import shown

_INDEX = re.compile(r"\[(\d+)\]", re.ASCII)
_RULE_CELL = re.compile(r":?-+:?")


def _not_json(subject: Subject, fault: JsonFault) -> Finding:
    return Finding(reason=Reason.INVALID_FORMAT, detail=f"the answer {fault}", got=short(subject.text, 300))


def json_parse_required(subject: Subject, _params: Params) -> Finding:
    """The answer is JSON and nothing else."""
    try:
        load_json(unfenced(subject.text))
    except JsonFault as fault:
        return _not_json(subject, fault)
    return HOLDS


def _json_schema(subject: Subject, params: Params) -> Finding:
    try:
        found = load_json(unfenced(subject.text))
    except JsonFault as fault:
        return _not_json(subject, fault)
    detail = _schema_fault(found, params["schema"], len(subject.text))
    return Finding(reason=Reason.INVALID_FORMAT, detail=detail, got=shown(found)) if detail else HOLDS


def _schema_fault(found: Any, schema: Mapping[str, Any], length: int) -> str:
    if length > EXPRESSION_LIMIT:
        return f"the answer of {length} characters is too long for the pack's schema"
    from jsonschema import exceptions, validators  # noqa: PLC0415 (costs 0.1 s, paid for where a schema is used)

    try:
        error = exceptions.best_match(validators.validator_for(schema)(schema).iter_errors(found))
    except RecursionError:
        return "the answer is nested too deep for the pack's schema"
    return "" if error is None else f"{error.json_path}: {error.message[:300]}"


def _yaml_parse_required(subject: Subject, _params: Params) -> Finding:
    """Every line that is no comment has a colon, and there is one with a key: no YAML parser is asked."""
    keys = 0
    for line in unfenced(subject.text).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, colon, _ = line.partition(":")
        if not colon:
            return Finding(reason=Reason.INVALID_FORMAT, detail=f"no key and colon in the line {short(line)}")
        keys += bool(key.strip())
    return HOLDS if keys else Finding(reason=Reason.INVALID_FORMAT, detail="there is no key: value line")


def _exact_json(subject: Subject, params: Params) -> Finding:
    try:
        found = load_json(unfenced(subject.text))
    except JsonFault as fault:
        return _not_json(subject, fault)
    if found == params["value"]:
        return HOLDS
    expected, got = shown(params["value"]), shown(found)
    return Finding(reason=Reason.WRONG_ANSWER, detail=f"wanted {expected}, got {got}", expected=expected, got=got)


def value_at(found: Any, path: str) -> Any:
    """Return the part of `found` at a path such as ``a.b[0]``; raises LookupError or TypeError where there is none."""
    for part in filter(None, path.split(".")):
        name, bracket, rest = part.partition("[")
        found = found[name] if name else found
        for index in _INDEX.findall(bracket + rest):
            found = found[int(index)]
    return found


def _jsonpath(subject: Subject, params: Params) -> Finding:
    try:
        whole = load_json(unfenced(subject.text))
    except JsonFault as fault:
        return _not_json(subject, fault)
    path = params["path"]
    try:
        found = value_at(whole, path.removeprefix("$."))
    except (LookupError, TypeError):
        return Finding(reason=Reason.MISSING_FIELD, detail=f"there is no {path}", expected=path, got=shown(whole))
    if "value" in params and found != params["value"]:
        expected = shown(params["value"])
        detail = f"{path} must be {expected}, got {shown(found)}"
        return Finding(reason=Reason.WRONG_ANSWER, detail=detail, expected=expected, got=shown(found))
    why = unmatched(params["regex"], str(found)) if "regex" in params else ""
    return Finding(reason=Reason.WRONG_ANSWER, detail=f"{path}: {why}", got=shown(found)) if why else HOLDS


def _csv_columns(subject: Subject, params: Params) -> Finding:
    """Only the first line is read."""
    try:
        columns = [cell.strip() for cell in next(csv.reader(io.StringIO(unfenced(subject.text))), [])]
    except csv.Error as error:
        return Finding(reason=Reason.INVALID_FORMAT, detail=f"the first line is no CSV: {error}")
    if columns == params["expected"]:
        return HOLDS
    expected, got = shown(params["expected"]), shown(columns)
    return Finding(reason=Reason.INVALID_FORMAT, detail=f"columns {got}, wanted {expected}", expected=expected, got=got)


def _cells(line: str) -> tuple[str, ...] | None:
    if not (line.startswith("|") and line.endswith("|")):
        return None
    return tuple(cell.strip().lower() for cell in line.strip("|").split("|"))


def _is_rule(line: str, width: int) -> bool:
    cells = _cells(line)
    return (
        cells is not None and len(cells) == width and all(_RULE_CELL.fullmatch(cell.replace(" ", "")) for cell in cells)
    )


def _markdown_structure(subject: Subject, params: Params) -> Finding:
    """Table headers stand there with the rule below them, other headers as lines of their own, in this order."""
    lines = [line.strip() for line in subject.text.splitlines() if line.strip()]
    rows = [_cells(line) for line in lines]
    places = []
    for header in params["headers"]:
        cells = _cells(header.strip())
        among: list[Any] = lines if cells is None else rows
        wanted = header.strip() if cells is None else cells
        if wanted not in among:
            return Finding(reason=Reason.INVALID_FORMAT, detail=f"there is no header {short(header)}")
        place = among.index(wanted)
        if cells is not None and not _is_rule("".join(lines[place + 1 : place + 2]), len(cells)):
            return Finding(reason=Reason.INVALID_FORMAT, detail=f"no rule follows the header {short(header)}")
        places.append(place)
    return HOLDS if places == sorted(places) else Finding(reason=Reason.INVALID_FORMAT, detail="headers out of order")


def _format_regex(subject: Subject, params: Params) -> Finding:
    fault = unmatched(params["pattern"], subject.text, re.MULTILINE | re.DOTALL)
    return Finding(reason=Reason.INVALID_FORMAT, detail=fault, got=short(subject.text, 300)) if fault else HOLDS


def _no_schema(value: Any) -> str:
    """Say what makes `value` no JSON Schema that refers to nothing outside itself, or return ""."""
    from jsonschema import SchemaError, validators  # noqa: PLC0415

    if isinstance(value, bool):
        return ""
    if not isinstance(value, dict):
        return f"must be a JSON Schema, not {shown(value)}"
    try:
        validators.validator_for(value).check_schema(value)
    except SchemaError as error:
        return f"is no JSON Schema: {error.json_path}: {error.message.partition(chr(10))[0][:300]}"
    except (RecursionError, TypeError) as error:
        return f"is no JSON Schema that can be read: {error}"
    outside = [target for target in _references(value) if not (isinstance(target, str) and target.startswith("#"))]
    return f"refers to {shown(outside[0])}, and must refer to nothing outside itself" if outside else ""


def _references(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from (value[key] for key in ("$ref", "$dynamicRef") if key in value)
        for child in value.values():
            yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)


SCHEMA = explained("a JSON Schema that refers to nothing outside itself", _no_schema)
PATH = Shape("a path such as $.a.b[0]", lambda value: isinstance(value, str) and value.startswith("$."))

DOCUMENTS: dict[str, Kind] = {
    "struct_output.json_parse_required": Kind(check=json_parse_required),
    "struct_output.json_schema": Kind(check=_json_schema, needs={"schema": SCHEMA}),
    "struct_output.yaml_parse_required": Kind(check=_yaml_parse_required),
    "struct_output.exact_json": Kind(check=_exact_json, needs={"value": ANYTHING}),
    "struct_output.jsonpath_assertion": Kind(check=_jsonpath, needs={"path": PATH}, may={"regex": EXPRESSION}),
    "struct_output.csv_columns": Kind(check=_csv_columns, needs={"expected": WORD_LIST}),
    "struct_output.markdown_structure": Kind(check=_markdown_structure, needs={"headers": WORD_LIST}),
    "struct_output.format_regex": Kind(check=_format_regex, needs={"pattern": EXPRESSION}),
}
