"""Mutants of an answer that is a document: its values, its spelling, what stands around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.contracts import GoldAnswer, Mutant
from pytest_llmbench.mutations.changes import judged, right, wrong
from pytest_llmbench.mutations.formats import JSON, Form
from pytest_llmbench.mutations.formats.form import Check, Spelling
from pytest_llmbench.mutations.layouts import Placed, frames, never_closed, place, two_drafts
from pytest_llmbench.mutations.rules import Answer
from pytest_llmbench.mutations.talk import KEPT, talk_mutants
from pytest_llmbench.mutations.values import Path, column_changes, key_changes, list_changes, value_changes

_TRIES = 20
"""Parts of a damaged document that are tried; a long one would take seconds."""

DRAFT = "Perhaps so: nothing at all."


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A right answer taken apart.

    `check` may say ``alone``, ``fence`` and how cells are read; `verdict` whether other data would be right.
    """

    answer: GoldAnswer
    form: Form
    check: Check
    placed: Placed
    data: Any
    verdict: Callable[[Any], Answer]


def find_document(text: str, form: Form, check: Check) -> tuple[Placed, Any] | None:
    """Return where the document stands in a right answer, and its data; None where the place is unusual."""
    placed = place(text, lambda part: reads(form, part, check), bare=form is JSON)
    return (placed, form.read(placed.body, check)) if placed else None


def document_mutants(found: Found | None, answer: GoldAnswer) -> Iterator[Mutant]:
    """Yield all mutants; those of the talk alone where the document was not `found`."""
    broken = next(_broken(found), "") if found else ""
    yield from talk_mutants(answer, draft=broken or DRAFT, needs_text=True)
    if found is None:
        return
    yield from _respelled(found)
    yield from _framed(found, broken)
    yield from _damaged(found)
    for note, data in _changes(found):
        yield from _changed(found, note, data)


def reads(form: Form, text: str, check: Check) -> bool:
    """Whether `text` can be read as the format."""
    try:
        form.read(text, check)
    except (ValueError, RecursionError):
        return False
    return True


def _written(found: Found, data: Any) -> str:
    """Return a document that says `data`, or "" where the format cannot say it."""
    try:
        text = found.form.write(data, found.check)
        return text if _exactly(found.form.read(text, found.check), data) else ""
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _exactly(one: Any, two: Any) -> bool:
    """Equal in values, types and order of keys."""
    return repr(one) == repr(two)


def _changes(found: Found) -> Iterator[tuple[str, Any]]:
    keyed = found.form.keyed and not found.form.tabular
    yield from value_changes(found.data, may_change=lambda path: _is_value(found.form, path))
    yield from list_changes(found.data)
    if found.form.tabular:
        yield from column_changes(found.data)
    else:
        yield from key_changes(found.data, may_change=lambda path: keyed or path[-1:] == ("attributes",))
    if keyed:
        yield "wrapped in one more object", {"result": found.data}
        yield "an empty object", {}
        yield "wrapped in a list", [found.data]


def _is_value(form: Form, path: Path) -> bool:
    """In XML and lists some places hold the shape, not values."""
    return form.keyed or path[-1] not in ("tag", "attributes", "children", "items")


def _changed(found: Found, note: str, data: Any) -> Iterator[Mutant]:
    verdict = found.verdict(data)
    if verdict is not None and (text := _written(found, data)):
        yield from judged(note, found.answer, found.placed.around(text), verdict)


def _respelled(found: Found) -> Iterator[Mutant]:
    for note, text in _spellings(found):
        yield right(note, found.answer, found.placed.around(text))


def _spellings(found: Found) -> Iterator[tuple[str, str]]:
    """Yield other ways to write the document that are read as the very same data."""
    for note, text in _candidates(found.form.respell(found.placed.body, found.data, found.check)):
        if reads(found.form, text, found.check) and _same_keys(found.form.read(text, found.check), found.data):
            yield note, text


def _candidates(texts: Iterator[Spelling]) -> Iterator[Spelling]:
    """Yield from a format's own ideas until it has one that these data do not allow."""
    while True:
        try:
            yield next(texts)
        except (StopIteration, ValueError, TypeError, LookupError, AttributeError):
            return


def _same_keys(one: Any, two: Any) -> bool:
    """Equal in values and order of keys; 5 is 5.0."""
    return bool(one == two) and repr(_keys(one)) == repr(_keys(two))


def _keys(data: Any) -> Any:
    if isinstance(data, dict):
        return [(key, _keys(value)) for key, value in data.items()]
    return [_keys(value) for value in data] if isinstance(data, list) else type(data) is bool


def _framed(found: Found, broken: str) -> Iterator[Mutant]:
    body, tag = found.placed.body.strip("\n"), found.form.tag
    must_fence, alone = found.check.get("fence"), found.check.get("alone", False)
    for frame in frames(body, tag, bare=found.form.bare):
        is_right = (frame.alone or not alone) and must_fence in (None, "required" if frame.fenced else "forbidden")
        yield from judged(frame.note, found.answer, frame.text, is_right)
    if not broken or "```" in body + broken or must_fence == "forbidden":
        return
    yield from judged("a wrong draft first", found.answer, two_drafts(broken, body, tag), not alone)
    yield wrong("a wrong draft last", found.answer, two_drafts(body, broken, tag))
    if not alone and must_fence is None:
        yield right("a fence that is never closed", found.answer, never_closed(body, tag))


def _broken(found: Found) -> Iterator[str]:
    """Yield documents with something wrong in them."""
    for _, data in _changes(found):
        if found.verdict(data) is False and (text := _written(found, data)):
            yield text


def _damaged(found: Found) -> Iterator[Mutant]:
    body = found.placed.body
    for note, text in _candidates(found.form.spoil(body, found.data)):
        if text and not reads(found.form, text, found.check) and _has_no_right_part(found, text):
            yield wrong(note, found.answer, found.placed.around(text))
    kept = body[: int(len(body) * KEPT)]
    if reads(found.form, kept, found.check):
        if found.verdict(found.form.read(kept, found.check)) is False:
            yield wrong("ends at 80 %, in a place that can be read", found.answer, found.placed.before + kept)
    elif _has_no_right_part(found, kept):
        yield wrong("ends at 80 %", found.answer, found.placed.before + kept)


def _has_no_right_part(found: Found, text: str) -> bool:
    """Whether what cannot be read as a whole is surely wrong.

    It is in a fence or where it must stand alone. Else its first or last lines may be a document, and the
    rest prose: then the longest such part must be surely wrong.
    """
    if found.placed.fenced or found.check.get("alone"):
        return True
    rows = text.split("\n")
    heads = ["\n".join(rows[:end]) for end in range(len(rows) - 1, 0, -1)]
    tails = ["\n".join(rows[start:]) for start in range(1, len(rows))]
    return _first_is_wrong(found, heads) and _first_is_wrong(found, tails)


def _first_is_wrong(found: Found, parts: Sequence[str]) -> bool:
    """Look for the first part that can be read; too long a search settles nothing."""
    part = next((part for part in parts[:_TRIES] if reads(found.form, part, found.check)), None)
    if part is None:
        return len(parts) <= _TRIES
    return found.verdict(found.form.read(part, found.check)) is False
