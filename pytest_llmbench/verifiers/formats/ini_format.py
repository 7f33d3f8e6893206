"""INI: sections of ``key = value`` lines.

INI has no standard, so what its readers read in different ways is refused: keys before the first section, a colon
in place of ``=``, a section or a key given twice (also in other case), continued lines, a comment behind a value.
Quotes belong to the value. Lines that begin with ``;`` or ``#`` are comments.
"""

from __future__ import annotations

import re

from pytest_llmbench.verifiers.extraction import TextFault
from pytest_llmbench.verifiers.formats.reading import Format, Reading, spans_from

_SECTION = re.compile(r"\[([^\[\]]+)\]")
_COMMENT_BEHIND = re.compile(r"\s[;#]\s")
_FIRST_LINE = re.compile(r"^[ \t]*(?:\[|[;#]|[\w.-]+[ \t]*=)", re.MULTILINE)


def _ini(text: str) -> Reading:
    sections: dict[str, dict[str, str]] = {}
    entries: dict[str, str] | None = None
    taken: set[tuple[str, str]] = set()
    last_indent, section = 0, ""
    for number, row in enumerate(text.split("\n"), 1):
        line, indent = row.strip(), len(row) - len(row.lstrip())
        if not line or line[0] in ";#":
            continue
        if found := _SECTION.fullmatch(line):
            section = found[1].strip()
            _take(taken, (section.casefold(), ""), f"the section [{section}]")
            entries = sections[section] = {}
            last_indent = len(row)
            continue
        if entries is None:
            raise TextFault(f"is not valid INI: line {number} stands before the first section")
        key, value = _entry(line, number)
        if indent > last_indent:
            raise TextFault(f"is not valid INI: line {number} is indented like a continued value")
        _take(taken, (section.casefold(), key.casefold()), f'the key "{key}"')
        entries[key], last_indent = value, indent
    if not sections:
        raise TextFault("is not valid INI: it has no section")
    return Reading(value=sections)


def _entry(line: str, number: int) -> tuple[str, str]:
    key, equals, value = (part.strip() for part in line.partition("="))
    if not equals or not key:
        raise TextFault(f'is not valid INI: line {number} is no "key = value"')
    if _COMMENT_BEHIND.search(f" {value} "[1:]):
        raise TextFault(f"is not valid INI: line {number} has a comment behind its value")
    return key, value


def _take(taken: set[tuple[str, str]], name: tuple[str, str], words: str) -> None:
    if name in taken:
        raise TextFault(f"gives {words} twice")
    taken.add(name)


def _spans(text: str) -> list[tuple[int, int]]:
    return spans_from(text, _FIRST_LINE, INI.reads)


INI = Format(title="INI", tags=frozenset({"ini", "cfg", "conf", "dosini", "config"}), parse=_ini, spans=_spans)
