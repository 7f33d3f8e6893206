"""Thinking, from the command line to the report: what is sent, what is proved of it, and what follows from that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugin.lab import Lab, Session, scenario, scenarios
from tests.plugin.test_several_servers import compared, runs
from tests.stub.client import Stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])

SENT: dict[tuple[str, str], dict[str, tuple[str, Any]]] = {
    ("llama.cpp", "enable_thinking"): {
        "on": ("enable_thinking in kwargs", True),
        "off": ("enable_thinking in kwargs", False),
    },
    ("vllm", "enable_thinking"): {
        "on": ("enable_thinking in kwargs", True),
        "off": ("enable_thinking in kwargs", False),
    },
    ("llama.cpp", "thinking"): {"on": ("thinking in kwargs", True), "off": ("thinking in kwargs", False)},
    ("vllm", "thinking"): {"on": ("thinking in kwargs", True), "off": ("thinking in kwargs", False)},
    ("llama.cpp", "effort_with_none"): {
        "on": ("reasoning_effort in kwargs", "high"),
        "off": ("reasoning_effort in kwargs", "none"),
    },
    ("vllm", "effort_with_none"): {"on": ("reasoning_effort", "high"), "off": ("reasoning_effort", "none")},
}
"""By kind of server and style of template: the one switch that each arm is asked by."""


def trial_bodies(stub: Stub) -> list[dict[str, Any]]:
    """Return what the scenarios asked, without the first look at the server."""
    return [one["body"] for one in stub.requests() if "the word is" in str(one["body"]["messages"])]


def switches(body: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return every switch of thinking that a request carries."""
    names = ("enable_thinking", "thinking", "reasoning_effort")
    inner = body.get("chat_template_kwargs") or {}
    beside = [(name, body[name]) for name in names if name in body]
    return [*beside, *((f"{name} in kwargs", inner[name]) for name in names if name in inner)]


def limits(stub: Stub) -> set[int]:
    """Return the token limits that scenarios were asked with."""
    return {body["max_tokens"] for body in trial_bodies(stub)}


def invalid(done: Session, word: str, sentence: str) -> None:
    """Assert that the run is called invalid everywhere, for this reason."""
    done.holds("INVALID: these are not the scores of what was asked for", sentence)
    row = next(line for line in done.lines if line.startswith("Mini (v1.0.0)"))
    assert row.endswith("invalid")
    results = done.results
    assert results["packs"][0]["status"] == "invalid"
    assert results["packs"][0]["thinking"]["validity"] == word
    assert (results["run"]["status"], results["run"]["thinking"]["validity"]) == ("invalid", word)
    assert f"INVALID: thinking {word}" in results["quality"]
    assert f"INVALID: thinking {word}" in (done.run_dir / "quality.txt").read_text(encoding="utf-8")
    report = (done.run_dir / "REPORT.md").read_text(encoding="utf-8")
    assert "INVALID" in report
    assert sentence in report.replace("\\", "")


@pytest.mark.parametrize("arm", ["on", "off"])
@pytest.mark.parametrize(("flavour", "style"), SENT)
def test_one_switch_leaves(lab: Lab, stub: Stub, flavour: str, style: str, arm: str) -> None:
    """Exactly one field turns thinking at each kind of server, and the answers prove that it did."""
    stub.set(flavour=flavour, template=style)
    lab.pack(scenarios(3))
    done = lab.run("--llm-url", stub.url, "--llm-thinking", arm)
    done.ends(0, "no wrong answer")
    assert [switches(body) for body in trial_bodies(stub)] == [[SENT[flavour, style][arm]]] * 3
    assert limits(stub) == ({64 + 16384} if arm == "on" else {64})
    found = done.results["run"]["thinking"]
    assert (found["validity"], found[arm], found[f"{arm}_thought"]) == ("valid", 3, 3 if arm == "on" else 0)
    assert [(one["thinking"], one["thought"]) for one in done.results["trials"]] == [(arm, arm == "on")] * 3
    assert f"not canonical: thinking {arm}" in done.results["quality"]


