"""Short ways to ask an endpoint from a test."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pytest_llmbench.contracts import Endpoint, Progress
from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.records import Message, PackFacts, Request, Response, Scenario, Trial


def trial_of(scenario: str = "A", *, attempt: int = 1, pack_path: Path = Path("packs/x")) -> Trial:
    """Return a trial of a made-up scenario."""
    pack = PackFacts(id="x", title="X", version="1", content_hash="0", size=1)
    asked = Scenario(id=scenario, title=scenario, messages=(), dialogue="single_turn", verifier="instructions")
    return Trial(nodeid="x", pack=pack, scenario=asked, attempt=attempt, pack_path=pack_path)


def request_of(text: str, **fields: Any) -> Request:
    """Return a request of one user message."""
    return Request(**{"model": "stub-model", "messages": (Message(role="user", content=text),), **fields})


async def ask(endpoint: Endpoint, request: Request, progress: Progress | None = None) -> Response:
    """Ask one question."""
    return await endpoint.ask(request, trial=trial_of(), turn=0, progress=progress or Progress())


def answer(url: str, text: str, *, api_key: str = "", progress: Progress | None = None, **fields: Any) -> Response:
    """Ask the server at `url` one question through a client of its own."""

    async def talk() -> Response:
        endpoint = OpenAIChat(base_url=url, api_key=api_key)
        try:
            return await ask(endpoint, request_of(text, **fields), progress)
        finally:
            await endpoint.close()

    return asyncio.run(talk())
