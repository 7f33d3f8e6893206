"""The language of ``--llm-gate``: names, terms taken literally, or a file of both.

A term is what is measured, ``>=``, ``>``, ``<=`` or ``<``, and the figure it is held to: ``toolcall-15>=80%``,
``total>=60/75``, ``p95<20s``, ``humaneval.decode_tps>=30``. Terms and names stand side by side with commas between
(``floors,p95<20s``), in a file also line by line, with comments after ``#``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.lookup import nearest, suggestion

NAMES = ("floors", "strict")
"""Gates that are called by a name."""

TOTAL = "total"
"""Stands in a term for all scenarios of the run."""

SECONDS, RATE = "s", "tokens/s"

FIGURES = {
    "p50": ("latency_p50_s", SECONDS),
    "p95": ("latency_p95_s", SECONDS),
    "first_token": ("first_token_p50_s", SECONDS),
    "first_token_p95": ("first_token_p95_s", SECONDS),
    "decode_tps": ("decode_tps", RATE),
    "decode_tps_p05": ("decode_tps_p05", RATE),
    "prefill_tps": ("prefill_tps", RATE),
}
"""Figures of speed: what a term calls them -> the field of `summary.PackSummary`, and the unit."""

EXAMPLE = "--llm-gate 'total>=80%,p95<20s'"

_TERM = re.compile(r"(?P<name>[^<>=!≤≥]*)(?P<operator>[<>=!≤≥]+)(?P<value>[^<>=!≤≥]*)")
_OPERATORS = (">=", ">", "<=", "<")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_COUNT = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})")
_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d+)?)\s*([^\d\s.]\S*)?")
_UNITS = {SECONDS: {"s": 1, "ms": 1000}, RATE: {"": 1, "tps": 1, "tokens/s": 1}}
_WANTED = {SECONDS: "a time, such as 20s or 500ms", RATE: "tokens per second, such as 30"}
_ENDINGS = (".txt", ".gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term: `text` as it was written, without blanks.

    `subject` is a pack's id or ``total`` for a score, and for a `figure` of speed a pack's id or "" (each pack).
    `bound` is a share from 0 to 1, seconds, or tokens per second; `count` the scenarios of which a bound such as
    ``12/15`` speaks, 0 otherwise; `per_second` is 1000 where milliseconds were written.
    """

    text: str
    subject: str
    operator: str
    bound: Fraction
    figure: str = ""
    count: int = 0
    per_second: int = 1

    @property
    def wish(self) -> str:
        """The operator and the bound as they were written."""
        return self.text[self.text.index(self.operator) :]

    @property
    def is_ceiling(self) -> bool:
        """Whether the least value is the best."""
        return self.operator.startswith("<")

    def holds(self, value: Fraction | float) -> bool:
        """Compare a value with the bound, exactly."""
        if self.operator.endswith("="):
            return value >= self.bound if self.operator == ">=" else value <= self.bound
        return value > self.bound if self.operator == ">" else value < self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What ``--llm-gate`` asks for; `title` is what reports call it: its text, or its file's name."""

    title: str = ""
    names: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    is_file: bool = False


def parse_gate(text: str) -> Gate:
    """Return what `text` asks for, reading the file it names; raises `UsageProblem` that says how to write it."""
    text = text.strip()
    if text in ("", *NAMES):
        return Gate(title=text, names=(text,) if text else ())
    path = Path(text)
    is_file = _is_file(path) or (not _TERM.search(text) and (text.endswith(_ENDINGS) or _has_slash(text)))
    pieces = list(_pieces_of(path) if is_file else (("--llm-gate", piece.strip()) for piece in text.split(",")))
    terms: dict[str, Term] = {}
    names: dict[str, None] = {}
    for where, piece in pieces:
        found = _piece(piece, where)
        if isinstance(found, Term):
            terms[found.text] = found
        else:
            names[found] = None
    title = path.name if is_file else ",".join([*names, *terms])
    return Gate(title=title, names=tuple(names), terms=tuple(terms.values()), is_file=is_file)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name, or a NUL in it
        return False


def _has_slash(text: str) -> bool:
    return "/" in text or os.sep in text


