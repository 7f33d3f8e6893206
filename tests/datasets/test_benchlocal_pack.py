"""Packs of benchlocal-cli: what is read from them, what is refused, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.datasets import is_pack_file, pack_fault, read_pack, select_packs
from pytest_llmbench.datasets.benchlocal_lines import HEAD_BYTES
from pytest_llmbench.datasets.benchlocal_scenarios import mark_of
from pytest_llmbench.errors import PackError, UnknownName
from pytest_llmbench.records import Message, Pack, Sampling, Scenario
from tests.datasets.benchlocal_sample import META, case, tool, write_jsonl

PHRASE = {"kind": "required_phrase", "value": "quay"}


def read(tmp_path: Path, *cases: dict[str, Any], **meta: Any) -> Pack:
    """Write and read a pack."""
    return read_pack(write_jsonl(tmp_path / "harbour-3.jsonl", cases, **meta))


def one(tmp_path: Path, meta: dict[str, Any] | None = None, **more: Any) -> Scenario:
    """Return the scenario of a pack of one."""
    return read(tmp_path, case("H-01", "instruct_follow", PHRASE, **more), **(meta or {})).scenarios[0]


def test_the_facts_of_a_pack(tmp_path: Path) -> None:
    """Id, version, licence and source come from the first line; the title is the repository's spelling of the id."""
    pack = read(tmp_path, case("H-01", "instruct_follow", PHRASE))
    facts = pack.facts
    assert (facts.id, facts.title, facts.version, facts.licence) == ("harbour-3", "Harbour-3", "1.2.0", "MIT")
    assert facts.source == "someone/Harbour-3 at 0a1b2c3 in benchlocal-cli's format"
    assert (facts.size, facts.tags, facts.floor, facts.origin) == (1, (), None, "benchlocal-cli")
    assert pack.path == tmp_path / "harbour-3.jsonl"


@pytest.mark.parametrize(
    ("pack_id", "modes"),
    [
        ("toolcall-15", ("quick", "medium", "full")),
        ("reasonmath-15", ("medium", "full")),
        ("gsm-symbolic-30", ("reasoning",)),
        ("harbour-3", ()),
    ],
)
def test_modes_are_tags(tmp_path: Path, pack_id: str, modes: tuple[str, ...]) -> None:
    """A pack of benchlocal-cli's own belongs to the modes it runs in there."""
    assert read(tmp_path, case("H-01", "instruct_follow", PHRASE), pack_id=pack_id).facts.tags == modes


def test_a_scenario_of_every_type(tmp_path: Path) -> None:
    """The verifier's type stands before the kind of each assert; parameters stay as they are."""
    pack = read(
        tmp_path,
        case(
            "A", "tool_call", {"kind": "arg_regex", "arg": "ship", "pattern": "I"}, tools=[tool("dock", ship="string")]
        ),
        case("B", "instruct_follow", PHRASE),
        case("C", "struct_output", {"kind": "json_parse_required"}),
        case("D", "reason_math", {"kind": "exact_numeric", "value": 3}),
        case("E", "data_extract", {"kind": "field_required", "field": "x"}),
        case("F", "answer_match", {"kind": "exact_letter", "value": "A"}),
    )
    assert [scenario.checks[0]["kind"] for scenario in pack.scenarios] == [
        "tool_call.arg_regex",
        "instruct_follow.required_phrase",
        "struct_output.json_parse_required",
        "reason_math.exact_numeric",
        "data_extract.field_required",
        "answer_match.exact_letter",
    ]
    first, second = pack.scenarios[:2]
    assert first.checks[0]["pattern"] == "I"
    assert (first.verifier, first.dialogue) == ("benchlocal", "single_turn")
    assert [offered.name for offered in first.tools] == ["dock"]
    assert (first.tool_choice, first.stream) == ("auto", False)
    assert (second.tool_choice, second.stream, second.tags, second.title) == (None, True, ("harbour",), "About B.")


def test_a_missing_type_is_the_packs(tmp_path: Path) -> None:
    """The metadata's verifier_module stands in for it."""
    line = case("A", "", PHRASE)
    del line["verifier"]["type"]
    assert read(tmp_path, line).scenarios[0].checks[0]["kind"] == "instruct_follow.required_phrase"


