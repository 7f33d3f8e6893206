"""The folders that are measured: packs of so many scenarios, and what they are compared with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.measure import ROOT

_CONFTEST = "from tests.benchmarks.members import {}\n"

_HEAD = """\
llmbench: 1
id: {id}
title: {id}
version: 1.0.0
licence: Apache-2.0
source: Made by a benchmark.
tags: [bench]
defaults: {{dialogue: single_turn, verifier: trivial, max_tokens: 64, timeout_s: 600}}
scenarios:
"""

_BLOCKING = """\
import json
import urllib.request

import pytest


@pytest.mark.parametrize("number", range({count}))
def test_blocking(number):
    body = {{"model": "stub-model", "messages": [{{"role": "user", "content": f"[[seconds={seconds}]] {{number}}"}}]}}
    request = urllib.request.Request(
        "{url}/chat/completions", json.dumps(body).encode(), {{"Content-Type": "application/json"}}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["choices"][0]["message"]["content"]
"""


def asking(folder: Path, seconds: Iterable[float]) -> Path:
    """Make a folder with one pack: a scenario for each entry of `seconds`, which the stub takes to answer it."""
    prompts = (f"[[seconds={each:g}]] Say {number}." for number, each in enumerate(seconds))
    return _pack_in(folder, prompts)


def plain_asking(folder: Path, count: int) -> Path:
    """Make a folder with one pack of `count` short questions."""
    return _pack_in(folder, (f"Say {number}." for number in range(count)))


def nothing(folder: Path) -> Path:
    """Make a folder whose session has no item at all but loads the same conftest."""
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text(_CONFTEST.format("pytest_llmbench_families"))
    return folder


def empty_items(folder: Path, count: int) -> Path:
    """Make a folder with `count` items of pytest that do nothing."""
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text(_CONFTEST.format("pytest_collect_file"))
    (folder / "items.empty").write_text(str(count))
    return folder


def copies(folder: Path, name: str, count: int) -> Path:
    """Make a folder with `count` copies of one of our packs, each under an id of its own."""
    text = (ROOT / "packs" / name / "pack.yaml").read_text(encoding="utf-8")
    for number in range(count):
        place = folder / f"{name}-{number:03d}"
        place.mkdir(parents=True)
        (place / "pack.yaml").write_text(text.replace(f"id: {name}\n", f"id: {place.name}\n"), encoding="utf-8")
    return folder


def blocking(folder: Path, count: int, seconds: float, url: str) -> Path:
    """Make a folder with one ordinary test, parametrised: each run of it sends a request and waits."""
    folder.mkdir(parents=True)
    (folder / "test_blocking.py").write_text(_BLOCKING.format(count=count, seconds=seconds, url=url))
    return folder


def _pack_in(folder: Path, prompts: Iterable[str]) -> Path:
    nothing(folder)
    place = folder / "bench-pack"
    place.mkdir()
    with (place / "pack.yaml").open("w", encoding="utf-8") as file:
        file.write(_HEAD.format(id=place.name))
        for number, prompt in enumerate(prompts):
            text = json.dumps(prompt)
            file.write(f"  - {{id: S-{number:06d}, title: Number {number}, prompt: {text}, checks: [{{kind: any}}]}}\n")
    return folder
