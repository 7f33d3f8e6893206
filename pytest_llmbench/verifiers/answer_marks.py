"""Finding words, numbers and declared lines in an answer: whole tokens only, never substrings.

Typography is forgiven (dashes, no-break spaces, emphasis, case), values are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from pytest_llmbench.verifiers.extraction.declared import declared_line

_TYPOGRAPHY = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2212", "-") | dict.fromkeys("\u00a0\u202f\u2009\u2007", " ") | {"\u2019": "'"}
)
_THIN_GROUP = re.compile(r"(?<=[0-9])[\u00a0\u202f\u2009](?=[0-9]{3}(?![0-9]))")
_MAX_NUMBER = 40
_NUMBER = re.compile(
    r"(?<![\w#])(?<![\w]-)(?<![0-9][.,:/'\u2013+])"  # not inside a word, a code, a date, a time, a range
    r"-?(?:[0-9]{1,3}(?:[,'][0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:[.,][0-9]+)?)"
    r"(?![0-9_\u00b2\u00b3\u2070-\u2079])(?![.,:/'\u2013+-][0-9])(?![^\W\d_]*[0-9])(?![-/][^\W\d_]+[0-9])"
)
_GROUPED = re.compile(r"-?[0-9]{1,3}(?:[,'][0-9]{3})+(?:\.[0-9]+)?")


def plain(text: str) -> str:
    """Return `text` with typographic dashes, spaces and apostrophes made plain."""
    return text.translate(_TYPOGRAPHY)


def numbers(text: str) -> list[Decimal]:
    """Return the numbers `text` states, each a token of its own.

    ``1,350.50``, ``1'350`` and ``13,5`` are read as people write them, a unit may follow at once
    (``4C``); digits inside a word, a code (``ORD-135``), a date, a time or a range are none.
    """
    tidy = plain(_THIN_GROUP.sub("'", text))
    return [value for found in _NUMBER.finditer(tidy) if (value := _decimal(found.group())) is not None]


def _decimal(token: str) -> Decimal | None:
    if len(token) > _MAX_NUMBER:
        return None
    grouped = _GROUPED.fullmatch(token)
    digits = re.sub("[,']", "", token) if grouped else token.replace(",", ".")
    try:
        return Decimal(digits)
    except InvalidOperation:
        return None


def same_number(got: Decimal, wanted: float, *, tolerance: float = 0) -> bool:
    """Compare as decimals, so that 0.1 is what its author wrote."""
    return abs(got - Decimal(str(wanted))) <= Decimal(str(tolerance))


def has_phrase(text: str, phrase: str) -> bool:
    """Whether `phrase` stands in `text` as whole words, in any case; a final ``*`` leaves the last word open."""
    stem = phrase.removesuffix("*")
    body = r"\s+".join(re.escape(word) for word in plain(stem).split())
    end = "" if phrase.endswith("*") else r"(?!\w)"
    return re.search(rf"(?<!\w){body}{end}", plain(text), re.IGNORECASE) is not None


def missing_phrase(text: str, wanted: Sequence[str | Sequence[str]]) -> str:
    """Return the first of `wanted` that `text` lacks, or ""; an inner list holds alternatives."""
    for item in wanted:
        choices = [item] if isinstance(item, str) else list(item)
        if not any(has_phrase(text, choice) for choice in choices):
            return " or ".join(f'"{choice}"' for choice in choices)
    return ""


def line_after(label: str, text: str) -> str | None:
    """Return what follows ``LABEL:`` on the last line that opens with it, as the room `extraction` finds it."""
    return declared_line(text, label)


def same_text(got: str, wanted: str) -> bool:
    """Equal but for case, surrounding space and runs of space."""
    return " ".join(plain(got).split()).casefold() == " ".join(plain(wanted).split()).casefold()