@WORKERS
def test_scenarios_say_how_they_are_asked(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Without a flag the pack's wish holds, scenario by scenario, and the run is as the pack means it."""
    stub.set(template="enable_thinking")
    free = scenario("S-3")
    lab.pack([scenario("S-1", thinking="on"), scenario("S-2", thinking="off"), free])
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(0, "no wrong answer")
    said = {body["messages"][0]["content"][:3]: (switches(body), body["max_tokens"]) for body in trial_bodies(stub)}
    assert said == {
        "S-1": ([("enable_thinking in kwargs", True)], 64 + 16384),
        "S-2": ([("enable_thinking in kwargs", False)], 64),
        "S-3": ([], 64),
    }
    counts = done.results["run"]["thinking"]
    assert (counts["validity"], counts["on"], counts["off"], counts["free"]) == ("valid", 1, 1, 1)
    assert done.results["run"]["canonical"] is True


@pytest.mark.parametrize("style", ["enable_thinking", "thinking", "reasoning_effort"])
def test_a_server_that_never_thinks(lab: Lab, stub: Stub, style: str) -> None:
    """Asked on and silent: every answer is right, and the run is invalid."""
    stub.set(template=style, thinks="never")
    lab.pack(scenarios(3))
    done = lab.run("--llm-url", stub.url, "--llm-thinking", "on")
    done.ends(0, "complete")
    invalid(done, "silent", "thinking was asked on, and never seen in 3 answers")


@pytest.mark.parametrize(
    ("style", "field"),
    [("enable_thinking", "reasoning_content"), ("thinking", "reasoning"), ("effort_with_none", "think_tags")],
)
def test_a_server_that_always_thinks(lab: Lab, stub: Stub, style: str, field: str) -> None:
    """Asked off and contaminated, wherever the thoughts stand."""
    stub.set(template=style, thinks="always", reasoning_field=field)
    lab.pack(scenarios(3))
    done = lab.run("--llm-url", stub.url, "--llm-thinking", "off")
    done.ends(0, "complete")
    invalid(done, "contaminated", "thinking was asked off, and seen in 3 of 3 answers")


@pytest.mark.parametrize(("arm", "does", "word"), [("on", "never", "silent"), ("off", "always", "contaminated")])
def test_a_pack_that_is_not_obeyed(lab: Lab, stub: Stub, arm: str, does: str, word: str) -> None:
    """A pack's own wish is proved as well."""
    stub.set(template="enable_thinking", thinks=does)
    lab.pack([scenario(f"S-{n}", thinking=arm) for n in range(3)])
    done = lab.run("--llm-url", stub.url)
    done.ends(0, "complete")
    invalid(done, word, f"thinking was asked {arm}")


@pytest.mark.parametrize("gate", ["floors", "strict"])
@pytest.mark.parametrize(("arm", "does"), [("on", "never"), ("off", "always")])
def test_no_gate_holds(lab: Lab, stub: Stub, gate: str, arm: str, does: str) -> None:
    """Scores of another arm than was asked for decide nothing, right as every answer is."""
    stub.set(template="thinking", thinks=does)
    lab.pack([scenario(f"S-{n}", thinking=arm) for n in range(3)])
    done = lab.run("--llm-url", stub.url, "--llm-gate", gate)
    done.ends(1, f"the gate {gate} does not hold: the model did not think as it was asked to: Mini: thinking was asked")


@pytest.mark.parametrize("more", [(), ("-n", "2"), ("--llm-gate", "strict")], ids=["alone", "n2", "gate"])
def test_strict_thinking(lab: Lab, stub: Stub, more: tuple[str, ...]) -> None:
    """With `thinking: strict` such a run is incomplete, whatever a gate says."""
    stub.set(template="enable_thinking", thinks="never")
    lab.file("llmbench.yaml", "thinking: strict\n")
    lab.pack(scenarios(3))
    done = lab.run("--llm-url", stub.url, "--llm-thinking", "on", *more)
    done.ends(6, "thinking: strict, and the model did not think as it was asked to: Mini: thinking was asked on")


def test_strict_thinking_of_a_model_that_obeys(lab: Lab, stub: Stub) -> None:
    """Nothing is held against a run that thought as it was asked to."""
    stub.set(template="enable_thinking")
    lab.file("llmbench.yaml", "thinking: strict\n")
    lab.pack([scenario(f"S-{n}", thinking="on") for n in range(3)])
    lab.run("--llm-url", stub.url, "--llm-gate", "strict").ends(0, "the gate strict holds")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "think_tags"])
def test_a_thought_that_never_ends(lab: Lab, stub: Stub, field: str) -> None:
    """It is `thinking_runaway` and told with the limit, not a wrong answer."""
    stub.set(template="enable_thinking", thought_words=500, reasoning_field=field)
    lab.pack(scenarios(3))
    done = lab.run("--llm-url", stub.url, "--llm-thinking", "on", "--llm-thinking-max-tokens", "20")
    done.ends(0, "3 wrong answers")
    assert limits(stub) == {84}
    assert set(done.verdicts.values()) == {"FAIL thinking_runaway"}
    done.holds("thinking_runaway (was still thinking at the limit of 84 tokens)")
    assert done.results["packs"][0]["reasons"] == {"thinking_runaway": 3}
    assert done.results["run"]["thinking"]["validity"] == "valid"


