"""A declared value as a number, exactly: what is read, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.verifiers.extraction import Units, Unread, has_digits, read_numbers, read_quantity

KM = Units(("km", "kilometres"))


def number(text: str, units: Units = KM) -> Fraction | None:
    """Return the one number of `text`, None where it cannot be read as one."""
    try:
        values = read_quantity(text, units)
    except Unread:
        return None
    return values[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("35", "35"),
        ("+35", "35"),
        ("-3", "-3"),
        ("\u22123", "-3"),
        ("minus 3", "-3"),
        ("035", "35"),
        ("35.0", "35"),
        (".5", "1/2"),
        ("\uff13\uff15", "35"),
        ("\u0663\u0665", "35"),
        ("1,234", "1234"),
        ("1,234,567.5", "2469135/2"),
        ("1 234.5", "2469/2"),
        ("1\u202f234", "1234"),
        ("1'234", "1234"),
        ("1\u2019234,5", "2469/2"),
        ("1.234,50", "2469/2"),
        ("1 234,50", "2469/2"),
        ("1.234.567", "1234567"),
        ("1.234", "1234/1000"),
        ("13,5", "27/2"),
        ("0,125", "1/8"),
        ("1234,567", "1234567/1000"),
        ("3/4", "3/4"),
        ("-3 / 4", "-3/4"),
        ("1 3/4", "7/4"),
        ("1 and 3/4", "7/4"),
        ("\u00bd", "1/2"),
        ("1\u00bd", "3/2"),
        ("7\u204412", "7/12"),
        ("\u2077\u2044\u2081\u2082", "7/12"),
        ("5 times 7 = 35", "35"),
        ("2.5e3", "2500"),
        ("2.5E-01", "1/4"),
        ("2.5 \u00d7 10^3", "2500"),
        ("2.5x10^-1", "1/4"),
        ("2.5\u00b710\u00b3", "2500"),
        ("10^6", "1000000"),
        ("2.5 million", "2500000"),
        ("35k", "35000"),
        ("3 dozen", "36"),
        ("$35", "35"),
        ("-$35", "-35"),
        ("\u20ac -35", "-35"),
        ("35\u20ac", "35"),
        ("USD 35", "35"),
        ("35 apples", "35"),
        ("35 times", "35"),
        ("35km/h", "35"),
        ("35 m^2", "35"),
        ("35 m\u00b2", "35"),
        ("35 false statements", "35"),
        ("35 or so", "35"),
        ("35 (approximately)", "35"),
        ("35 (thirty-five)", "35"),
        ("35 - that is all", "35"),
        ("about 35", "35"),
        ("\u2248 35", "35"),
        ("~35", "35"),
        ("= 35", "35"),
        ("x = 35", "35"),
        ("f(3) = 35", "35"),
        ("The total is 35.", "35"),
        ("Total: 35", "35"),
        ("5 \u00d7 7 = 35", "35"),
        ("1/2 + 1/12 = 7/12", "7/12"),
        ("35 (5 \u00d7 7)", "35"),
        ("7/12 \u2248 0.583", "7/12"),
        ("<35>", "35"),
        ("[35]", "35"),
        ('"35"', "35"),
        ("(35)", "35"),
        ("0.333...", "333/1000"),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, value: str) -> None:
    """Separators, fractions, powers, words around it: one number, to the last digit."""
    assert number(text, Units()) == Fraction(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "NaN",
        "infinity",
        "thirty-five",
        "<number>",
        "35 or 36",
        "35 (or 36)",
        "30-40",
        "30\u201340",
        "30 to 40",
        "35, 36",
        "3 5",
        "35 = 36",
        "x = 5 or x = 7",
        "x = 5, y = 7",
        "35 \u00b1 1",
        "35+",
        "35 or more",
        "at least 35",
        "35 at most",
        "less than 35",
        "> 35",
        "x <= 35",
        "x \u2264 35",
        "x != 35",
        "not 35",
        "x is not = 35",
        "35 is wrong",
        "5*7",
        "5 \u00d7 7",
        "2^10",
        "35\u03c0",
        "35x",
        "35 - x",
        "35 squared",
        "\u221a35",
        "sqrt(35)",
        "35 and a half",
        "35 in thousands",
        "12.5%",
        "12.5 percent",
        "A-35",
        "1,23,456",
        "1.2.3",
        "14:35",
        "2026-03-05",
        "5 h 20 min",
        "3/0",
        "3/4/5",
        "1 7/4 x",
        "1e999999999",
        "1e-999999999",
        "10^999999999",
        "9" * 61,
        "9" * 1001,
        "--35",
        "3\\5",
    ],
)
def test_what_is_no_single_number_is_refused(text: str) -> None:
    """Ranges, alternatives, bounds, calculations, percentages nobody asked for, and numbers without end."""
    assert number(text, Units()) is None


def test_spellings_of_one_number_are_all_kept() -> None:
    """Rounded or cut off is the same number; which of them is right, the tolerance says."""
    assert read_quantity("7/12 = 0.583") == (Fraction(7, 12), Fraction("0.583"))
    assert read_quantity("35.2 \u2248 35") == (Fraction("35.2"), Fraction(35))
    assert read_quantity("2/3 (0.66)") == (Fraction(2, 3), Fraction("0.66"))
    assert number("2/3 = 0.68", Units()) is None


@pytest.mark.parametrize(
    "text",
    [
        "35",
        "35 km",
        "35km",
        "35 KM",
        "35 Kilometres.",
        "35 kilometre",
        "35 (km)",
        "about 35 km in total",
        "35 km (approximately)",
        "35 (rounded to the nearest km)",
        "35 km, which is far",
        "35 km of rope",
        "km 35",
        "5 h \u00d7 7 km/h = 35 km",
    ],
)
def test_a_listed_unit_may_stand_by(text: str) -> None:
    """In any case, singular or plural, in front or behind, with a remark or without."""
    assert number(text) == 35


@pytest.mark.parametrize("text", ["35 miles", "35 m", "35 km/h", "35 km per hour", "35 (miles)", "$35", "35%", "35 in"])
def test_another_unit_is_refused(text: str) -> None:
    """It would be another quantity."""
    with pytest.raises(Unread, match="has the unit"):
        read_quantity(text, KM)


def test_units_may_be_signs_powers_and_percent() -> None:
    """A percentage is right where percent is listed, and a power however it is written."""
    assert number("12.5%", Units(("%",))) == number("12.5 per cent", Units(("percent",))) == Fraction("12.5")
    assert number("35 m^2", Units(("m\u00b2",))) == number("35 m2", Units(("m^2",))) == 35
    assert number("$35 (thirty-five dollars)", Units(("$",))) == number("35 USD", Units(("USD", "$"))) == 35
    assert number("35 dozen", Units(("dozen",))) == 35
    assert number("35 times", Units(("times",))) == number("35x", Units(("x",))) == 35
    assert number("35 times 2", Units(("times",))) is number("35x", KM) is None


def test_a_unit_may_be_required() -> None:
    """The prompt asked for it."""
    needed = Units(("$", "dollars"), required=True)
    assert number("$35", needed) == number("35 dollars", needed) == 35
    with pytest.raises(Unread, match="has no unit"):
        read_quantity("35", needed)


@pytest.mark.parametrize(
    "text",
    [
        "3, 5, 7",
        "3,5,7",
        "3; 5; 7",
        "3 5 7",
        "3, 5 and 7",
        "3, 5, and 7.",
        "3 & 5 & 7",
        "[3, 5, 7]",
        "{3,5,7}",
        "(3; 5; 7)",
        "x = 3, y = 5, z = 7",
        "3 cm, 5 cm, 7 cm",
        "3.0, 10/2, 7",
        "3, 5, 7 (in order)",
        '"3, 5, 7"',
        '"3", "5", "7"',
    ],
)
def test_lists_of_numbers_are_read(text: str) -> None:
    """Whatever parts them, in brackets or not."""
    assert read_numbers(text) == (3, 5, 7)


def test_a_list_keeps_thousands_and_points() -> None:
    """A comma before a blank parts numbers, one without parts thousands where both occur."""
    assert read_numbers("1,234, 5, .5") == (1234, 5, Fraction(1, 2))
    assert read_numbers("100 200 300") == (100, 200, 300)


@pytest.mark.parametrize("text", ["", "none", "3 or 5", "3-5", "3, five", "3, 5-7", "1," * 600])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    """Each part must be one number."""
    with pytest.raises(Unread):
        read_numbers(text)


SCRAPS = (
    st.text(alphabet=st.sampled_from("0123456789.,'/ -+xeE^*%$()[]=\u2248\u00bd\u00b2\u00d7\u0663kmor\ud800\x00"))
    | st.text()
)


@settings(max_examples=400, deadline=None)
@given(text=SCRAPS, units=st.sampled_from([Units(), KM, Units(("%", "$"), required=True)]))
def test_any_text_is_a_number_or_refused(text: str, units: Units) -> None:
    """Nothing but Unread is ever raised, and a number needs a digit."""
    for read in (lambda: read_quantity(text, units), lambda: read_numbers(text)):
        try:
            values = read()
        except Unread:
            continue
        assert values
        assert has_digits(text)


@given(
    st.integers(min_value=-(10**12), max_value=10**12), st.sampled_from(["{}", "{:,}", "x = {}", "{} km", "**{}**."])
)
def test_integers_come_back(value: int, form: str) -> None:
    """What is written is what is read, whatever stands around it."""
    assert number(form.format(value).replace("*", "")) == value


@given(st.fractions(max_denominator=10**6))
def test_fractions_come_back(value: Fraction) -> None:
    """A fraction is compared as one, never as a rounded float."""
    assert number(str(value)) == value
