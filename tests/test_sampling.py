"""Who wins: pack < scenario < run, and what leaves in the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.datasets import READERS
from pytest_llmbench.endpoints.message_body import body_of
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import Connection, Sampling, Scenario
from pytest_llmbench.sampling import (
    arm_of,
    deviations,
    is_canonical,
    max_tokens_for,
    parse_sampling,
    request_for,
    sampling_for,
)
from pytest_llmbench.settings import THINKING_MAX_TOKENS, Settings
from pytest_llmbench.thinking_switch import ThinkingSwitch

PACK = """\
llmbench: 1
id: wins
title: Wins
version: 1.0.0
licence: CC0-1.0
source: Written here.
tags: [x]
dimension: None.
defaults: {dialogue: single_turn, verifier: instructions, max_tokens: 100, timeout_s: 9, sampling: {top_k: 5}}
scenarios:
  - {id: A, title: a, prompt: hi, checks: [{kind: words, min: 1}]}
  - id: B
    title: b
    prompt: hi
    max_tokens: 200
    thinking: on
    sampling: {temperature: 0.5, seed: 7}
    checks: [{kind: words, min: 1}]
"""


@pytest.fixture
def scenarios(tmp_path: Path) -> list[Scenario]:
    """Return a scenario that takes all from its pack and one that sets its own."""
    (tmp_path / "pack.yaml").write_text(PACK, encoding="utf-8")
    return list(READERS["llmbench"].read(tmp_path / "pack.yaml").scenarios)


def sent(scenario: Scenario, settings: Settings, attempt: int = 1) -> dict[str, Any]:
    """Return the body that leaves for this scenario."""
    request = request_for(scenario, settings, model="m", attempt=attempt, messages=scenario.messages)
    body = body_of(request, stream_usage=False)
    return {name: body.get(name) for name in ("temperature", "top_p", "seed", "top_k", "max_tokens")}


def test_a_scenario_wins_over_its_pack(scenarios: list[Scenario]) -> None:
    """What it does not set comes from the pack, what neither sets is greedy with a fixed seed."""
    plain, own = (sent(scenario, Settings()) for scenario in scenarios)
    assert plain == {"temperature": 0, "top_p": 1, "seed": 1, "top_k": 5, "max_tokens": 100}
    assert own == {"temperature": 0.5, "top_p": 1, "seed": 7, "top_k": 5, "max_tokens": 200 + THINKING_MAX_TOKENS}


def test_the_run_wins_over_both(scenarios: list[Scenario]) -> None:
    """A token limit of the run holds for every request, also where a scenario pins its own."""
    overrides, _ = parse_sampling("temperature=0.8, top_p=0.95,min_p=0.1")
    settings = Settings(sampling=overrides, max_tokens=16)
    for scenario, thoughts in zip(scenarios, (0, THINKING_MAX_TOKENS), strict=True):
        body = sent(scenario, settings)
        assert (body["temperature"], body["top_p"], body["top_k"]) == (0.8, 0.95, 5)
        assert body["max_tokens"] == 16 + thoughts


def test_the_servers_own_sampling_sends_none_at_all(scenarios: list[Scenario]) -> None:
    """Leaving a field out is not the same as temperature 0."""
    body = sent(scenarios[0], Settings(sampling_from_server=True))
    assert body == {"temperature": None, "top_p": None, "seed": None, "top_k": None, "max_tokens": 100}


def test_repeats_get_seeds_of_their_own_only_where_chance_is_at_work(scenarios: list[Scenario]) -> None:
    """Greedy repeats measure the server's noise, sampled ones need another seed each."""
    greedy, sampled = scenarios
    assert [sent(greedy, Settings(), attempt)["seed"] for attempt in (1, 2, 3)] == [1, 1, 1]
    assert [sent(sampled, Settings(), attempt)["seed"] for attempt in (1, 2, 3)] == [7, 8, 9]


def test_only_the_packs_own_sampling_is_canonical() -> None:
    """Anything else does not compare."""
    assert is_canonical(Settings())
    assert not is_canonical(Settings(sampling={"temperature": 0.0}))
    assert not is_canonical(Settings(sampling_from_server=True))


