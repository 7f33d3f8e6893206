"""An endpoint that answers from an earlier run's journal."""

from __future__ import annotations

from collections.abc import Callable

from pytest_llmbench.contracts import Progress
from pytest_llmbench.errors import DatasetUnavailable
from pytest_llmbench.records import Request, Response, ServerFacts, Trial, TrialKey

LookUp = Callable[[TrialKey, int], "tuple[str, Response] | None"]
"""Trial and turn (0-based) -> the recorded request's fingerprint and its response, or None."""


class Replay:
    """Gives the answers a model gave before, to the same requests only.

    `model` is the one the recorded run asked: it is part of what a request is.
    """

    name = "replay"

    def __init__(self, look_up: LookUp, *, model: str = "") -> None:
        self._look_up = look_up
        self.model = model

    def __repr__(self) -> str:
        return f"Replay(model={self.model!r})"

    def facts(self, *, wait_s: float) -> ServerFacts:
        """Nobody is asked."""
        del wait_s
        return ServerFacts(models=(self.model,) if self.model else (), kind="replay")

    async def ask(self, request: Request, *, trial: Trial, turn: int, progress: Progress) -> Response:
        """Return the recorded answer. Raises `DatasetUnavailable` where there is none to this very request."""
        found = self._look_up(trial.key, turn)
        where = f"turn {turn + 1} of {trial.pack.id} {trial.scenario.id}, attempt {trial.attempt}"
        if found is None:
            raise DatasetUnavailable(f"the recorded run holds no {where}: it did not get that far, or another pack ran")
        recorded, response = found
        if recorded != request.fingerprint():
            raise DatasetUnavailable(
                f"the recorded run asked something else in {where} (request {recorded}, now {request.fingerprint()}): "
                f'pack, model (now "{request.model}"), sampling or token limit differ'
            )
        progress.characters += len(response.content)
        return response

    async def close(self) -> None:
        """Do nothing: nothing is open."""
