"""The structured document in an answer: the whole text, a fenced block, or a span amid prose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from pytest_llmbench.verifiers.text import Fence, fences

_TRIES = 2000
"""Places at which a JSON value is looked for."""
_LENGTHS = 16
"""How often the characters of a text, or of 64 Ki, may be gone through to find the JSON values in it."""
_BRACKET = re.compile(
    r"""(?P<code>`[^`\n]*+`)|(?P<json>\{(?=\s*+["'{/])|\{(?=(?:\n\s*+)?+\w{1,60}+\s?:)|\[(?=\s*+[{\[]))|[{\[]|(?P<close>[\]}])"""
)
_LINE_START = 200
"""Characters in front of a value that are looked at to see whether it begins its line."""
_LEADS_UP = re.compile(r"(?:^|:)[\s*_`]*+$")
_ENDS = re.compile(r"[ \t*_`.;,]*+(?:\n|$)")
_XML_TRIES = 20
_XML_NAME = re.compile(r"<([A-Za-z_][\w.:-]*+)")
_XML_PROLOG = re.compile(r"(?:<\?xml[^<>]*+>\s*+)?(?:<!DOCTYPE[^\[\]<>]*+(?:\[[^\[\]]*+\]\s*+)?>\s*+)?", re.IGNORECASE)

Reads = Callable[[str], bool]
Spans = Callable[[str], Iterable[tuple[int, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document and what stands around it. `closed` is False for a fence that is never closed."""

    body: str
    before: str = ""
    after: str = ""
    fenced: bool = False
    closed: bool = True

    @property
    def alone(self) -> bool:
        """Whether nothing but blanks and its own fence stands around it."""
        return not self.before.strip() and not self.after.strip()


def find_document(text: str, *, tags: Collection[str], reads: Reads, spans: Spans | None = None) -> Document:
    """Return the document that `text` gives as its answer; where there are several, the last.

    `tags` are the format's names behind an opening fence, in lower case; `reads` says whether a text
    can be read as the format; `spans` finds (start, end) of documents amid prose, where the format has
    marks of its own. In this order:

    1. the last block fenced with one of `tags`, whether or not it can be read: it is what was meant;
    2. the whole text, if it can be read;
    3. the last other fenced block that can be read;
    4. the last of `spans`;
    5. the whole text, which cannot be read then.
    """
    text = _without_stray_fence(text)
    blocks = fences(text)
    named = [block for block in blocks if _tag(block) in tags]
    if named:
        return _fenced(text, named[-1])
    if reads(text):
        return Document(body=text)
    readable = [block for block in blocks if reads(block.body)]
    if readable:
        return _fenced(text, readable[-1])
    last = list(spans(text))[-1:] if spans else []
    return _spanned(text, *last[0]) if last else Document(body=text)


def json_spans(text: str, opens: str = "{[") -> list[tuple[int, int]]:
    """Return (start, end) of the outermost JSON values in `text` that begin with one of the characters `opens`."""
    found: list[tuple[int, int]] = []
    budget = _LENGTHS * max(len(text), 1 << 16)
    at = _next_open(text, opens, 0)
    for _ in range(_TRIES):
        if at < 0 or budget < 0:
            break
        end, read = _end_of_value(text, at)
        budget -= read
        if end:
            found.append((at, end))
        at = _next_open(text, opens, end or at + 1)
    return found


def answer_spans(text: str, holding: str = "") -> list[tuple[int, int]]:
    """Return (start, end) of the JSON values amid prose that may be the answer; the last is what was meant.

    Only those that hold the text `holding` are seen. A value that has lines to itself, but for words and a colon that
    lead up to it, goes before those that are spoken of within a sentence. A whole value inside of a broken one is a
    fragment, and no answer.
    """
    whole = [(start, end) for start, end in _whole_spans(text) if text.find(holding, start, end) >= 0]
    return [span for span in whole if _stands_free(text, *span)] or whole


def _whole_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the JSON values that do not stand behind an opening bracket of JSON that is never closed again.

    Brackets in code marks open nothing.
    """
    is_json_open: list[bool] = []
    at = broken = 0
    for start, end in json_spans(text):
        for bracket in _BRACKET.finditer(text, at, start + 1):
            if bracket.start() == start:
                break
            if bracket["close"]:
                broken -= is_json_open.pop() if is_json_open else 0
            elif not bracket["code"]:
                is_json_open.append(bool(bracket["json"]))
                broken += is_json_open[-1]
        if not broken:
            yield start, end
        at = end


def _stands_free(text: str, start: int, end: int) -> bool:
    line = text[max(text.rfind("\n", 0, start) + 1, start - _LINE_START) : start]
    return _LEADS_UP.search(line) is not None and _ENDS.match(text, end) is not None


def xml_spans(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of the XML elements in `text` that are closed, each with the XML declaration before it.

    A tag that begins a line and is never closed ends the search: it is a document that is not whole.
    """
    found: list[tuple[int, int]] = []
    at = 0
    for _ in range(_XML_TRIES):
        opening = _XML_NAME.search(text, at)
        if opening is None:
            break
        end = _end_of_element(text, opening)
        if end:
            found.append((_with_prolog(text, at, opening.start()), end))
        elif not text[text.rfind("\n", 0, opening.start()) + 1 : opening.start()].strip():
            break
        at = end or opening.end()
    return found


def _end_of_element(text: str, opening: re.Match[str]) -> int:
    """Return where the element that `opening` begins is closed, or 0; tags of its name inside it are counted."""
    inside = r"""(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+"""
    tag = re.compile(rf"<(/?){re.escape(opening[1])}(?=[\s/>])({inside})>")
    depth = 0
    for found in tag.finditer(text, opening.start()):
        if depth == 0 and found.start() != opening.start():
            return 0
        depth += -1 if found[1] else not found[2].endswith("/")
        if depth == 0:
            return found.end()
    return 0


def _with_prolog(text: str, after: int, start: int) -> int:
    """Return where the XML declaration or document type stands that leads up to `start`, else `start`."""
    places = (text.rfind(mark, after, start) for mark in ("<?xml", "<!DOCTYPE"))
    return next((place for place in places if place >= 0 and _XML_PROLOG.fullmatch(text, place, start)), start)


def _next_open(text: str, opens: str, start: int) -> int:
    return min((place for mark in opens if (place := text.find(mark, start)) >= 0), default=-1)


def _end_of_value(text: str, at: int) -> tuple[int, int]:
    """Return where the value that begins at `at` ends, 0 if it never does, and how many characters were read."""
    try:
        end = json.JSONDecoder().raw_decode(text, at)[1]
    except json.JSONDecodeError as error:
        return 0, error.pos - at
    except (ValueError, RecursionError):
        return 0, len(text) - at
    return end, end - at


def _tag(block: Fence) -> str:
    return block.tag.split()[0].strip("{}.").lower() if block.tag.strip() else ""


def _without_stray_fence(text: str) -> str:
    """Drop a last fence line that opens nothing: the closing one of a block that was never opened."""
    blocks = fences(text)
    if blocks and not blocks[-1].closed and not blocks[-1].body.strip() and not blocks[-1].tag:
        return "\n".join(text.split("\n")[: blocks[-1].first])
    return text


def _fenced(text: str, block: Fence) -> Document:
    rows = text.split("\n")
    return Document(
        body=block.body,
        before="\n".join(rows[: block.first]),
        after="\n".join(rows[block.last + 1 :]) if block.closed else "",
        fenced=True,
        closed=block.closed,
    )


def _spanned(text: str, start: int, end: int) -> Document:
    return Document(body=text[start:end], before=text[:start], after=text[end:])
