"""``KEY=VALUE`` lines with the quoting of a shell, read without a shell: nothing is ever run."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)", re.DOTALL)
_PIECE = re.compile(
    r"""(?P<blank>\s+)
    |(?P<comment>(?<=\s)\#.*)
    |'(?P<literal>[^']*)'
    |"(?P<quoted>(?:[^"\\]|\\.)*)"
    |\\(?P<escaped>.)
    |(?P<plain>(?:\$\{[^}]*\}|[^\s'"\\])+)""",
    re.VERBOSE | re.DOTALL,
)
_SPECIAL = re.compile(
    r"\\(?P<escaped>[\"\\$`])|(?P<run>\$\(|`)"
    r"|\$\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<otherwise>:-)(?P<default>[^}]*))?\}"
    r"|\$(?P<bare>[A-Za-z_][A-Za-z0-9_]*)",
    re.DOTALL,
)


def read_assignment(line: str, known: Mapping[str, str]) -> tuple[str, str]:
    """Return the key and value of a line such as ``NAME="GLM 4.7"  # smallest``.

    ``$NAME`` and ``${NAME}`` stand for what is in `known`, ``${NAME:-default}`` for its default where nothing is;
    any other stays as it is written. Unlike in a shell a value may hold blanks without quotes. Raises ValueError
    with what is wrong, never with the value.
    """
    match = _ASSIGNMENT.fullmatch(line.strip())
    if match is None:
        raise ValueError("expected is KEY=VALUE, a [section] or a # comment")
    return match[1], _value(match[2], known)


def _value(text: str, known: Mapping[str, str]) -> str:
    value, blanks, at = "", "", 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            opened = text[at] in "'\""
            raise ValueError(
                "a quote is not closed on this line" if opened else "a value ends on its own line, without \\"
            )
        kind, at = piece.lastgroup, piece.end()
        if kind == "comment":
            break
        if kind == "blank":
            blanks = piece[0] if piece.start() else ""
            continue
        value, blanks = value + blanks + _meaning(str(kind), piece, known), ""
    return value


def _meaning(kind: str, piece: re.Match[str], known: Mapping[str, str]) -> str:
    if kind in ("literal", "escaped"):
        return piece[kind]
    return _SPECIAL.sub(lambda match: _special(match, known), piece[kind])


def _special(match: re.Match[str], known: Mapping[str, str]) -> str:
    if match["escaped"]:
        return match["escaped"]
    if match["run"]:
        raise ValueError("commands are not run here: write what $(...) or `...` would give")
    value = known.get(match["braced"] or match["bare"])
    if match["otherwise"]:
        return value or match["default"]
    return match[0] if value is None else value