def test_an_expected_record_stands_for_the_asserts(tmp_path: Path) -> None:
    """With the anchor keys that benchlocal-cli has for this id, and whether the prompt names the shape."""
    lines = [
        case(name, "data_extract", expected={"items": [{"name": "x"}]}, declares_top_level_shape=name == "H-01")
        for name in ("DE-02", "H-01")
    ]
    found = [scenario.checks[0] for scenario in read(tmp_path, *lines).scenarios]
    assert [(check["kind"], check["anchors"], check["shape_declared"]) for check in found] == [
        ("data_extract.expected", {"items": "name"}, False),
        ("data_extract.expected", {}, True),
    ]


def test_sampling_is_the_packs_with_the_scenarios_on_top(tmp_path: Path) -> None:
    """Overrides win, also where that is a mistake; nothing is added, and what a request has of its own is left out."""
    defaults = {"temperature": 0, "top_p": 1, "max_tokens": 16384, "chat_template_kwargs": {"enable_thinking": False}}
    overrides = {"max_tokens": 1024, "temperature": 0.4, "top_k": 20, "seed": None, "stream": True}
    found = one(tmp_path, {"sampling_defaults": defaults}, sampling_overrides=overrides)
    assert found.max_tokens == 1024
    assert found.sampling == Sampling(temperature=0.4, top_p=1, extra={"top_k": 20})
    bare = one(tmp_path, {"sampling_defaults": None})
    assert (bare.sampling, bare.max_tokens) == (Sampling(), 1024)


@pytest.mark.parametrize(
    ("meta", "more", "seconds"),
    [
        ({}, {"max_seconds_override": 9}, 9.0),
        ({}, {"max_seconds_override": None}, 45.0),
        ({"timeout_per_case_default": 77.5}, {}, 77.5),
        ({"default_max_seconds": None}, {}, 60.0),
    ],
)
def test_seconds(tmp_path: Path, meta: dict[str, Any], more: dict[str, Any], seconds: float) -> None:
    """The scenario's own, else the pack's, else sixty."""
    assert one(tmp_path, meta, **more).timeout_s == seconds


DATE = {"benchmark_reference_date": "2026-03-05", "benchmark_reference_day": "Thursday"}
SENTENCE = "Benchmark reference date: 2026-03-05 (Thursday)."


@pytest.mark.parametrize(
    ("system", "date", "wanted"),
    [
        (None, DATE, SENTENCE),
        ("Be brief. \n", DATE, f"Be brief.\n\n{SENTENCE}"),
        (f"Be brief. {SENTENCE}", DATE, f"Be brief. {SENTENCE}"),
        ("Be brief.", {}, "Be brief."),
        (None, {"benchmark_reference_date": "2026-03-05"}, "Benchmark reference date: 2026-03-05."),
        (None, {"benchmark_reference_day": "Monday"}, "Benchmark reference day: Monday."),
    ],
)
def test_the_date_stands_in_the_system_message(
    tmp_path: Path, system: str | None, date: dict[str, str], wanted: str
) -> None:
    """After what is there, once; where there is no such message one is put first."""
    said = {"role": "user", "content": "Which day is it?"}
    messages = [said] if system is None else [{"role": "system", "content": system}, said]
    found = one(tmp_path, messages=messages, **date).messages
    assert found == (Message(role="system", content=wanted), Message(role="user", content="Which day is it?"))


def test_a_history_with_calls(tmp_path: Path) -> None:
    """Earlier calls and their results are part of the prompt."""
    call = {"id": "c1", "type": "function", "function": {"name": "dock", "arguments": {"berth": 4}}}
    messages = [
        {"role": "user", "content": "Dock her."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "no such berth"},
    ]
    _, asked, told = one(tmp_path, messages=messages).messages
    assert (asked.tool_calls[0].name, asked.tool_calls[0].arguments) == ("dock", '{"berth": 4}')
    assert (told.role, told.tool_call_id, told.content) == ("tool", "c1", "no such berth")


def test_repeated_ids_are_told_apart_by_their_place(tmp_path: Path) -> None:
    """And it is said so; an id that is taken already is left alone."""
    names = ["X", "X", "X-2", "X", "a b/c", 7]
    pack = read(tmp_path, *({**case("", "instruct_follow", PHRASE), "id": name} for name in names))
    ids = [scenario.id for scenario in pack.scenarios]
    assert ids == ["X", "X-3", "X-2", "X-4", "a-b-c", "7"]
    assert any("3 scenarios have the id X: " in line for line in pack.facts.cautions)


