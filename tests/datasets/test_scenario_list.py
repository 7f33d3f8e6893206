"""Scenarios as they come out of a pack: defaults applied, built when asked for, small until then."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest

from pytest_llmbench.datasets import READERS
from pytest_llmbench.datasets.scenario_list import ScenarioList
from pytest_llmbench.errors import PackError
from pytest_llmbench.records import Message, MockedResult, Sampling, Scenario, Tool
from tests.datasets.sample import PACK, write

LOOK = Tool(name="look", description="looks", parameters={"type": "object", "properties": {"at": {"type": "string"}}})


def scenarios(folder: Path, text: str = PACK) -> ScenarioList:
    """Read a pack file and return its scenarios."""
    found = READERS["llmbench"].read(write(folder, text)).scenarios
    assert isinstance(found, ScenarioList)
    return found


def second(folder: Path, lines: str, defaults: str = "") -> Scenario:
    """Return the sample's second scenario with `lines` in place of its prompt, and more defaults."""
    indented = "\n".join(f"    {line}" for line in lines.splitlines())
    text = PACK.replace("    prompt: What is down there?", indented).replace("  system: Be brief.\n", defaults)
    return scenarios(folder, text)[1]


def test_a_whole_scenario(tmp_path: Path) -> None:
    """Everything the file says arrives where it belongs."""
    assert scenarios(tmp_path)[0] == Scenario(
        id="A-1",
        title="The sky",
        messages=(Message(role="system", content="Be brief."), Message(role="user", content="What is up there?")),
        dialogue="tool_loop",
        verifier="tool_calls",
        tags=("hard",),
        tools=(LOOK,),
        tool_choice="auto",
        tool_results=(MockedResult(tool="look", result={"seen": ["cloud", 3]}, when={"at": "sky"}, times=1),),
        checks=({"kind": "calls", "arguments": {"at": "sky"}},),
        sampling=Sampling(temperature=0, top_p=1, seed=1),
        max_tokens=1024,
        timeout_s=120.0,
        max_turns=8,
        stream=False,
    )


def test_lists_are_asked_without_building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids, titles and tags are at hand for collection."""
    found = scenarios(tmp_path)
    monkeypatch.setattr(ScenarioList, "_build", None)
    assert tuple(found.ids()) == ("A-1", "A-2")
    assert tuple(found.titles()) == ("The sky", "The sea")
    assert [found.tags_of(index) for index in range(len(found))] == [("hard",), ()]


def test_it_is_a_sequence(tmp_path: Path) -> None:
    """Indices from either end, slices, iteration, and IndexError past the end."""
    found = scenarios(tmp_path)
    assert len(found) == 2
    assert [scenario.id for scenario in found] == ["A-1", "A-2"]
    assert found[-1].id == "A-2"
    assert [scenario.id for scenario in found[::-1]] == ["A-2", "A-1"]
    assert found[0] in found
    for outside in (2, -3):
        with pytest.raises(IndexError):
            found[outside]


def test_it_can_be_pickled(tmp_path: Path) -> None:
    """Plain data all the way down."""
    found = scenarios(tmp_path)
    assert list(pickle.loads(pickle.dumps(found))) == list(found)  # noqa: S301


@pytest.mark.parametrize(
    ("lines", "roles"),
    [
        ("prompt: x", [("system", "Be brief."), ("user", "x")]),
        ("prompt: x\nsystem: Be long.", [("system", "Be long."), ("user", "x")]),
        ("prompt: x\nsystem: ''", [("user", "x")]),
        ("messages: [{role: system, content: s}, {role: user, content: x}]", [("system", "s"), ("user", "x")]),
        (
            "messages: [{role: user, content: x}, {role: assistant, content: y}, {role: user, content: z}]",
            [("system", "Be brief."), ("user", "x"), ("assistant", "y"), ("user", "z")],
        ),
    ],
)
def test_the_system_message(tmp_path: Path, lines: str, roles: list[tuple[str, str]]) -> None:
    """The scenario's replaces the pack's, an empty one removes it, one among the messages stands."""
    opening = second(tmp_path, lines, "  system: Be brief.\n").messages
    assert [(message.role, message.content) for message in opening] == roles


def test_scenario_wins_over_defaults(tmp_path: Path) -> None:
    """Whatever stands in both places, the scenario's counts; sampling is merged key by key."""
    defaults = "  max_tokens: 7\n  timeout_s: 7\n  max_turns: 7\n  sampling: {temperature: 0.7, top_k: 40}\n"
    plain = second(tmp_path / "a", "prompt: x", defaults)
    assert (plain.max_tokens, plain.timeout_s, plain.max_turns) == (7, 7.0, 7)
    assert plain.sampling == Sampling(temperature=0.7, top_p=1.0, seed=1, extra={"top_k": 40})
    own = second(tmp_path / "b", "prompt: x\nmax_tokens: 9\nsampling: {seed: null, min_p: 0.1}", defaults)
    assert (own.max_tokens, own.max_turns) == (9, 7)
    assert own.sampling == Sampling(temperature=0.7, top_p=1.0, seed=None, extra={"top_k": 40, "min_p": 0.1})


