"""Values as text: both ways, one text per value, one digest per equal value, nothing hostile gets through."""

from __future__ import annotations

import ast
import collections
import enum
import itertools
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.plain_values import (
    MAX_YIELDED,
    NotPlain,
    Opaque,
    TooLarge,
    decode,
    digest,
    encode,
    has_opaque,
    normal_text,
    parse,
    sources,
)

TEXTS = st.text(st.characters(exclude_categories=()), max_size=5)
NUMBERS = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([-0.0, 0.0, 1.0, -2.0, 2.5, 2.0**53, 2**53, 2**53 + 1, 2.0**70, 2**70, 10**300, 1e300, 2**1024]),
    st.integers(),
    st.floats(),
    st.sampled_from([1 + 0j, 2j, complex(-0.0, -0.0), complex(math.inf, 1)]),
    st.complex_numbers(),
)
LEAVES = st.none() | NUMBERS | TEXTS | st.binary(max_size=3)
HASHABLE = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(HASHABLE, max_size=4),
        st.dictionaries(HASHABLE.filter(lambda key: not knows_nan(key)), inner, max_size=3),
    ),
    max_leaves=12,
)


def look(value: Any) -> Any:
    """Return something that is equal for values of the same types and the same content, NaN and -0.0 included."""
    kind = type(value)
    if kind in (float, complex):
        return kind.__name__, repr(value)
    if kind in (list, tuple):
        return kind.__name__, [look(item) for item in value]
    if kind in (set, frozenset):
        return kind.__name__, sorted((look(item) for item in value), key=repr)
    if kind is dict:
        return "dict", sorted(((look(key), look(item)) for key, item in value.items()), key=repr)
    return kind.__name__, value


def retyped(value: Any, draw: Any) -> Any:
    """Return a value that Python calls equal, with other types of numbers and other orders; now and then not equal."""
    kind = type(value)
    if kind in (bool, int, float) and abs(value) < 2**1000 and value == int(value):
        made = draw(st.sampled_from([int, float, complex, bool, lambda number: int(number) + 1]))
        return made(value)
    if kind in (list, tuple):
        return kind(retyped(item, draw) for item in value)
    if kind in (set, frozenset):
        return draw(st.sampled_from([set, frozenset]))(value) if kind is set else frozenset(value)
    if kind is dict:
        return {key: retyped(item, draw) for key, item in reversed(value.items())}
    return value


def knows_nan(value: Any) -> bool:
    """Tell whether NaN stands anywhere in `value`."""
    return '{"f":"nan"}' in encode(value)


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """Types, NaN, signs of zeros, lone surrogates: all survive; the text is one line of ASCII."""
    text = encode(value)
    assert look(decode(text)) == look(value)
    assert text.isascii()
    assert text.isprintable()
    assert encode(decode(text)) == text


def test_keys_that_are_not_even_equal_to_themselves() -> None:
    """They stay beside each other, as they were put in."""
    value = {float("nan"): 2, float("nan"): 1, Opaque("b"): 4, Opaque("b"): 3, 0: {float("nan"), float("nan")}}
    text = encode(value)
    assert encode(decode(text)) == text
    assert list(decode(text).values())[:-1] == [2, 1, 4, 3]


@given(VALUES, VALUES)
def test_one_text_for_one_value(one: Any, other: Any) -> None:
    """Texts are equal exactly where types and contents are, and the order of dicts."""
    if encode(one) == encode(other):
        assert look(one) == look(other)
    else:
        assert look(one) != look(other) or '{"d":' in encode(one)


@pytest.mark.parametrize("value", [{"b": 1, "a": 2}, {2: {"z": 0, "y": 1}, 1: []}, [{True: 1, False: 2}]])
def test_a_dict_keeps_its_order(value: Any) -> None:
    """A program may go by the order of an argument, and an assert by that of a returned dict."""
    assert repr(decode(encode(value))) == repr(value)


@given(VALUES, st.data())
def test_order_of_insertion_makes_no_difference(value: Any, data: Any) -> None:
    """A rebuilt set has the same text, a rebuilt dict the same normal text; equal numbers have the same digest."""
    other = retyped(value, data.draw)
    if look(other) == look(value):
        assert encode(other) == encode(value) or '{"d":' in encode(value)
    if not knows_nan(value) and not knows_nan(other):
        assert (digest(other) == digest(value)) == (other == value)
        assert (normal_text(parse(encode(other))) == normal_text(parse(encode(value)))) == (other == value)


