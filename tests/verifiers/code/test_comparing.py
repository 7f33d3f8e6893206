"""Encoded values are compared as Python and numpy would compare the values themselves, whatever is sent."""

from __future__ import annotations

import ast
import cmath
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.plain_values import NotPlain, Opaque, encode
from pytest_llmbench.verifiers.code.comparing import compare, may_equal, shown

NEAR = st.sampled_from(
    [0, 1, -1, 2, True, False, 0.0, -0.0, 1.0, 1.5, 1 + 1e-7, 1 + 1e-5, 1 + 1e-3, 2.0000001, 10**8 + 1]
)
EDGES = st.sampled_from(
    [
        math.inf,
        -math.inf,
        math.nan,
        1e308,
        -1e308,
        2**53,
        2.0**53,
        2**53 + 1,
        2**64,
        10**30,
        1e30,
        1 + 0j,
        1 + 1e-7j,
        2**1024,
    ]
)
NUMBERS = NEAR | NEAR | EDGES | st.integers(-3, 3) | st.floats()
HASHABLE = st.recursive(
    NUMBERS | st.sampled_from(["a", "b", "", None, b"a"]),
    lambda inner: st.lists(inner, max_size=2).map(tuple) | st.frozensets(inner, max_size=2),
    max_leaves=4,
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.sets(HASHABLE, max_size=3),
        st.dictionaries(HASHABLE, inner, max_size=2),
    ),
    max_leaves=8,
)
FLOATS = NEAR | st.floats(0.9, 1.1)
ROWS = st.lists(FLOATS, max_size=3) | st.lists(st.lists(FLOATS, min_size=1, max_size=2), max_size=2)
ATOLS = st.sampled_from([0, 0, 1e-6, 1e-4])


def by_values(got: Any, expected: Any, atol: float) -> bool:
    """Say what the rules say, of the values themselves."""
    if equal(got, expected):
        return True
    floats = expected if type(expected) in (list, tuple) and expected else [expected]
    if atol == 0 and all(type(item) is float for item in floats):
        atol = 1e-6
    if atol == 0 or type(got) is not type(expected):
        return False
    leaves = flat(expected)
    if any(type(leaf) is int and not -(2**63) <= leaf < 2**64 for leaf in leaves):
        return False
    try:
        return shape(got) is not None and shape(got) == shape(expected) and all_close(got, expected, atol)
    except (OverflowError, TypeError):
        return False


def flat(value: Any) -> list[Any]:
    """Return what stands in nested lists and tuples."""
    return [leaf for item in value for leaf in flat(item)] if type(value) in (list, tuple) else [value]


def equal(got: Any, expected: Any) -> bool:
    """Compare by ``==``; a NaN is one of its own, even in a container that holds the same object."""
    return '{"f":"nan"}' not in encode(got) and got == expected


def shape(value: Any) -> tuple[int, ...] | None:
    """Return the shape of numpy's array, None where there is none."""
    if type(value) in (list, tuple):
        inner = {shape(item) for item in value}
        if not inner:
            return (0,)
        first = inner.pop()
        return None if inner or first is None else (len(value), *first)
    return () if type(value) in (bool, int, float, complex) else None


def all_close(got: Any, expected: Any, atol: float) -> bool:
    """Do as ``np.allclose(got, expected, rtol=1e-7, atol=atol)`` does: infinities must be the same."""
    if type(expected) in (list, tuple):
        return all(all_close(one, other, atol) for one, other in zip(got, expected, strict=True))
    one, other = complex(got), complex(expected)
    if not cmath.isfinite(one) or not cmath.isfinite(other):
        return one == other
    distance, size = math.dist((one.real, one.imag), (other.real, other.imag)), math.hypot(other.real, other.imag)
    return one == other or distance <= atol + 1e-7 * size


@given(VALUES | ROWS, VALUES | ROWS, ATOLS)
def test_any_two_values(got: Any, expected: Any, atol: float) -> None:
    """The texts are compared as the values are."""
    assert compare(encode(got), encode(expected), atol=atol) == by_values(got, expected, atol)


@given(VALUES, ATOLS)
def test_a_value_is_as_good_as_itself(value: Any, atol: float) -> None:
    """Unless NaN is in it."""
    text = encode(value)
    assert compare(text, text, atol=atol) == may_equal(text)


