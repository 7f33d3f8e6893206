"""Code that stands in no fence: amid prose, or as the mere body of a function whose head was given."""

from __future__ import annotations

import ast
import keyword
import re
import textwrap
from collections.abc import Iterator

from pytest_llmbench.verifiers.extraction.code_syntax import Code, SyntaxFault, answers, read

_TRIES = 4
"""How often text is read anew without what the parser objected to."""
_HEAD = (
    r"(?:async[ \t]+)?def[ \t]+\w+[ \t]*[(\[]|class[ \t]+\w+[ \t]*[:(\[]|import[ \t]+[\w.]+[ \t]*(?:$|[,;#]|as\b)"
    r"|from[ \t]+[\w.]+[ \t]+import\b|@\w"
)
_START = re.compile(f"(?:{_HEAD})")
_SIGN = re.compile(rf"^[ \t]*(?:{_HEAD}|return\b|>>>|In \[[0-9]*\]:)", re.MULTILINE)
_LEAD = re.compile(r"[^\W\d]\w*(?:\[[^\]]*+\])?[ \t]*(?::[^=]*+)?=(?!=)|#|$")
_SENTENCE = re.compile(
    r"[^\w\s]*+(?:[0-9]+[.)]\s)?[^\w\s]*+\s?[^\w\s]*+(?P<first>[^\W\d_][\w'\u2019-]*+)"
    r"(?P<marks>[^\w\s=(\[]*+)(?P<rest>\s+[\w`\"'(])?"
)
_CLOSING = frozenset(".:!?")
_ASSIGNMENT = re.compile(r"\w+(?:\s*,\s*\w+)*+\s*=")
_NO_PROSE = {*keyword.kwlist, "print", "exec", "match", "case", "type"}
_LEADING_BLANKS = re.compile(r"\A(?:[ \t]*\n)++")
_INDENT = re.compile(r"[ \t]*")
_ENDS = re.compile(r"\b(?:return|yield|raise)\b")
_TAG_ROW = re.compile(
    r"[ \t]*+(?:\[/?[A-Z]{1,20}\]|</?[A-Za-z_]{1,20}>|<[|\uff5c][^\s<>|\uff5c]{1,40}[|\uff5c]>)[ \t]*+"
)
_END_MARKS = re.compile(r"(?:\s*+(?:>[|\uff5c][^\s<>|\uff5c]{1,40}+[|\uff5c]<|>s/<))++")
"""Ends of a turn such as ``<|im_end|>``, read backwards."""
_WORDS = (
    ast.Name | ast.Constant | ast.Tuple | ast.List | ast.Compare | ast.BoolOp | ast.UnaryOp | ast.BinOp
    | ast.expr_context | ast.cmpop | ast.boolop | ast.unaryop | ast.operator
)  # fmt: skip


def looks_like_code(text: str) -> bool:
    """Whether a line of `text` begins as only code does."""
    return _SIGN.search(text) is not None


def amid_prose(text: str) -> Code | SyntaxFault:
    """Return the code in `text`, from its first line of code to the last line that is Python.

    Only prose is left out: where the code itself is broken, or breaks off, that is the fault returned.
    """
    found = read(text)
    rows = text.split("\n")
    start = next((number for number, row in enumerate(rows) if _START.match(row)), None)
    if isinstance(found, SyntaxFault) and start is not None:
        found = _trimmed(rows, _first_line(rows, start), start)
    return without_words(found) if isinstance(found, Code) else found


def without_end_marks(text: str) -> str:
    """Return `text` without the special tokens of a chat template, such as ``<|im_end|>``, that it ends with."""
    found = _END_MARKS.match(text[::-1])
    return text[: len(text) - found.end()] if found else text


def without_tags_around(text: str) -> str:
    """Return `text` with empty lines for those at its ends that are only a tag: ``[PYTHON]``, ``</answer>``."""
    rows = text.split("\n")
    for numbers in (range(len(rows)), reversed(range(len(rows)))):
        for number in numbers:
            if _TAG_ROW.fullmatch(rows[number]):
                rows[number] = ""
            elif rows[number].strip():
                break
    return "\n".join(rows)