@given(VALUES, VALUES)
def test_digests_differ_where_values_do(one: Any, other: Any) -> None:
    """Two values have one digest exactly where Python calls them equal."""
    if not knows_nan(one) and not knows_nan(other):
        assert (digest(one) == digest(other)) == (one == other)


@given(VALUES, st.sampled_from([math.nan, [1, math.nan], {math.nan}, {"a": (math.nan,)}, complex(1, math.nan)]))
def test_nan_has_no_digest_of_its_own(beside: Any, nan: Any) -> None:
    """What is equal to nothing has another digest each time."""
    assert digest([beside, nan]) != digest([beside, nan])


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(["nan", "inf", "-0x1", "00", "0"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from("tszdbifcgox"), inner, max_size=2),
        st.builds(lambda tag, items: {tag: items}, st.sampled_from("tszgcd"), st.lists(inner, max_size=3)),
        st.builds(lambda pairs: {"d": pairs}, st.lists(st.lists(inner, min_size=2, max_size=2), max_size=3)),
    ),
    max_leaves=10,
)


@given(TREES.map(lambda tree: json.dumps(tree, separators=(",", ":"))) | TREES.map(json.dumps) | TEXTS)
def test_any_text_is_read_or_refused(text: str) -> None:
    """What is read is exactly what would be written for it."""
    try:
        value = decode(text)
    except NotPlain:
        return
    assert encode(value) == text


@pytest.mark.parametrize(
    "text",
    [
        "", " 1", "1 ", "1.50", "1e400", "NaN", "-Infinity", "[1, 2]", '"\\u0041"', '"é"', "[1", "tru", "01", "-0",
        "9" * 400, "9" * 5000, str(2**1024), "{}", '{"t":[1],"t":[1]}', '{"t":[1],"s":[1]}', '{"q":1}', '{"":1}',
        '{"t":1}', '{"t":"ab"}', '{"t":{"t":[]}}', '{"s":[2,1]}', '{"s":[1,1]}', '{"s":[1,true]}', '{"s":[[1]]}',
        '{"z":{"s":[]}}', '{"s":[{"s":[]}]}', '{"d":[[1]]}', '{"d":["ab"]}', '{"d":[[1,2],[1,3]]}', '{"d":[[[],1]]}',
        '{"d":{}}', '{"b":"F0"}', '{"b":"0"}', '{"b":[]}', '{"b":"0 0"}', '{"i":"0x1"}',
        '{"i":"1"}', '{"i":5}', '{"i":"' + hex(2**1024).upper() + '"}', '{"f":"NaN"}', '{"f":1.5}', '{"f":[]}',
        '{"f":"1"}', '{"c":[1,2]}', '{"c":[1.0]}', '{"c":[1.0,2.0,3.0]}', '{"c":[{"t":[]},1.0]}', '{"c":1.0}',
        '{"o":1}', '{"o":["a"]}', '{"t":{"f":"nan"}}', "[" * 100_000, "[" * 100_000 + "]" * 100_000,
        '{"t":[' * 5000 + "]}" * 5000, "[" * 101 + "]" * 101, "\ufeff1", "\0", "1\n",
    ],
    ids=lambda text: ascii(text)[:30],
)  # fmt: skip
def test_what_is_never_written_is_refused(text: str) -> None:
    """Wrong tags, forms, depths and sizes; a ValueError each time, never another error."""
    with pytest.raises(NotPlain):
        decode(text)


@pytest.mark.parametrize("text", ['{"t":[', None, 5, b"1", ["1"]])
def test_what_is_no_text_is_refused(text: Any) -> None:
    """Even what is no string at all."""
    with pytest.raises(NotPlain):
        parse(text)


