"""Mutants of answers that `instructions` judges: what every check forgives, and what breaks one of them for sure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_llmbench.contracts import GoldAnswer, Mutant
from pytest_llmbench.mutations.changes import last_text, right, with_turn
from pytest_llmbench.mutations.talk import talk_mutants
from pytest_llmbench.records import Outcome, Scenario

Check = Mapping[str, Any]
DRAFT = "BANANA. Let me think: 12345 perhaps?"
_PARTS = ("line", "paragraph", "sentence", "item")


class InstructionsMutator:
    """Changes whole turns: their layout, their length, the words they must or must not have."""

    name = "instructions"

    def mutants(self, scenario: Scenario, answer: GoldAnswer) -> Iterator[Mutant]:
        """Yield the mutants of the talk, those that are forgiven, then those of each check that reads a whole turn."""
        yield from talk_mutants(answer, draft=DRAFT, needs_text=True)
        yield from _forgiven(scenario, answer, last_text(answer))
        for check in scenario.checks:
            turn = _turn(check, scenario)
            if check["kind"] in _KINDS and _reads_whole(check) and turn < len(answer.turns):
                for note, text in _KINDS[check["kind"]](check, answer.turns[turn].content):
                    turns = with_turn(answer, turn, text)
                    yield Mutant(note=f"{note} ({check.get('name', check['kind'])})", turns=turns, wanted=Outcome.FAIL)


def _turn(check: Check, scenario: Scenario) -> int:
    turn = check.get("turn", "last")
    return len(scenario.followups) if turn == "last" else int(turn)


def _reads_whole(check: Check) -> bool:
    """Whether the check decides, and reads all of a turn."""
    return bool(check.get("gating", True)) and not any(part in check for part in _PARTS)


def _forgiven(scenario: Scenario, answer: GoldAnswer, text: str) -> Iterator[Mutant]:
    """Yield what no prompt forbids."""
    yield right("invisible characters", answer, f"\ufeff{text}\u200b")
    yield right("typographic apostrophes", answer, re.sub(r"(?<=\w)'(?=\w)", "\u2019", text))
    fenced = any(check.get("fenced") or check.get("of") == "fence" for check in scenario.checks)
    if not fenced and "```" not in text:
        yield right("no-break spaces", answer, re.sub(r"(?<=\w) (?=\w)", "\u00a0", text))
        yield right("a fence around the whole", answer, f"```\n{text.strip(chr(10))}\n```")


def _more_words(check: Check, text: str) -> Iterator[tuple[str, str]]:
    """Break an upper bound on the words of the whole."""
    limit = check.get("exactly", check.get("max"))
    if limit is not None and "each" not in check:
        yield "words without end", text + " and so on" * (limit + 1)


def _more_lines(check: Check, text: str) -> Iterator[tuple[str, str]]:
    limit = check.get("exactly", check.get("max"))
    if limit is not None:
        yield "lines without end", text + "\n\nAnd so it goes on and on." * (limit + 1)


def _without_words(check: Check, text: str) -> Iterator[tuple[str, str]]:
    """Take out one wanted word after another, with all its alternatives."""
    for item in check["words"]:
        choices = [item] if isinstance(item, str) else item
        bare = text
        for choice in sorted(choices, key=len, reverse=True):
            bare = re.sub(re.escape(choice), "zzz", bare, flags=re.IGNORECASE)
        if bare != text and not any(_fold(choice) in _fold(bare) for choice in choices):
            yield f"without {choices[0]}", bare


def _fold(text: str) -> str:
    parts = unicodedata.normalize("NFD", " ".join(text.casefold().split()))
    return "".join(part for part in parts if not unicodedata.combining(part) and part not in "*_`")


def _with_words(check: Check, text: str) -> Iterator[tuple[str, str]]:
    for word in check["words"]:
        if isinstance(word, str):
            yield f"with {word}", f"{text.rstrip()}\n\nAnd {word} too."


def _with_characters(check: Check, text: str) -> Iterator[tuple[str, str]]:
    for character in dict.fromkeys(check["characters"]):
        yield f"with {character}", f"{text.rstrip()} x{character}x"


def _other_case(check: Check, text: str) -> Iterator[tuple[str, str]]:
    if check["is"] == "lower":
        yield "in capitals", text.upper()
    elif check["is"] == "upper":
        yield "in small letters", text.lower()
    elif check["is"] == "mixed":
        yield "in small letters", text.lower()
        yield "in capitals", text.upper()


def _other_whole(check: Check, text: str) -> Iterator[tuple[str, str]]:
    del check
    yield "a word more", f"{text.rstrip()} perhaps"


def _more_items(check: Check, text: str) -> Iterator[tuple[str, str]]:
    limit = check.get("exactly", check.get("max"))
    if limit is not None:
        yield "items without end", f"{text.rstrip()}\n" + "- and so on\n" * (limit + 1)


def _prose_around(check: Check, text: str) -> Iterator[tuple[str, str]]:
    """Break the number of lines outside a list, a table, a quotation or a fence."""
    lines = "Here comes what you asked for.\n\n" * (check.get("lines", 0) + 1)
    yield "prose before", lines + text
    yield "prose behind", f"{text.rstrip()}\n\n{lines}"


def _other_start(check: Check, text: str) -> Iterator[tuple[str, str]]:
    del check
    yield "another start", f"Well, {text.lstrip()}"


def _other_end(check: Check, text: str) -> Iterator[tuple[str, str]]:
    del check
    yield "another end", f"{text.rstrip()} indeed"


def _other_headings(check: Check, text: str) -> Iterator[tuple[str, str]]:
    del check
    yield "a heading more", f"{text.rstrip()}\n\n## And more"


def _other_figures(check: Check, text: str) -> Iterator[tuple[str, str]]:
    del check
    yield "a number more", f"{text.rstrip()} 98765"


_KINDS: Mapping[str, Callable[[Check, str], Iterator[tuple[str, str]]]] = {
    "words": _more_words,
    "lines": _more_lines,
    "paragraphs": _more_lines,
    "sentences": _more_lines,
    "mentions": _without_words,
    "forbids": _with_words,
    "without": _with_characters,
    "casing": _other_case,
    "equals": _other_whole,
    "items": _more_items,
    "outside": _prose_around,
    "starts_with": _other_start,
    "ends_with": _other_end,
    "headings": _other_headings,
    "numbers": _other_figures,
}
