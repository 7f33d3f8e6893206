"""Mutants of answers that `final_answer` judges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_llmbench.contracts import GoldAnswer, Mutant
from pytest_llmbench.mutations.changes import judged, last_text, right, wrong
from pytest_llmbench.mutations.declared_values import Check, declares, plain_value, said, wrong_value
from pytest_llmbench.mutations.talk import KEPT, talk_mutants
from pytest_llmbench.records import Reason, Scenario

_LEAD = r"^[ \t>#*_`+-]*"
_BOX = "\\boxed"
PROSE = "That is how it comes out."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """The last line of an answer that declares a value, and what stands before and behind it."""

    answer: GoldAnswer
    check: Check
    label: str
    before: str
    after: str

    def saying(self, line: str) -> str:
        """Return the answer with another line in the place of this one."""
        return self.before + line + self.after


class FinalAnswerMutator:
    """Changes declared values, the lines that declare them, and what stands before and behind."""

    name = "final_answer"

    def mutants(self, scenario: Scenario, answer: GoldAnswer) -> Iterator[Mutant]:
        """Yield all mutants; where a value is declared in an unusual place, those of the talk alone."""
        checks = [check for check in scenario.checks if declares(check)]
        draft = "\n".join(f"{_label(check)}: {wrong_value(check)}" for check in checks)
        yield from talk_mutants(answer, draft=draft, needs_text=True)
        for check in checks:
            line = _find(check, answer)
            if line is not None:
                yield from _values(line)
                yield from _lines(line)
                yield from _others(line)
                yield from _undeclared(line, alone=len(checks) == 1)


def _label(check: Check) -> str:
    return str(check.get("label", "ANSWER"))


def _pattern(label: str) -> re.Pattern[str]:
    return re.compile(rf"{_LEAD}{re.escape(label)}[*_`]*[ \t]*:.*$", re.IGNORECASE | re.MULTILINE)


def _find(check: Check, answer: GoldAnswer) -> _Line | None:
    text, label = last_text(answer), _label(check)
    found = list(_pattern(label).finditer(text))
    if not found or not found[-1].group().partition(":")[2].strip(" \t*_`"):
        return None
    last = found[-1]
    return _Line(answer=answer, check=check, label=label, before=text[: last.start()], after=text[last.end() :])


def _values(line: _Line) -> Iterator[Mutant]:
    for note, value, is_right in said(line.check):
        yield from judged(f"{line.label} {note}", line.answer, line.saying(f"{line.label}: {value}"), is_right)


def _lines(line: _Line) -> Iterator[Mutant]:
    """Yield the right value in lines that look otherwise; what is meant stays the same."""
    label, value = line.label, plain_value(line.check)
    for note, text in (
        ("label in small letters", f"{label.lower()}: {value}"),
        ("label with one capital", f"{label.capitalize()}: {value}"),
        ("no blank behind the colon", f"{label}:{value}"),
        ("blanks around the colon", f"{label} :  {value}  "),
        ("line in bold", f"**{label}: {value}**"),
        ("label in bold", f"**{label}:** {value}"),
        ("label in bold, colon outside", f"**{label}**: {value}"),
        ("line in italics", f"*{label}: {value}*"),
        ("line as code", f"`{label}: {value}`"),
        ("line as a heading", f"### {label}: {value}"),
        ("line as a list item", f"- {label}: {value}"),
        ("line as a quotation", f"> {label}: {value}"),
        ("line indented", f"    {label}: {value}"),
        ("value on the next line", f"{label}:\n{value}"),
        ("value below a blank line", f"**{label}:**\n\n{value}"),
    ):
        yield right(f"{label}: {note}", line.answer, line.saying(text))


def _others(line: _Line) -> Iterator[Mutant]:
    """Yield a second declaration, before or behind: the last one counts."""
    label, false = line.label, wrong_value(line.check)
    text = line.saying(f"{label}: {plain_value(line.check)}")
    yield right(f"a wrong {label} first", line.answer, f"{label}: {false}\n\nNo, once more.\n\n{text}")
    yield right(f"a wrong box before {label}", line.answer, f"First I had $\\boxed{{{false}}}$.\n\n{text}")
    yield right(f"prose behind {label}", line.answer, f"{text.rstrip()}\n\n{PROSE}")
    yield wrong(f"a wrong {label} last", line.answer, f"{text.rstrip()}\n\nNo, once more.\n\n{label}: {false}")
    yield wrong(f"a wrong {label} last, in bold", line.answer, f"{text.rstrip()}\n\n**{label}: {false}**")
    again = f"{label}: {plain_value(line.check)}"
    yield right(f"{label} said twice", line.answer, f"{text.rstrip()}\n\n{again}")
    yield right(f"a wrong {label}, then the right one", line.answer, f"{text.rstrip()}\n\n{label}: {false}\n\n{again}")


def _undeclared(line: _Line, *, alone: bool) -> Iterator[Mutant]:
    """Yield answers that name the right value and do not declare it, or declare it in a box."""
    text, value = line.saying(f"{line.label}: {plain_value(line.check)}"), plain_value(line.check)
    silent = _pattern(line.label).sub(f"So it is {value}", text)
    if _BOX in silent or "$" in silent or _pattern(line.label).search(silent):
        return
    yield wrong(f"without {line.label}", line.answer, silent, Reason.NO_ANSWER if alone else "")
    yield wrong(f"{line.label} without a colon", line.answer, silent.replace(f"So it is {value}", f"is {value}"))
    if alone and line.check["kind"] == "number":
        yield right("in a box in place of a line", line.answer, f"{silent}\n\nTherefore $\\boxed{{{value}}}$.")
    kept = last_text(line.answer)[: int(len(last_text(line.answer)) * KEPT)]
    if alone and not re.search(re.escape(line.label), kept, re.IGNORECASE) and _BOX not in kept:
        yield wrong("ends at 80 %", line.answer, kept, Reason.NO_ANSWER)
