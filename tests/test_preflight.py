"""What cannot fit is told before the run, with numbers, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_llmbench.preflight import Asked, Misfit, asked_of, cannot_fit, problem_with
from pytest_llmbench.records import Message, Scenario, ServerFacts, Tool
from pytest_llmbench.settings import Settings
from pytest_llmbench.thinking_switch import ThinkingSwitch

SWITCH = ThinkingSwitch(key="enable_thinking")


def scenario(name: str, text: str, **more: object) -> Scenario:
    """Return a scenario with one user message."""
    given = {"messages": (Message(role="user", content=text),), "max_tokens": 100, **more}
    return Scenario(**{"id": name, "title": name, "dialogue": "single_turn", "verifier": "v", **given})  # type: ignore[arg-type]


def asked(*scenarios: Scenario, settings: Settings | None = None) -> list[Asked]:
    """Return them as a pack's."""
    return list(asked_of("p", scenarios, settings or Settings(), SWITCH))


def words(messages: Sequence[Message], tools: Sequence[Tool]) -> int:
    """Count as a tokenizer of words would."""
    return sum(len(message.content.split()) for message in messages) + 100 * len(tools)


def test_a_prompt_that_surely_is_too_long_is_found_without_asking() -> None:
    """By its characters alone; the short one fits."""
    found = cannot_fit(asked(scenario("long", "antidisestablish " * 1000), scenario("short", "hi")), 2048)
    assert [(one.pack, one.scenario, one.is_exact, one.answer_tokens) for one in found] == [("p", "long", False, 100)]
    assert found[0].needed > 2048


def test_the_estimate_never_takes_a_prompt_for_longer_than_it_is() -> None:
    """Runs of one character are few tokens: a rule of dashes or an indented program must not stop a run."""
    for text in ("-" * 20_000, " " * 20_000, "\n" * 20_000, "word " * 1800):
        assert cannot_fit(asked(scenario("s", text)), 2048) == ()


def test_the_longest_prompts_are_counted_exactly() -> None:
    """Three of them, tools included; the rest is shorter than one that fits."""
    counted: list[int] = []

    def count(messages: Sequence[Message], tools: Sequence[Tool]) -> int:
        counted.append(words(messages, tools))
        return counted[-1]

    crowd = [scenario(f"s{size}", "a b " * size) for size in range(500, 20, -20)]
    found = cannot_fit(asked(*crowd), 1000, count=count)
    assert [(one.scenario, one.prompt_tokens, one.is_exact) for one in found] == [
        ("s500", 1000, True),
        ("s480", 960, True),
        ("s460", 920, True),
    ]
    assert counted == [1000, 960, 920, 880, 840, 800]


def test_further_turns_of_the_user_are_added_to_a_counted_opening() -> None:
    """They come later, and are then as long as they are at least."""
    talk = scenario("s", "hi there", followups=("understanding " * 100, "and then? " * 10))
    (found,) = cannot_fit(asked(talk), 288, count=words)
    assert (found.prompt_tokens, found.is_exact) == (2 + 1500 // 8, False)


def test_tools_count_where_the_server_counts_them() -> None:
    """They are part of the prompt, if the template has a place for them."""
    tool = Tool(name="t", description="d", parameters={"type": "object"})
    one = asked(scenario("s", "hi", tools=(tool,) * 9))
    assert cannot_fit(one, 500) == ()
    assert [found.prompt_tokens for found in cannot_fit(one, 500, count=words)] == [901]


def test_an_unknown_context_or_count_stops_nothing() -> None:
    """What is not known is no misfit; a data set's question is not known, its answer's limit is."""
    long = asked(scenario("s", "word " * 5000, max_tokens=5000))
    assert cannot_fit(long, None) == ()
    assert cannot_fit(asked(scenario("s", "hi")), 500, count=lambda _messages, _tools: None) == ()
    assert len(cannot_fit(asked(scenario("d", "", messages=(), max_tokens=4096)), 4096)) == 0
    assert len(cannot_fit(asked(scenario("d", "", messages=(), max_tokens=4097)), 4096)) == 1


def test_thoughts_need_room_too() -> None:
    """With thinking on the answer's limit and that of the thoughts are counted, and told apart."""
    (found,) = cannot_fit(asked(scenario("s", "hi"), settings=Settings(thinking="on")), 8192)
    assert (found.answer_tokens, found.thinking_tokens) == (100, 16384)
    assert cannot_fit(asked(scenario("s", "hi"), settings=Settings(thinking="off")), 8192) == ()
    assert cannot_fit(asked(scenario("s", "hi"), settings=Settings(thinking="on", thinking_max_tokens=512)), 8192) == ()


def misfit(**more: int) -> Misfit:
    """Return a scenario that needs 3,000 of 2,048 tokens."""
    given = {"prompt_tokens": 2000, "answer_tokens": 1000, "thinking_tokens": 0, "context": 2048, **more}
    return Misfit(pack="p", scenario="S-1", is_exact=True, **given)


def test_the_message_has_the_numbers_and_what_to_change() -> None:
    """For llama.cpp the whole context and the slots that it would take."""
    told = str(problem_with([misfit()], ServerFacts(kind="llama.cpp", slots=4)))
    assert "2,048 tokens, with 4 slots" in told
    assert "p::S-1 needs 3,000: 2,000 of prompt, 1,000 of answer" in told
    for advice in ("-c 12288 -np 4", "-np 2 and the context it has", "--llm-max-tokens 48"):
        assert advice in told
    assert "thinking" not in told


@pytest.mark.parametrize(("kind", "advice"), [("vllm", "--max-model-len 3072"), ("", "a context of 3072 tokens")])
def test_other_servers_have_other_words(kind: str, advice: str) -> None:
    """And no slots."""
    assert advice in str(problem_with([misfit()], ServerFacts(kind=kind)))


def test_thoughts_are_the_first_to_give_way() -> None:
    """As many as fit beside prompt and answer, else none."""
    facts = ServerFacts(kind="vllm")
    assert "--llm-thinking-max-tokens 548" in str(
        problem_with([misfit(prompt_tokens=500, answer_tokens=1000, thinking_tokens=9000)], facts)
    )
    assert "--llm-thinking off" in str(problem_with([misfit(thinking_tokens=9000)], facts))


def test_many_are_told_in_few_lines() -> None:
    """The worst ones first."""
    told = str(problem_with([misfit(answer_tokens=size) for size in (100, 900, 300, 700, 500)], ServerFacts()))
    assert told.startswith("5 scenarios cannot fit")
    assert "and 2 more" in told
    assert told.index("2,900") < told.index("2,700") < told.index("2,500")
    assert problem_with([], ServerFacts()) is None