def is_words(statement: ast.stmt) -> bool:
    """Whether a statement may as well be prose: bare names and words such as ``is``, ``not`` and ``in``."""
    return isinstance(statement, ast.Expr) and all(isinstance(node, _WORDS) for node in ast.walk(statement.value))


def without_prose_behind(text: str) -> Code | SyntaxFault:
    """Return the code at the start of `text` without the prose behind it."""
    found = _trimmed(text.split("\n"), 0, 0)
    return without_words(found) if isinstance(found, Code) else found


def continued(prompt: str, body: str, entry_point: str) -> Code | None:
    """Return `prompt` with `body` behind it as the body of the function `entry_point`, or None where it is none.

    It is taken as it is, else with its first line indented like the rest (servers trim answers), else as a
    whole indented like the prompt's last line. It has to return, yield or raise.
    """
    body = _LEADING_BLANKS.sub("", body).rstrip()
    if not _ENDS.search(body):
        return None
    head = prompt if prompt.endswith("\n") else f"{prompt}\n"
    for layout in _layouts(body, _indent_of(head.rstrip().rpartition("\n")[2]) or "    "):
        rows = (head + layout).split("\n")
        found = _trimmed(rows, 0, head.count("\n"))
        if isinstance(found, Code) and answers(found.tree, entry_point):
            return found
    return None


def _layouts(body: str, indent: str) -> Iterator[str]:
    first, line_end, rest = body.partition("\n")
    indents = [_indent_of(row) for row in rest.split("\n") if row.strip()]
    own = [body]
    if first and not _indent_of(first):
        own += [at + first + line_end + rest for at in (min(indents, key=len, default=""), indent) if at]
    yield from dict.fromkeys([*own, *(textwrap.indent(textwrap.dedent(text), indent) for text in own)])


def _indent_of(row: str) -> str:
    found = _INDENT.match(row)
    return found.group() if found else ""


def _first_line(rows: list[str], start: int) -> int:
    """Return the line at which the code begins whose first sure line is `start`: assignments may lead up to it."""
    while start and _LEAD.match(rows[start - 1]):
        start -= 1
    return start


def _trimmed(rows: list[str], begin: int, start: int) -> Code | SyntaxFault:
    """Read the lines from `begin` on; prose goes that stands before the line `start`, or behind the code."""
    end = len(rows)
    for _ in range(_TRIES):
        found = read("\n".join(rows[begin:end]))
        if isinstance(found, Code) or not found.line:
            return found
        wrong = begin + found.line - 1
        if wrong < start and begin <= wrong:
            begin = wrong + 1
        elif start < wrong < end and _is_prose(rows[wrong]):
            end = _first_of_prose(rows, wrong, start)
        else:
            return found
    return found


def _first_of_prose(rows: list[str], wrong: int, start: int) -> int:
    while wrong - 1 > start and _is_prose(rows[wrong - 1]):
        wrong -= 1
    return wrong


def _is_prose(row: str) -> bool:
    """Whether a line is a tag, or begins as a sentence, a heading or an item of a list, and as no statement does."""
    if _TAG_ROW.fullmatch(row):
        return True
    if row[:1] in {" ", "\t"} or _ASSIGNMENT.match(row):
        return False
    found = _SENTENCE.match(row)
    if found is None or found["first"] in _NO_PROSE:
        return False
    return bool(found["rest"]) or (found.end() == len(row) and not _CLOSING.isdisjoint(found["marks"]))


def without_words(code: Code) -> Code:
    """Leave out what is Python by chance, such as ``Done``, at both ends of code that stood in no fence."""
    kept = [number for number, statement in enumerate(code.tree.body) if not is_words(statement) or _is_text(statement)]
    if not kept or len(kept) == len(code.tree.body):
        return code
    before = code.tree.body[kept[0] - 1].end_lineno or 0 if kept[0] else 0
    last = code.tree.body[kept[-1]].end_lineno or 0
    shorter = read("\n".join(code.text.split("\n")[before:last]))
    return shorter if isinstance(shorter, Code) else code


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
