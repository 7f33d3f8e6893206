"""Tasks with more than one right answer: what each exception accepts, and that nothing sent in can fool or break it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.plain_values import Opaque, encode
from pytest_llmbench.verifiers.code.comparing import compare
from pytest_llmbench.verifiers.code.oracles import ORACLES

HOSTILE = [
    "", "x", "[", "NaN", '{"t":1}', '{"q":[]}', "{}", '{"s":1}', '{"f":"x"}', '{"o":[]}', "9" * 100_000, "1e99999",
    "[" * 100_000, '{"t":[' * 3000, '"\ud800', "\0", '{"b":"zz"}', '{"d":[1]}', '{"c":["a","b"]}', '{"g":5}',
]  # fmt: skip
ODD = [
    None, "1", b"1", [], [1], (), {}, {1: 2}, set(), {1}, 1j, math.nan, math.inf, -math.inf, 10**400, -(2**2000), True,
    Opaque("object"), [Opaque("object")], [math.nan], [[1]], [{1}], iter([1]), "a" * 1000,
]  # fmt: skip
ARGUMENTS = {
    "find_zero": [[1, 2]],
    "set": [[1], [2]],
    "not_none": ["ab"],
    "surface_area": [3, 4],
    "digit_distance": [1, 22],
}
EXPECTED = {"find_zero": -0.5, "set": (1, 2), "not_none": True, "surface_area": 33, "digit_distance": 3}


def judge(oracle: str, inputs: list[Any], got: Any, expected: Any, *, atol: float = 0) -> bool:
    """Ask an oracle about values."""
    return ORACLES[oracle](inputs, encode(got), encode(expected), atol)


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("got", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_nothing_malformed_is_right(oracle: str, got: str) -> None:
    """And nothing malformed raises."""
    assert not ORACLES[oracle](ARGUMENTS[oracle], got, encode(EXPECTED[oracle]), 1e-4)


@pytest.mark.parametrize("oracle", [name for name in ORACLES if name != "not_none"])
@pytest.mark.parametrize("got", ODD, ids=lambda value: ascii(value)[:20] if type(value) is not int else "int")
def test_odd_values_are_wrong(oracle: str, got: Any) -> None:
    """Whatever their types."""
    assert not judge(oracle, ARGUMENTS[oracle], got, EXPECTED[oracle], atol=1e-4)


@pytest.mark.parametrize("oracle", [name for name in ORACLES if name != "find_zero"])
def test_the_reference_is_right(oracle: str) -> None:
    """An exception takes nothing away."""
    assert judge(oracle, ARGUMENTS[oracle], EXPECTED[oracle], EXPECTED[oracle])


@pytest.mark.parametrize(
    ("factors", "root", "good"),
    [
        ([1, 2], -0.5, True),
        ([1, 2], -0.50004, True),
        ([1, 2], -0.5001, False),
        ([-6, 11, -6, 1], 1, True),
        ([-6, 11, -6, 1], 3.0, True),
        ([-6, 11, -6, 1], True, True),
        ([0, 1], False, True),
        ([0, 1], 0.00009, True),
        ([0, 1], 0.00011, False),
        ([0.0, 1], 10**400, False),
        ([1, 10**400], 0.5, False),
        ([1, 1, 1], 1e300, False),
        ([0, 0], math.inf, False),
        ([0], math.nan, True),
    ],
)
def test_a_root_is_where_the_polynomial_is_zero(factors: list[float], root: float, good: bool) -> None:  # noqa: FBT001 - a column
    """Any root will do; the reference's own is not looked at."""
    assert judge("find_zero", [factors], root, "any", atol=1e-4) == good
    assert judge("find_zero", [factors], root, 5.0) == good


@pytest.mark.parametrize(
    ("got", "expected", "good"),
    [
        ((4, 5), (5, 4), True),
        ([5, 4, 4], (4, 5), True),
        ({4, 5}, (4, 5), True),
        (frozenset({4, 5}), (4, 5), True),
        (iter([4, 5]), (4, 5), True),
        ({4: "a", 5: "b"}, (4, 5), True),
        ([4.0, True], (1, 4), True),
        (["b", "a"], ["a", "b"], True),
        ("ba", ["a", "b"], True),
        (b"ba", [97, 98], True),
        ([(1, 2.0)], ((1, 2),), True),
        ([frozenset({1})], [frozenset({1.0})], True),
        ([1.0000005, 2.0], [1.0, 2.0], True),
        ([[1], [2]], [[1], [2]], True),
        ([], (), True),
        (None, None, True),
        ([[1, 2]], [(1, 2)], False),
        ([[2], [1]], [[1], [2]], False),
        ([({1},), (2,)], [(2,), ({1},)], False),
        ([iter([1]), 2], [2, iter([1])], False),
        ([4], (4, 5), False),
        ([4, 5, 6], (4, 5), False),
        ([4, math.nan], [math.nan, 4], False),
        ([Opaque("object"), 4], [4, Opaque("object")], False),
        (45, (4, 5), False),
        (None, (), False),
    ],
)
def test_sets(got: Any, expected: Any, good: bool) -> None:  # noqa: FBT001 - a column of the table
    """Order, number and container do not matter; elements that no set can hold are compared as they stand."""
    assert judge("set", [], got, expected) == good


