"""A pack with a mistake in it: one line that names file, line, key and the nearest name; exit 2; nothing is asked."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab
from tests.stub.client import Stub

HEAD = """
llmbench: 1
id: mini
title: Mini
version: 1.0.0
licence: Apache-2.0
source: Written for a test.
dimension: Nothing.
defaults: {dialogue: single_turn, verifier: instructions}
scenarios:
  - id: A
    title: A
    prompt: Say good.
    checks: [{kind: mentions, words: [good]}]
"""

MISTAKES = {
    "a key nobody knows": (HEAD + "    promt: Say good.\n", 15, "scenarios[0].promt", "prompt"),
    "an id twice": (HEAD + "  - {id: A, title: B, prompt: B, checks: [{kind: mentions, words: [b]}]}\n", 15, "id", "A"),
    "a verifier nobody knows": (
        HEAD.replace("verifier: instructions", "verifier: instruction"),
        9,
        "defaults.verifier",
        "instructions",
    ),
    "a dialogue nobody knows": (HEAD.replace("single_turn", "single_turns"), 9, "defaults.dialogue", "single_turn"),
    "a kind of check nobody knows": (HEAD.replace("kind: mentions", "kind: mention"), 14, "checks[0].kind", "mentions"),
    "no check": (HEAD.replace("    checks: [{kind: mentions, words: [good]}]\n", ""), 11, "scenarios[0]", "checks"),
    "no YAML": (HEAD + "   - [\n", 15, "", ""),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(lab: Lab, mistake: str) -> None:
    """File and line, the key, the nearest name: enough to mend it without reading any code."""
    text, line, key, nearest = MISTAKES[mistake]
    lab.file("packs/mini/pack.yaml", text)
    done = lab.run("--llm-url", "http://127.0.0.1:9", "-p", "no:cacheprovider")
    told = [said for said in done.lines if "packs/mini/pack.yaml:" in said and not said.startswith("ERROR")]
    assert len(told) == 1, done.out
    assert f"pack.yaml:{line}: " in told[0]
    assert key in told[0]
    assert nearest in told[0]
    assert "Traceback" not in done.out
    assert done.code == 2
    assert done.out.count("Interrupted: 1 error during collection") == 1


def test_an_id_belongs_to_one_pack(lab: Lab) -> None:
    """Results are kept by the pack's id, so a copy under another name must not have it too."""
    lab.file("packs/one/pack.yaml", HEAD)
    lab.file("packs/two/pack.yaml", HEAD)
    done = lab.run("--llm-endpoint", "gold")
    assert done.code == 2, done.out
    done.holds("packs/two/pack.yaml: id: ", "packs/one/pack.yaml")


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_one_bad_pack_stops_the_session_before_the_first_question(
    lab: Lab, stub: Stub, workers: tuple[str, ...]
) -> None:
    """As with a test module that cannot be imported, nothing runs, and the last line gives exit 2."""
    lab.file("packs/bad/pack.yaml", HEAD.replace("kind: mentions", "kind: mention"))
    lab.file("packs/mini/pack.yaml", HEAD)
    done = lab.run("--llm-url", stub.url, *workers)
    assert done.code == 2, done.out
    done.holds('unknown kind of check "mention"', "packs/bad/pack.yaml:14")
    assert stub.stats()["requests"] == 0
    assert not (lab.root / ".llmbench").exists()
