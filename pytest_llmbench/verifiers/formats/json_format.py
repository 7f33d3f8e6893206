"""JSON and JSON Lines."""

from __future__ import annotations

import re

from pytest_llmbench.verifiers.extraction import TextFault, answer_spans, parse_json
from pytest_llmbench.verifiers.formats.reading import Format, Reading, line_runs

_IN_VALUES = re.compile(r"""[ \t]*+(?:$|[{}\[\]]|"[^"\n]*+"[ \t]*+:)""")


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
    """Return the runs of lines of values; blank ones between them, and values on several lines, are faults to name."""
    runs = line_runs(text, lambda row: _IN_VALUES.match(row) is not None)
    return [(start, end) for start, end in runs if text[start:end].strip()]


JSON = Format(title="JSON", tags=frozenset({"json"}), parse=_json, spans=answer_spans)
JSON_LINES = Format(
    title="JSON Lines",
    tags=frozenset({"jsonl", "ndjson", "jsonlines", "json"}),
    parse=_jsonl,
    spans=_jsonl_spans,
)
