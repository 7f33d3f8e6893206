"""How a model samples, from the command line or a profile to the requests, the table and the gate."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugin.lab import Lab, Session, scenarios
from tests.plugin.test_several_servers import runs
from tests.stub.client import Stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
NAMES = ("temperature", "top_p", "seed", "top_k", "min_p")


def sent(stub: Stub) -> list[dict[str, Any]]:
    """Return what each scenario's request says of sampling."""
    bodies = [one["body"] for one in stub.requests() if "the word is" in str(one["body"]["messages"])]
    return [{name: body[name] for name in NAMES if name in body} for body in bodies]


def tagged(done: Session, words: str) -> None:
    """Assert that table, JSON, report and Quality line say why these scores do not compare."""
    done.holds(f"Not canonical ({words}): these scores do not compare with other runs.")
    results = done.results
    assert (results["run"]["canonical"], results["run"]["note"]) == (False, words)
    assert f"not canonical: {words}" in results["quality"]
    assert f"not canonical: {words}" in (done.run_dir / "quality.txt").read_text(encoding="utf-8")
    assert "Not canonical" in (done.run_dir / "REPORT.md").read_text(encoding="utf-8")


def test_canonical(lab: Lab, stub: Stub) -> None:
    """Greedy with a fixed seed, nothing tagged, and the gate judges."""
    lab.pack(scenarios(3))
    done = lab.run("--llm-url", stub.url, "--llm-gate", "floors")
    done.ends(0, "the gate floors holds")
    assert sent(stub) == [{"temperature": 0.0, "top_p": 1.0, "seed": 1}] * 3
    assert "canonical" not in done.results["quality"]


@WORKERS
def test_the_servers_own(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Nothing is sent, what the server says of itself is recorded and told, and the gate refuses."""
    lab.pack(scenarios(3))
    done = lab.run("--llm-url", stub.url, "--llm-sampling", "server", "--llm-gate", "floors", *workers)
    done.ends(1, "floors hold for a model at the packs' own sampling, and this run is not canonical")
    assert sent(stub) == [{}] * 3
    note = done.results["run"]["note"]
    assert note.startswith("sampling: the server's defaults (temperature=0.8, top_k=40, top_p=0.95")
    tagged(done, note)


def test_overrides(lab: Lab, stub: Stub) -> None:
    """They are sent beside what is left of the packs' own; each attempt has a seed of its own."""
    lab.pack(scenarios(2))
    words = ("--llm-sampling", "temperature=0.8,top_k=20", "--llm-repeat", "2", "--llm-gate", "floors")
    done = lab.run("--llm-url", stub.url, *words)
    done.ends(1, "not canonical: own temperature=0.8, top_k=20")
    assert {(one["temperature"], one["top_p"], one["top_k"]) for one in sent(stub)} == {(0.8, 1.0, 20)}
    assert sorted(one["seed"] for one in sent(stub)) == [1, 1, 2, 2]
    tagged(done, "own temperature=0.8, top_k=20")


def test_a_pack_of_its_own_is_canonical(lab: Lab, stub: Stub) -> None:
    """What a pack says belongs to the pack."""
    lab.pack(scenarios(2, sampling={"temperature": 0.6}))
    done = lab.run("--llm-url", stub.url)
    assert {one["temperature"] for one in sent(stub)} == {0.6}
    assert done.results["run"]["canonical"] is True


@WORKERS
def test_profiles_sample_as_they_say(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Each profile with its own; what is typed wins over both."""
    text = "profiles:\n  hot: {engine: external, sampling: {temperature: 0.9}}\n"
    lab.file("llmbench.yaml", f"{text}  own: {{engine: external, sampling: server}}\n  plain: {{engine: external}}\n")
    lab.pack(scenarios(1))
    done = lab.run("--llm-url", stub.url, "--llm-profile", "all", *workers)
    done.ends(0, "no wrong answer")
    assert [one.get("temperature") for one in sent(stub)] == [0.9, None, 0.0]
    found = runs(done)
    assert {name: one["run"]["canonical"] for name, one in found.items()} == {"hot": False, "own": False, "plain": True}
    stub.set(reset=True)
    lab.run("--llm-url", stub.url, "--llm-profile", "all", "--llm-sampling", "temperature=0.5", *workers)
    assert [one.get("temperature") for one in sent(stub)] == [0.5] * 3


def test_no_quality_line_is_written(lab: Lab, stub: Stub) -> None:
    """A compose file is left alone, and that is told before anything is asked."""
    lab.pack(scenarios(2))
    lab.file("compose.yml", "# Quality:\nservices: {}\n")
    done = lab.run("--llm-url", stub.url, "--llm-sampling", "server", "--llm-write-quality", "compose.yml")
    assert done.code == 4, done.out
    assert stub.stats()["requests"] == 0
