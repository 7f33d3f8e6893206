"""What the verifiers know of text: tidying, Markdown, lines, sentences, words, phrases.

Every function takes any text (lone surrogates, NUL, megabytes) and works in about linear time.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_QUOTES = {"\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u02bc": "'", "\u00ab": '"', "\u00bb": '"'}
_QUOTES |= dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
_SPACES = dict.fromkeys(
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f", " "
)
_SPACES |= {"\u3000": " ", "\u2011": "-", "\u2010": "-"}
_INVISIBLE = dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\ufe0f\ufe0e", "")
_TIDY = str.maketrans({**_QUOTES, **_SPACES, **_INVISIBLE, "\r": "\n", "\u2028": "\n", "\u2029": "\n"})
_COMPOSABLE = re.compile(r"[^\W\d_][\u0300-\u036f]{1,4}")
_FENCE = re.compile(r"[ \t]*(`{3,}+|~{3,}+)([^`\n]*+)$")
_ITEM = re.compile(r"([ \t]*)([-*+\u2022]|[0-9]{1,3}[.)])[ \t]+(?=\S)")
_LINE_MARKS = re.compile(r"[ \t]*(?:>[ \t]?)*(?:#{1,6}[ \t]+)?")
_RULE = re.compile(r"[ \t]*(?:[-*_][ \t]*){3,}$")
_MARKS = re.compile(r"\*+|_+|`+|~~+")
_SPLIT = re.compile(r"\s+|\u2014|--+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
EDGES = " \t\n\"'.,;:!?()[]\u2026"
"""What may surround an item without changing it: quotes, brackets and closing punctuation."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block: `tag` after the opening marks, lines `first` to `last` (0-based, fences included)."""

    tag: str
    body: str
    first: int
    last: int
    closed: bool


@dataclass(frozen=True, slots=True)
class ListItem:
    """One Markdown list item; `level` is 1 for the outermost, `numbered` tells ``1.`` from ``-``."""

    text: str
    level: int
    numbered: bool


