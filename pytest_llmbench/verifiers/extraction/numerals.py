"""One number written in digits, as people write it, to an exact fraction."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

DIGITS_LIMIT = 60
"""Characters of one number; no answer to a question has more, and exact arithmetic stays cheap."""

EXPONENT_LIMIT = 400

_SPACES = dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000", " ")
_SIGNS = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-")
_PLAIN = str.maketrans({**_SPACES, **_SIGNS, "\u2019": "'", "\u02bc": "'", "\u2044": "/", "\u2215": "/"})
_RAISED = re.compile("[\u207a\u207b\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_RAISED_DIGITS = str.maketrans(
    "\u207a\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "+-0123456789"
)
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
_VULGAR = re.compile("[\u00bc-\u00be\u2150-\u215e]")
_STACKED = re.compile("[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+/[\u2080-\u2089]+")
_UNIT_POWER = re.compile(r"(?:(?<=[^\W\d_eExX])|(?<=[^\W\d_][eE]))\^?(?:\(([23])\)|([23]))(?![0-9])")
_SQUARE_CUBE = {"2": "\u00b2", "3": "\u00b3"}

_DECIMAL = re.compile(
    r"(?P<dotted>[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,}))(?![0-9])"
    r"|(?P<spaced>[1-9][0-9]{0,2}(?P<gap>[ '])[0-9]{3}(?:(?P=gap)[0-9]{3})*,[0-9]+)(?![0-9])"
    r"|(?P<grouped>[1-9][0-9]{0,2}(?P<mark>[,' ])[0-9]{3}(?:(?P=mark)[0-9]{3})*(?:\.[0-9]+)?)(?![0-9])"
    r"|(?P<comma>[0-9]+,[0-9]+)(?![0-9])"
    r"|(?P<plain>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
)
_MIXED = re.compile(r"([0-9]{1,30})(?: | and )([0-9]{1,30}) ?/ ?([0-9]{1,30})(?![0-9])")
_OVER = re.compile(r" ?/ ?([0-9]{1,30})(?![0-9])")
_EXPONENT = re.compile(
    r"[eE]([+-]?[0-9]+)(?![\w])| ?[\u00d7\u00b7\u22c5xX*] ?10 ?(?:\^|\*\*) ?\(?([+-]?[0-9]+)\)?(?![0-9])"
)
_BARE_POWER = re.compile(r"10 ?(?:\^|\*\*) ?\(?([+-]?[0-9]+)\)?(?![0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numeral:
    """A number without sign and where it ends. `places` are its decimals; None where it is written exactly."""

    value: Fraction
    end: int
    places: int | None = None


def plain_numerals(text: str) -> str:
    """Return `text` on one line with the digits, signs and spaces of a keyboard.

    One-character fractions are written out (``1\u00bd`` is ``1 1/2``), raised digits follow a ``^``;
    only behind a letter, where they belong to a unit, ``2`` and ``3`` are raised (``m^2`` is ``m\u00b2``).
    """
    text = _VULGAR.sub(lambda found: " " + unicodedata.normalize("NFKC", found[0]) + " ", text.translate(_PLAIN))
    text = _STACKED.sub(lambda found: " " + unicodedata.normalize("NFKC", found[0]) + " ", text)
    text = _RAISED.sub(lambda found: "^" + found[0].translate(_RAISED_DIGITS), text)
    text = unicodedata.normalize("NFKC", _OTHER_DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), text))
    text = _UNIT_POWER.sub(lambda found: _SQUARE_CUBE[found[1] or found[2]], text.translate(_PLAIN))
    return " ".join(text.split())


def numeral(text: str, start: int = 0) -> Numeral | None:
    """Read the unsigned number that begins at `start` of a text from `plain_numerals`; None where none does.

    A comma is a decimal one only where it cannot part thousands: ``13,5`` and ``0,125``, not ``1,234``;
    a point always is, but in ``1.234,5`` and ``1.234.567``. Mixed numbers need a proper fraction.
    """
    if mixed := _MIXED.match(text, start):
        whole, above, below = (int(part) for part in mixed.groups())
        if above < below:
            return Numeral(value=whole + Fraction(above, below), end=mixed.end())
    if power := _BARE_POWER.match(text, start):
        return _scaled(Fraction(1), power[1], end=power.end(), places=0)
    found = _DECIMAL.match(text, start)
    if found is None or len(found[0]) > DIGITS_LIMIT:
        return None
    digits = _digits(found)
    if "." not in digits and (over := _OVER.match(text, found.end())):
        below = int(over[1])
        return Numeral(value=Fraction(int(digits), below), end=over.end()) if below else None
    places = len(digits.partition(".")[2])
    if power := _EXPONENT.match(text, found.end()):
        return _scaled(Fraction(digits), power[1] or power[2], end=power.end(), places=places)
    return Numeral(value=Fraction(digits), end=found.end(), places=places)


def _digits(found: re.Match[str]) -> str:
    """Return what a match of `_DECIMAL` says, in digits with at most one point."""
    token = found[0]
    if found["grouped"]:
        return re.sub("[,' ]", "", token)
    parting = "[.]" if found["dotted"] else "[ ']"
    return re.sub(parting, "", token).replace(",", ".") if "," in token or found["dotted"] else token


def _scaled(value: Fraction, exponent: str, *, end: int, places: int) -> Numeral | None:
    if len(exponent) > 5 or abs(int(exponent)) > EXPONENT_LIMIT:
        return None
    power = int(exponent)
    return Numeral(value=value * Fraction(10) ** power, end=end, places=places - power)