class Never:
    """An object all of whose usual methods fail."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    def __hash__(self) -> int:
        return 7


def _fail(*args: Any, **kwargs: Any) -> Any:
    raise AssertionError


HOSTILE = dict.fromkeys(
    [
        "__iter__", "__len__", "__getitem__", "__index__", "__int__", "__float__", "__complex__", "__str__", "__repr__",
        "__eq__", "__lt__", "__bool__", "__getattribute__", "__reduce__", "__abs__", "__pos__", "__add__",
        "__contains__", "keys", "values", "items", "copy", "tolist", "encode", "join", "hex", "bit_length",
    ],
    _fail,
)  # fmt: skip


def hostile(base: Any, *args: Any) -> Any:
    """Return an instance of a subclass of `base` whose own methods all fail."""
    return type("Hostile", (base,), {**HOSTILE, "__hash__": base.__hash__})(*args)


class Colour(enum.IntEnum):
    """An int by another name."""

    RED = 3


class Point(NamedTuple):
    """A tuple by another name."""

    x: int
    y: int


@pytest.mark.parametrize(
    ("make", "plain"),
    [
        (lambda: hostile(int, 5), 5),
        (lambda: hostile(float, 2.5), 2.5),
        (lambda: hostile(complex, 1, 2), 1 + 2j),
        (lambda: hostile(str, "ab"), "ab"),
        (lambda: hostile(bytes, b"ab"), b"ab"),
        (lambda: hostile(list, [1, 2]), [1, 2]),
        (lambda: hostile(tuple, (1, 2)), (1, 2)),
        (lambda: hostile(set, {1, 2}), {1, 2}),
        (lambda: hostile(frozenset, {1, 2}), frozenset({1, 2})),
        (lambda: hostile(dict, {1: 2}), {1: 2}),
        (lambda: [hostile(str, "ab")], ["ab"]),
        (lambda: [hostile(str, "ab"), "c"], ["ab", "c"]),
        (lambda: ["c", hostile(str, "ab")], ["c", "ab"]),
        (lambda: [hostile(int, 1), 2.0], [1, 2.0]),
        (lambda: {hostile(str, "ab"): hostile(int, 1)}, {"ab": 1}),
        (lambda: [(hostile(str, "ab"), "c")] * 3, [("ab", "c")] * 3),
        (lambda: Colour.RED, 3),
        (lambda: [Colour.RED, 4], [3, 4]),
        (lambda: Point(1, 2), (1, 2)),
        (lambda: collections.Counter("aab"), {"a": 2, "b": 1}),
        (lambda: collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (lambda: collections.defaultdict(list, {1: [2]}), {1: [2]}),
    ],
)
def test_a_subclass_counts_as_its_base_type(make: Any, plain: Any) -> None:
    """Its own methods never run."""
    value = make()
    assert encode(value) == encode(plain)
    assert digest(value) == digest(plain)


class Scalar:
    """Stands in for numpy's, by the name of its module."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def tolist(self) -> Any:
        """Return what numpy's own method would."""
        return self.inner


Scalar.__module__ = "numpy"


def test_numpy_counts_as_what_it_holds() -> None:
    """Scalars and arrays become numbers and lists, without numpy being here; what stays numpy's is opaque."""
    assert encode([Scalar(2), 1.5]) == "[2,1.5]"
    assert encode(Scalar([[1, 2], [3, 4]])) == "[[1,2],[3,4]]"
    assert digest([Scalar(2), Scalar([1])]) == digest([2.0, [True]])
    assert encode(Scalar(Scalar(1))) == '{"o":"numpy.Scalar"}'


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (range(3), [0, 1, 2]),
        (iter("ab"), ["a", "b"]),
        ((number for number in (1, 2)), [1, 2]),
        (map(str, [1]), ["1"]),
        (zip([1], "a", strict=True), [(1, "a")]),
        ({1: 2}.keys(), [1]),
        ({1: 2}.values(), [2]),
        (collections.OrderedDict({1: 2}).items(), [(1, 2)]),
        (enumerate("a"), [(0, "a")]),
    ],
)
def test_what_yields_is_written_as_what_it_yields(value: Any, items: list[Any]) -> None:
    """It comes back as an iterator over the same values."""
    text = encode(value)
    assert text == f'{{"g":{encode(items)}}}'
    back = decode(text)
    assert isinstance(back, Iterator)
    assert list(back) == items


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        (re.match("a", "a"), "re.Match"),
        (collections.deque([1]), "collections.deque"),
        (bytearray(b"a"), "bytearray"),
        (len, "builtin_function_or_method"),
        (int, "type"),
        (Ellipsis, "ellipsis"),
        (type("N" * 500, (), {"__module__": 5})(), "N" * 100),
    ],
)
def test_anything_else_is_opaque(value: Any, name: str) -> None:
    """It is told by its type's name, equals nothing and has no digest of its own."""
    text = encode([value])
    assert text == encode([Opaque(name)])
    assert has_opaque(text)
    (back,) = decode(text)
    assert isinstance(back, Opaque)
    assert back.name == name
    assert back != back  # noqa: PLR0124 - not even to itself
    assert digest(value) != digest(value)