@given(st.data(), st.sampled_from([list, tuple]), ATOLS, st.integers(0, 3), st.integers(0, 2))
def test_arrays(data: Any, kind: Any, atol: float, rows: int, columns: int) -> None:
    """Numbers near each other, in equal and other shapes."""
    made = []
    for _ in range(2):
        wide = columns + data.draw(st.sampled_from([0, 0, 0, 1]))
        lines = [kind(data.draw(st.lists(FLOATS, min_size=wide, max_size=wide))) for _ in range(rows)]
        made.append(data.draw(st.sampled_from([list, tuple]))(lines) if data.draw(st.booleans()) else kind(lines))
    got, expected = made
    assert compare(encode(got), encode(expected), atol=atol) == by_values(got, expected, atol)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (1, True),
        (1.0, 1),
        (1 + 0j, 1),
        (complex(-0.0, 2), 2j),
        ([complex(math.inf, -0.0)], [math.inf]),
        (-0.0, 0),
        ([2.0, True], [2, 1]),
        ({1.0, 2}, frozenset({True, 2})),
        ({2: [1.0], 1: None}, {True: None, 2.0: [1]}),
        ({(1.0, "a")}, {(1, "a")}),
        (10**22, 1e22),
        (2**2000, 2**2000),
        (math.inf, math.inf),
        (1.0000005, 1.0),
        ([1.0000005, 2.0], [1.0, 2.0]),
        ((1.0000005,), (1.0,)),
        ([1, 2.0000005], [1.0, 2.0]),
        ([True], [1.0000001]),
        ([1.0000005, math.inf], [1.0, math.inf]),
        (1e30 * (1 + 1e-8), 1e30),
        (iter([1, 2]), range(1, 3)),
    ],
)
def test_good_values(got: Any, expected: Any) -> None:
    """What is right without any tolerance of the task's."""
    assert compare(encode(got), encode(expected), atol=0)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ([1], (1,)),
        ("1", 1),
        (b"a", "a"),
        (None, False),
        ([], ()),
        ([], {}),
        ({1}, [1]),
        ({1: 2}, {1: 3}),
        ({1, 2}, {1}),
        ([1, 2], [2, 1]),
        (math.nan, math.nan),
        ([math.nan], [math.nan]),
        ({"a": math.nan}, {"a": math.nan}),
        (complex(1, math.nan), complex(1, math.nan)),
        (math.nan, 1.0),
        (1.0, math.nan),
        (math.inf, -math.inf),
        (math.inf, 1e308),
        (1e308, math.inf),
        (Opaque("object"), Opaque("object")),
        ([Opaque("re.Match")], [Opaque("re.Match")]),
        (1.000002, 1.0),
        (2**53 + 1, 2.0**53),
        (10**8 + 1, 10**8),
        ([10**8 + 1], [10**8]),
        ([1.0000005, 1], [1.0, 1]),
        ([[1.0000005]], [[1.0]]),
        ([1.0000005], (1.0,)),
        ([1.0, 1.0], [1.0]),
        ([[1.0], [1.0]], [1.0, 1.0]),
        (1, 1.0000005),
        (True, 1.0000005),
        ("1.0", 1.0),
        (["1.0"], [1.0]),
        ([None], [1.0]),
        ([[]], [1.0]),
        ({1.0000005}, {1.0}),
        ({1: 1.0000005}, {1: 1.0}),
        (iter([1.0]), [1.0]),
        ([], [1.0]),
    ],
)
def test_bad_values(got: Any, expected: Any) -> None:
    """What is wrong without any tolerance of the task's; the one for floats is for plain floats alone."""
    assert not compare(encode(got), encode(expected), atol=0)


@pytest.mark.parametrize(
    ("got", "expected", "good"),
    [
        (1.00009, 1.0, True),
        (1.0002, 1.0, False),
        ([[1.00009]], [[1.0]], True),
        ([(1.00009,)], [[1.0]], True),
        ([[1.00009]], [(1.0,)], True),
        (([1.00009],), [[1.0]], False),
        ([1.00009, 2], [1, 2], True),
        (1.00009, 1, False),
        (10**9 + 50, 10**9, True),
        (10**30 + 1, 10**30, False),
        ([10**30 + 1, 1.5], [10**30, 1.5], False),
        ([10**30 + 1], [1e30], True),
        (2**64, 2**64 - 1, True),
        ([10**400], [1.0], False),
        ([2**1024, 1.5], [2**1024, 1.50001], False),
        (2.00005j, 2j, True),
        ([2.00005j, 1], [2j, 1.0], True),
        (complex(1e308, 1e308), complex(-1e308, -1e308), False),
        (1e308, -1e308, False),
        ("a", "b", False),
        ({1.00009}, {1.0}, False),
        ([1.00009, "a"], [1.0, "a"], False),
        ([1.00009, [1.0]], [1.0, [1.0]], False),
        ([1.00009, None], [1.0, None], False),
        ([[], ()], [(), []], True),
        ([[], [1]], [[], [1.00009]], False),
        (None, 1.0, False),
    ],
)
def test_the_tolerance_of_a_task(got: Any, expected: Any, good: bool) -> None:  # noqa: FBT001 - a column of the table
    """It holds for numbers, and for lists of numbers that numpy makes arrays of; only the top type must be the same."""
    assert compare(encode(got), encode(expected), atol=1e-4) == good


