"""JSON and JSON Lines."""

from __future__ import annotations

from pytest_llmbench.verifiers.extraction import TextFault, json_spans, parse_json
from pytest_llmbench.verifiers.formats.reading import Format, Reading, line_runs


def _json(text: str) -> Reading:
    return Reading(value=parse_json(text))


def _jsonl(text: str) -> Reading:
    """Read one JSON value per line (jsonlines.org); a blank line between them is a fault."""
    values = []
    for number, row in enumerate(text.split("\n"), 1):
        try:
            values.append(parse_json(row))
        except TextFault as fault:
            what = "is blank" if not row.strip() else str(fault)
            raise TextFault(f"is not valid JSON Lines: line {number} {what}") from None
    return Reading(value=values)


def _jsonl_spans(text: str) -> list[tuple[int, int]]:
    """Return the runs of lines that open like values; blank ones between them are a fault to be named."""
    runs = line_runs(text, lambda row: row.lstrip()[:1] in {"", "{", "["})
    return [(start, end) for start, end in runs if text[start:end].strip()]


JSON = Format(title="JSON", tags=frozenset({"json"}), parse=_json, spans=json_spans)
JSON_LINES = Format(
    title="JSON Lines",
    tags=frozenset({"jsonl", "ndjson", "jsonlines", "json"}),
    parse=_jsonl,
    spans=_jsonl_spans,
)
