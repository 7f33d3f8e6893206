"""Endpoints that read out a pack's recorded answers: the ones that must pass, or the ones that must fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pytest_llmbench import contracts
from pytest_llmbench.contracts import GoldAnswer, Progress
from pytest_llmbench.errors import DatasetUnavailable, PackError
from pytest_llmbench.records import Message, Reason, Request, Response, ServerFacts, Trial

BookFor = Callable[[Path], Mapping[str, contracts.Gold]]
"""Pack path -> the recorded answers by scenario id; may raise `PackError`."""

_SILENCE = Message(role="assistant")


class _Recorded:
    """Answers turn k of a dialogue with turn k of a recorded answer; attempt n reads answer n, then from the start."""

    name: str
    _passing: bool

    def __init__(self, book_for: BookFor) -> None:
        self._book_for = book_for
        self._books: dict[Path, Mapping[str, contracts.Gold]] = {}
        self.model = self.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def facts(self, *, wait_s: float) -> ServerFacts:
        """Nobody is asked: the model bears the endpoint's name."""
        del wait_s
        return ServerFacts(models=(self.model,), kind="recorded")

    async def ask(self, request: Request, *, trial: Trial, turn: int, progress: Progress) -> Response:
        """Return the recorded turn; past the last one, the last turn that was text alone.

        Raises `DatasetUnavailable` where the pack has no such answer.
        """
        answers = self._answers(trial)
        answer = answers[(trial.attempt - 1) % len(answers)]
        message = _turn(answer.turns, turn)
        progress.characters += len(message.content) + sum(len(call.arguments) for call in message.tool_calls)
        return Response(
            content=message.content,
            tool_calls=message.tool_calls,
            finish_reason=_finish_reason(answer, message),
            model=request.model,
        )

    async def close(self) -> None:
        """Forget the books."""
        self._books.clear()

    def _answers(self, trial: Trial) -> Sequence[GoldAnswer]:
        if trial.pack_path not in self._books:
            self._books[trial.pack_path] = self._read(trial)
        gold = self._books[trial.pack_path].get(trial.scenario.id)
        answers = () if gold is None else gold.passing if self._passing else gold.failing
        if not answers:
            raise DatasetUnavailable(
                f"{trial.pack.id} has no {'passing' if self._passing else 'failing'} answer for {trial.scenario.id}: "
                f"write one in {trial.pack_path / 'gold.yaml'}"
            )
        return answers

    def _read(self, trial: Trial) -> Mapping[str, contracts.Gold]:
        try:
            return self._book_for(trial.pack_path)
        except (PackError, OSError) as error:
            raise DatasetUnavailable(f"no recorded answers for {trial.pack.id}: {error}") from error


class Gold(_Recorded):
    """Reads out the answers that must pass."""

    name = "gold"
    _passing = True


class Broken(_Recorded):
    """Reads out the answers that must fail."""

    name = "broken"
    _passing = False


def _turn(turns: Sequence[Message], number: int) -> Message:
    if number < len(turns):
        return turns[number]
    return next((turn for turn in reversed(turns) if not turn.tool_calls), _SILENCE)


def _finish_reason(answer: GoldAnswer, message: Message) -> str:
    """Name the end of a turn; an answer that fails by ``token_limit`` is cut off in its last turn."""
    if answer.reason == Reason.TOKEN_LIMIT and message is answer.turns[-1]:
        return "length"
    return "tool_calls" if message.tool_calls else "stop"