def test_an_opaque_object_is_not_asked() -> None:
    """None of its methods run."""
    assert encode([Never(), {1: Never()}]).count(f'{{"o":"{__name__}.Never"}}') == 2


def test_text_that_looks_like_a_tag_is_no_opaque_object() -> None:
    """Within strings quotes are escaped."""
    assert not has_opaque(encode(['{"o":"object"}', {"o": "object"}, {'"o":': 1}]))


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def _inside_itself(make: Any) -> Any:
    value: Any = []
    value.append(make(value))
    return value


@pytest.mark.parametrize(
    "value",
    [
        _nested(101),
        _nested(100_000),
        _inside_itself(lambda value: value),
        _inside_itself(lambda value: (value,)),
        _inside_itself(lambda value: {1: value}),
        [1, _inside_itself(lambda value: {"a": [value]})],
    ],
)
def test_depth_is_bounded(value: Any) -> None:
    """What contains itself is too deep, too."""
    with pytest.raises(NotPlain, match="too deep"):
        encode(value)
    with pytest.raises(NotPlain, match="too deep"):
        digest(value)


@pytest.mark.parametrize(
    "inner", [[], [1], ["a"], {"a": 1}, (None, {1}), [math.inf], (complex(1, math.inf), 2**2000, b"a"), {}]
)
def test_depth_is_counted_alike_both_ways(inner: Any) -> None:
    """What may be written may be read."""
    value = inner
    while True:
        try:
            text = encode(value, depth=7)
        except NotPlain:
            break
        assert decode(text, depth=7) == value
        value = [value]
    with pytest.raises(NotPlain):
        decode(encode(value), depth=7)


def test_the_depth_allowed_is_reached() -> None:
    """A hundred containers inside each other go both ways."""
    assert decode(encode(_nested(100))) == _nested(100)
    assert digest(_nested(100)) == digest(_nested(100))


@pytest.mark.parametrize(
    "value",
    [
        "a" * 2000,
        ["a" * 10] * 200,
        b"a" * 600,
        [0] * 600,
        list(range(1000)),
        [[[0] * 100] * 100] * 100,
        [1 << 100_000],
        (1 << 5000,),
        dict.fromkeys(range(300), "a"),
        [[]] * 10**6,
        Opaque("a" * 2000),
        ["\u20ac" * 300],
        [None, "a" * 2000],
        [1, "a" * 2000],
        ([[0] * 10**5] * 10**5,),
    ],
)
def test_a_text_is_never_longer_than_its_limit(value: Any) -> None:
    """Shared parts count as often as they stand there, and what is far too large is not written first."""
    with pytest.raises(TooLarge):
        encode(value, limit=1000)


def test_a_text_may_be_as_long_as_its_limit() -> None:
    """The limit is the text's length."""
    assert encode([10, 20], limit=7) == "[10,20]"
    with pytest.raises(TooLarge):
        encode([10, 20], limit=6)


@pytest.mark.parametrize(
    "make", [itertools.count, lambda: iter(int, 1), lambda: range(10**18), lambda: [itertools.count()]]
)
def test_an_iterator_is_not_followed_for_ever(make: Any) -> None:
    """After so many values it is too large."""
    with pytest.raises(TooLarge):
        encode(make())
    with pytest.raises(TooLarge):
        digest(make())
    assert len(list(decode(encode(range(MAX_YIELDED))))) == MAX_YIELDED


