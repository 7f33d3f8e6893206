"""An endpoint of one's own: anything that can answer a chat request can be measured."""

import asyncio

from pytest_llmbench.records import Response, ServerFacts, Usage


class Parrot:
    """Repeats the last user message, in capital letters."""

    name = "parrot"

    def facts(self, *, wait_s):
        """Say what is measured and how many requests it takes at once; asked before the run."""
        return ServerFacts(models=("parrot-1",), slots=2)

    async def ask(self, request, *, trial, turn, progress):
        """Answer one request. Raise a `pytest_llmbench.errors.TrialError` where the fault is not the model's."""
        await asyncio.sleep(0.01)
        said = request.messages[-1].content.upper()
        progress.characters += len(said)
        return Response(content=said, finish_reason="stop", usage=Usage(completion_tokens=len(said.split())))

    async def close(self):
        """Nothing is open."""


def pytest_llmbench_families(families):
    """Make the endpoint known: ``--llm-endpoint parrot``."""
    families.endpoints["parrot"] = lambda plan: Parrot()
