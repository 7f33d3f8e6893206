"""What may stand behind a label: right and wrong ways to say the value a check of `final_answer` asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

Check = Mapping[str, Any]
Said = tuple[str, str, bool]
"""A note, the text behind the label, and whether it is right."""

OTHER_UNIT = "parsecs"
_THOUSAND = 1000
_NOON = 12


def said(check: Check) -> Iterator[Said]:
    """Yield what may stand behind the label of `check`, and whether it is right."""
    yield from _KINDS[check["kind"]](check)


def plain_value(check: Check) -> str:
    """Return the right value in its plainest form."""
    return next(text for _, text, is_right in said(check) if is_right)


def wrong_value(check: Check) -> str:
    """Return a value of the same kind that is wrong."""
    return next(text for _, text, is_right in said(check) if not is_right)


def declares(check: Check) -> bool:
    """Whether the check asks for a declared value that decides."""
    return check["kind"] in _KINDS and bool(check.get("gating", True))


def _fraction(value: Any) -> Fraction:
    return Fraction(str(value).replace(" ", ""))


def _within(check: Check, got: Fraction, value: Fraction) -> bool:
    allowed = _fraction(check.get("tolerance", 0))
    if "relative" in check:
        allowed = max(allowed, abs(value) * _fraction(check["relative"]))
    return abs(got - value) <= allowed


def _number(check: Check) -> Iterator[Said]:
    unit = f" {_unit(check)}" if check.get("unit_required") else ""
    value, text = _fraction(check["value"]), str(check["value"])
    yield "plain", text + unit, True
    for note, spelling in _spellings(value, text):
        yield note, spelling + unit, True
    for note, other in _other_numbers(value):
        if not _within(check, other, value):
            yield note, _decimal(other) + unit, False
    if value:
        yield "million times as much", f"{text} million{unit}", False
        yield "dozens", f"{text} dozen{unit}", False
    yield from _units(check, text)
    yield "two numbers", f"{text} or {_decimal(value + 1)}{unit}", False
    yield "a range", f"{text}-{_decimal(value + 1)}{unit}", False
    yield "a list", f"{text}, {_decimal(value + 1)}{unit}", False
    yield "as part of a code", f"RM-{text}{unit}", False
    yield "no number", "as computed above", False


def _decimal(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    digits = f"{float(value):.6f}".rstrip("0")
    return digits if Fraction(digits) == value else f"{value.numerator}/{value.denominator}"


def _spellings(value: Fraction, text: str) -> Iterator[tuple[str, str]]:
    """Yield other ways to write exactly this number."""
    for note, form in (
        ("in dollars", "${}$"),
        ("in a box", "\\boxed{{{}}}"),
        ("in a box in dollars", "$\\boxed{{{}}}$"),
    ):
        yield note, form.format(text)
    yield "in round brackets of LaTeX", f"\\({text}\\)"
    yield "as an equation", f"x = {text}"
    yield "with about", f"about {text}"
    yield "with a sign for about", f"≈ {text}"
    yield "in bold", f"**{text}**"
    yield "with a full stop", f"{text}."
    if value > 0 and "/" not in text:
        yield "with a plus", f"+{text}"
    if "." in text:
        yield "with a zero behind", f"{text}0"
        yield "as a fraction", f"{value.numerator}/{value.denominator}"
        if not _groups(text):
            yield "with a comma for the point", text.replace(".", ",")
    elif "/" in text:
        yield "as a fraction of LaTeX", f"$\\frac{{{value.numerator}}}{{{value.denominator}}}$"
        yield "as a large fraction of LaTeX", f"$\\dfrac{{{value.numerator}}}{{{value.denominator}}}$"
        yield "not reduced", f"{2 * value.numerator}/{2 * value.denominator}"
    else:
        yield "with two zeros behind the point", f"{text}.00"
        yield from _grouped(value)


def _groups(text: str) -> bool:
    """Whether a comma for the point would read as one between thousands."""
    return len(text.partition(".")[2]) == 3


def _grouped(value: Fraction) -> Iterator[tuple[str, str]]:
    if abs(value) < _THOUSAND:
        return
    grouped = f"{value.numerator:,}"
    yield "by a power of ten", f"{float(value) / _THOUSAND!r} \u00d7 10^3"
    yield "by an exponent", f"{float(value) / _THOUSAND!r}e3"
    yield "thousands by commas", grouped
    yield "thousands by blanks", grouped.replace(",", " ")
    yield "thousands by no-break blanks", grouped.replace(",", "\u202f")
    yield "thousands by LaTeX", "$" + grouped.replace(",", "{,}") + "$"


def _unit(check: Check) -> str:
    units = check.get("units", ())
    return next((unit for unit in units if unit.isalpha()), units[0] if units else "")


def _units(check: Check, text: str) -> Iterator[Said]:
    if not check.get("units"):
        return
    for unit in [unit for unit in check["units"] if unit.isalpha()][:4]:
        yield f"in {unit}", f"{text} {unit}", True
    for sign in [unit for unit in check["units"] if unit in ("€", "$", "£")]:
        yield f"with {sign} before", f"{sign}{text}", True
    yield "with a unit in LaTeX", f"${text}\\,\\text{{{_unit(check)}}}$", True
    yield "in another unit", f"{text} {OTHER_UNIT}", False
    if check.get("unit_required"):
        yield "without its unit", text, False


def _other_numbers(value: Fraction) -> Iterator[tuple[str, Fraction]]:
    yield "one more", value + 1
    yield "one less", value - 1
    yield "a digit more behind", value * 10 + (1 if value >= 0 else -1)
    yield "ten times as much", value * 10
    yield "a tenth", value / 10
    yield "of the other sign", -value
    yield "a hundred more", value + 100
    yield "half", value / 2


def _numbers(check: Check) -> Iterator[Said]:
    values = [str(value) for value in check["values"]]
    yield "plain", ", ".join(values), True
    yield "with and", " and ".join([", ".join(values[:-1]), values[-1]] if len(values) > 1 else values), True
    yield "by semicolons", "; ".join(values), True
    yield "in square brackets", f"[{', '.join(values)}]", True
    yield "in round brackets", f"({', '.join(values)})", True
    yield "in bold", f"**{', '.join(values)}**", True
    yield "with a full stop", f"{', '.join(values)}.", True
    yield from _other_lists(check, values)


def _other_lists(check: Check, values: Sequence[str]) -> Iterator[Said]:
    if values != values[::-1]:
        yield "in the opposite order", ", ".join(values[::-1]), not check.get("in_order", False)
    yield "one too many", ", ".join([*values, "987"]), False
    yield "the last twice", ", ".join([*values, values[-1]]), False
    if len(values) > 1:
        yield "the last left out", ", ".join(values[:-1]), False
    for place, value in enumerate(values):
        more = _fraction(value) + 1
        if not _within(check, more, _fraction(value)) and str(more) not in values:
            yield (
                f"number {place + 1} one more",
                ", ".join([*values[:place], _decimal(more), *values[place + 1 :]]),
                False,
            )
    yield "no number", "as computed above", False


def _text(check: Check) -> Iterator[Said]:
    for choice in check["any_of"][:4]:
        yield f"plain {choice}", choice, True
        yield f"{choice} in capitals", choice.upper(), True
        yield f"{choice} in small letters", choice.lower(), True
    first = check["any_of"][0]
    yield "in bold", f"**{first}**", True
    yield "with a full stop", f"{first}.", True
    yield "with a word more", f"{first} perhaps", False
    yield "with a word before", f"hardly {first}", False
    yield "with a letter more", f"{first}x", False
    yield "something else", "lorem ipsum", False


def _date(check: Check) -> Iterator[Said]:
    day = dt.date.fromisoformat(str(check["value"]))
    yield "plain", day.isoformat(), True
    yield "day first, in words", f"{day.day} {day:%B} {day.year}", True
    yield "month first, in words", f"{day:%B} {day.day}, {day.year}", True
    yield "in bold", f"**{day.isoformat()}**", True
    yield "with a full stop", f"{day.isoformat()}.", True
    for note, days in (("a day later", 1), ("a day earlier", -1), ("a week later", 7), ("a year later", 365)):
        yield note, (day + dt.timedelta(days=days)).isoformat(), False
    yield "a day later, in words", f"{day + dt.timedelta(days=1):%d %B %Y}", False
    yield "with slashes", f"{day:%d/%m/%Y}", False
    yield "the year alone", str(day.year), False


def _time(check: Check) -> Iterator[Said]:
    hour, minute = map(int, str(check["value"]).split(":"))
    half = "am" if hour < _NOON else "pm"
    yield "plain", f"{hour:02d}:{minute:02d}", True
    yield "by the half day", f"{(hour - 1) % _NOON + 1}:{minute:02d} {half}", True
    yield "in bold", f"**{hour:02d}:{minute:02d}**", True
    yield "with a full stop", f"{hour:02d}:{minute:02d}.", True
    yield "a minute later", f"{hour:02d}:{minute + 1:02d}" if minute < 59 else f"{hour:02d}:00", False
    yield "an hour later", f"{(hour + 1) % 24:02d}:{minute:02d}", False
    yield "half a day off", f"{(hour + _NOON) % 24:02d}:{minute:02d}", False
    yield "the wrong half day", f"{(hour - 1) % _NOON + 1}:{minute:02d} {'pm' if half == 'am' else 'am'}", False
    yield "the hour alone", f"{hour}", False


_KINDS: Mapping[str, Callable[[Check], Iterator[Said]]] = {
    "number": _number,
    "numbers": _numbers,
    "text": _text,
    "date": _date,
    "time": _time,
}
