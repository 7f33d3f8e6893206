"""JSON to values, strictly: what two parsers could read in two ways is a fault."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

from pytest_llmbench.plain_data import printable

DIGITS_LIMIT = 308
"""Digits of an integer: what still fits the range of a JSON number read as a double."""
_KEY_SHOWN = 60


class TextFault(ValueError):
    """A text is not in the format it should be in; the message completes "the answer ..." or the like."""


def parse_json(text: str, *, unique_keys: bool = True) -> Any:
    """Return the value of `text` (RFC 8259); a byte order mark before it is ignored, as section 8.1 allows.

    Raises TextFault for what is not JSON, a key given twice in one object (without `unique_keys` the
    last one wins, as in the servers' own parsers), NaN and infinities,
    integers of more than 308 digits, and nesting the interpreter cannot follow (about 1,000 levels).
    """
    try:
        return json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=_object if unique_keys else None,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except TextFault:
        raise
    except RecursionError:
        raise TextFault("is nested too deep: a thousand levels deep or more") from None
    except ValueError as error:
        raise TextFault(f"is not valid JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, times in counts.items() if times > 1)
        raise TextFault(f'gives the key "{printable(twice, _KEY_SHOWN)}" twice')
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise TextFault(f"holds {name}, which is not a JSON value")


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_LIMIT:
        raise TextFault(f"holds an integer of {len(digits)} digits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise TextFault("holds a number too large to be one")
    return value
