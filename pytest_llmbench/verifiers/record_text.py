"""What is forgiven when texts of a record are compared: typography and blanks, never wording or case."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from pytest_llmbench.verifiers.text import tidy

_DASHES = str.maketrans(dict.fromkeys("\u2012\u2013\u2014\u2015\u2212", "-"))
_FOREIGN = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]{1,200}")
_DEPTH = 64


def level_text(text: str) -> str:
    """Return `text` in NFC with plain quotes, dashes and single blanks, no invisible character, no outer blank."""
    plain = " ".join(tidy(text).translate(_DASHES).split())
    return plain if plain.isascii() else _FOREIGN.sub(_composed, plain)


def level(value: Any, depth: int = _DEPTH) -> Any:
    """Return parsed JSON with every text but the keys made level, down to `depth` levels, deeper than any rule."""
    if isinstance(value, str):
        return level_text(value)
    if isinstance(value, list) and depth:
        return [level(item, depth - 1) for item in value]
    if isinstance(value, dict) and depth:
        return {key: level(item, depth - 1) for key, item in value.items()}
    return value


def level_rule(rule: Any) -> Any:
    """Return `rule` with its texts made level; a pattern stays as it is, for blanks and dashes are its grammar."""
    if isinstance(rule, str):
        return level_text(rule)
    if isinstance(rule, list):
        return [level_rule(item) for item in rule]
    if isinstance(rule, Mapping):
        return {key: item if key == "pattern" else level_rule(item) for key, item in rule.items()}
    return rule


def _composed(found: re.Match[str]) -> str:
    """Compose piece by piece: over one long run of accents normalising takes quadratic time."""
    return unicodedata.normalize("NFC", found.group())
