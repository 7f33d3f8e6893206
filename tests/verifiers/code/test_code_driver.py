"""The driver's side of the talk, word by word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from pytest_llmbench.contracts import Conversation
from pytest_llmbench.verifiers.code.conversing import DRIVER
from tests.verifiers.code.unboxed import Unboxed


@pytest.fixture
def talk() -> Iterator[Conversation]:
    """Return a talk with a driver that waits for its job."""
    with Unboxed().converse(DRIVER) as conversation:
        yield conversation


def _begin(talk: Conversation, mode: str, program: str, *, lines: bytes = b"", digests: Sequence[int] = ()) -> None:
    job = {
        "mode": mode,
        "program": program,
        "setup": "",
        "entry": "f",
        "limit": 1000,
        "arguments": 2000,
        "digests": digests,
    }
    talk.say(json.dumps(job).encode())
    if lines:
        talk.say(lines)
    assert talk.hear(time_s=30) == b"+"


def test_calls_are_answered_in_order(talk: Conversation) -> None:
    """Two greetings, then a line for each input; what was asked for is a digest, and so is what is too long."""
    program = "def f(n):\n    return 'x' * n\n"
    _begin(talk, "calls", program, lines=b"[1]\t[2000]\t[3]", digests=[2])
    lines = [talk.hear(time_s=30) for _ in range(4)]
    assert lines[:2] == [b"+", b'="x"']
    assert [line[:1] for line in lines[2:]] == [b"#", b"#"]
    assert lines[2] != lines[3]


def test_a_call_that_fails_is_the_last(talk: Conversation) -> None:
    """Nobody waits for what comes after it."""
    _begin(talk, "calls", "def f(n):\n    return 1 / n\n", lines=b"[1]\t[0]\t[2]")
    assert [talk.hear(time_s=30) for _ in range(3)] == [
        b"+",
        b"=1.0",
        b'!["ZeroDivisionError","division by zero",2,"ZeroDivisionError"]',
    ]
    with pytest.raises(EOFError):
        talk.hear(time_s=30)
    assert b"ZeroDivisionError" in talk.end().stderr


def test_a_served_program_goes_on_after_an_exception(talk: Conversation) -> None:
    """For a test may expect it."""
    _begin(talk, "serve", "def f(n, m=1):\n    return n / m\n")
    assert talk.hear(time_s=30) == b"+"
    for line, answer in ((b'{"t":[[4],{"d":[["m",2]]}]}', b"=2.0"), (b'{"t":[{"t":[1]},{"d":[["m",0]]}]}', b"!")):
        talk.say(line)
        assert talk.hear(time_s=30).startswith(answer)
    talk.say(b'{"t":[{"t":[1]},{"d":[]}]}')
    assert talk.hear(time_s=30) == b"=1.0"


def test_a_program_finds_none_of_our_modules(talk: Conversation) -> None:
    """It runs as in a Python of its own, with the builtins everybody has."""
    program = """
import builtins, sys
found = [name for name in sys.modules if "llmbench" in name]
def f():
    builtins.len = lambda _: 7
    return found, len(""), __builtins__ is vars(builtins)
"""
    _begin(talk, "calls", program, lines=b"[]")
    assert [talk.hear(time_s=30) for _ in range(2)] == [b"+", b'={"t":[[],7,true]}']


def test_the_tests_never_see_the_program(talk: Conversation) -> None:
    """A call is a line out and a line back; then the test goes on."""
    talk.say(
        json.dumps(
            {"mode": "tests", "setup": ["k = 2"], "entry": "f", "arguments": 99, "tests": ["assert f(k) == 4"]}
        ).encode()
    )
    assert [talk.hear(time_s=30) for _ in range(2)] == [b"+", b'C{"t":[{"t":[2]},{"d":[]}]}']
    talk.say(b"=4")
    assert [talk.hear(time_s=30) for _ in range(2)] == [b"P", b"D"]


@pytest.mark.parametrize(
    ("test", "line"),
    [
        ("x = 1\nassert f(x) == 5", b'F["AssertionError","",2]'),
        ("f(object())", b'A"an object of type object"'),
        ("f('x' * 5000)", b'L"'),
        ("x = []\nx.append(x)\nf(x)", b'L"'),
        ("f(range(5))", b'A"an object of type range"'),
        ("from collections import Counter\nf({1: [Counter()]})", b'A"an object of type Counter"'),
        ("f(a={}.keys())", b'A"an object of type dict_keys"'),
        ("raise SystemExit(3)", b"~[3]"),
        ("f(1", b'F["SyntaxError"'),
    ],
)
def test_what_a_test_can_say(test: str, line: bytes, talk: Conversation) -> None:
    """Failed where, or why it cannot be apart."""
    talk.say(json.dumps({"mode": "tests", "setup": [], "entry": "f", "arguments": 99, "tests": [test]}).encode())
    assert talk.hear(time_s=30) == b"+"
    if b"AssertionError" in line:
        assert talk.hear(time_s=30)[:1] == b"C"
        talk.say(b"=4")
    assert talk.hear(time_s=30).startswith(line)


def test_what_a_call_left_of_its_arguments_is_told(talk: Conversation) -> None:
    """Behind the value, and only where it changed them."""
    _begin(talk, "serve", "def f(xs, sort):\n    if sort: xs.sort()\n    return len(xs)\n")
    assert talk.hear(time_s=30) == b"+"
    talk.say(b'{"t":[{"t":[[2,1],true]},{"d":[]}]}')
    assert talk.hear(time_s=30) == b'=2\t{"t":[{"t":[[1,2],true]},{"d":[]}]}'
    talk.say(b'{"t":[{"t":[[2,1]]},{"d":[["sort",false]]}]}')
    assert talk.hear(time_s=30) == b"=2"


def test_a_program_knows_its_file(talk: Conversation) -> None:
    """As one that is run by its name does."""
    _begin(talk, "calls", "import os\ndef f():\n    return os.path.basename(__file__)\n", lines=b"[]")
    assert [talk.hear(time_s=30) for _ in range(2)] == [b"+", b'="solution.py"']
