"""One switch per request, the right one, and what is said where there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import Connection, ServerFacts
from pytest_llmbench.settings import Profile, Settings
from pytest_llmbench.thinking_switch import ThinkingSwitch, body_for, merged, notice_of, problem_of, switch_of


def facts(switch: str = "", kind: str = "llama.cpp", **detail: Any) -> ServerFacts:
    """Return facts of a server whose template has this switch."""
    return ServerFacts(kind=kind, thinking_switch=switch, detail=detail)


def with_body(body: Mapping[str, Any], **more: Any) -> Settings:
    """Return settings with an extra body."""
    return Settings(connection=Connection(body=body), **more)


@pytest.mark.parametrize(
    ("switch", "kind", "on", "off"),
    [
        ("enable_thinking", "llama.cpp", {"enable_thinking": True}, {"enable_thinking": False}),
        ("thinking", "vllm", {"thinking": True}, {"thinking": False}),
        ("reasoning_effort", "llama.cpp", {"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
    ],
)
def test_a_variable_of_the_template_is_set(switch: str, kind: str, on: dict[str, Any], off: dict[str, Any]) -> None:
    """Exactly one, for either arm; nothing where nothing is asked."""
    found = switch_of(Settings(), facts(switch, kind))
    assert body_for(found, "on") == {"chat_template_kwargs": on}
    assert body_for(found, "off") == {"chat_template_kwargs": off}
    assert body_for(found, "") == {}


@pytest.mark.parametrize("kind", ["vllm", ""])
def test_a_level_goes_beside_the_messages_where_it_is_the_interfaces_own(kind: str) -> None:
    """That is where vLLM reads it for models that it renders without a template, hosted services know nothing else."""
    found = switch_of(Settings(), facts("reasoning_effort", kind))
    assert (body_for(found, "on"), body_for(found, "off")) == (
        {"reasoning_effort": "high"},
        {"reasoning_effort": "none"},
    )


@pytest.mark.parametrize("key", ["", "none"])
def test_without_a_switch_nothing_is_sent(key: str) -> None:
    """Whatever is asked."""
    assert body_for(ThinkingSwitch(key=key), "on") == body_for(ThinkingSwitch(key=key), "off") == {}


def test_the_users_word_wins_over_the_servers() -> None:
    """A template may deceive; a word that is none is refused with the nearest one."""
    assert switch_of(Settings(thinking_switch="thinking"), facts("none")).key == "thinking"
    with pytest.raises(UsageProblem, match=r'"enable_thinkin" is no switch: did you mean "enable_thinking"'):
        switch_of(Settings(thinking_switch="enable_thinkin"), facts())


def test_an_extra_body_keeps_its_other_template_variables() -> None:
    """The switch joins them."""
    body = {"chat_template_kwargs": {"language": "de"}, "cache_prompt": False}
    found = merged(body, ThinkingSwitch(key="thinking"), "on")
    assert found == {"chat_template_kwargs": {"language": "de", "thinking": True}, "cache_prompt": False}


def test_a_level_of_the_users_own_that_agrees_stays() -> None:
    """Nothing is added to it."""
    body = {"reasoning_effort": "low"}
    assert merged(body, ThinkingSwitch(key="reasoning_effort"), "on") == body
    assert merged(body, ThinkingSwitch(key="reasoning_effort"), "") == body


@pytest.mark.parametrize(
    ("body", "switch", "arm"),
    [
        ({"chat_template_kwargs": {"enable_thinking": True}}, "enable_thinking", "off"),
        ({"chat_template_kwargs": {"enable_thinking": False}}, "enable_thinking", "on"),
        ({"reasoning_effort": "none"}, "reasoning_effort", "on"),
        ({"reasoning_effort": "high"}, "reasoning_effort", "off"),
        ({"thinking": {"type": "enabled"}}, "", "off"),
        ({"reasoning_effort": "high"}, "enable_thinking", "on"),
        ({"reasoning_effort": "low", "chat_template_kwargs": {"thinking": True}}, "thinking", "on"),
    ],
)
def test_two_switches_are_refused(body: dict[str, Any], switch: str, arm: str) -> None:
    """Those that contradict, and those that only might; before the run too."""
    with pytest.raises(UsageProblem, match="extra body says"):
        merged(body, ThinkingSwitch(key=switch), arm)
    settings = with_body(body, thinking=arm)
    assert "extra body says" in str(problem_of(settings, [], facts(switch)))


def test_an_unknown_switch_is_told_with_what_to_write() -> None:
    """All three names, and where one of them is put."""
    for arm in ("on", "off"):
        problem = problem_of(Settings(thinking=arm), [""], facts(kind=""))
        assert problem is not None
        for name in ("enable_thinking", "thinking or", "reasoning_effort", "thinking_switch:", "llmbench.yaml"):
            assert name in str(problem)
        assert problem_of(Settings(thinking=arm, thinking_switch="thinking"), [""], facts(kind="")) is None


def test_a_body_that_says_it_itself_needs_no_switch() -> None:
    """The user knows the service."""
    settings = with_body({"thinking": {"type": "disabled"}}, thinking="off")
    assert problem_of(settings, [], facts(kind="")) is None


def test_a_template_without_a_switch_cannot_be_made_to_think() -> None:
    """One that always thinks does so anyway; off needs no switch where there is none, the answers will show."""
    assert "has no switch" in str(problem_of(Settings(thinking="on"), [], facts("none")))
    assert problem_of(Settings(thinking="on"), [], facts("none", thinking_always=True)) is None
    assert problem_of(Settings(thinking="off"), [], facts("none")) is None


def test_the_problem_names_where_thinking_was_asked_for() -> None:
    """The profile's key, or the flag, also where that was typed over the profile's."""
    profile = Profile(name="big", engine="external", origin="llmbench.yaml:7", thinking="on")
    told = str(problem_of(Settings(profile=profile, thinking="on"), [], facts("none")))
    assert told.startswith("the profile big (llmbench.yaml:7) says thinking: on: its chat template has no switch")
    assert told.endswith("; or leave that key out")
    quiet = dataclasses.replace(profile, thinking="off")
    for settings in (Settings(thinking="on"), Settings(profile=quiet, thinking="on")):
        told = str(problem_of(settings, [], facts("none")))
        assert told.startswith("--llm-thinking on: its chat template has no switch")
        assert told.endswith("; or leave --llm-thinking out")


def test_levels_without_an_off_are_told() -> None:
    """gpt-oss thinks at every level; a template that knows none can be turned off."""
    problem = problem_of(Settings(thinking="off"), [], facts("reasoning_effort", thinking_has_off=False))
    assert "none of which turns thinking off" in str(problem)
    assert problem_of(Settings(thinking="off"), [], facts("reasoning_effort", thinking_has_off=True)) is None
    assert problem_of(Settings(thinking="on"), [], facts("reasoning_effort", thinking_has_off=False)) is None


def test_a_packs_wish_that_cannot_be_fulfilled_is_told_and_stops_nothing() -> None:
    """A run of many packs goes on."""
    assert "packs here want thinking on" in notice_of(Settings(), ["", "on"], facts())
    assert "packs here want thinking off" in notice_of(
        Settings(), ["off"], facts("reasoning_effort", thinking_has_off=False)
    )
    assert problem_of(Settings(), ["on", "off"], facts()) is None
    assert notice_of(Settings(), ["on", "off"], facts("enable_thinking")) == ""
    assert notice_of(Settings(), [""], facts()) == ""
