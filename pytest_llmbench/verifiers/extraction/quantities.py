"""A declared value read as one number with its unit, or as a list of numbers; exact arithmetic throughout.

What two readers could take for different numbers is refused: ranges, alternatives, bounds, and
anything that goes on calculating behind the number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from pytest_llmbench.verifiers.extraction.numerals import Numeral, numeral, plain_numerals

TEXT_LIMIT = 1000
"""Characters of a value that is read as a number at all."""

_EQUALS = re.compile(r"\s*(?:=|\u2248|\u2245|\u2243)+\s*")
_BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">", '"': '"', "'": "'", "|": "|"}
_CLOSING = " .,;:!*_`"
_REMARK = re.compile(r"\s+[(\[]([^()\[\]]*)[)\]]$")
_SUBJECT = re.compile(r"[^\W\d_][^\d<>:]{0,80}?(?: (?:is|are|equals|equal|was|be)(?: to)?\b ?:?|:) ?", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?:about|approximately|approx\.?|around|roughly|circa|ca\.|exactly|precisely|just|only|(?:a )?total of|~|#)\s*",
    re.IGNORECASE,
)
_SIGN = re.compile(r"([+-]|minus|negative|plus) ?", re.IGNORECASE)
_SIGNED = {"-": -1, "minus": -1, "negative": -1}
_MONEY = re.compile(
    r"(?:(?:US|A|AU|C|CA|NZ|HK|S)?[$\u20ac\u00a3\u00a5\u20b9\u20bd\u20a9\u20ba\u20aa]"
    r"|(?:USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|INR|CNY|SEK|NOK|DKK|PLN|CZK)(?![A-Za-z])) ?"
)
_NAMES_SOMETHING = re.compile(r"[^\W\d_][^\d,;<>+\u00d7*^!\u2260\u2264\u2265]{0,80}")
_CALCULATES = re.compile(r"[\w\s.()+\-\u00d7*\u00b7/\u00f7^%$\u20ac\u00a3\u221a\u00b2\u00b3!:\u22c5]*")
_OPERATOR = re.compile(
    r"[+\u00d7*\u00f7/^\u221a\u22c5\u00b7!-]|\bx\b|\b(?:times|multiplied by|divided by)\b|[^\W\d_]\([0-9]",
    re.IGNORECASE,
)
_DENIES = re.compile(r"\b(?:not|never|no|unless|wrong|incorrect|false)\b|n't\b", re.IGNORECASE)
_HEDGES = re.compile(
    r"\b(?:or(?! so\b)|nor|versus|vs|minus|plus|at least|at most|is (?:not|wrong|incorrect|false))\b|n't\b"
    r"|\band (?:a|an|one|two|three|four|five|six|seven|eight|nine)\b"
    r"|\b(?:hundred|thousand|million|billion|trillion|dozen)s?\b",
    re.IGNORECASE,
)
_MULTIPLIER = re.compile(r" ?(hundred|thousand|million|billion|trillion|dozen|bn|mn)\b ?|(k)(?!\w) ?", re.IGNORECASE)
_MULTIPLIERS = {"hundred": 100, "thousand": 10**3, "k": 10**3, "million": 10**6, "mn": 10**6, "dozen": 12}
_MULTIPLIERS |= {"billion": 10**9, "bn": 10**9, "trillion": 10**12}
_VARIABLE = re.compile(r"^ ?(?:[xyz]|pi|squared|cubed)\b|\u03c0|^i\b|- ?[^\W\d_]\b", re.IGNORECASE)
_WORDS = re.compile(r"[^\d<>=+*^\u00d7\u00f7\u00b1~@#{}|\\\u221a\u2264\u2265\u2192\u21d2\u2260\u221e&]*")
_PERCENT = re.compile(r"[%\u2030]|\bper ?cent|\bpercent|\bpct\b", re.IGNORECASE)
_FILLERS = r"\b(?:in total|in all|total|altogether|overall|exactly|approximately|approx|rounded|only|or so)\b"
_FILLER = re.compile(rf"(?:{_FILLERS}|[\s.,;:!-])+", re.IGNORECASE)
_FILLER_END = re.compile(rf"(?:{_FILLERS}|[\s.,;:!-])+$", re.IGNORECASE)
_ROUNDING = re.compile(r"[(\[]\s*(?:rounded|approx|exact|about|to the nearest)", re.IGNORECASE)
_UNIT_NOISE = re.compile(r"[\s.^*\u00b7\u22c5\u00d7-]")


class Unread(ValueError):
    """A value cannot be read as what it should be; the message completes the sentence "the value ..."."""


@dataclass(frozen=True, slots=True)
class Units:
    """The units that may stand by a number, any of them; none listed: every word that counts nothing may follow."""

    names: tuple[str, ...] = ()
    required: bool = False

    def has(self, unit: str) -> bool:
        """Whether `unit` is one of them but for case, blanks, dots and a plural s."""
        wanted = {_unit_key(name) for name in self.names}
        key = _unit_key(unit)
        singular = key[:-1] if len(key) > 3 and key.endswith("s") and key.isalpha() else key
        return bool({key, singular} & wanted) or (len(key) > 2 and key.isalpha() and f"{key}s" in wanted)


ANY_UNIT = Units()


def _unit_key(unit: str) -> str:
    return _UNIT_NOISE.sub("", plain_numerals(unit)).casefold()


def has_digits(text: str) -> bool:
    """Whether `text` holds a digit of any script, or a fraction in one character."""
    return re.search("[0-9]", plain_numerals(text[:TEXT_LIMIT])) is not None


def read_quantity(text: str, units: Units = ANY_UNIT) -> tuple[Fraction, ...]:
    """Read `text`, a declared value, as one number and return it; raises Unread.

    Where it is spelled in several ways, all of them are returned: ``7/12 = 0.583`` is the one or the other.
    ``x = 35``, ``about 35`` and ``3 x 5 = 15`` are one number each; sides of an equation that
    contradict each other (beyond rounding) are none.
    """
    if len(text) > TEXT_LIMIT:
        raise Unread("is too long to be a number")
    sides = list(_sides(_unwrapped(plain_numerals(text))))
    if len(sides) < 2:
        return (_one("".join(sides), units)[0],)
    found = [number for side in sides if (number := _side(side, units))]
    if not found:
        raise Unread("is no single number" if has_digits(text) else "holds no number")
    if any(_contradict(found[0], other) for other in found[1:]):
        raise Unread("gives more than one number")
    return tuple(value for value, _ in found)


def _side(side: str, units: Units) -> tuple[Fraction, int | None] | None:
    """Read one side of an equation; None where it only leads up to the number."""
    try:
        return _one(side, units)
    except Unread:
        if _leads_up(side):
            return None
        raise Unread("is no single number") from None


def read_numbers(text: str) -> tuple[Fraction, ...]:
    """Read `text` as numbers parted by semicolons, commas, "and" or blanks, in brackets or not; raises Unread."""
    if len(text) > TEXT_LIMIT:
        raise Unread("is too long to be a list of numbers")
    bare = re.sub(r"[\[\](){}<>\"]", " ", _REMARK.sub(_without_words, plain_numerals(text)))
    pieces = [piece for piece in re.split(_separator(bare), _stripped(bare)) if piece.strip(_CLOSING)]
    if not pieces:
        raise Unread("holds no number")
    return tuple(read_quantity(piece)[0] for piece in pieces)


def _without_words(remark: re.Match[str]) -> str:
    return remark[0] if has_digits(remark[1]) else ""


def _separator(text: str) -> str:
    """Return the expression that parts the numbers of `text`: the clearest separator it uses."""
    if ";" in text:
        return r"[;]\s*(?:and\b)?|\band\b"
    if re.search(r",\s|\band\b|&", text):
        return r",\s+(?:and\b)?|\band\b|&"
    return "," if "," in text else r"\s+"


def _sides(text: str) -> Iterator[str]:
    """Yield the sides of an equation, and as a last one a remark in brackets that holds a number."""
    remark = _REMARK.search(text)
    if remark and has_digits(remark[1]) and has_digits(text[: remark.start()]):
        text = text[: remark.start()]
    else:
        remark = None
    yield from (side for side in _EQUALS.split(text) if side.strip())
    if remark:
        yield from (side for side in _EQUALS.split(remark[1]) if side.strip())


def _leads_up(side: str) -> bool:
    """Whether a side of an equation names or calculates the number, such as ``x``, ``3 x 5`` or ``f(2)``."""
    if _HEDGES.search(side) or _DENIES.search(side):
        return False
    if has_digits(side):
        return bool(_CALCULATES.fullmatch(side) and _OPERATOR.search(side))
    return _NAMES_SOMETHING.fullmatch(side) is not None


def _contradict(one: tuple[Fraction, int | None], other: tuple[Fraction, int | None]) -> bool:
    """Whether two spellings differ by more than rounding or cutting off decimals explains."""
    places = [place for _, place in (one, other) if place is not None]
    apart = abs(one[0] - other[0])
    if not places:
        return apart != 0
    unit = Fraction(10) ** -min(places)
    return apart > unit / 2 if min(places) <= 0 else apart >= unit


def _stripped(text: str) -> str:
    """Return `text` without outer blanks and punctuation, but with the point of ``.5``."""
    return text.rstrip(_CLOSING).lstrip(_CLOSING.replace(".", ""))


def _unwrapped(text: str) -> str:
    """Return `text` without closing punctuation and the brackets or quotes that surround all of it."""
    for _ in range(6):
        text = _stripped(text)
        if len(text) < 2 or _BRACKETS.get(text[0]) != text[-1] or text[-1] in text[1:-1]:
            break
        text = text[1:-1]
    return text


def _one(side: str, units: Units) -> tuple[Fraction, int | None]:
    """Read one number with its unit and the words that may stand by it; return it with its decimals."""
    rest = _without_lead(_unwrapped(side))
    sign, money, rest = _signed(rest, units)
    number = numeral(rest)
    if number is None:
        raise Unread(_why_none(rest))
    factor, tail = _multiplied(rest[number.end :], units)
    _refuse_tail(tail, units, money)
    return sign * factor * number.value, _places(number, factor)


def _places(number: Numeral, factor: int) -> int | None:
    return None if number.places is None else number.places - len(str(factor)) + 1


def _why_none(rest: str) -> str:
    if not has_digits(rest):
        return "holds no number"
    return "is no plain number" if not rest[:1].isdigit() else "holds a number too large, too long or divided by zero"


def _without_lead(text: str) -> str:
    """Drop "the total is", "about" and the like in front of the number."""
    for _ in range(4):
        subject = _SUBJECT.match(text)
        if subject and not (_HEDGES.search(subject[0]) or _DENIES.search(subject[0])):
            text = text[subject.end() :]
        text = text[about.end() :] if (about := _ABOUT.match(text)) else text.lstrip()
    return text


def _signed(text: str, units: Units) -> tuple[int, str, str]:
    """Return the sign, the unit in front and what follows them; either may come first."""
    sign, money = "", ""
    for _ in range(2):
        if not money and (front := _front_unit(text, units)):
            money, text = front, text[len(front) :].lstrip()
        elif not sign and (found := _SIGN.match(text)):
            sign, text = found[1].lower(), text[found.end() :]
    return _SIGNED.get(sign, 1), money.strip(), text


def _front_unit(text: str, units: Units) -> str:
    if found := _MONEY.match(text):
        return found[0]
    fitting = (text[: len(name)] for name in units.names if text[: len(name)].casefold() == name.casefold())
    return max((unit for unit in fitting if not text[len(unit) : len(unit) + 1].isalpha()), key=len, default="")


def _multiplied(tail: str, units: Units) -> tuple[int, str]:
    """Return the factor of a word such as "million", unless that is a unit, and what follows it."""
    found = _MULTIPLIER.match(tail)
    if found is None or units.has(_trimmed(tail)):
        return 1, tail
    return _MULTIPLIERS[(found[1] or found[2]).lower()], tail[found.end() :]


def _refuse_tail(tail: str, units: Units, money: str) -> None:
    """Raise Unread where what follows the number makes it another one, or names a unit that is not listed."""
    if re.search("[0-9]", tail):
        raise Unread("gives more than one number")
    if not money and units.has(_trimmed(tail)):
        return
    words = re.sub("[()\\[\\]]", " ", tail)
    if _VARIABLE.search(tail) or not _WORDS.fullmatch(words) or re.match(r" ?/(?! ?[^\W\d_])", words):
        raise Unread("goes on behind the number")
    if not units.names:
        if _PERCENT.search(words):
            raise Unread("is a percentage, which was not asked for")
    elif fault := _unit_fault(tail, units, money):
        raise Unread(fault)
    if _HEDGES.search(words):
        raise Unread("is no single number")


def _unit_fault(tail: str, units: Units, money: str) -> str:
    """Say what is wrong with the unit, or return ""."""
    if money and not units.has(money):
        return f"has the unit {money}"
    unit = next((unit for unit in _unit_readings(tail, money) if not unit or units.has(unit)), None)
    if unit is None:
        return f"has the unit {_trimmed(tail)[:40]}"
    return "has no unit" if units.required and not unit and not money else ""


def _unit_readings(tail: str, money: str) -> Iterator[str]:
    """Yield the ways to tell a unit from the words around it: all of them, in brackets, before a remark.

    Nothing but a remark may follow where the unit stood in front of the number (`money`).
    """
    bare = _trimmed(tail)
    yield bare
    yield _trimmed(re.sub(r"^[(\[]|[)\]]$", "", bare))
    unit = _trimmed(re.split(r"[,;([]|[.:] | - | of ", bare, maxsplit=1)[0])
    if unit or money or _ROUNDING.match(bare):
        yield unit


def _trimmed(tail: str) -> str:
    lead = _FILLER.match(tail)
    return _FILLER_END.sub("", tail[lead.end() :] if lead else tail)
