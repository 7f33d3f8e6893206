"""TOML 1.0 by the standard library; dates and times become ISO text, infinities and NaN are refused."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from pytest_llmbench.json_text import DIGITS_LIMIT
from pytest_llmbench.verifiers.extraction import TextFault
from pytest_llmbench.verifiers.formats.moments import finite, iso_text
from pytest_llmbench.verifiers.formats.reading import DEPTH_LIMIT, Format, Reading, spans_from

_KEY_PART = r"""[ \t]*+(?:"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+'|[\w-]++)[ \t]*+\."""
_LONG_KEY = re.compile(rf"(?:^|[\[{{,])(?:{_KEY_PART}){{{DEPTH_LIMIT}}}", re.MULTILINE)
_FIRST_LINE = re.compile(r"^[ \t]*(?:\[|#|[\w.\"'-]+[ \t]*=)", re.MULTILINE)


def _toml(text: str) -> Reading:
    import tomllib  # noqa: PLC0415 (not paid for unless TOML is judged)

    if _LONG_KEY.search(text):
        raise TextFault(f"has a key of more than {DEPTH_LIMIT} parts")  # tomllib takes quadratic time and memory
    try:
        return Reading(value=_plain(tomllib.loads(text)))
    except TextFault:
        raise
    except ValueError as error:
        raise TextFault(f"is not valid TOML: {error}") from None
    except RecursionError:
        raise TextFault("is nested too deep") from None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, (dt.date, dt.time)):
        return iso_text(value)
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, int) and abs(value) >= 10**DIGITS_LIMIT:
        raise TextFault(f"holds an integer of more than {DIGITS_LIMIT} digits")
    return value


def _spans(text: str) -> list[tuple[int, int]]:
    return spans_from(text, _FIRST_LINE, TOML.reads)


TOML = Format(title="TOML", tags=frozenset({"toml"}), parse=_toml, spans=_spans)
