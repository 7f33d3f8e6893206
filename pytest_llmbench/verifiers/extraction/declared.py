r"""The answer a text declares: a line ``LABEL: value``, else what stands in ``\boxed{}``.

Nothing is ever taken from the prose around it. The label opens its line, in any case; it may follow
the word "final" and what marks a line up: emphasis, heading, list, quote, code, LaTeX. Where several
lines declare, the last one is what was meant in the end.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable

from pytest_llmbench.verifiers.extraction.latex import without_latex
from pytest_llmbench.verifiers.text import plain_line, tidy, without_emphasis

LINE_LIMIT = 4000
"""Characters of a declaring line that are kept; no answer of one line is as long."""

_HEAD_LIMIT = 300
_TAGS = re.compile(r"</?(?:b|strong|i|em|u|br|p|mark|code|span|div|center|h[1-6])\s?/?>", re.IGNORECASE)
_STRUCK = re.compile(r"~~[^~]+~~")
_TIMES = re.compile(r"(?<=[0-9])\*(?=[0-9])")
_POWER = re.compile(r"(?<=[0-9])\*\*(?=[0-9+-])")
_EDGE = re.compile(r"^[\W_]+|[\W_]+$")
_BOX = re.compile(r"\\f?box(?:ed)?\s*\{")
_BRACE = re.compile(r"\\[{}]|[{}]")
_EMPHASIS = " \t*_`"
_CLOSING = _EMPHASIS + ".,;:!"
_MEANT = "\u00b0\u274c\u2717\u2718\u2716\u2612\u26d4\U0001f6ab"
"""Symbols that say something about the value beside them: degrees, and crosses, which deny it."""
_PAIRS = {")": "(", "]": "[", "}": "{", ">": "<", '"': '"', "'": "'"}


def declared(text: str, label: str) -> str | None:
    r"""Return the answer that `text` declares under `label`, or None where it declares none.

    The last line ``LABEL: value`` counts; where there is none, the last ``\boxed{value}``.
    """
    value = declared_line(text, label)
    return last_box(text) if value is None else value


def declared_line(text: str, label: str) -> str | None:
    """Return what stands behind ``LABEL:`` on the last line that opens with it, or None where no line does.

    The value is without emphasis, LaTeX and closing punctuation. Where the label stands alone, the
    next line that holds anything is its value; "" where nothing follows.
    """
    wanted = _key(label)
    rows = text.splitlines()
    for place in reversed(range(len(rows))):
        value = _labelled(rows[place], wanted)
        if value is not None:
            return value or _first(rows[place + 1 :])
    return None


def last_box(text: str) -> str | None:
    r"""Return what the last ``\boxed{...}`` of `text` holds; None where there is none, or it is never closed."""
    opened = next(iter(deque(_BOX.finditer(text), maxlen=1)), None)
    if opened is None:
        return None
    inside = text[opened.end() : opened.end() + LINE_LIMIT]
    end = _closing_brace(inside)
    return None if end is None else _bare(unmarked(inside[:end]))


def unmarked(text: str) -> str:
    """Return a short text on one line without LaTeX, emphasis, struck words, simple HTML tags and typography."""
    return " ".join(without_emphasis(_prepared(text)).split())


def undecorated(text: str) -> str:
    """Return `text` without emoji and other mere symbols at its ends; what is nothing else stays."""
    start, end = 0, len(text)
    while start < end and (text[start].isspace() or _is_decoration(text[start])):
        start += 1
    while end > start and (text[end - 1].isspace() or _is_decoration(text[end - 1])):
        end -= 1
    return text[start:end] or text


def _is_decoration(character: str) -> bool:
    """Whether it is a symbol that stands for no letter, digit, unit or currency (a tick, a face, a medal)."""
    if character == "\u20e3" or "\U0001f3fb" <= character <= "\U0001f3ff":  # the frame of a keycap, skin tones
        return True
    is_symbol = unicodedata.category(character) == "So" and character not in _MEANT
    return is_symbol and unicodedata.normalize("NFKC", character) == character


def _prepared(text: str) -> str:
    """Return `text` with LaTeX and HTML read, and its ``*`` left only where they mark something up."""
    text = tidy(" ".join(text.split())[:LINE_LIMIT]).replace("\uff1a", ":")
    text = without_latex(_TAGS.sub(" ", text))
    return _TIMES.sub("\u00d7", _POWER.sub("^", _STRUCK.sub(" ", text))).strip()


def _labelled(row: str, wanted: str) -> str | None:
    """Return the value on the line `row`, "" where the label stands alone, None where it does not open the line."""
    if wanted.split(" ", 1)[0] not in row.lstrip()[:_HEAD_LIMIT].casefold():
        return None
    row = " ".join(row.split())
    head, colon, value = plain_line(_prepared(row)).partition(":")
    if not colon or _key(head) not in {wanted, f"final {wanted}"}:
        return None
    if len(row) > LINE_LIMIT:
        return _bare(value)
    again = r"\s+".join(map(re.escape, wanted.split()))
    return _bare(re.split(rf"\b{again}\s*:", value, flags=re.IGNORECASE)[-1])


def _key(label: str) -> str:
    """Return a label ready for comparison."""
    return " ".join(_EDGE.sub("", label[:_HEAD_LIMIT]).split()).casefold()


def _first(rows: Iterable[str]) -> str:
    return next((bare for row in rows if row.strip() and (bare := _bare(plain_line(_prepared(row))))), "")


def _bare(value: str) -> str:
    """Return `value` without outer marks and closing punctuation, and without a closing bracket never opened."""
    value = undecorated(" ".join(value.split()).strip(_EMPHASIS).rstrip(_CLOSING)).strip(_EMPHASIS).rstrip(_CLOSING)
    while value and value[-1] in _PAIRS and _is_odd(value, value[-1]):
        value = value[:-1].rstrip(_CLOSING)
    return value


def _is_odd(value: str, closing: str) -> bool:
    opening = _PAIRS[closing]
    return value.count(closing) % 2 == 1 if opening == closing else value.count(closing) > value.count(opening)


def _closing_brace(inside: str) -> int | None:
    depth = 0
    for brace in _BRACE.finditer(inside):
        if brace[0] == "{":
            depth += 1
        elif brace[0] == "}" and depth:
            depth -= 1
        elif brace[0] == "}":
            return brace.start()
    return None
