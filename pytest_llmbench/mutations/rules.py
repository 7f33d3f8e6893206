"""Does a value fit a rule of a pack? Yes, no, or not certain: a second reading of the handbook's rule table.

The mutants' verdicts rest on it, so it shares no code with the verifiers and rather says None than guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Answer = bool | None
"""True, False, or None where it does not follow with certainty."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def fits(rule: Any, value: Any) -> Answer:
    """Say whether `value` is as `rule` wants it; a mapping that is no rule is an object with these fields."""
    if isinstance(rule, list):
        return _in_order(rule, value)
    if isinstance(rule, Mapping):
        name = next(iter(rule)) if len(rule) == 1 else ""
        return RULES[name](rule[name], value) if name in RULES else _fields(rule, value)
    return same(rule, value)


def same(left: Any, right: Any) -> bool:
    """Equal as data: numbers as numbers, true is no 1, the order of keys does not matter."""
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)


def is_number(value: Any) -> bool:
    """Whether `value` is an integer or a float; booleans are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def every(answers: Iterable[Answer]) -> Answer:
    """All of them: the first False ends it, else one None makes it None."""
    found: Answer = True
    for answer in answers:
        if answer is False:
            return False
        found = None if answer is None else found
    return found


def matched(rules: Sequence[Any], values: Sequence[Any], fit: Callable[[Any, Any], Answer]) -> Answer:
    """Say whether each rule can have a value of its own; None where a fit is not certain."""
    if len(rules) != len(values):
        return False
    table = [[fit(rule, value) for value in values] for rule in rules]
    if all(_pairs(table, certain=False)):
        return True if all(_pairs(table, certain=True)) else None
    return False


def _pairs(table: Sequence[Sequence[Answer]], *, certain: bool) -> list[bool]:
    """Pair rows with columns (augmenting paths); return which rows found one."""
    owner: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, cell in enumerate(table[row]):
            if (cell is True or (cell is None and not certain)) and column not in tried:
                tried.add(column)
                if column not in owner or place(owner[column], tried):
                    owner[column] = row
                    return True
        return False

    return [place(row, set()) for row in range(len(table))]


def _in_order(rules: Sequence[Any], value: Any) -> Answer:
    if not isinstance(value, list) or len(value) != len(rules):
        return False
    return every(map(fits, rules, value))


def _fields(rules: Mapping[str, Any], value: Any) -> Answer:
    if not isinstance(value, Mapping) or value.keys() - rules.keys():
        return False
    return every(field_fits(rule, value, name) for name, rule in rules.items())


def field_fits(rule: Any, owner: Mapping[str, Any], name: str) -> Answer:
    """Say whether the field `name` of `owner` is as `rule` wants it, which may let it be left out."""
    if isinstance(rule, Mapping) and len(rule) == 1:
        if "absent" in rule:
            return name not in owner
        if "optional" in rule:
            return name not in owner or fits(rule["optional"], owner[name])
    return name in owner and fits(rule, owner[name])


def _text(wanted: str, value: Any) -> Answer:
    if not isinstance(value, str):
        return False
    if _plain(value) == _plain(wanted):
        return True
    return None if _letters(value) == _letters(wanted) else False


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _letters(text: str) -> str:
    """Return what no tolerance for typography could change."""
    return "".join(character for character in text.casefold() if character.isalnum() and character.isascii())


def _one_of(rules: Sequence[Any], value: Any) -> Answer:
    found = [fits(rule, value) for rule in rules]
    return True if True in found else None if None in found else False


def _pattern(pattern: str, value: Any) -> Answer:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _words(words: Sequence[Any], value: Any) -> Answer:
    """Only the certain no: a word of which not even the letters are there."""
    if not isinstance(value, str):
        return False
    for item in words:
        choices = [item] if isinstance(item, str) else item
        if not any(_letters(choice) in _letters(value) for choice in choices):
            return False
    return None


def _near(operand: Sequence[Any], value: Any) -> Answer:
    if not is_number(value):
        return False
    return abs(Decimal(str(value)) - Decimal(str(operand[0]))) <= Decimal(str(operand[1]))


def _date(day: str, value: Any) -> Answer:
    return _moment(str(day), value)


def _minute(minute: str, value: Any) -> Answer:
    return _moment(str(minute), value)


def _moment(wanted: str, value: Any) -> Answer:
    if not isinstance(value, str):
        return False
    if value == wanted:
        return True
    return None if wanted[:10] in value or not _DAY.match(value) else False


def _some(kind: str, value: Any) -> Answer:
    return is_number(value) if kind == "number" else isinstance(value, str) and bool(value.strip())


def _set(rules: Sequence[Any], value: Any) -> Answer:
    return isinstance(value, list) and matched(rules, value, fits)


RULES: Mapping[str, Callable[[Any, Any], Answer]] = {
    "text": _text,
    "one_of": _one_of,
    "pattern": _pattern,
    "words": _words,
    "near": _near,
    "date": _date,
    "minute": _minute,
    "some": _some,
    "set": _set,
    "object": _fields,
}
