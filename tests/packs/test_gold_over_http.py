"""The recorded answers travel as HTTP, through a server and the real client: what passes and fails stays the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.contracts import GoldAnswer
from pytest_llmbench.datasets import READERS, load_gold
from pytest_llmbench.records import Message
from tests.stub.client import running_stub

PACKS = Path(__file__).parents[2] / "packs"


def scripts(pack_dir: Path, kind: str, number: int) -> dict[str, Any]:
    """Return what the stub must say: the user's prompt -> a reply for each turn of the `number`-th recorded answer."""
    book = load_gold(pack_dir)
    found: dict[str, Any] = {}
    for scenario in READERS["llmbench"].read(pack_dir).scenarios:
        answers = getattr(book[scenario.id], kind)
        prompt = next(message.content for message in scenario.messages if message.role == "user")
        found[prompt] = replies(answers[number % len(answers)])
    return found


def replies(answer: GoldAnswer) -> list[Any]:
    """Return an answer's turns as the stub's scripts; past the end, the last turn without calls is said again."""
    last = len(answer.turns) - 1
    cut_off = answer.reason == "token_limit"
    said = [reply(turn, cut_off=cut_off and at == last) for at, turn in enumerate(answer.turns)]
    texts = [one for one, turn in zip(said, answer.turns, strict=True) if not turn.tool_calls]
    return [*said, texts[-1] if texts else {"content": ""}]


def reply(turn: Message, *, cut_off: bool) -> dict[str, Any]:
    """Return one turn as a script."""
    calls = [{"name": call.name, "arguments": call.arguments} for call in turn.tool_calls]
    script: dict[str, Any] = {"content": turn.content, "tool_calls": calls}
    return {**script, "finish_reason": "length"} if cut_off else script


def scores(tmp_path: Path, packs: Path, url: str) -> dict[str, dict[str, Any]]:
    """Run pytest on `packs` against the server; return the verdicts by scenario."""
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("LLMBENCH")}
    out = tmp_path / "run"
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", str(packs)]
    done = subprocess.run(
        [*command, "--llm-url", url, "--llm-out", str(out)],
        cwd=tmp_path,
        env=kept,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    trials = json.loads((out / "results.json").read_text(encoding="utf-8"))["trials"]
    return {trial["scenario"]: trial for trial in trials}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(("kind", "number"), [("passing", 0), ("passing", 1), ("failing", 2), ("failing", -1)])
@pytest.mark.parametrize("name", ["toolcall-15", "instructfollow-15"])
def test_recorded_answers_are_judged_alike_over_http(
    tmp_path: Path, name: str, kind: str, number: int, *, streamed: bool
) -> None:
    """Tool calls and streams included: each passing answer passes, each failing one fails."""
    folder = tmp_path / "packs" / name
    shutil.copytree(PACKS / name, folder)
    text = (folder / "pack.yaml").read_text(encoding="utf-8")
    text = text.replace("  stream: false\n", "").replace(
        "defaults:\n", f"defaults:\n  stream: {str(streamed).lower()}\n", 1
    )
    (folder / "pack.yaml").write_text(text, encoding="utf-8")
    with running_stub(slots=8, service_s=0.005, answers=scripts(folder, kind, number)) as stub:
        verdicts = scores(tmp_path, folder, stub.url)
        sent = [seen["body"].get("stream", False) for seen in stub.requests()]
    wanted = "PASS" if kind == "passing" else "FAIL"
    assert {scenario: found["outcome"] for scenario, found in verdicts.items()} == dict.fromkeys(verdicts, wanted)
    assert len(verdicts) == 15
    assert sent[-1] is streamed
