r"""The header comment of a compose file: put the Quality line in, leave every other byte alone.

The header is the run of comment and blank lines before the first line of YAML; document markers
(``---``) and directives (``%YAML``) do not end it. In it, field lines look like this::

    # Profile (at-a-glance):
    #   Model:     Qwen3.6-27B
    #   Status:    in use
    #   Quality:   ToolCall-15 14/15 (93%) (quick, packs v1.0.x, 2026-05-09)
"""

from __future__ import annotations

import re

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_QUALITY = re.compile(rb"[ \t]*#[ \t]*Quality[ \t]*:")
_STATUS = re.compile(rb"[ \t]*#[ \t]*Status[ \t]*:")
_FIELD = re.compile(rb"([ \t]*#[ \t]*)([A-Z][\w /-]{0,30}:)([ \t]+)\S")
_COMMENT = re.compile(rb"[ \t]*#([ \t]*)")
_NO_CONTENT = re.compile(rb"[ \t]*(#.*)?|---([ \t]+#.*)?[ \t]*|%.*", re.DOTALL)
_INDENT = b"#   "
_KEY = b"Quality:"
_VALUE_COLUMN = len(b"#   Quality:   ")


def with_quality(data: bytes, value: str) -> bytes:
    """Return the file `data` with ``Quality: value`` in its header.

    An old Quality comment is replaced in its place. Otherwise the line goes after ``Status:``, else
    after the header's last field, else after its first block of comments, else to the top; its
    indentation and the column of its value are those of the fields around it. Raises ValueError
    for a file in UTF-16.
    """
    if data.startswith(_UTF16):
        raise ValueError("the file is in UTF-16; save it as UTF-8")
    bom = _BOM if data.startswith(_BOM) else b""
    lines = data[len(bom) :].splitlines(keepends=True)
    header = _header_length(lines)
    old = next((at for at in range(header) if _QUALITY.match(lines[at])), None)
    at = old if old is not None else _insertion(lines[:header])
    text = _prefix(lines[:header], at) + value.encode("utf-8", "replace")
    if old is not None:
        lines[old] = text + _line_end(lines[old])
    else:
        _insert(lines, at, text)
    return bom + b"".join(lines)


def _header_length(lines: list[bytes]) -> int:
    for at, line in enumerate(lines):
        if not _NO_CONTENT.fullmatch(line.rstrip(b"\r\n")):
            return at
    return len(lines)


def _insertion(header: list[bytes]) -> int:
    """Return the number of the line before which the new one goes."""
    fields = [at for at, line in enumerate(header) if _FIELD.match(line)]
    status = [at for at in fields if _STATUS.match(header[at])]
    if fields:
        return _after_continuation(header, (status or fields)[-1])
    comments = [at for at, line in enumerate(header) if _COMMENT.match(line)]
    if not comments:
        return 0
    at = comments[0]
    while at < len(header) and _COMMENT.match(header[at]):
        at += 1
    return at


def _after_continuation(header: list[bytes], field: int) -> int:
    """Return the line after a field and the deeper indented comments that go on with its value."""
    depth = _depth(header[field])
    at = field + 1
    while at < len(header) and _depth(header[at]) > depth and not _FIELD.match(header[at]):
        at += 1
    return at


def _depth(line: bytes) -> int:
    match = _COMMENT.match(line)
    return len(match[1]) if match and line[match.end() :].strip() else -1


def _prefix(header: list[bytes], at: int) -> bytes:
    """Return ``#   Quality:   `` in the style of the nearest field of the same block."""
    field = _nearest_field(header, at)
    if field is None:
        return (_INDENT + _KEY).ljust(_VALUE_COLUMN)
    start = field[1] + _KEY
    space = field[3] if b"\t" in field[3] else b" " * max(1, field.end(3) - len(start))
    return start + space


def _nearest_field(header: list[bytes], at: int) -> re.Match[bytes] | None:
    """Return the field above in the same block of comments, else the one below."""
    for steps in (range(at - 1, -1, -1), range(at, len(header))):
        for near in steps:
            if not _COMMENT.match(header[near]):
                break
            match = _FIELD.match(header[near])
            if match and not _QUALITY.match(header[near]):
                return match
    return None


def _insert(lines: list[bytes], at: int, text: bytes) -> None:
    near = [*reversed(lines[:at]), *lines[at:]]
    end = next(filter(None, map(_line_end, near)), b"\n")
    if at and not _line_end(lines[at - 1]):
        # the file ends without a line break, and shall do so again
        lines[at - 1] += end
        end = b""
    lines.insert(at, text + end)


def _line_end(line: bytes) -> bytes:
    return line[len(line.rstrip(b"\r\n")) :]
