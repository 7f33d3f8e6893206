"""Where the answer is in what a model wrote: one room for all verifiers.

===========  ==============================================================================
`speech`     the answer without the thinking
`documents`  the structured document in an answer: whole, fenced, or amid prose; the last wins
`json_text`  JSON to values, strictly
`declared`   the answer declared by a line ``LABEL: value`` or a LaTeX box; the last wins
`quantities` a declared value as a number with its unit, exactly
===========  ==============================================================================
"""

from __future__ import annotations

from pytest_llmbench.json_text import TextFault, parse_json
from pytest_llmbench.verifiers.extraction.declared import declared, declared_line, undecorated, unmarked
from pytest_llmbench.verifiers.extraction.documents import Document, answer_spans, find_document, json_spans
from pytest_llmbench.verifiers.extraction.quantities import Units, Unread, has_digits, read_numbers, read_quantity
from pytest_llmbench.verifiers.extraction.speech import spoken

__all__ = [
    "Document",
    "TextFault",
    "Units",
    "Unread",
    "answer_spans",
    "declared",
    "declared_line",
    "find_document",
    "has_digits",
    "json_spans",
    "parse_json",
    "read_numbers",
    "read_quantity",
    "spoken",
    "undecorated",
    "unmarked",
]