def newlines(text: str) -> str:
    r"""Return `text` with ``\n`` as the only line ending."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def tidy(text: str) -> str:
    """Return `text` with plain quotes, spaces, hyphens and line ends, no invisible characters, no outer space.

    Letters followed by combining accents are composed, so that ``e`` + acute equals its one-character form.
    """
    text = text.replace("\r\n", "\n").translate(_TIDY)
    return _COMPOSABLE.sub(lambda found: unicodedata.normalize("NFC", found.group()), text).strip()


def fences(text: str) -> tuple[Fence, ...]:
    """Return the fenced blocks in order, read line by line as CommonMark does.

    A block closes at a bare fence of the same character, at least as long; an unclosed one runs to the end.
    """
    found: list[Fence] = []
    rows = text.split("\n")
    opening: tuple[int, str, str] | None = None
    for number, row in enumerate(rows):
        match = _FENCE.match(row)
        if match is None:
            continue
        marks, tag = match.group(1), match.group(2).strip()
        if opening is None:
            opening = (number, marks, tag)
        elif not tag and marks.startswith(opening[1]):
            found.append(Fence(opening[2], "\n".join(rows[opening[0] + 1 : number]), opening[0], number, closed=True))
            opening = None
    if opening is not None:
        body = "\n".join(rows[opening[0] + 1 :])
        found.append(Fence(opening[2], body, opening[0], len(rows) - 1, closed=False))
    return tuple(found)


def unfence(text: str) -> str:
    """Return the inside of the one fence that wraps the whole of `text`, else `text`."""
    text = text.strip()
    blocks = fences(text)
    if len(blocks) == 1 and blocks[0].closed and blocks[0].first == 0 and blocks[0].last == text.count("\n"):
        return blocks[0].body.strip("\n").rstrip()
    return text


def without_emphasis(text: str) -> str:
    """Return `text` without ``*``, ``_``, backticks and ``~~`` that mark words up; ``a_b`` and ``2 * 3`` stay."""
    return _MARKS.sub(_kept_mark, text)


def _kept_mark(found: re.Match[str]) -> str:
    text, run = found.string, found.group()
    before = text[found.start() - 1] if found.start() else " "
    after = text[found.end()] if found.end() < len(text) else " "
    if run[0] == "_":
        return run if before.isalnum() and after.isalnum() else ""
    if run[0] == "*":
        return run if before.isspace() and after.isspace() else ""
    return ""


def item_mark(row: str) -> re.Match[str] | None:
    """Match the list marker (``-``, ``*``, ``+``, ``1.``, ``1)``) that opens the line `row`, if there is one.

    A line of emphasis such as ``*so*`` has no space behind its mark and is no item; nor is a rule such as ``* * *``.
    """
    return None if _RULE.match(row) else _ITEM.match(row)


def plain_line(row: str) -> str:
    """Return a line without quote, heading, list and emphasis marks; a rule or a fence line gives ""."""
    if _RULE.match(row) or _FENCE.match(row):
        return ""
    row = row[match.end() :] if (match := _LINE_MARKS.match(row)) else row
    marker = _ITEM.match(row)
    return without_emphasis(row[marker.end() :] if marker else row).strip()


def plain(text: str) -> str:
    """Return `text` as a reader sees it: no Markdown marks; line breaks stay."""
    return "\n".join(plain_line(row) for row in text.split("\n")).strip()


def lines(text: str) -> tuple[str, ...]:
    """Return the lines that hold something other than space."""
    return tuple(row for row in text.split("\n") if row.strip())


def paragraphs(text: str) -> tuple[str, ...]:
    """Return the blocks of lines separated by blank lines."""
    blocks: list[list[str]] = [[]]
    for row in text.split("\n"):
        if row.strip():
            blocks[-1].append(row)
        elif blocks[-1]:
            blocks.append([])
    return tuple("\n".join(block) for block in blocks if block)


def words(text: str) -> tuple[str, ...]:
    """Return the words: what stands between spaces and holds a letter or a digit.

    A hyphenated word or one with an apostrophe is one; an em dash or ``--`` separates;
    list markers and Markdown marks are no words.
    """
    return tuple(token for token in _SPLIT.split(plain(text)) if any(character.isalnum() for character in token))


def list_items(text: str) -> tuple[ListItem, ...]:
    """Return the list items; levels follow the indentation, indented lines below an item belong to it."""
    found: list[tuple[list[str], int, bool]] = []
    depths: list[int] = []
    for row in text.split("\n"):
        match = item_mark(row)
        if match is None:
            if found and row[:1] in {" ", "\t"} and row.strip():
                found[-1][0].append(plain_line(row))
            continue
        indent = len(match.group(1).expandtabs(4))
        while depths and indent < depths[-1]:
            depths.pop()
        if not depths or indent > depths[-1]:
            depths.append(indent)
        found.append(([plain_line(row)], len(depths), match.group(2)[0].isdigit()))
    return tuple(ListItem(" ".join(parts), level, numbered) for parts, level, numbered in found)


def fold(text: str) -> str:
    """Return `text` in one case and without accents, for comparison."""
    return _NOT_ASCII.sub(_bare, text.casefold())


def _bare(found: re.Match[str]) -> str:
    parts = unicodedata.normalize("NFD", found.group())
    return "".join(part for part in parts if not unicodedata.combining(part))


def normal(text: str) -> str:
    """Return an item ready for comparison: folded, single spaces, no marks, quotes or punctuation around it."""
    return fold(" ".join(plain(text).split()).strip(EDGES))


def phrase_count(text: str, phrase: str, *, within: bool = False) -> int:
    """Count `phrase` in `text` as whole words, case and accents aside; `within` also counts it inside longer words.

    A phrase that begins or ends with a digit is not found inside a longer number: 12 is not in 112, 12.5 or 9:12.
    """
    return sum(1 for _ in _phrase(phrase, within=within).finditer(_flat(text)))


def first_place(text: str, phrase: str) -> int:
    """Return where `phrase` first stands in `text` as whole words, or -1; comparable between phrases of one text."""
    found = _phrase(phrase, within=False).search(_flat(text))
    return found.start() if found else -1


def _flat(text: str) -> str:
    return fold(" ".join(plain(text).split()))


def _phrase(phrase: str, *, within: bool) -> re.Pattern[str]:
    body = " ".join(fold(phrase).split())
    target = re.escape(body)
    if not within:
        target = rf"(?<!\w){target}(?!\w)"
    if body[:1].isdigit():
        target = r"(?<![0-9][.,:/])" + target
    if body[-1:].isdigit():
        target += r"(?![.,:/][0-9])"
    return re.compile(target)
