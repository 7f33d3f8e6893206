"""Every record survives the way through plain data, whatever a model wrote into it."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_llmbench import records
from pytest_llmbench.plain_data import TEXT_LIMIT, from_plain, printable, to_plain
from pytest_llmbench.records import (
    ExecResult,
    Message,
    Outcome,
    Pack,
    PackFacts,
    Request,
    Response,
    Result,
    Sampling,
    Scenario,
    Timing,
    Tool,
    ToolCall,
    Trial,
    Usage,
    Verdict,
)

ANY_TEXT = st.text(st.characters(), max_size=20)
CLEAN_TEXT = st.text(max_size=20)
WHOLE = st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
RECORDS = [
    kind
    for kind in vars(records).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind not in (Pack, ExecResult)
]
"""All but a pack, which knows how to build its scenarios, and a program's raw outputs: those stay in their process."""


def json_values(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Return what JSON can hold, without the tuples and sets it turns into lists."""
    leaves = st.none() | st.booleans() | WHOLE | FINITE | text
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | _mappings(inner), max_leaves=6)


def record_strategy(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy that fills every field of `kind` by its type."""
    return _record_strategy(kind)


@functools.cache
def _record_strategy(kind: Any) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    fields = {item.name: _for_hint(hints[item.name]) for item in dataclasses.fields(kind)}
    return st.builds(kind, **fields)


def _mappings(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Mapping[str, Any]]:
    return st.dictionaries(CLEAN_TEXT, inner, max_size=3)


def _for_hint(hint: Any) -> st.SearchStrategy[Any]:
    simple = {
        str: ANY_TEXT,
        int: WHOLE,
        float: FINITE,
        bool: st.booleans(),
        Any: json_values(ANY_TEXT),
        Path: st.sampled_from([Path(), Path("a/b"), Path("/some where/x")]),
        Mapping[str, Any]: _mappings(json_values(ANY_TEXT)),
        Mapping[str, float]: _mappings(FINITE),
        Mapping[str, str]: _mappings(CLEAN_TEXT),
    }
    if hint in simple:
        return simple[hint]
    arms = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return st.lists(_for_hint(arms[0]), max_size=2).map(tuple)
    if type(None) in arms:
        return st.none() | _for_hint(arms[0])
    if dataclasses.is_dataclass(hint):
        return record_strategy(hint)
    return st.sampled_from(list(hint))


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_record_comes_back_equal_from_the_journal(kind: type[Any], data: st.DataObject) -> None:
    """Through ASCII JSON text, with lone surrogates as they were."""
    record = data.draw(record_strategy(kind))
    text = json.dumps(to_plain(record, text_limit=None), allow_nan=False)
    assert text.isascii()
    assert from_plain(kind, json.loads(text)) == record


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_record_crosses_processes_as_builtin_types(kind: type[Any], data: st.DataObject) -> None:
    """What goes to the controller is builtin types in UTF-8, and equal but for the lone surrogates."""
    record = data.draw(record_strategy(kind))
    plain = to_plain(record)
    assert _types_in(plain) <= {type(None), bool, int, float, str, list, dict}
    json.dumps(plain, ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert to_plain(from_plain(kind, plain)) == plain


@settings(max_examples=100, deadline=None)
@given(value=json_values(CLEAN_TEXT))
def test_plain_data_stays_as_it_is(value: Any) -> None:
    """Making plain data plain changes nothing."""
    assert to_plain(value) == value


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_json_does_not_know_are_null(number: float) -> None:
    """In every depth, and None is what comes back."""
    assert to_plain({"a": [number, (number,)]}) == {"a": [None, [None]]}
    assert from_plain(Timing, to_plain(Timing(decode_tps=number))).decode_tps is None


@pytest.mark.parametrize("number", [2**63, -(2**70), 10**1000, 10**5000], ids=["64", "70", "3322", "16610"])
def test_huge_integers_do_not_break_json(number: int) -> None:
    """They become something bounded that any reader takes."""
    text = json.dumps(to_plain({"n": number}))
    assert len(text) < 500
    json.loads(text)


def test_long_texts_are_cut_for_other_processes_and_whole_in_the_journal() -> None:
    """The cut says how much is missing."""
    answer = Response(content="x" * (10 << 20))
    sent = to_plain(answer)["content"]
    assert len(sent) < TEXT_LIMIT + 100
    assert sent.endswith("more characters]")
    assert from_plain(Response, to_plain(answer, text_limit=None)) == answer


def test_lone_surrogates_are_replaced_for_other_processes() -> None:
    """Every text of a record, nested ones too, can be encoded."""
    calls = (ToolCall(id="\ud800", name="\udfff", arguments='{"\ud800": NaN}'),)
    plain = to_plain(Message(role="assistant", content="a\ud800b", tool_calls=calls))
    assert plain["content"] == "a?b"
    json.dumps(plain, ensure_ascii=False).encode("utf-8")


def test_printable_keeps_what_any_file_takes() -> None:
    """NUL and line separators are no reason to change a text; only what UTF-8 refuses is."""
    assert printable("a\x00\u2028\U0001f600") == "a\x00\u2028\U0001f600"
    assert printable("abcdef", 2) == "ab... [4 more characters]"


def test_things_nobody_planned_for_become_bounded_text() -> None:
    """Sets are lists, other objects their bounded repr; nothing raises."""
    assert to_plain({"a": {1}}) == {"a": [1]}
    assert to_plain(b"\xff") == "b'\\xff'"
    assert len(to_plain(bytes(10_000))) < 1100


def test_a_newer_file_can_be_read() -> None:
    """Keys of a later version are ignored, and fields an older one had not are the default."""
    assert from_plain(Message, {"role": "user", "mood": "sunny"}) == Message(role="user")
    with pytest.raises(TypeError):
        from_plain(Message, {"content": "no role"})


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_fingerprint_is_the_same_after_the_journal(data: st.DataObject) -> None:
    """Resume compares fingerprints of requests that came another way."""
    request = data.draw(record_strategy(Request))
    again = from_plain(Request, json.loads(json.dumps(to_plain(request, text_limit=None))))
    assert again.fingerprint() == request.fingerprint()


def test_a_fingerprint_tells_what_shapes_the_answer() -> None:
    """Any change of what the model sees changes it; streaming does not."""
    base = Request(model="m", messages=(Message(role="user", content="a"),))
    others = [
        dataclasses.replace(base, model="n"),
        dataclasses.replace(base, messages=(Message(role="user", content="\ud800"),)),
        dataclasses.replace(base, messages=(Message(role="user", content="?"),)),
        dataclasses.replace(base, tools=(Tool(name="t", description="", parameters={}),)),
        dataclasses.replace(base, tool_choice="auto"),
        dataclasses.replace(base, sampling=Sampling(seed=1)),
        dataclasses.replace(base, max_tokens=2),
    ]
    assert len({request.fingerprint() for request in [base, *others]}) == len(others) + 1
    assert dataclasses.replace(base, stream=False).fingerprint() == base.fingerprint()


def test_the_key_of_a_trial_is_that_of_its_result() -> None:
    """Pack id, content hash, scenario, attempt and profile; neither node id nor purpose."""
    scenario = Scenario(id="s", title="s", messages=(), dialogue="d", verifier="v")
    facts = PackFacts(id="p", title="p", version="1", content_hash="h", size=1)
    trial = Trial(nodeid="x", pack=facts, scenario=scenario, attempt=3)
    assert dataclasses.astuple(trial.key) == ("p", "h", "s", 3, "")
    verdict = Verdict(outcome=Outcome.PASS)
    result = Result(key=trial.key, nodeid="y", title="", purpose=trial.purpose, verdict=verdict, pack=facts)
    assert from_plain(Result, to_plain(result)).key == trial.key


def test_a_pack_comes_back_with_its_scenarios() -> None:
    """The sequence of scenarios is one of records, not of dicts."""
    scenario = Scenario(id="s", title="s", messages=(), dialogue="d", verifier="v")
    facts = PackFacts(id="p", title="p", version="1", content_hash="h", size=1)
    again = from_plain(Pack, to_plain(Pack(facts=facts, path=Path("p"), scenarios=(scenario,))))
    assert again == Pack(facts=facts, path=Path("p"), scenarios=(scenario,))


def test_names_in_mappings_are_kept_by_the_journal() -> None:
    """Two names that differ in a lone surrogate stay two."""
    sampling = Sampling(extra=dict(zip(("\ud800", "\ud801"), (1, 2), strict=True)))
    assert from_plain(Sampling, to_plain(sampling, text_limit=None)) == sampling


def test_a_token_count_stays_a_number() -> None:
    """A server that counts nonsense must not turn sums into texts."""
    again = from_plain(Usage, to_plain(Usage(prompt_tokens=2**70)))
    assert again.prompt_tokens is None or isinstance(again.prompt_tokens, int)


def test_a_metric_that_is_no_number_is_left_out() -> None:
    """Who averages metrics meets numbers only."""
    again = from_plain(Verdict, to_plain(Verdict(outcome=Outcome.PASS, metrics={"a": math.nan, "b": 1.0})))
    assert again.metrics == {"b": 1.0}


def _types_in(value: Any) -> set[type]:
    found = {type(value)}
    if isinstance(value, Mapping):
        found |= {inner for pair in value.items() for item in pair for inner in _types_in(item)}
    elif isinstance(value, Sequence) and not isinstance(value, str):
        found |= {inner for item in value for inner in _types_in(item)}
    return found
