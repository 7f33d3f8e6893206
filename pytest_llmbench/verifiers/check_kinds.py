"""What a kind of check is: a function, its parameters, and the reason a failure is booked under."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.lookup import suggestion
from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.sentences import sentences
from pytest_llmbench.verifiers.text import lines, list_items, paragraphs, words

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check looks at.

    `text` is the turn or the part of it that is meant, tidied, an outer code fence taken off; `raw` is that
    whole turn as the model wrote it; `answers` are all turns, tidied in the same way as `text`.
    """

    text: str
    raw: str
    answers: tuple[str, ...]


Check = Callable[[Subject, Params], str]
"""Returns what is wrong, or "" where nothing is."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a parameter's value must look like; `words` completes the sentence `must be ...`."""

    words: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of check. At least one key of `one_of`, where there are any, must be given."""

    check: Check
    reason: Reason
    needs: Mapping[str, Shape] = field(default_factory=dict)
    may: Mapping[str, Shape] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()


def _is_list(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and bool(value) and all(map(fits, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


TEXT = Shape("a text", _is_text)
TEXTS = Shape("a list of texts", lambda value: _is_list(value, _is_text))
CHOICES = Shape(
    "a list of texts or of lists of alternatives",
    lambda value: _is_list(value, lambda item: _is_text(item) or _is_list(item, _is_text)),
)
ROWS = Shape("a list of lists of texts", lambda value: _is_list(value, lambda row: _is_list(row, _is_text)))
TREE = Shape(
    "a mapping from a text to a list of texts",
    lambda value: isinstance(value, Mapping) and bool(value) and all(TEXTS.fits(item) for item in value.values()),
)
COUNT = Shape("a whole number from 0 up", lambda value: _is_whole(value) and value >= 0)
COUNTS = Shape("a list of whole numbers from 0 up", lambda value: _is_list(value, COUNT.fits))
PLACE = Shape(
    "a whole number other than 0 (1 is the first, -1 the last)", lambda value: _is_whole(value) and value != 0
)
NUMBER = Shape("a number", _is_number)
NUMBERS = Shape("a list of numbers", lambda value: _is_list(value, _is_number))
FLAG = Shape("true or false", lambda value: isinstance(value, bool))
TURN = Shape("a turn: 0, 1, ... or last", lambda value: value == "last" or COUNT.fits(value))
ANYTHING = Shape("any value", lambda _: True)


def choice(*names: str) -> Shape:
    """Return the shape of a value that is one of `names`."""
    return Shape("one of " + ", ".join(names), lambda value: isinstance(value, str) and value in names)


BOUNDS = {"exactly": COUNT, "min": COUNT, "max": COUNT}
UNITS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "line": lines,
    "paragraph": paragraphs,
    "sentence": sentences,
    "item": lambda text: tuple(item.text for item in list_items(text)),
    "comma": lambda text: tuple(part.strip() for part in text.split(",")),
    "word": words,
}
BY = choice(*UNITS)
PARTS = ("line", "paragraph", "sentence", "item")
COMMON = {
    "kind": TEXT,
    "name": TEXT,
    "turn": TURN,
    "gating": FLAG,
    **dict.fromkeys(PARTS, PLACE),
}
"""Keys that every check may carry."""


def part_of(text: str, params: Params) -> str | None:
    """Return the line, paragraph, sentence or item that `params` asks for, else the whole; None if it is not there."""
    for part in PARTS:
        if part in params:
            found, place = UNITS[part](text), params[part]
            index = place - 1 if place > 0 else place
            return found[index] if -len(found) <= index < len(found) else None
    return text


def off_bounds(noun: str, got: float, params: Params) -> str:
    """Say how `got` breaks `exactly`, `min` or `max`, or return ""."""
    if "exactly" in params and got != params["exactly"]:
        return f"{noun} {got}, wanted exactly {params['exactly']}"
    if "min" in params and got < params["min"]:
        return f"{noun} {got}, wanted at least {params['min']}"
    if "max" in params and got > params["max"]:
        return f"{noun} {got}, wanted at most {params['max']}"
    return ""


def short(text: str, limit: int = 60) -> str:
    """Return `text` on one line, quoted, cut to about `limit` characters."""
    return f'"{printable(" ".join(text[: 4 * limit].split()), limit)}"'


def bad_keys(kinds: Mapping[str, Kind], check: Params) -> Iterator[tuple[str, str]]:
    """Yield (key, message) for each fault of one check as the pack's author wrote it."""
    name = check.get("kind")
    if not isinstance(name, str) or name not in kinds:
        yield "kind", f'unknown kind of check "{name}": {suggestion(str(name), kinds)}'
        return
    kind = kinds[name]
    allowed = {**COMMON, **kind.may, **kind.needs}
    for key in kind.needs:
        if key not in check:
            yield "kind", f'"{name}" needs "{key}", {kind.needs[key].words}'
    if kind.one_of and not any(key in check for key in kind.one_of):
        yield "kind", f'"{name}" needs at least one of {", ".join(kind.one_of)}'
    if sum(part in check for part in PARTS) > 1:
        yield "kind", f"at most one of {', '.join(PARTS)} may say which part is meant"
    for key, value in check.items():
        if key not in allowed:
            yield key, f'unknown key "{key}": {suggestion(str(key), allowed)}'
        elif not allowed[key].fits(value):
            yield key, f'"{key}" must be {allowed[key].words}, not {value!r}'
