"""Checks of what is said: words, letters, order, case, language, and repeats between turns."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from operator import ge, le
from typing import Any

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.check_kinds import (
    BY,
    CHOICES,
    COUNT,
    FLAG,
    PLACE,
    TEXT,
    TEXTS,
    UNITS,
    Kind,
    Params,
    Subject,
    choice,
    short,
)
from pytest_llmbench.verifiers.languages import FUNCTION_WORDS, language_of
from pytest_llmbench.verifiers.sentences import sentences
from pytest_llmbench.verifiers.text import EDGES, first_place, fold, normal, phrase_count, plain, words

_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?(?::[0-9]{1,9})*")


def mentions(subject: Subject, params: Params) -> str:
    """Sees each of `words` as whole words, in any case; an inner list holds alternatives that count together.

    `times` wants exactly that many mentions of each. Does not see inflections that are not listed, nor negation.
    """
    for item in params["words"]:
        choices = [item] if isinstance(item, str) else list(item)
        got = sum(phrase_count(subject.text, choice) for choice in choices)
        wanted = " or ".join(f'"{choice}"' for choice in choices)
        if not got:
            return f"{wanted} is missing"
        if "times" in params and got != params["times"]:
            return f"{wanted} comes {got} times, wanted exactly {params['times']}"
    return ""


def forbids(subject: Subject, params: Params) -> str:
    """Sees any of `words` as whole words, in any case; with `within` also inside longer words.

    Does not see inflections that are not listed (without `within`), nor paraphrases.
    """
    within = params.get("within", False)
    found = next((word for word in params["words"] if phrase_count(subject.text, word, within=within)), None)
    return f'the forbidden "{found}" is there' if found is not None else ""


def without(subject: Subject, params: Params) -> str:
    """Sees whether any of `characters` occurs, in either case, with or without accent. List marks do not count."""
    folded = set(fold(plain(subject.text)))
    found = next((character for character in params["characters"] if fold(character) in folded), None)
    return f'the forbidden character "{found}" is there' if found is not None else ""


def initials(subject: Subject, params: Params) -> str:
    """Sees the first letter of every word: all the same `letter`, or `rising` (each later in the alphabet).

    Does not see sense. A word without a letter (a number) breaks the rule.
    """
    tokens = words(subject.text)
    heads = [_initial(token) for token in tokens]
    if "letter" in params:
        wrong = next((token for token, head in zip(tokens, heads, strict=True) if head != fold(params["letter"])), None)
        if wrong is not None:
            return f'{short(wrong)} does not begin with "{params["letter"]}"'
    if params.get("rising"):
        for place, (left, right) in enumerate(pairwise(heads)):
            if not left < right:
                return f"{short(tokens[place + 1])} does not begin later in the alphabet than {short(tokens[place])}"
    return "" if tokens else "there is no word"


def _initial(token: str) -> str:
    return fold(next((character for character in token if character.isalpha()), ""))[:1]


def acrostic(subject: Subject, params: Params) -> str:
    """Sees the first letters of the lines, sentences, items or words (`by`), which must spell `spells` and no more."""
    spelt = "".join(_initial(unit) or "?" for unit in UNITS[params["by"]](subject.text))
    if spelt == fold(params["spells"]):
        return ""
    return f"the first letters spell {short(spelt.upper(), 30)}, wanted {params['spells'].upper()}"


def distinct(subject: Subject, params: Params) -> str:
    """Sees whether two units are the same, case and punctuation aside. Does not see inflections of one word."""
    seen: set[str] = set()
    for unit in UNITS[params["by"]](subject.text):
        if (key := normal(unit)) in seen:
            return f"{short(unit)} comes twice"
        seen.add(key)
    return "" if seen else f"there is no {params['by']}"


def mention_order(subject: Subject, params: Params) -> str:
    """Sees that each of `words` is mentioned, and their first mentions in the order given. Does not see later ones."""
    places = [first_place(subject.text, word) for word in params["words"]]
    if -1 in places:
        return f'"{params["words"][places.index(-1)]}" is missing'
    for place, (left, right) in enumerate(pairwise(places)):
        if left >= right:
            return f'"{params["words"][place + 1]}" comes before "{params["words"][place]}"'
    return ""


def sorted_units(subject: Subject, params: Params) -> str:
    """Sees whether the units stand in alphabetical order (accents and case aside), or `descending`.

    With `numeric` the first number of each unit decides, 9:30 being before 10:15.
    Does not see what the units are; fewer than two are never in order.
    """
    units = UNITS[params["by"]](subject.text)
    key: Callable[[str], Any] = _first_number if params.get("numeric") else normal
    in_order = ge if params.get("descending") else le
    if len(units) < 2:
        return f"only {len(units)} to put in order"
    for left, right in pairwise(units):
        if not in_order(key(left), key(right)):
            return f"{short(right)} after {short(left)} is not in order"
    return ""


def _first_number(unit: str) -> tuple[Decimal, ...]:
    found = _NUMBER.search(plain(unit))
    return tuple(Decimal(part) for part in found.group().split(":")) if found else ()


def entries(subject: Subject, params: Params) -> str:
    """Sees that the units are those of `are` and no others, in that order or (`any_order`) in any.

    Case, accents, quotes and closing punctuation do not count.
    """
    got = [normal(unit) for unit in UNITS[params["by"]](subject.text)]
    wanted = [normal(unit) for unit in params["are"]]
    if got == wanted or (params.get("any_order") and sorted(got) == sorted(wanted)):
        return ""
    return f"{short(', '.join(got[:12]))}, wanted {short(', '.join(wanted), 200)}"


def same_entries(subject: Subject, params: Params) -> str:
    """Sees that the units are those of turn `of_turn` (cut there by `of_by`), in the same order or `reversed`."""
    got = [normal(unit) for unit in UNITS[params["by"]](subject.text)]
    wanted = [normal(unit) for unit in UNITS[params["of_by"]](subject.answers[params["of_turn"]])]
    if params.get("reversed"):
        wanted.reverse()
    return "" if got == wanted and got else f"{short(', '.join(got[:12]))}, wanted {short(', '.join(wanted[:12]), 200)}"


def casing(subject: Subject, params: Params) -> str:
    """Sees letters alone: all ``lower``, all ``upper``, both (``mixed``), or every word capitalised (``title``)."""
    text = plain(subject.text)
    heads = [head for token in words(text) if (head := next(filter(str.isalpha, token), ""))]
    fits = {
        "lower": text == text.lower(),
        "upper": text == text.upper(),
        "mixed": text not in {text.lower(), text.upper()},
        "title": all(not head.islower() for head in heads),
    }
    return "" if heads and fits[params["is"]] else f"{short(text)} is not {params['is']} case"


def language(subject: Subject, params: Params) -> str:
    """Sees which language the function words belong to. Does not see single foreign words, nor grammar."""
    got = language_of(plain(subject.text))
    return "" if got == params["is"] else f"language {got or 'unclear'}, wanted {params['is']}"


def starts_with(subject: Subject, params: Params) -> str:
    """Sees the first words, case, emphasis and quotes aside; a longer first word does not count."""
    text, head = _flat(subject.text).lstrip("\"' "), _flat(params["text"]).rstrip(EDGES) or params["text"]
    fits = text.startswith(head) and not text[len(head) : len(head) + 1].isalnum()
    return "" if fits else f"starts with {short(text[:40])}, wanted {short(params['text'])}"


def ends_with(subject: Subject, params: Params) -> str:
    """Sees the last words, case, emphasis, quotes and closing punctuation aside; or a mark such as ``:`` itself."""
    tail = _flat(params["text"]).strip(EDGES)
    text = _flat(subject.text).rstrip(EDGES) if tail else _flat(subject.text).rstrip("\"' ")
    tail = tail or params["text"].strip()
    before = text[: -len(tail)][-1:]
    fits = text.endswith(tail) and not (tail[0].isalnum() and before.isalnum())
    return "" if fits else f"ends with {short(text[-40:])}, wanted {short(params['text'])}"


def equals(subject: Subject, params: Params) -> str:
    """Sees whether the text is one of `any_of`; case counts; spaces, emphasis, quotes, closing punctuation do not."""
    got = " ".join(plain(subject.text).split()).strip(EDGES)
    wanted = [" ".join(option.split()).strip(EDGES) for option in params["any_of"]]
    return "" if got in wanted else f"{short(got)}, wanted {' or '.join(map(short, wanted))}"


def repeats(subject: Subject, params: Params) -> str:
    """Sees whether sentence number `which` of turn `of_turn` stands word for word in this one, `at` its start or end.

    Case counts; Markdown marks, spacing, quotes and the closing mark do not.
    """
    said = sentences(subject.answers[params["of_turn"]])
    index = params["which"] - 1 if params["which"] > 0 else params["which"]
    if not -len(said) <= index < len(said):
        return f"turn {params['of_turn'] + 1} has no sentence {params['which']}"
    wanted = " ".join(said[index].split()).strip(EDGES)
    text = " ".join(plain(subject.text).split()).strip(EDGES)
    found = {
        "start": text.startswith(wanted) and not text[len(wanted) : len(wanted) + 1].isalnum(),
        "end": text.endswith(wanted) and not text[: -len(wanted)][-1:].isalnum(),
        "anywhere": wanted in text,
    }
    place = params.get("at", "anywhere")
    return "" if found[place] else f"the sentence {short(wanted, 80)} does not stand at: {place}"


def _flat(text: str) -> str:
    return fold(" ".join(plain(text).split()))


_WRONG, _FORM, _MISSING = Reason.WRONG_ANSWER, Reason.INVALID_FORMAT, Reason.MISSING_FIELD
WORDING: dict[str, Kind] = {
    "mentions": Kind(check=mentions, reason=_MISSING, needs={"words": CHOICES}, may={"times": COUNT}),
    "forbids": Kind(check=forbids, reason=_WRONG, needs={"words": TEXTS}, may={"within": FLAG}),
    "without": Kind(check=without, reason=_WRONG, needs={"characters": TEXT}),
    "initials": Kind(check=initials, reason=_WRONG, may={"letter": TEXT, "rising": FLAG}, one_of=("letter", "rising")),
    "acrostic": Kind(check=acrostic, reason=_WRONG, needs={"spells": TEXT, "by": BY}),
    "distinct": Kind(check=distinct, reason=_WRONG, needs={"by": BY}),
    "order": Kind(check=mention_order, reason=_WRONG, needs={"words": TEXTS}),
    "sorted": Kind(check=sorted_units, reason=_WRONG, needs={"by": BY}, may={"descending": FLAG, "numeric": FLAG}),
    "entries": Kind(check=entries, reason=_WRONG, needs={"by": BY, "are": TEXTS}, may={"any_order": FLAG}),
    "same_entries": Kind(
        check=same_entries, reason=_WRONG, needs={"by": BY, "of_turn": COUNT, "of_by": BY}, may={"reversed": FLAG}
    ),
    "casing": Kind(check=casing, reason=_FORM, needs={"is": choice("lower", "upper", "mixed", "title")}),
    "language": Kind(check=language, reason=_WRONG, needs={"is": choice(*FUNCTION_WORDS)}),
    "starts_with": Kind(check=starts_with, reason=_FORM, needs={"text": TEXT}),
    "ends_with": Kind(check=ends_with, reason=_FORM, needs={"text": TEXT}),
    "equals": Kind(check=equals, reason=_WRONG, needs={"any_of": TEXTS}),
    "repeats": Kind(
        check=repeats,
        reason=_WRONG,
        needs={"of_turn": COUNT, "which": PLACE},
        may={"at": choice("start", "end", "anywhere")},
    ),
}
