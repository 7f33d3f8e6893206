"""Which two runs may be compared, and what is said where they may not."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llmbench.comparable import differences, facts_of, refusal

MANIFEST: dict[str, Any] = {
    "model": "some-model",
    "endpoint": "openai_chat",
    "concurrency": 4,
    "version": "0.1.0",
    "engine": {"name": "external"},
    "server": {"kind": "llama.cpp", "build": "b1", "context": 4096, "chat_template_sha256": "a" * 64},
    "packs": [
        {"id": "toolcall-15", "version": "1.0.0", "content_hash": "c" * 64, "size": 15, "selected": 15},
        {"id": "unasked-15", "version": "1.0.0", "content_hash": "d" * 64, "size": 15, "selected": 0},
    ],
    "sampling": {"canonical": True, "from_server": False},
    "thinking": {"asked": "pack", "switch": "enable_thinking"},
    "settings": {"max_tokens": None, "timeout_s": None, "connection": {"body": {}}},
    "machine": {"gpus": ["GPU A"]},
}


def told(**changes: Any) -> list[tuple[str, bool]]:
    """Return what differs from the manifest above once these keys of it are changed."""
    return [(one.text, one.refuses) for one in differences(facts_of(MANIFEST), facts_of({**MANIFEST, **changes}))]


def test_the_same_settings_compare() -> None:
    """Nothing differs, so nothing refuses."""
    assert told() == []
    assert refusal(()) == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"packs": [{"id": "toolcall-15", "version": "1.1.0", "content_hash": "e" * 64, "size": 15}]},
            "pack toolcall-15: v1.0.0 cccccccccccc -> v1.1.0 eeeeeeeeeeee",
        ),
        ({"endpoint": "gold"}, "endpoint: openai_chat -> gold"),
        ({"endpoint": ""}, "endpoint: openai_chat -> none"),
        ({"sampling": {"overrides": {"temperature": 0.7}}}, 'sampling: the packs\' own -> {"temperature": 0.7}'),
        ({"sampling": {"from_server": True}}, 'sampling: the packs\' own -> {"from the server": "unknown"}'),
        ({"thinking": {"asked": "on", "switch": "enable_thinking"}}, "thinking: pack -> on"),
        (
            {"thinking": {"asked": "pack", "switch": "enable_thinking", "max_tokens": 99}},
            "thinking tokens: none -> 99",
        ),
        ({"settings": {"max_tokens": 64}}, "token limit: none -> 64"),
        ({"settings": {"timeout_s": 5.0}}, "deadline: none -> 5.0"),
        (
            {"server": {**MANIFEST["server"], "chat_template_sha256": "b" * 64}},
            "prompt template: aaaaaaaaaaaa... -> bbbbbbbbbbbb...",
        ),
    ],
)
def test_what_shapes_the_answers_refuses(changes: dict[str, Any], expected: str) -> None:
    """Each such difference is told with both values, and the refusal lists it."""
    assert told(**changes) == [(expected, True)]
    found = differences(facts_of(MANIFEST), facts_of({**MANIFEST, **changes}))
    assert refusal(found) == f"not comparable with the baseline: {expected}"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"concurrency": 8}, "concurrency: 4 -> 8"),
        ({"model": "other"}, "model: some-model -> other"),
        ({"server": {**MANIFEST["server"], "build": "b2"}}, "server build: llama.cpp b1 -> llama.cpp b2"),
        ({"machine": {"gpus": ["GPU B"]}}, 'GPUs: ["GPU A"] -> ["GPU B"]'),
        ({"version": "0.2.0"}, "pytest-llmbench: 0.1.0 -> 0.2.0"),
    ],
)
def test_what_may_matter_is_told(changes: dict[str, Any], expected: str) -> None:
    """A change of server, machine or model is what comparing is for."""
    assert told(**changes) == [(expected, False)]


def test_what_a_server_does_not_say_differs_from_nothing() -> None:
    """Without a template's hash on one side nothing is known of it."""
    assert told(server={"kind": "llama.cpp", "build": "b1", "context": 4096}) == []


def test_a_pack_that_only_one_has_is_no_difference() -> None:
    """Comparing is about what both have."""
    assert told(packs=[]) == []
    assert "pack unasked-15" not in facts_of(MANIFEST)


def test_values_of_an_extra_body_stay_private() -> None:
    """They are known by a hash: a baseline is committed, and nobody knows what they are."""
    changed = facts_of({**MANIFEST, "settings": {"connection": {"body": {"user": "hunter22"}}}})
    assert "hunter22" not in str(changed)
    (found,) = differences(facts_of(MANIFEST), changed)
    assert found.refuses
    assert found.now.startswith("user (")


def test_a_manifest_of_an_older_version_says_less() -> None:
    """Missing blocks are missing facts, and thinking was then as the packs say."""
    assert facts_of({"model": "m"}) == {"sampling": {}, "thinking": "pack", "model": "m"}
