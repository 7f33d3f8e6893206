"""The document in an answer and what stands around it: found, and put into other surroundings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^(```|~~~)[^\n`]*\n(.*?)\n\1[ \t]*$", re.MULTILINE | re.DOTALL)
PROSE = "Here is what you asked for."
CLOSING = "Let me know if anything is to be changed."
Reads = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An answer in three pieces, the document the middle one; a fence belongs to what is around it."""

    before: str
    body: str
    after: str

    @property
    def fenced(self) -> bool:
        """Whether a fence opens right before the document."""
        return self.before.rstrip("\n").rpartition("\n")[2].startswith(("```", "~~~"))

    def around(self, body: str) -> str:
        """Return the answer with another document in the same place."""
        return self.before + body + self.after


def place(text: str, reads: Reads, *, bare: bool) -> Placed | None:
    """Find the document of an answer that is known to be right; None where it is in an unusual place.

    With `bare`, an object of JSON amid prose is looked for as well.
    """
    fenced = [found for found in _FENCE.finditer(text) if reads(found[2])]
    if fenced:
        start, end = fenced[-1].span(2)
        return Placed(before=text[:start], body=text[start:end], after=text[end:])
    if reads(text):
        return Placed(before="", body=text, after="")
    return _last_object(text) if bare else None


def _last_object(text: str) -> Placed | None:
    decoder, found, at = json.JSONDecoder(), None, text.find("{")
    while at >= 0:
        try:
            end = decoder.raw_decode(text, at)[1]
        except ValueError:
            end = at + 1
        else:
            found = Placed(before=text[:at], body=text[at:end], after=text[end:])
        at = text.find("{", end)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Ways to hand a document over: how it reads, and what is true of it."""

    note: str
    text: str
    fenced: bool
    alone: bool


def frames(body: str, tag: str, *, bare: bool) -> Iterator[Frame]:
    """Yield `body` in all surroundings; unfenced amid prose only where it is `bare` that it is recognised so."""
    yield Frame(note="nothing around", text=body, fenced=False, alone=True)
    if bare:
        yield Frame(note="prose before", text=f"{PROSE}\n\n{body}", fenced=False, alone=False)
        yield Frame(note="prose behind", text=f"{body}\n\n{CLOSING}", fenced=False, alone=False)
        yield Frame(note="prose around", text=f"{PROSE}\n\n{body}\n\n{CLOSING}", fenced=False, alone=False)
    if "```" in body or "~~~" in body:
        return
    yield Frame(note="in a tagged fence", text=f"```{tag}\n{body}\n```", fenced=True, alone=True)
    yield Frame(note="in a fence tagged in capitals", text=f"```{tag.upper()}\n{body}\n```", fenced=True, alone=True)
    yield Frame(note="in a fence without a tag", text=f"```\n{body}\n```", fenced=True, alone=True)
    yield Frame(note="in a fence of tildes", text=f"~~~{tag}\n{body}\n~~~", fenced=True, alone=True)
    yield Frame(note="in a fence of four marks", text=f"````{tag}\n{body}\n````", fenced=True, alone=True)
    yield Frame(note="prose and a fence", text=f"{PROSE}\n\n```{tag}\n{body}\n```", fenced=True, alone=False)
    yield Frame(note="a fence and prose", text=f"```{tag}\n{body}\n```\n\n{CLOSING}", fenced=True, alone=False)
    yield Frame(
        note="prose around a fence without a tag",
        text=f"{PROSE}\n\n```\n{body}\n```\n{CLOSING}",
        fenced=True,
        alone=False,
    )


def two_drafts(first: str, second: str, tag: str) -> str:
    """Return an answer that gives one document and then, as its last word, another."""
    return f"A first draft:\n\n```{tag}\n{first}\n```\n\nNo, this is right:\n\n```{tag}\n{second}\n```"


def never_closed(body: str, tag: str) -> str:
    """Return `body` behind an opening fence that no closing one follows."""
    return f"{PROSE}\n\n```{tag}\n{body}"