def test_what_an_iterator_raises_is_the_programs() -> None:
    """It passes through."""
    with pytest.raises(ZeroDivisionError):
        encode(1 // number for number in (1, 0))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2.0, True], [True, 2, 1.0]),
        ([0.0], [-0.0]),
        ([2**53], [2.0**53]),
        ([10**22], [1e22]),
        ([10**300, 1], [10**300, 1.0]),
        ([int(1e300)], [1e300]),
        ([1 + 0j], [1]),
        ([complex(-0.0, 2)], [2j]),
        ([complex(math.inf, -0.0)], [math.inf]),
        ({1, 2.0}, frozenset({True, 2})),
        ({1: [2]}, {1.0: [2.0]}),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
        ({(1, "a"), None}, {(1.0, "a"), None}),
        (list(range(200_000)), [float(number) for number in range(200_000)]),
        ([(number, "a") for number in range(90_000)], [(float(number), "a") for number in range(90_000)]),
        ([["a", "b"]] * 90_000, [["a", "b"] for _ in range(90_000)]),
        ([[1] * 100_000] * 3, [[1.0] * 100_000] * 3),
        ([math.inf, 1], [math.inf, True]),
        ({math.inf: 1}, {math.inf: 1.0}),
        (["a\0b"], ["a\0b"]),
        ([1, None, "a", b"a", {1}], [True, None, "a", b"a", {1.0}]),
    ],
)
def test_equal_values_have_one_digest(one: Any, other: Any) -> None:
    """Whatever the types of their numbers."""
    assert one == other
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1], (1,)),
        ([2**53 + 1], [2.0**53]),
        ([2**1024], [2**1024 + 1]),
        ([10**300], [1e300]),
        (["a", "b"], ["a\0b"]),
        (["ab", ""], ["a", "b"]),
        ([["a"], ["b"]], [["a", "b"], []]),
        ([["a", "b"], ["c"]], [["a"], ["b", "c"]]),
        ([[""], []], [[], [""]]),
        ([[], []], [[[]]]),
        ([()], [[]]),
        ([("a",)], [["a"]]),
        ([1, "1"], ["1", 1]),
        ([1, "a", 2], [1, 2, "a"]),
        ([], [None]),
        ([None], [None, None]),
        ([""], []),
        ("", []),
        (b"", ""),
        ([b"a", b"b"], [b"ab", b""]),
        ({1: 2}, {1, 2}),
        ({1: 2, 3: 4}, {1: 4, 3: 2}),
        ({(1, 2)}, {1, 2}),
        (frozenset(), ()),
        ([1.5, 2], [2, 1.5]),
        ([1j], [1]),
        (list(range(200_000)), [*range(199_999), 0]),
        ([["a", "b"]] * 90_000, [["a", "b"]] * 89_999 + [["a", "c"]]),
        ([["a", "b"]] * 90_000, [["a", "b"]] * 89_999 + [("a", "b")]),
        ([1] * 65_536, [1] * 65_537),
        ("1", 1),
        ([[1], 2], [1, [2]]),
        (iter([1]), [1]),
    ],
)
def test_other_values_have_another_digest(one: Any, other: Any) -> None:
    """Order, nesting, kinds and borders all count."""
    assert digest(one) != digest(other)


def test_sources_are_for_python_3_8() -> None:
    """Inside a sandbox they meet any Python from 3.8 on, and nothing but its standard library."""
    for name, text in sources():
        tree = ast.parse(text, feature_version=(3, 8))
        used = [node.names[0].name if isinstance(node, ast.Import) else node.module or "" for node in ast.walk(tree)
                if isinstance(node, (ast.Import, ast.ImportFrom))]  # fmt: skip
        assert all(module.startswith("pytest_llmbench.plain_values.") or module.split(".")[0] in sys.stdlib_module_names
                   for module in used), name  # fmt: skip


LOADED = """
import builtins, json, sys, types
sources = json.loads(sys.stdin.readline())
for name, text in sources:
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
value = [1, (2.5, float("nan")), {"a": {1, "b"}}, b"x", 1j, {3: None}]
write = sys.stdout.write
vars(builtins).update({name: None for name in vars(builtins) if not name.startswith("_")})
json.dumps = json.encoder.JSONEncoder = json.decoder.JSONDecoder = sys.modules["hashlib"] = None
write("\\n".join([module.encode(value), module.encode(module.decode(module.encode(value))), module.digest(value[2:])]))
"""


def test_what_a_program_replaces_is_not_used() -> None:
    """Loaded as in a sandbox, it works on when every builtin and the module json are gone."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOADED], input=json.dumps(sources()), capture_output=True, text=True, check=True
    )
    value = [1, (2.5, math.nan), {"a": {1, "b"}}, b"x", 1j, {3: None}]
    assert done.stdout.split() == [encode(value), encode(value), digest(value[2:])]
