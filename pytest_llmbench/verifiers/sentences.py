"""Where a sentence ends.

The rule, in order:

1. A blank line, a list item and a heading end what stands before them.
2. A run of ``. ! ? …`` with closing quotes or brackets ends a sentence if space follows and the next
   word does not begin in lower case. (In a text of one case only, any next word will do.)
3. A lone full stop after a title such as ``Dr.`` never ends one; after an initial (``J.``, ``U.S.``) or
   ``e.g.`` it does only where the next word is one that opens sentences (The, It, We, ...), and in a
   text of one case never.
4. What is left over without a final mark is a sentence if it holds a letter or a digit.

Decimals (3.5) and file names have no space after the point and so are never split. Not seen: a
sentence that begins in lower case within mixed text, and ``"Stop!" Anna said.``, which counts as two.
"""

from __future__ import annotations

import re

from pytest_llmbench.verifiers.text import item_mark, lines, paragraphs, plain_line

_STOP = re.compile(r"(?<![.!?\u2026])[.!?\u2026]++[\"')\]]*+(?=\s|$)|[\u3002\uff01\uff1f]+")
_NEXT = re.compile(r"[\s\"'(\[]*(\S?)")
_NEXT_WORD = re.compile(r"[\s\"'(\[]*([^\W\d_]{0,12})")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]$")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TITLES = _set(
    "mr mrs ms mx dr prof st mt rev hon gen col capt lt sgt vs approx ca fig nr hr fr sr sra mme mlle bzw dott sig"
)
_ABBREVIATED = _set("e.g i.e z.b d.h p.m a.m ph.d p.ex cf pp")
_OPENERS = _set(
    "the it he she they we you this that these those there a an in on at as if when while after before then but and "
    "so yet its his her their our my your each every all no some both one two to for from with by of however "
    "der die das es er sie wir ein eine dann le la les il elle on un une ils el los las una lo gli egli"
)


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of `text`, Markdown marks removed, in order."""
    found: list[str] = []
    one_case = text == text.lower() or text == text.upper()
    for block in _blocks(text):
        start = 0
        for stop in _STOP.finditer(block):
            if _ends(block, stop, one_case=one_case):
                found.append(block[start : stop.end()].strip())
                start = stop.end()
        found.append(block[start:].strip())
    return tuple(sentence for sentence in found if any(character.isalnum() for character in sentence))


def _blocks(text: str) -> list[str]:
    """Join the lines of running text; list items and headings stand alone."""
    blocks: list[list[str]] = []
    for paragraph in paragraphs(text):
        fresh = True
        for row in lines(paragraph):
            heading = row.lstrip(" \t>").startswith("#")
            if fresh or heading or item_mark(row):
                blocks.append([])
            blocks[-1].append(plain_line(row))
            fresh = heading
    return [" ".join(block) for block in blocks]


def _ends(block: str, stop: re.Match[str], *, one_case: bool) -> bool:
    following = _NEXT.match(block, stop.end())
    head = following.group(1) if following else ""
    if not head:
        return True
    if head.islower() and not one_case:
        return False
    if stop.group().rstrip("\"')]") != ".":
        return True
    return _not_abbreviated(block, stop, one_case=one_case)


def _not_abbreviated(block: str, stop: re.Match[str], *, one_case: bool) -> bool:
    """Decide whether the full stop closes a sentence rather than an abbreviation."""
    before = block[max(0, stop.start() - 20) : stop.start()].rsplit(" ", 1)[-1].lstrip("\"'(").rsplit("-", 1)[-1]
    token = before.lower()
    if token in _TITLES:
        return False
    if not _INITIALS.fullmatch(before) and token not in _ABBREVIATED:
        return True
    if before == "I":
        return True
    if one_case:
        return False
    after = _NEXT_WORD.match(block, stop.end())
    return bool(after and after.group(1).lower() in _OPENERS)