@pytest.mark.parametrize(
    "got",
    [
        "", "x", "[", "[1", "NaN", "[NaN]", '{"t":1}', '{"q":[]}', "{}", '{"s":[2,1]}', '{"s":1}', '{"d":[1]}',
        '{"c":[]}', '{"c":["a","b"]}', '{"i":"zz"}', '{"f":"x"}', '{"b":5}', '{"o":[]}', "[" * 100_000,
        "[" * 200 + "]" * 200, "9" * 100_000, "1e99999", "\0", "\ud800", '{"t":[' * 3000, '{"s":[[1],[1]]}',
        '{"d":[[[],1]]}', '{"z":[{"s":[]}]}',
    ],
    ids=lambda text: ascii(text)[:30],
)  # fmt: skip
@pytest.mark.parametrize("expected", [1, [1.0], (), {1: 2}, "a", {3}, 1j])
def test_what_a_program_may_send(got: str, expected: Any) -> None:
    """Nothing malformed raises, and nothing malformed is right."""
    assert not compare(got, encode(expected), atol=1e-4)
    assert shown(got, 20)


def test_numbers_chosen_to_collide_cost_nothing() -> None:
    """No table is built of them: a set of numbers that all hash alike is as fast to refuse as any other."""
    numbers = sorted(str(place * (2**61 - 1)) for place in range(1, 40_000))
    text = f'{{"s":[{",".join(numbers)}]}}'
    pairs = f'{{"d":[{",".join(f"[{number},1]" for number in numbers)}]}}'
    assert compare(text, text, atol=0)
    assert not compare(text, encode({1}), atol=0)
    assert not compare(pairs, encode({1: 1}), atol=0)


def test_a_malformed_expected_value_is_told() -> None:
    """It is ours, not the program's."""
    with pytest.raises(NotPlain):
        compare("1", "x", atol=0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ([1, -2.5, True], "[1, -2.5, True]"),
        ((), "()"),
        ((1,), "(1,)"),
        ((1, "a'b"), '(1, "a\'b")'),
        (set(), "set()"),
        ({2, 1}, "{1, 2}"),
        (frozenset(), "frozenset()"),
        (frozenset({1}), "frozenset({1})"),
        ({"a": (1,), "b": {}}, "{'a': (1,), 'b': {}}"),
        (b"a\0", "b'a\\x00'"),
        (math.nan, "nan"),
        ([-math.inf], "[-inf]"),
        (2 - 1j, "(2-1j)"),
        (complex(math.inf, math.nan), "(inf+nanj)"),
        ("\n\u202e\ud800", "'\\n\\u202e\\ud800'"),
        (2**1024, hex(2**1024)),
        (iter([1, 2]), "<iterator of [1, 2]>"),
        ([Opaque("re.Match")], "[<re.Match object>]"),
    ],
)
def test_a_value_is_shown_as_python_writes_it(value: Any, text: str) -> None:
    """What Python has no words for is told in brackets."""
    assert shown(encode(value), 1000) == text


@given(VALUES)
def test_what_is_shown_can_be_read_again(value: Any) -> None:
    """For what Python can write and read."""
    text = shown(encode(value), 10_000)
    if not any(word in text for word in ("nan", "inf", "0x", "frozenset", "j")):
        assert text == "set()" or ast.literal_eval(text.replace("set()", "'empty'")) is not None or value is None
    if not any(type(item) in (set, frozenset, dict) or item == 2**1024 for item in _all(value)):
        assert text == repr(value)


def _all(value: Any) -> list[Any]:
    inner = value if type(value) in (list, tuple, set, frozenset) else ()
    return [value, *(deep for item in inner for deep in _all(item))]


@given(VALUES, st.integers(0, 30))
def test_what_is_shown_is_cut(value: Any, limit: int) -> None:
    """After so many characters."""
    whole, text = shown(encode(value), 10_000), shown(encode(value), limit)
    assert text == (whole if len(whole) <= limit else whole[:limit] + "...")


def test_what_is_shown_of_a_large_value_is_its_beginning() -> None:
    """Nothing is written that is not shown."""
    assert shown(encode([[1] * 10] * 10_000), 12) == "[[1, 1, 1, 1..."
    assert shown(encode({"a" * 10**6: b"a" * 10**6}), 5) == "{'aaa..."
    assert shown("?" * 10**6, 5) == "'????..."