def test_thinking_is_the_servers_affair_unless_asked(tmp_path: Path) -> None:
    """The words on and off are texts here, and no others are taken."""
    assert second(tmp_path / "a", "prompt: x").thinking == ""
    assert second(tmp_path / "b", "prompt: x", "  thinking: on\n").thinking == "on"
    assert second(tmp_path / "c", "prompt: x\nthinking: off", "  thinking: on\n").thinking == "off"
    with pytest.raises(PackError, match="thinking"):
        second(tmp_path / "d", "prompt: x\nthinking: true")


def test_tools_are_all_some_or_none(tmp_path: Path) -> None:
    """Absent is the whole pool; an empty list is no tools, which are then not chosen among and can be streamed."""
    whole = second(tmp_path / "a", "prompt: x")
    assert [tool.name for tool in whole.tools] == ["look", "listen"]
    assert (whole.tool_choice, whole.stream) == ("auto", False)
    none = second(tmp_path / "b", "prompt: x\ntools: []", "  tool_choice: required\n")
    assert (none.tools, none.tool_choice, none.stream) == ((), None, True)
    some = second(tmp_path / "c", "prompt: x\ntools: [listen]\ntool_choice: none\nstream: true")
    assert ([tool.name for tool in some.tools], some.tool_choice, some.stream) == (["listen"], "none", True)


def test_the_dialogue_is_single_turn_unless_named(tmp_path: Path) -> None:
    """The simplest pack names only its verifier."""
    text = PACK.replace("  dialogue: tool_loop\n", "").replace(
        "prompt: What is down", "followups: [y]\n    prompt: What is down"
    )
    found = scenarios(tmp_path, text)[1]
    assert (found.dialogue, found.followups) == ("single_turn", ("y",))


def test_results_keep_the_order_of_their_keys(tmp_path: Path) -> None:
    """The model reads them as the author wrote them."""
    text = PACK.replace("{seen: [cloud, 3]}", "{z: 1, a: 2}")
    result = scenarios(tmp_path, text)[0].tool_results[0].result
    assert list(result) == ["z", "a"]


def test_odd_characters_survive(tmp_path: Path) -> None:
    """NUL, emoji and right-to-left marks are text like any other."""
    text = PACK.replace("What is up there?", '"a\\0b \\u202e é 🙂"')
    assert scenarios(tmp_path, text)[0].messages[-1].content == "a\0b \u202e é 🙂"


def test_a_long_pack_is_small(tmp_path: Path) -> None:
    """Ten thousand small scenarios need less than a kilobyte each, and give the same as one."""
    entry = "  - {id: B-%d, title: Number %d, prompt: How much is %d and one?, checks: [{kind: none}]}\n"
    text = PACK + "".join(entry % (number, number, number) for number in range(10_000))
    found = scenarios(tmp_path, text)
    assert len(found) == 10_002
    assert found[10_001].messages[-1].content == "How much is 9999 and one?"
    parts = (found._ids, found._titles, found._bodies, found._tags)
    held = sum(sys.getsizeof(part) for part in parts)
    held += sum(sys.getsizeof(item) for part in parts[:3] for item in part)
    assert held / len(found) < 500
