"""Where the answer is in what a model wrote: one room for all verifiers.

===========  ==============================================================================
`speech`     the answer without the thinking
`documents`  the structured document in an answer: whole, fenced, or amid prose; the last wins
`json_text`  JSON to values, strictly
===========  ==============================================================================
"""

from __future__ import annotations

from pytest_llmbench.verifiers.extraction.documents import Document, find_document, json_spans
from pytest_llmbench.verifiers.extraction.json_text import TextFault, parse_json
from pytest_llmbench.verifiers.extraction.speech import spoken

__all__ = ["Document", "TextFault", "find_document", "json_spans", "parse_json", "spoken"]
