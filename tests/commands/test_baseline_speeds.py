"""``llmbench baseline diff``: a server that got slower."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import pytest

from pytest_llmbench.baselines import Baseline, write
from pytest_llmbench.commands import baseline

BEFORE = Baseline(
    slug="before",
    thinking="pack",
    model="m",
    runs=("one",),
    captured_at="2026-05-09T08:00:00",
    facts={"concurrency": 4, "pack mini": "v1 abc"},
    attempts={("mini", f"S-{number:02d}"): (1, 1) for number in range(1, 16)},
    speeds={"decode_tps": (41.0,), "first_token_s": (0.1,), "latency_s": (2.0,)},
)
SLOW = dataclasses.replace(BEFORE, slug="slow", speeds={**BEFORE.speeds, "decode_tps": (28.0, 27.0, 29.0)})
SLOWER = "decode 41 -> 28 tokens/s (-32%, more than the 30% that runs differ by)"


def ran(*words: str) -> int:
    """Run the verb with these words and return its exit code."""
    parser = argparse.ArgumentParser()
    baseline.add_options(parser)
    return baseline.run(parser.parse_args(words))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which all baselines are kept."""
    monkeypatch.chdir(tmp_path)
    other = dataclasses.replace(SLOW, slug="other", facts={**SLOW.facts, "concurrency": 1})
    for one in (BEFORE, SLOW, other):
        write(tmp_path / "baselines", one)
    return tmp_path / "baselines"


def test_slower_is_worse(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, the sentence first, the other figures after the scores; programs get all of it."""
    words = ("diff", "before", "baselines/slow.thinking-pack.json")
    assert ran(*words) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"SLOWER {SLOWER}; OK 15->15 of 15, none fails that passed; ")
    assert said[-2:] == ["first token 0.1 -> 0.1 s (+0%)", "latency 2 -> 2 s (+0%)"]
    assert ran(*words, "--json") == 1
    plain = json.loads(capsys.readouterr().out)
    assert (plain["word"], plain["speeds_not_compared"]) == ("ok", "")
    assert plain["speeds"][0] == {
        "name": "decode_tps",
        "before": [41.0],
        "now": 28.0,
        "bound": pytest.approx(28.7),
        "is_worse": True,
        "text": SLOWER,
    }


def test_speeds_at_another_concurrency_fail_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """They are shown, with the reason."""
    words = ("diff", "before", "baselines/other.thinking-pack.json")
    assert ran(*words) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("OK 15->15 of 15")
    assert "speeds were not compared (concurrency: 4 -> 1)" in said
    assert any(line.startswith("decode 41 -> 28 tokens/s (-32%") for line in said)
    ran(*words, "--json")
    plain = json.loads(capsys.readouterr().out)
    assert not plain["speeds"][0]["is_worse"]
