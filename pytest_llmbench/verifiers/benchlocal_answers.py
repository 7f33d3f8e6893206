"""The asserts of benchlocal-cli's verifier types ``reason_math`` and ``answer_match``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.benchlocal_subject import (
    EXPRESSION,
    HOLDS,
    LIST,
    NUMERIC,
    WORD_LIST,
    WORDS,
    Assert,
    Finding,
    Kind,
    Params,
    Subject,
    as_number,
    one_space,
    unmatched,
)
from pytest_llmbench.verifiers.check_kinds import Shape, short

PREFIX = "ANSWER: "
AXES = ("canonical_answer", "accepted_answers", "partial_answers", "checkpoints")
"""Parameters that make ``exact_string`` read the last line beginning with `PREFIX` and nothing else."""

_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_SIGNED = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?")
_FINAL = re.compile(r"(?:ANSWER|FINAL)\s*[:\uff1a]\s*([^\n]+)", re.IGNORECASE)
_LINE = re.compile(r"^[ \t]*ANSWER[ \t]*:[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)
_LABEL = re.compile(r"^[a-z_][a-z0-9_ ]*=\s*")
_LETTER = re.compile(r"\b([A-D])\b", re.IGNORECASE)

Numbers = Callable[[str], Sequence[float]]


def _anywhere(text: str) -> Sequence[float]:
    return [float(number.replace(",", "")) for number in _NUMBER.findall(text)]


def _on_the_line(text: str) -> Sequence[float]:
    """Return the numbers behind the first ``ANSWER:`` or ``FINAL:``, of the whole text where there is neither."""
    final = _FINAL.search(text)
    return [float(number.replace(",", "")) for number in _SIGNED.findall(final.group(1) if final else text)]


def _numeric(numbers: Numbers, *, tolerant: bool = False) -> Assert:
    """Make the assert that one of the numbers that are read is the wanted one, up to ``tolerance``."""

    def check(subject: Subject, params: Params) -> Finding:
        text = subject.text.strip()
        found = numbers(text)
        wanted, tolerance = as_number(params["value"]), as_number(params["tolerance"]) if tolerant else 0.0
        if any(abs(number - wanted) <= tolerance for number in found):
            return HOLDS
        if not found:
            return _none(text, "no number")
        got = ", ".join(f"{number:g}" for number in found[:12])
        expected = f"{params['value']} within {tolerance:g}" if tolerance else str(params["value"])
        return _wrong(expected, got)

    return check


def _none(text: str, detail: str) -> Finding:
    return Finding(reason=Reason.NO_ANSWER, detail=f"there is {detail}", got=short(text, 300))


def _wrong(expected: str, got: str, score: float = 0.0) -> Finding:
    detail = f"wanted {expected}, got {got}"
    return Finding(reason=Reason.WRONG_ANSWER, detail=detail, expected=expected, got=got, score=score)


def _exact_letter(subject: Subject, params: Params) -> Finding:
    """The first free-standing A to D, on the answer's line or else anywhere."""
    text, wanted = subject.text.strip(), str(params["value"]).strip().upper()
    final = _FINAL.search(text)
    for place in ((final.group(1).strip(),) if final else ()) + (text,):
        if letter := _LETTER.search(place):
            got = letter.group(1).upper()
            return HOLDS if got == wanted else _wrong(wanted, got)
    return _none(text, "no letter from A to D")


def _exact_string(subject: Subject, params: Params) -> Finding:
    text = subject.text.strip()
    if any(key in params for key in AXES):
        return _answer_axis(text, params)
    wanted = params["value"].strip()
    if wanted in text:
        return HOLDS
    lines = _LINE.findall(text)
    region = one_space(lines[-1] if lines else text)
    parts = [one_space(part.partition("=")[2] if "=" in part else part) for part in wanted.split(";")]
    return HOLDS if all(part and part in region for part in parts) else _wrong(wanted, short(region))


def _answer_axis(text: str, params: Params) -> Finding:
    """Compare the last line that begins with ``ANSWER: ``; a partial answer is worth half, and fails."""
    lines = [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.startswith(PREFIX)]
    if not lines:
        return _none(text, f'no line that begins with "{PREFIX}"')
    canonical = params.get("canonical_answer") or f"{PREFIX}{params['value'].strip()}"
    said = one_space(lines[-1])
    if said in map(one_space, (canonical, *params.get("accepted_answers", ()))) or _names_value(canonical, lines[-1]):
        return HOLDS
    is_partial = said in map(one_space, params.get("partial_answers", ()))
    return _wrong(canonical, short(lines[-1]), score=0.5 if is_partial else 0.0)


def _names_value(canonical: str, line: str) -> bool:
    """Tell whether `line` gives the one ``key=value`` of `canonical`: bare, under a label, or both inside any text."""
    key, equals, value = _payload(canonical).partition("=")
    if not equals or ";" in _payload(canonical):
        return False
    said, wanted = one_space(_payload(line)), one_space(value)
    if wanted in (said, _LABEL.sub("", said).strip()):
        return True
    return one_space(key.replace("_", " ")) in said and wanted in said


def _payload(line: str) -> str:
    return re.sub(r"^ANSWER:\s*", "", line, flags=re.IGNORECASE).strip()


def checkpoints_met(subject: Subject, params: Params) -> tuple[int, int]:
    """Return how many of an ``exact_string``'s checkpoints stand in the answer or the reasoning, and how many are
    wanted. They are diagnostic.
    """
    wanted = [str(point) for point in params.get("checkpoints") or ()]
    said = one_space("\n".join(subject.channels)) if wanted else ""
    return sum(_is_met(point, said) for point in wanted), len(wanted)


def _is_met(point: str, said: str) -> bool:
    left, equals, right = point.partition("=")
    return one_space(point) in said or bool(
        equals and one_space(left.replace("_", " ")) in said and one_space(right) in said
    )


def _regex_match(subject: Subject, params: Params) -> Finding:
    text = subject.text.strip()
    fault = unmatched(params["pattern"], text, re.IGNORECASE | re.MULTILINE)
    if not fault:
        return HOLDS
    return Finding(reason=Reason.WRONG_ANSWER, detail=fault, expected=params["pattern"], got=short(text, 300))


LETTER = Shape("a letter from A to D", lambda value: isinstance(value, str) and value.strip().upper() in set("ABCD"))
_TOLERANT = {"value": NUMERIC, "tolerance": NUMERIC}

ANSWERS: dict[str, Kind] = {
    "reason_math.exact_numeric": Kind(check=_numeric(_anywhere), needs={"value": NUMERIC}),
    "reason_math.tolerance_numeric": Kind(check=_numeric(_anywhere, tolerant=True), needs=_TOLERANT),
    "reason_math.exact_string": Kind(
        check=_exact_string,
        one_of=("value", "canonical_answer"),
        may={
            "value": WORDS,
            "canonical_answer": WORDS,
            "accepted_answers": WORD_LIST,
            "partial_answers": WORD_LIST,
            "checkpoints": LIST,
        },
    ),
    "reason_math.regex_match": Kind(check=_regex_match, needs={"pattern": EXPRESSION}),
    "answer_match.exact_numeric": Kind(check=_numeric(_on_the_line), needs={"value": NUMERIC}),
    "answer_match.tolerance_numeric": Kind(check=_numeric(_on_the_line, tolerant=True), needs=_TOLERANT),
    "answer_match.exact_letter": Kind(check=_exact_letter, needs={"value": LETTER}),
}
