"""The record in an answer: the one JSON object that a model gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmbench.verifiers.extraction import Document, TextFault, answer_spans, find_document, parse_json
from pytest_llmbench.verifiers.record_shape import Group


def find_record(answer: str) -> tuple[Document, Any]:
    """Return where the record stands and the value that is read there; where there are several, the last.

    Raises TextFault for an answer without any JSON that could be one: no object, and no list that holds one.
    A whole object inside of a broken one is a fragment, and no answer.
    """
    if not answer.strip():
        raise TextFault("is empty")
    document = find_document(answer, tags={"json"}, reads=_is_composite, spans=_spans)
    return document, parse_json(document.body)


def wrapping_key(record: Group, value: Mapping[str, Any]) -> str:
    """Return the key under which the record stands as a whole, or "" where a field of it stands outside."""
    if any(name in value for name in record.fields):
        return ""
    return next((key for key, inner in value.items() if _holds_field(record, inner)), "")


def _holds_field(record: Group, inner: Any) -> bool:
    inner = inner[0] if isinstance(inner, list) and inner else inner
    return isinstance(inner, Mapping) and any(name in inner for name in record.fields)


def _is_composite(text: str) -> bool:
    try:
        return isinstance(parse_json(text), (dict, list))
    except TextFault:
        return False


def _spans(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of the objects amid prose, and of the lists that hold one: a bare [1] is a footnote."""
    return answer_spans(text, holding="{")
