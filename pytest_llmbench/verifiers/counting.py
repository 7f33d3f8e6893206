"""Checks that count: words, sentences, lines, items, numbers."""

from __future__ import annotations

import re

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.check_kinds import (
    BOUNDS,
    BY,
    COUNT,
    NUMBER,
    NUMBERS,
    TEXTS,
    UNITS,
    Kind,
    Params,
    Subject,
    choice,
    off_bounds,
    short,
)
from pytest_llmbench.verifiers.sentences import sentences
from pytest_llmbench.verifiers.text import lines, list_items, normal, paragraphs, plain, words

_NUMBER = re.compile(r"[0-9]+(?:[.,:/][0-9]+)*")
_LONGEST_NUMBER = 40


def count_words(subject: Subject, params: Params) -> str:
    """Sees the number of words (`text.words` defines one), of the whole or of `each` unit.

    Does not see whether they are words of any language.
    """
    if "each" not in params:
        return off_bounds("word count", len(words(subject.text)), params)
    units = UNITS[params["each"]](subject.text)
    for place, unit in enumerate(units, start=1):
        if complaint := off_bounds(f"word count of {params['each']} {place}", len(words(unit)), params):
            return complaint
    return "" if units else f"there is no {params['each']}"


def count_sentences(subject: Subject, params: Params) -> str:
    """Sees the number of sentences by the rule of `sentences`. Does not see grammar."""
    return off_bounds("sentence count", len(sentences(subject.text)), params)


def count_lines(subject: Subject, params: Params) -> str:
    """Sees the lines that are not blank. Does not see how long they are."""
    return off_bounds("line count", len(lines(subject.text)), params)


def count_paragraphs(subject: Subject, params: Params) -> str:
    """Sees blocks between blank lines. Does not see what is in them."""
    return off_bounds("paragraph count", len(paragraphs(subject.text)), params)


def count_items(subject: Subject, params: Params) -> str:
    """Sees list items of all levels; `mark` wants them all ``bullet`` (- * +) or all ``numbered`` (1. 1)).

    Does not see whether the numbers go up, nor text around the list (`outside` does).
    """
    items = list_items(subject.text)
    mark = params.get("mark")
    if mark and any(item.numbered != (mark == "numbered") for item in items):
        return f"some list items are not {mark}"
    return off_bounds("list item count", len(items), params)


def ratio(subject: Subject, params: Params) -> str:
    """Sees the words of this part divided by the words of the whole turn `to_turn`. Does not see what was left out."""
    base = len(words(subject.answers[params["to_turn"]]))
    return off_bounds("ratio of words", round(len(words(subject.text)) / max(base, 1), 3), params)


def numbers(subject: Subject, params: Params) -> str:
    """Sees every number written in digits and wants exactly those of `are`, in any order, each as often as listed.

    Does not see numbers written as words, list numbers, signs or units.
    """
    got = sorted(_number_tokens(subject.text))
    wanted = sorted(_canonical(format(number, "g")) for number in params["are"])
    if got == wanted:
        return ""
    return f"numbers {short(', '.join(got[:8]) or 'none')}, wanted exactly {', '.join(wanted)}"


def _number_tokens(text: str) -> list[str]:
    return [_canonical(token) for token in _NUMBER.findall(plain(text))]


def _canonical(token: str) -> str:
    """Write 1,843 and 1843.0 as 1843; what is no plain number stays as it is."""
    if len(token) > _LONGEST_NUMBER or re.search("[:/]", token):
        return token
    bare = re.sub(r",(?=[0-9]{3}(?![0-9]))", "", token)
    return (bare.rstrip("0").rstrip(".") if bare.count(".") == 1 else bare).lstrip("0") or "0"


def chosen(subject: Subject, params: Params) -> str:
    """Sees how many units there are, that each is one of `options`, and that none comes twice.

    Case, accents, quotes and closing punctuation do not count. Does not see the order.
    """
    units = [normal(unit) for unit in UNITS[params["by"]](subject.text)]
    options = {normal(option) for option in params["options"]}
    strange = next((unit for unit in units if unit not in options), None)
    if strange is not None:
        return f"{short(strange)} is none of the options"
    if len(set(units)) != len(units):
        return "an option comes twice"
    return off_bounds("number of options", len(units), params)


def rest(subject: Subject, params: Params) -> str:
    """Sees that the units are, in any order, the `options` that turn `of_turn` (cut by `of_by`) does not hold."""
    used = {normal(unit) for unit in UNITS[params["of_by"]](subject.answers[params["of_turn"]])}
    got = sorted(normal(unit) for unit in UNITS[params["by"]](subject.text))
    wanted = sorted({normal(option) for option in params["options"]} - used)
    return "" if got == wanted else f"{short(', '.join(got[:8]))}, wanted {short(', '.join(wanted), 200)}"


COUNTING: dict[str, Kind] = {
    "words": Kind(
        check=count_words,
        reason=Reason.WRONG_ANSWER,
        may={**BOUNDS, "each": choice("line", "paragraph", "sentence", "item")},
        one_of=tuple(BOUNDS),
    ),
    "sentences": Kind(check=count_sentences, reason=Reason.WRONG_ANSWER, may=BOUNDS, one_of=tuple(BOUNDS)),
    "lines": Kind(check=count_lines, reason=Reason.INVALID_FORMAT, may=BOUNDS, one_of=tuple(BOUNDS)),
    "paragraphs": Kind(check=count_paragraphs, reason=Reason.INVALID_FORMAT, may=BOUNDS, one_of=tuple(BOUNDS)),
    "items": Kind(
        check=count_items,
        reason=Reason.INVALID_FORMAT,
        may={**BOUNDS, "mark": choice("bullet", "numbered")},
        one_of=tuple(BOUNDS),
    ),
    "ratio": Kind(
        check=ratio,
        reason=Reason.WRONG_ANSWER,
        needs={"to_turn": COUNT},
        may={"min": NUMBER, "max": NUMBER},
        one_of=("min", "max"),
    ),
    "numbers": Kind(check=numbers, reason=Reason.WRONG_ANSWER, needs={"are": NUMBERS}),
    "chosen": Kind(
        check=chosen,
        reason=Reason.WRONG_ANSWER,
        needs={"options": TEXTS, "by": BY},
        may=BOUNDS,
        one_of=tuple(BOUNDS),
    ),
    "rest": Kind(
        check=rest,
        reason=Reason.WRONG_ANSWER,
        needs={"options": TEXTS, "by": BY, "of_turn": COUNT, "of_by": BY},
    ),
}