def test_what_does_not_compare_is_named() -> None:
    """Sampling, limits, thinking and an extra body, of which only the names are told."""
    settings = Settings(
        sampling={"temperature": 0.8},
        max_tokens=64,
        thinking="on",
        thinking_max_tokens=128,
        connection=Connection(body={"top_k": 1, "user": "private"}),
    )
    assert deviations(settings) == (
        "own temperature=0.8, max_tokens=64, thinking_max_tokens=128; thinking on; extra body: top_k, user"
    )
    server = Settings(sampling_from_server=True)
    assert deviations(server) == "sampling: the server's defaults"
    defaults = {"temperature": 0.800000011920929, "top_k": 40, "samplers": ["top_k"], "seed": 4294967295}
    assert (
        deviations(server, defaults) == "sampling: the server's defaults (temperature=0.8, top_k=40, seed=4294967295)"
    )
    assert deviations(Settings()) == ""


ARMS = {
    "enable_thinking": {
        "on": {"chat_template_kwargs": {"enable_thinking": True}},
        "off": {"chat_template_kwargs": {"enable_thinking": False}},
    },
    "thinking": {
        "on": {"chat_template_kwargs": {"thinking": True}},
        "off": {"chat_template_kwargs": {"thinking": False}},
    },
    "reasoning_effort": {"on": {"reasoning_effort": "high"}, "off": {"reasoning_effort": "none"}},
    "none": {"on": {}, "off": {}},
    "": {"on": {}, "off": {}},
}


@pytest.mark.parametrize("switch", list(ARMS))
@pytest.mark.parametrize("arm", ["on", "off", "pack"])
def test_the_body_that_leaves_for_every_arm_and_switch(scenarios: list[Scenario], switch: str, arm: str) -> None:
    """The switch and nothing else is added; only with thinking on there are tokens for it."""
    settings = Settings(thinking=arm, thinking_max_tokens=1000)
    plain, wants_on = scenarios
    for scenario, asked in ((plain, ""), (wants_on, "on")):
        known = ThinkingSwitch(key=switch)
        request = request_for(scenario, settings, model="m", attempt=1, messages=scenario.messages, switch=known)
        body = body_of(request, stream_usage=False)
        is_on = arm == "on" or (arm == "pack" and asked == "on" and switch != "none")
        added = ARMS[switch]["on"] if is_on else ARMS[switch]["off"] if arm == "off" else {}
        own = {"model", "messages", "temperature", "top_p", "seed", "top_k", "max_tokens", "stream"}
        assert {name: value for name, value in body.items() if name not in own} == added
        assert body["max_tokens"] == scenario.max_tokens + (1000 if is_on else 0) == request.max_tokens
        assert arm_of(scenario, settings, known) == ("on" if is_on else "off" if arm == "off" else "")
        assert max_tokens_for(scenario, settings, known) == body["max_tokens"]


def test_an_extra_body_leaves_with_every_request(scenarios: list[Scenario]) -> None:
    """And gives way to what the run sends itself."""
    settings = Settings(connection=Connection(body={"cache_prompt": False, "temperature": 1.5, "max_tokens": 1}))
    request = request_for(scenarios[0], settings, model="m", attempt=1, messages=scenarios[0].messages)
    body = body_of(request, stream_usage=False)
    assert (body["cache_prompt"], body["temperature"], body["max_tokens"]) == (False, 0, 100)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("temprature=1", 'did you mean "temperature"'),
        ("temperature", "is not name=value"),
        ("temperature=hot", "is not a number"),
        ("seed=1.5", "is not a number"),
        ("top_p=1.1", "top_p=1.1 is no share: it is a number from 0 to 1"),
        ("temperature=1,top_p=nan", "top_p=nan is no share"),
    ],
)
def test_a_bad_specification_is_refused_with_the_nearest_name(text: str, says: str) -> None:
    """Before anything is asked."""
    with pytest.raises(UsageProblem, match=says):
        parse_sampling(text)


def test_the_same_request_has_the_same_fingerprint_however_it_is_transported(scenarios: list[Scenario]) -> None:
    """What shapes the answer changes it, streaming does not."""
    request = request_for(scenarios[0], Settings(), model="m", attempt=1, messages=scenarios[0].messages)
    other = request_for(scenarios[0], Settings(max_tokens=7), model="m", attempt=1, messages=scenarios[0].messages)
    assert request.fingerprint() != other.fingerprint()
    assert sampling_for(scenarios[0], Settings(), 1) == Sampling(temperature=0, top_p=1, seed=1, extra={"top_k": 5})
