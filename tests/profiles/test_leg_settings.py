"""A profile over the session's settings, and both on their way to another process."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.plain_data import from_plain, to_plain
from pytest_llmbench.profiles import leg_settings
from pytest_llmbench.records import Connection
from pytest_llmbench.settings import Profile, Settings

SESSION = Settings(
    packs=("quick",),
    model="session",
    profiles=("a", "b"),
    thinking="off",
    thinking_max_tokens=1,
    thinking_switch="thinking",
    strict_thinking=True,
    concurrency=2,
    sampling={"temperature": 0.5},
    max_tokens=10,
    timeout_s=20.0,
    repeat=2,
    limit=3,
    connection=Connection(headers={"X": "session"}),
)
FULL: dict[str, Any] = {
    "packs": ("mine",),
    "model": "profile",
    "thinking": "on",
    "thinking_max_tokens": 5,
    "thinking_switch": "none",
    "concurrency": 6,
    "max_tokens": 7,
    "timeout_s": 8.0,
    "repeat": 9,
}
PROFILE = Profile(
    name="a",
    engine="external",
    origin="llmbench.yaml:2",
    urls=("http://x:1/v1", "http://y:1/v1"),
    sampling="temperature=0.8,seed=3",
    env={"A": "b"},
    vram_gb=24.0,
    connection=Connection(headers={"X": "profile"}, body={"a": [1, {"b": None}]}, ca_file="a.pem", verify=False),
    **FULL,
)


def test_a_profile_stands_above_the_session() -> None:
    """Each of its values, and nothing else."""
    leg = leg_settings(SESSION, PROFILE)
    assert leg == dataclasses.replace(
        SESSION,
        profile=PROFILE,
        urls=PROFILE.urls,
        connection=PROFILE.connection,
        sampling={"temperature": 0.8, "seed": 3},
        **FULL,
    )


def test_a_profile_that_says_nothing_leaves_the_session_alone() -> None:
    """But for the server and what its requests carry: those are the profile's own."""
    bare = Profile(name="a", engine="embedded")
    session = dataclasses.replace(SESSION, urls=("http://ini:1/v1",))
    assert leg_settings(session, bare) == dataclasses.replace(session, profile=bare, urls=(), connection=Connection())


@pytest.mark.parametrize("name", [*FULL, "sampling"])
def test_a_flag_that_was_typed_wins(name: str) -> None:
    """The rest is the profile's."""
    leg = leg_settings(SESSION, PROFILE, typed=frozenset({name, "profiles"}))
    assert getattr(leg, name) == getattr(SESSION, name)
    others = set(FULL) - {name}
    assert {key: getattr(leg, key) for key in others} == {key: FULL[key] for key in others}


@pytest.mark.parametrize(
    ("text", "wanted"), [("server", (None, True)), ("pack", (None, False)), ("", ({"seed": 1}, False))]
)
def test_sampling_is_read_as_its_flag_is(text: str, wanted: tuple[object, bool]) -> None:
    """A profile may go back to the packs' own, whatever the ini file says."""
    session = Settings(sampling={"seed": 1})
    leg = leg_settings(session, Profile(name="a", engine="embedded", sampling=text))
    assert (leg.sampling, leg.sampling_from_server) == wanted


def test_sampling_that_was_typed_wins_as_a_whole() -> None:
    """Server or overrides: never one of the two from elsewhere."""
    leg = leg_settings(
        Settings(sampling_from_server=True),
        Profile(name="a", engine="embedded", sampling="seed=1"),
        typed=frozenset({"sampling"}),
    )
    assert (leg.sampling, leg.sampling_from_server) == (None, True)


def test_a_profile_without_a_server_is_asked_at_the_session_s() -> None:
    """Two ways of asking one server are two profiles."""
    asked = Profile(name="a", engine="external", origin="x.toml:3")
    assert leg_settings(Settings(urls=("http://s:1",)), asked, typed=frozenset({"urls"})).urls == ("http://s:1",)
    with pytest.raises(UsageProblem, match=r'^x\.toml:3: the profile "a" names no server: add --llm-url'):
        leg_settings(Settings(), asked)


@pytest.mark.parametrize("engine", ["external", "process", "compose", "embedded"])
def test_two_named_servers_are_one_too_many(engine: str) -> None:
    """Which one would be measured is no guess of ours; a URL that was not typed gives way."""
    profile = Profile(name="a", engine=engine, origin="llmbench.yaml:2", urls=("u",) if engine == "external" else ())
    session = Settings(urls=("http://s:1",))
    assert leg_settings(session, profile).urls == profile.urls
    with pytest.raises(UsageProblem, match=r'--llm-url and the profile "a" \(llmbench\.yaml:2\) both name a server'):
        leg_settings(session, profile, typed=frozenset({"urls"}))


def test_settings_cross_processes_whole() -> None:
    """As JSON, the profile and its connection inside them."""
    leg = leg_settings(SESSION, PROFILE)
    again = from_plain(Settings, json.loads(json.dumps(to_plain(leg))))
    assert again == leg
    assert from_plain(Profile, to_plain(PROFILE)) == PROFILE


def test_headers_are_in_no_repr() -> None:
    """They may hold keys."""
    assert "X" not in repr(PROFILE.connection)
