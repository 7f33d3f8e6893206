"""Every way to distribute, plugins switched off, and sessions beside ordinary tests."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub


@pytest.mark.parametrize("dist", ["worksteal", "loadscope", "no", "each"])
def test_any_distribution_gives_the_same_table(lab: Lab, stub: Stub, dist: str) -> None:
    """Each scenario is asked once and has its verdict, whoever holds its item."""
    lab.pack(scenarios(6, wrong=[2]))
    lab.pack(scenarios(2), name="other")
    lab.file("test_plain.py", "def test_one(): pass\ndef test_two(): pass\n")
    words = ("--tx", "2*popen", "--dist", dist) if dist == "each" else ("-n", "2", "--dist", dist)
    done = lab.run("--llm-url", stub.url, *words)
    done.ends(0, "1 wrong answer")
    assert done.results["total"]["text"] == "7/8 (88%)"
    assert stub.stats()["requests"] == 9
    assert len(done.progress) == 8
    done.holds("2 failed, 18 passed" if dist == "each" else "1 failed, 9 passed")


@pytest.mark.parametrize("plugin", ["xdist", "html", "cacheprovider", "terminal", "capture", "skipping", "junitxml"])
def test_other_plugins_may_be_absent(lab: Lab, stub: Stub, plugin: str) -> None:
    """Switching off a plugin of pytest's or of the card changes nothing about the measurement."""
    lab.pack(scenarios(3, wrong=[2]))
    done = lab.run("--llm-url", stub.url, "-p", f"no:{plugin}")
    assert done.code == 0, done.out
    assert done.results["total"]["text"] == "2/3 (67%)"
    assert "INTERNALERROR" not in done.out


def test_more_workers_than_scenarios(lab: Lab, stub: Stub) -> None:
    """A pack of one scenario for three workers."""
    lab.pack(scenarios(1))
    lab.run("--llm-url", stub.url, "-n", "3").ends(0, "1 scenario")