@pytest.mark.parametrize(
    ("got", "expected", "good"),
    [
        (Opaque("re.Match"), Opaque("re.Match"), True),
        (True, Opaque("re.Match"), True),
        (False, Opaque("re.Match"), False),
        (None, Opaque("re.Match"), False),
        ("Found a match!", Opaque("re.Match"), True),
        (0, Opaque("re.Match"), True),
        (math.nan, Opaque("re.Match"), True),
        (None, None, True),
        (False, None, True),
        (True, None, False),
        (Opaque("re.Match"), None, False),
        ("", None, False),
        (True, False, True),
    ],
)
def test_whether_there_is_a_match(got: Any, expected: Any, good: bool) -> None:  # noqa: FBT001 - a column of the table
    """A bool says so, and anything but None; the reference's value counts only as being there."""
    assert judge("not_none", ["ab"], got, expected) == good


@pytest.mark.parametrize(
    ("inputs", "got", "expected", "good"),
    [
        ([3, 4], 33, 33, True),
        ([3, 4], 36, 33, False),
        ([3, 4], round(9 + 6 * math.sqrt(1.5**2 + 16)), 33, True),
        ([3, 4], float(round(9 + 6 * math.sqrt(1.5**2 + 16))), 33, True),
        ([4, 5], 59, 56, True),
        ([4, 5], 59.5, 56, False),
        ([1.5, 0], 4, 2, True),
        ([10**400, 1], 1, 2, False),
        ([10**200, 10**200], 1.0, 2, False),
        ([1e200, 1.0], 1.0, 2, False),
    ],
)
def test_the_surface_of_a_pyramid(inputs: list[Any], got: Any, expected: Any, good: bool) -> None:  # noqa: FBT001 - a column
    """Its height is the slant one for the reference, and may be the perpendicular one."""
    assert judge("surface_area", inputs, got, expected) == good


@pytest.mark.parametrize(
    ("inputs", "got", "expected", "good"),
    [
        ([1, 2], 1, 1, True),
        ([23, 56], 6, 6, True),
        ([123, 256], 7, 7, True),
        ([1, 100], 2, 99, True),
        ([1, 100], 99, 99, True),
        ([1, 100], 2.0, 99, True),
        ([1, 100], 3, 99, False),
        ([1, 100], "2", 99, False),
        ([-1, 100], 2, 99, False),
        ([1.5, 100], 2, 99, False),
    ],
)
def test_the_distance_of_digits(inputs: list[Any], got: Any, expected: Any, good: bool) -> None:  # noqa: FBT001 - a column
    """Of numbers of unequal length the shorter may be read with leading zeros."""
    assert judge("digit_distance", inputs, got, expected) == good


ELEMENTS = st.sampled_from(
    [1, True, 1.0, 2, "a", "b", None, (1, 2), (1.0, 2), frozenset({1}), b"a", -0.0, 0, 1e30, 10**30]
)
CONTAINERS = st.one_of(
    st.lists(ELEMENTS, max_size=4),
    st.lists(ELEMENTS, max_size=4).map(tuple),
    st.sets(ELEMENTS, max_size=4),
    st.frozensets(ELEMENTS, max_size=4),
    st.dictionaries(ELEMENTS, st.just(0), max_size=4),
)


@given(CONTAINERS, CONTAINERS)
def test_sets_as_python_makes_them(got: Any, expected: Any) -> None:
    """Elements that a set can hold are compared as sets do."""
    assert judge("set", [], got, expected) == (
        set(got) == set(expected) or compare(encode(got), encode(expected), atol=0)
    )


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 60))
def test_distances_of_digits_by_arithmetic(one: int, other: int, got: int) -> None:
    """Digit by digit from the last."""
    total, left, right = 0, one, other
    while left or right:
        total += abs(left % 10 - right % 10)
        left, right = left // 10, right // 10
    assert judge("digit_distance", [one, other], total, -1)
    assert judge("digit_distance", [one, other], got, -1) == (got == total)
