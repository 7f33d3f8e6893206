"""The document of an answer: what the `document` check asks for, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.check_kinds import FLAG, Params, Shape, choice
from pytest_llmbench.verifiers.extraction import TextFault
from pytest_llmbench.verifiers.formats import FORMATS, TABLES, Format, Reading, csv_format
from pytest_llmbench.verifiers.formats.cells import CELL_TYPES, typed_rows, typed_sections

_DELIMITER = Shape(
    "one character such as ; that is no letter, digit, blank or quote",
    lambda value: isinstance(value, str) and len(value) == 1 and not value.isalnum() and value not in ' "\n',
)
_TYPES = Shape(
    f"a mapping from names to one of {', '.join(CELL_TYPES)}",
    lambda value: isinstance(value, Mapping) and bool(value) and all(kind in CELL_TYPES for kind in value.values()),
)
DOCUMENT = {
    "format": choice(*FORMATS),
    "alone": FLAG,
    "fence": choice("required", "forbidden"),
    "types": _TYPES,
    "delimiter": _DELIMITER,
}
"""Keys of the `document` check; the first is required."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """How a document breaks a check. `reason` is None where it is the kind's own."""

    detail: str
    expected: str = ""
    got: str = ""
    reason: Reason | None = None


def format_of(document: Params) -> Format:
    """Return the format that the `document` check names."""
    return csv_format(document["delimiter"]) if "delimiter" in document else FORMATS[document["format"]]


def read_typed(text: str, document: Params) -> Reading:
    """Return the document that `text` is, its cells as the ``types`` of the check say; raises TextFault."""
    reading = format_of(document).read(text)
    types = document.get("types")
    if not types:
        return reading
    typed = typed_rows if document["format"] in TABLES else typed_sections
    return Reading(value=typed(reading.value, types), columns=reading.columns)


def read_answer(text: str, params: Params) -> Reading | Flaw:
    """Return the document in the answer `text`, or what breaks the `document` check `params`.

    Prose around is let pass unless ``alone``, and a code fence around the whole unless ``fence: forbidden``.
    """
    wanted = format_of(params)
    found = wanted.find(text)
    flaw = ""
    try:
        reading = read_typed(found.body, params)
    except TextFault as fault:
        flaw = f"the answer {fault}"
    if not flaw and params.get("alone") and not found.alone:
        flaw = "text stands around the document"
    if not flaw and params.get("fence") == "required" and not (found.fenced and found.closed):
        flaw = "the document does not stand in a code fence that is closed"
    if not flaw and params.get("fence") == "forbidden" and found.fenced:
        flaw = "the document stands in a code fence"
    return Flaw(detail=flaw, expected=f"a document in {wanted.title}", got=flaw) if flaw else reading
