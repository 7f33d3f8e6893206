"""A model server that says what gold.yaml says must pass, and what must fail where it is told to be wrong.

``python -m tests.ci.model_server --port 8080 --mood mood.json``: a stub whose mood is read when it starts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmbench.contracts import Gold, GoldAnswer
from pytest_llmbench.datasets import builtin_packs_dir, find_packs, load_gold, read_pack
from pytest_llmbench.records import Message, Scenario
from tests.stub.options import Options
from tests.stub.replies import read_ask, reply_to
from tests.stub.server import StubServer
from tests.stub.wire import Call

TAG = "full"
TOKENS_PER_S = 300
"""The same for short and long answers, so that runs differ in speed by no more than real ones do."""


class Model(StubServer):
    """Answers by heart. `wrong` maps a scenario to how many times it is answered wrongly before it is right."""

    def __init__(self, mood: Mapping[str, Any]) -> None:
        super().__init__(Options(model="by-heart"))
        self._wrong: Mapping[str, int] = mood.get("wrong", {})
        self._says: Mapping[str, str] = mood.get("says", {})
        self._left = int(mood.get("dies_after", 0)) or None
        self._book = dict(_book())
        self._asked: Counter[str] = Counter()

    async def _answer(self, call: Call, body: Mapping[str, Any], seen_before: int) -> bool:
        self._live_or_die()
        said = "\n".join(_text(message) for message in body["messages"] if message["role"] == "user")
        known = [prompt for prompt in self._book if prompt in said]
        if known:
            prompt = max(known, key=len)
            self._asked[prompt] += not any(message["role"] == "assistant" for message in body["messages"])
            # options are read before anything is waited for, so each request has its own
            self.options.answers = {prompt: self._lines(prompt)}
            self.options.service_s = reply_to(read_ask(body), self.options).tokens / TOKENS_PER_S
        return await super()._answer(call, body, seen_before)

    def _lines(self, prompt: str) -> list[Any]:
        name, gold = self._book[prompt]
        if self._asked[prompt] > self._wrong.get(name, 0):
            return _script(gold.passing[0])
        return [self._says[name]] if name in self._says else _script(gold.failing[0])

    def _live_or_die(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                print("CUDA error: out of memory", file=sys.stderr, flush=True)
                os._exit(1)


def _book() -> Sequence[tuple[str, tuple[str, Gold]]]:
    """Return, by what the user says first, each scenario's name and recorded answers."""
    packs = [pack for pack in map(read_pack, find_packs(builtin_packs_dir())) if TAG in pack.facts.tags]
    books = [(pack, load_gold(pack.path)) for pack in packs]
    return [(_prompt(one), (one.id, book[one.id])) for pack, book in books for one in pack.scenarios]


def _prompt(scenario: Scenario) -> str:
    return next(message.content for message in scenario.messages if message.role == "user")


def _script(answer: GoldAnswer) -> list[Any]:
    return [_said(turn) for turn in answer.turns]


def _said(turn: Message) -> dict[str, Any]:
    calls = [{"name": call.name, "arguments": call.arguments, "id": call.id} for call in turn.tool_calls]
    return {"content": turn.content, "tool_calls": calls}


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else json.dumps(content)


def main() -> None:
    """Serve; a mood that is ``dead`` ends at once, one that ``dies_after`` some requests does so once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mood", type=Path, required=True)
    given = parser.parse_args()
    mood = json.loads(given.mood.read_text(encoding="utf-8"))
    if mood.get("dead"):
        sys.exit("error: unable to load the model: out of memory")
    if "dies_after" in mood:
        later = {name: value for name, value in mood.items() if name != "dies_after"}
        given.mood.write_text(json.dumps(later), encoding="utf-8")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(mood, given.port))


async def _serve(mood: Mapping[str, Any], port: int) -> None:
    await Model(mood).serve(port)


if __name__ == "__main__":
    main()