def test_notices(tmp_path: Path) -> None:
    """What the first line says of thinking is recorded, a count that is not true is reported."""
    told = read(tmp_path, case("A", "instruct_follow", PHRASE), scenario_count=3, default_thinking="on").facts.cautions
    assert "asks with thinking on" in told[0]
    assert told[1] == "the first line says there are 3 scenarios, the file has 1"
    assert "asks with thinking off" in read(tmp_path, case("A", "instruct_follow", PHRASE)).facts.cautions[0]


@pytest.mark.parametrize(
    ("tag", "mark"),
    [
        ("single-tool", "single_tool"),
        ("not", "tag_not"),
        ("skip", "tag_skip"),
        ("3d", "tag_3d"),
        ("caf\u00e9 x", "caf_x"),
        ("--", ""),
    ],
)
def test_tags_become_marks(tag: str, mark: str) -> None:
    """Letters, digits and underscores, and no word that pytest takes for its own."""
    assert mark_of(tag) == mark


def test_the_hash_covers_what_is_asked_and_judged(tmp_path: Path) -> None:
    """Another value is another pack, another layout is not."""
    path = write_jsonl(tmp_path / "a.jsonl", [case("A", "instruct_follow", PHRASE)])
    first = read_pack(path).facts.content_hash
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("\n\n".join(json.dumps(dict(reversed(line.items()))) for line in lines) + "\r\n")
    assert read_pack(path).facts.content_hash == first
    lines[1]["verifier"]["asserts"][0]["value"] = "pier"
    path.write_text("\n".join(map(json.dumps, lines)))
    assert read_pack(path).facts.content_hash != first


GOOD = json.dumps(case("A", "instruct_follow", PHRASE))
FAULTS: dict[str, tuple[list[str], int, str, str]] = {
    "bad JSON": ([GOOD, '{"id": '], 3, "", "is not JSON"),
    "no object": ([GOOD, "[1]"], 3, "", "must be a JSON object, not a list"),
    "no id": ([GOOD, "", '{"messages": []}'], 4, "id", "is missing or empty"),
    "an empty id": (['{"id": " "}'], 2, "id", "is missing or empty"),
    "no ASCII in the id": (['{"id": "\u00fc"}'], 2, "id", "'\u00fc' holds nothing that an id here is made of: letters"),
    "no messages": ([GOOD, '{"id": "B"}'], 3, "messages", "is missing or empty"),
    "a role": (['{"id": "B", "messages": [{"role": "boss"}]}'], 2, "messages[0]", "a role"),
    "parts": (['{"id": "B", "messages": [{"role": "user", "content": []}]}'], 2, "messages[0].content", "only text"),
    "no verifier": (['{"id": "B", "messages": [{"role": "user"}]}'], 2, "verifier.asserts", "is missing"),
    "a verifier": (['{"id": "B", "messages": [{"role": "user"}], "verifier": 3}'], 2, "verifier", "must be an object"),
    "no kind": ([GOOD.replace('"kind"', '"kin"')], 2, "verifier.asserts[0]", "with a kind"),
    "tools": ([GOOD[:-1] + ', "tools": [{}]}'], 2, "tools[0]", "a function with a name"),
    "tags": ([GOOD.replace('["harbour"]', "[1]")], 2, "tags[0]", "must be a text"),
    "max_tokens": (
        [GOOD[:-1] + ', "sampling_overrides": {"max_tokens": 0}}'],
        2,
        "sampling_overrides.max_tokens",
        "1 up",
    ),
    "temperature": (
        [GOOD[:-1] + ', "sampling_overrides": {"temperature": "x"}}'],
        2,
        "sampling_overrides.temperature",
        "must be a number",
    ),
    "seconds": ([GOOD[:-1] + ', "max_seconds_override": -1}'], 2, "max_seconds_override", "above 0"),
    "nothing": ([], 1, "", "has no scenarios"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_its_line_and_key(tmp_path: Path, fault: str) -> None:
    """Nothing validates these files upstream."""
    lines, number, key, words = FAULTS[fault]
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join([json.dumps(META), *lines]))
    with pytest.raises(PackError, match=words) as caught:
        read_pack(path)
    assert (caught.value.line, caught.value.key) == (number, key)
    assert str(caught.value).startswith(f"{path}:{number}: ")


@pytest.mark.parametrize(
    "meta", [{"supports_sandboxed_only": True}, {"verifier_module": "_stub"}], ids=["declared", "by its verifier"]
)
def test_a_sandboxed_pack_is_refused_in_one_message(tmp_path: Path, meta: dict[str, Any]) -> None:
    """It says how many scenarios cannot be run and why."""
    lines = [case(name, "_stub", {"kind": "_stub"}) for name in "AB"]
    with pytest.raises(PackError, match=r"2 of the 2 scenarios of harbour-3 cannot be run: .* container"):
        read(tmp_path, *lines, **meta)


def test_a_pack_without_its_data_says_so(tmp_path: Path) -> None:
    """Some files hold the first line alone."""
    with pytest.raises(PackError, match="its data set must be fetched first"):
        read(tmp_path, requires_dataset_access=True)
    with pytest.raises(PackError, match="has no scenarios: gated"):
        read(tmp_path, requires_dataset_access=True, dataset_access_note="gated")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.jsonl", b'{"__meta__": true, "pack_id": "x"}\n', True),
        ("a.jsonl", b'\xef\xbb\xbf{"pack_id": "x", "__meta__": true}', True),
        ("a.jsonl", b'{"__meta__": false}\n', False),
        ("a.jsonl", b'{"text": "__meta__"}\n{"__meta__": true}\n', False),
        ("a.jsonl", b'{"__meta__": true, "x": "' + b"x" * HEAD_BYTES + b'"}\n', False),
        ("a.jsonl", b"[" * 60_000 + b'"__meta__"', False),
        ("a.jsonl", b"", False),
        ("a.json", b'{"__meta__": true}', False),
    ],
)
def test_the_first_line_tells(tmp_path: Path, name: str, content: bytes, *, found: bool) -> None:
    """Within 64 KiB; whatever else is in the file is not read."""
    path = tmp_path / name
    path.write_bytes(content)
    assert is_pack_file(path) is found