@pytest.mark.parametrize(
    ("options", "arm", "words"),
    [
        ({"flavour": "vllm", "renders": False}, "on", "the server does not tell how its model is asked to think"),
        ({"template": "reasoning_effort"}, "off", "none of which turns thinking off"),
        ({"template": "none"}, "on", "its chat template has no switch for thinking"),
    ],
)
def test_what_cannot_be_asked(lab: Lab, stub: Stub, options: dict[str, Any], arm: str, words: str) -> None:
    """An arm that nothing can be sent for is a usage error, before anything is asked."""
    stub.set(**options)
    lab.pack(scenarios(3))
    workers = ("-n", "2") if arm == "off" else ()
    done = lab.run("--llm-url", stub.url, "--llm-thinking", arm, *workers)
    assert done.code == 4, done.out
    done.holds(f"--llm-thinking {arm}: ", words, "leave --llm-thinking out")
    assert stub.stats()["requests"] == 0


@pytest.mark.parametrize("where", ["llmbench.yaml", "profile"])
def test_a_switch_that_the_user_names(lab: Lab, stub: Stub, where: str) -> None:
    """Where the server does not tell, `thinking_switch:` does, for any server and for one profile."""
    stub.set(flavour="vllm", template="thinking", renders=False)
    text = {
        "llmbench.yaml": "thinking_switch: thinking\n",
        "profile": f"profiles: {{a: {{url: {stub.url}, thinking_switch: thinking}}}}\n",
    }
    lab.file("llmbench.yaml", text[where])
    lab.pack(scenarios(3))
    server = ("--llm-profile", "a") if where == "profile" else ("--llm-url", stub.url)
    done = lab.run(*server, "--llm-thinking", "on")
    done.ends(0, "no wrong answer")
    assert [switches(body) for body in trial_bodies(stub)] == [[("thinking in kwargs", True)]] * 3
    assert done.results["run"]["thinking"]["validity"] == "valid"


def test_a_wish_that_cannot_be_fulfilled(lab: Lab, stub: Stub) -> None:
    """A pack that wants thinking at a model without it is asked as it is, and that is told."""
    lab.pack([scenario(f"S-{n}", thinking="on") for n in range(3)])
    done = lab.run("--llm-url", stub.url)
    done.ends(0, "no wrong answer")
    done.holds("packs here want thinking on, and nothing is sent for it: its chat template has no switch")
    assert [switches(body) for body in trial_bodies(stub)] == [[]] * 3
    assert limits(stub) == {64}
    assert done.results["packs"][0]["status"] == "ok"


@WORKERS
def test_both_arms_of_one_server(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Profiles without a server of their own are two ways to ask that of --llm-url, side by side."""
    stub.set(template="enable_thinking")
    lab.file(
        "llmbench.yaml",
        "profiles:\n  think: {engine: external, thinking: on}\n  quick: {engine: external, thinking: off}\n",
    )
    lab.pack(scenarios(4))
    done = lab.run("--llm-url", stub.url, "--llm-profile", "think", "--llm-profile", "quick", *workers)
    done.ends(0, "no wrong answer")
    found = {name: one["run"]["thinking"] for name, one in runs(done).items()}
    assert (found["think"]["on"], found["think"]["on_thought"], found["think"]["off"]) == (4, 4, 0)
    assert (found["quick"]["off"], found["quick"]["off_thought"], found["quick"]["on"]) == (4, 0, 0)
    assert [one["passed"] for one in compared(done)] == [4, 4]
    assert sorted(body["max_tokens"] for body in trial_bodies(stub)) == [64] * 4 + [64 + 16384] * 4


@WORKERS
def test_one_arm_that_is_not_obeyed(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Of two arms the one that was ignored is invalid, and refuses the gate for itself alone."""
    stub.set(template="enable_thinking", thinks="never")
    lab.file(
        "llmbench.yaml",
        "profiles:\n  think: {engine: external, thinking: on}\n  quick: {engine: external, thinking: off}\n",
    )
    lab.pack(scenarios(3))
    done = lab.run("--llm-url", stub.url, "--llm-profile", "all", "--llm-gate", "strict", *workers)
    done.ends(1, "think (the model did not think as it was asked to")
    found = {name: one["run"]["thinking"]["validity"] for name, one in runs(done).items()}
    assert found == {"think": "silent", "quick": "valid"}