def _pieces_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each piece of the file, with its place."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageProblem(f"--llm-gate: {path} does not exist; without a file it is {EXAMPLE}") from None
    except (OSError, ValueError) as error:
        raise UsageProblem(f"--llm-gate: {path} cannot be read: {error}") from None
    lines = [line.partition("#")[0].strip() for line in text.split("\n")]
    if not any(lines):
        raise UsageProblem(f"--llm-gate: {path} holds no term: one on each line, such as p95<20s")
    for number, line in enumerate(lines, start=1):
        for piece in line.split(",") if line else ():
            yield f"--llm-gate: {path}:{number}", piece.strip()


def _piece(text: str, where: str) -> str | Term:
    """Return the gate's name or the term that `text` is."""
    if text in NAMES:
        return text
    if not text:
        raise UsageProblem(f"{where}: nothing stands between two commas: write {EXAMPLE}")
    match = _TERM.fullmatch(text)
    if match is not None:
        return _term(match, where)
    if _TERM.search(text):
        raise UsageProblem(f'{where}: "{text}" compares twice: one bound for each term, commas between ({EXAMPLE})')
    if text in FIGURES or text == TOTAL:
        raise UsageProblem(
            f'{where}: "{text}" needs a bound, such as {_bounded(text)} (in quotes: a shell takes < and > for itself)'
        )
    raise UsageProblem(f'{where}: unknown gate "{text}": {suggestion(text, NAMES)} (terms go in quotes: {EXAMPLE})')


def _term(match: re.Match[str], where: str) -> Term:
    name, operator, value = (match[group].strip() for group in ("name", "operator", "value"))
    text = f"{name}{operator}{''.join(value.split())}"
    if operator not in _OPERATORS:
        raise UsageProblem(f'{where}: "{text}": {operator} is no comparison here: {", ".join(_OPERATORS)} are')
    if not name or not value:
        lacks = "what is measured" if not name else "what it is held to"
        raise UsageProblem(f'{where}: "{text}" lacks {lacks}: write {EXAMPLE}')
    subject, _, figure = name.rpartition(".") if "." in name else ("", "", name)
    if figure in FIGURES:
        if subject == TOTAL:
            raise UsageProblem(f'{where}: "{text}": speeds are each pack\'s own: {figure} alone means every pack')
        bound, per_second = _amount(value, FIGURES[figure][1], f'{where}: "{text}": {figure}')
        return Term(text=text, subject=subject, operator=operator, bound=bound, figure=figure, per_second=per_second)
    bound, count = _share(name, value, f'{where}: "{text}"')
    return Term(text=text, subject=name, operator=operator, bound=bound, count=count)


def _amount(value: str, unit: str, what: str) -> tuple[Fraction, int]:
    """Return a bound in seconds or tokens per second, and how many of what was written make one."""
    match = _AMOUNT.fullmatch(value)
    scale = _UNITS[unit].get(match[2] or "") if match else None
    if match is None or scale is None:
        raise UsageProblem(f"{what} is held to {_WANTED[unit]}")
    return Fraction(match[1]) / scale, scale


def _share(name: str, value: str, what: str) -> tuple[Fraction, int]:
    """Return a bound from 0 to 1 and, for one that was written as a count, the scenarios it speaks of."""
    percent, count = _PERCENT.fullmatch(value), _COUNT.fullmatch(value)
    if percent is not None:
        share, total = Fraction(percent[1]) / 100, 0
    elif count is not None:
        total = int(count[2])
        share = Fraction(int(count[1]), total or 1)
    elif (meant := nearest(name.rpartition(".")[2], FIGURES)) is not None:
        raise UsageProblem(f'{what}: unknown figure: did you mean "{meant}"?')
    else:
        raise UsageProblem(
            f"{what}: a score is held to a percentage or a count, such as 80% or 12/15 "
            f"(figures of speed: {', '.join(FIGURES)})"
        )
    if share > 1 or (count is not None and not total):
        raise UsageProblem(f"{what}: no score is more than everything")
    return share, total


def _bounded(name: str) -> str:
    if name == TOTAL:
        return f"{TOTAL}>=80%"
    return f"{name}<20s" if FIGURES[name][1] == SECONDS else f"{name}>=30"