def test_packs_are_selected_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, or all packs of a folder; other files there do not count."""
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "theirs" / "b.jsonl", [case("A", "instruct_follow", PHRASE)])
    write_jsonl(tmp_path / "theirs" / "a.jsonl", [case("A", "instruct_follow", PHRASE)])
    (tmp_path / "theirs" / "c.jsonl").write_text("{}\n")
    assert [path.name for path in select_packs(["theirs"])] == ["a.jsonl", "b.jsonl"]
    assert [path.name for path in select_packs(["theirs/b.jsonl"])] == ["b.jsonl"]
    with pytest.raises(UnknownName, match=r"theirs/c\.jsonl"):
        select_packs(["theirs/c.jsonl"])


def test_a_fault_found_later_is_placed(tmp_path: Path) -> None:
    """A verifier's complaint about the second scenario names its line and the file's own key."""
    path = write_jsonl(tmp_path / "a.jsonl", [case("A", "instruct_follow", PHRASE)] * 2)
    fault = pack_fault(path, ("scenarios", 1, "checks", 0, "value"), "bad")
    assert (fault.line, fault.key) == (3, "verifier.asserts[0].value")
    assert pack_fault(path, (), "bad").line is None


def test_a_fault_of_the_type_is_where_the_type_is(tmp_path: Path) -> None:
    """In the scenario, or in the first line where the scenario has none of its own."""
    bare = {**case("B", "", PHRASE), "verifier": {"asserts": [PHRASE]}}
    path = write_jsonl(tmp_path / "a.jsonl", [case("A", "instruct_folow", PHRASE), bare])
    places = [pack_fault(path, ("scenarios", index, "checks", 0, "type"), "bad") for index in (0, 1)]
    assert [(fault.line, fault.key) for fault in places] == [(2, "verifier.type"), (1, "verifier_module")]


def test_a_misspelt_type_is_kept_for_the_verifier_to_tell(tmp_path: Path) -> None:
    """A record with no asserts beside it is not taken for a scenario that lacks them."""
    found = read(tmp_path, case("A", "data_extrakt", expected={"a": 1}))
    assert found.scenarios[0].checks[0]["kind"] == "data_extrakt.expected"
